import express from 'express'
import { AuthorizationRequired, Valetkey } from 'valetkey/client'

const { VALETKEY_URL: url = 'http://localhost:4000', VALETKEY_API_KEY: apiKey = '', PORT: port = '3000' } = process.env
const valetkey = new Valetkey({ url, apiKey })
const app = express()

/** Replace it with the login of your application. */
const userOf = (_request) => 'user_1'

const escapeHtml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

app.get('/', async (request, response) => {
  const account = await valetkey.accounts.get(userOf(request))
  response.send(
    account?.status === 'ACTIVE'
      ? `<p>Connected to ${escapeHtml(account.workspace?.name ?? 'Notion')}.</p><a href="/search?query=Projects">Search</a>`
      : '<form method="post" action="/connect"><button>Connect Notion</button></form>',
  )
})

app.post('/connect', async (request, response) => {
  const { link } = await valetkey.authorize(userOf(request))
  response.redirect(303, link)
})

/** The confirmation URL. The user is the one who is signed in here, never a value of the URL. */
app.get('/notion/confirm', async (request, response) => {
  await valetkey.confirm({ flowId: String(request.query.flow_id), identifier: userOf(request) })
  response.redirect('/')
})

app.get('/search', async (request, response) => {
  const query = String(request.query.query ?? '')
  try {
    const options = { identifier: userOf(request), outputFormat: 'MARKDOWN' }
    const { data } = await valetkey.execute('notion_data_fetch', { query }, options)
    response.type('text/plain').send(data)
  } catch (error) {
    if (!(error instanceof AuthorizationRequired)) throw error
    response.redirect(303, error.link)
  }
})

const server = app.listen(Number(port), '127.0.0.1', () => {
  console.log(`listens at http://127.0.0.1:${server.address().port}`)
})
