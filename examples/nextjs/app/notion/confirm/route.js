import { signedInUser, valetkey } from '../../valetkey.js'

/** The confirmation URL. The user is the one who is signed in here, never a value of the URL. */
export async function GET(request) {
  const flowId = request.nextUrl.searchParams.get('flow_id') ?? ''
  await valetkey.confirm({ flowId, identifier: signedInUser() })
  return new Response('Connected. You can close this window.')
}
