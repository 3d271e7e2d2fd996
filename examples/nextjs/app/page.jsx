import { Connect } from './connect.jsx'
import { signedInUser, url, valetkey } from './valetkey.js'

// Each visitor gets a session token.
export const dynamic = 'force-dynamic'

export default async function Page() {
  const identifier = signedInUser()
  const { token } = await valetkey.sessions.create(identifier)
  return (
    <main>
      <h1>Notes</h1>
      <Connect url={url} token={token} identifier={identifier} />
    </main>
  )
}
