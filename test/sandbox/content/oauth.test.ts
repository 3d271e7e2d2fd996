import { Client, LogLevel, UnknownHTTPResponseError } from '@notionhq/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testClient, testRedirectUri } from '../support.ts'
import { type Notion, startNotion, versions } from './notion.ts'

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

const credentials = { client_id: testClient.id, client_secret: testClient.secret }

/** Returns the refusal of an OAuth call, whose body the client does not parse. Throws an Error when the call succeeds. */
async function refusal(call: Promise<unknown>): Promise<{ status: number; body: Record<string, unknown> }> {
  try {
    await call
  } catch (error) {
    if (error instanceof UnknownHTTPResponseError) return { status: error.status, body: JSON.parse(error.body) }
    throw error
  }
  throw new Error('the call was expected to be refused')
}

describe.each(versions)('the OAuth operations in version %s', (version) => {
  let client: Client

  beforeAll(() => {
    const quiet = { retry: false, logLevel: LogLevel.ERROR, logger: () => {} } as const
    client = new Client({ baseUrl: notion.url, notionVersion: version, ...quiet })
  })

  const exchange = async (more: object = {}) =>
    client.oauth.token({
      ...credentials,
      grant_type: 'authorization_code',
      code: await notion.sandbox.authorize(),
      redirect_uri: testRedirectUri,
      ...more,
    })
  const refresh = (refreshToken: string | null) =>
    client.oauth.token({ ...credentials, grant_type: 'refresh_token', refresh_token: refreshToken ?? '' })
  const me = (auth: string) => client.request<{ id: string }>({ path: 'users/me', method: 'get', auth })
  const introspect = (token: string) => client.oauth.introspect({ ...credentials, token })

  it('exchange a code for active tokens, and the refresh token for new ones', async () => {
    const first = await exchange()
    expect(first).toMatchObject({ token_type: 'bearer', owner: { type: 'user' }, duplicated_template_id: null })
    expect(await me(first.access_token)).toMatchObject({ id: first.bot_id, type: 'bot' })
    const second = await refresh(first.refresh_token)
    expect(second).toMatchObject({ bot_id: first.bot_id, workspace_id: first.workspace_id })
    expect(second.access_token).not.toBe(first.access_token)
    expect(await me(second.access_token)).toMatchObject({ id: first.bot_id })
  })

  it('introspect and revoke tokens', async () => {
    const { access_token } = await exchange()
    expect(await introspect(access_token)).toMatchObject({ active: true, iat: expect.any(Number) })
    await client.oauth.revoke({ ...credentials, token: access_token })
    expect(await introspect(access_token)).toMatchObject({ active: false })
    expect(await introspect('ntn_unknown')).toMatchObject({ active: false })
    await client.oauth.revoke({ ...credentials, token: 'ntn_unknown' })
  })

  it('refuse in the shape of RFC 6749, with a request id', async () => {
    const { refresh_token } = await exchange()
    await refresh(refresh_token)
    const grant = { status: 400, body: { error: 'invalid_grant', request_id: expect.any(String) } }
    expect(await refusal(refresh(refresh_token))).toMatchObject(grant)
    expect(await refusal(exchange({ code: 'unknown' }))).toMatchObject(grant)
    expect(await refusal(exchange({ redirect_uri: 'http://localhost:9/other' }))).toMatchObject(grant)
    const client401 = { status: 401, body: { error: 'invalid_client' } }
    expect(await refusal(exchange({ client_secret: '' }))).toMatchObject(client401)
    expect(await refusal(client.oauth.introspect({ ...credentials, client_secret: '', token: 'x' }))).toMatchObject(
      client401,
    )
    expect(await refusal(client.oauth.revoke({ ...credentials, client_secret: '', token: 'x' }))).toMatchObject(
      client401,
    )
    const request400 = { status: 400, body: { error: 'invalid_request' } }
    expect(await refusal(introspect(''))).toMatchObject(request400)
    expect(await refusal(client.oauth.revoke({ ...credentials, token: '' }))).toMatchObject(request400)
    expect(await refusal(refresh(''))).toMatchObject(request400)
    const other = exchange({ grant_type: 'client_credentials' })
    expect(await refusal(other)).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } })
  })
})
