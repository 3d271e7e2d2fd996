import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningSandbox } from '../support.ts'
import { authorizeUrl, basic, startSandbox, testClient, testRedirectUri } from '../support.ts'

let sandbox: RunningSandbox
let now = Date.UTC(2026, 10, 1)

beforeAll(async () => {
  sandbox = await startSandbox({ clock: () => new Date(now) })
})
afterAll(() => sandbox.close())

const exchange = (code: string, redirectUri = testRedirectUri) =>
  sandbox.token({ grant_type: 'authorization_code', code, redirect_uri: redirectUri })

const oauthPost = (operation: string, body: string | object, headers: Record<string, string> = {}) =>
  fetch(`${sandbox.url}/v1/oauth/${operation}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: basic(testClient), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

describe('a consent without a browser', () => {
  const decide = (body: string | URLSearchParams, url = authorizeUrl(sandbox.url)) =>
    fetch(url, {
      method: 'POST',
      redirect: 'manual',
      body,
      ...(typeof body === 'string' && { headers: { 'content-type': 'application/json' } }),
    })

  it('redirects with a code and the state', async () => {
    const response = await decide(JSON.stringify({ decision: 'allow', resources: 'all', user: 'member@acme.test' }))
    const back = new URL(response.headers.get('location') ?? '')
    expect(response.status).toBe(302)
    expect(`${back.origin}${back.pathname}`).toBe(testRedirectUri)
    expect(back.searchParams.get('state')).toBe('a-state')
    expect(back.searchParams.get('code')).toBeTruthy()
  })

  it('redirects with access_denied and the state when it is denied', async () => {
    const response = await decide(new URLSearchParams({ decision: 'deny' }))
    const back = new URL(response.headers.get('location') ?? '')
    expect(Object.fromEntries(back.searchParams)).toEqual({ error: 'access_denied', state: 'a-state' })
  })

  it('preserves the query of the redirect URI', async () => {
    const url = authorizeUrl(sandbox.url, { redirectUri: 'https://app.example/back?tenant=1' })
    const response = await decide(new URLSearchParams({ decision: 'allow' }), url)
    expect(new URL(response.headers.get('location') ?? '').searchParams.get('tenant')).toBe('1')
  })

  it.each([
    ['client_id', 'client_id='],
    ['client_id with a colon', 'client_id=a%3Ab'],
    ['response_type', 'response_type=token'],
    ['redirect_uri', 'redirect_uri=not-a-url'],
    ['redirect_uri with a fragment', 'redirect_uri=https%3A%2F%2Fa.test%2F%23x'],
    ['redirect_uri with another scheme', 'redirect_uri=javascript%3Aalert(1)'],
  ])('returns an error page and no redirect for an invalid %s', async (_, replacement) => {
    const url = new URL(authorizeUrl(sandbox.url))
    const [[name, value] = ['', '']] = [...new URLSearchParams(replacement)]
    url.searchParams.set(name, value)
    const response = await decide(new URLSearchParams({ decision: 'allow' }), url.href)
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(response.headers.get('location')).toBeNull()
  })

  it.each([
    ['an unknown user', { decision: 'allow', user: 'unknown@acme.test' }],
    ['the chair, who never signs in', { decision: 'allow', user: 'chair@acme.test' }],
    ['a page that the user cannot share', { decision: 'allow', resources: 'ac3e0000-0000-4000-8000-000000000190' }],
    ['a page of another workspace', { decision: 'allow', resources: '910be000-0000-4000-8000-000000000100' }],
    ['a page in the trash', { decision: 'allow', resources: 'ac3e0000-0000-4000-8000-0000000001a0' }],
    ['an invalid id', { decision: 'allow', resources: 'everything' }],
    ['an invalid decision', { decision: 'perhaps' }],
  ])('is refused for %s', async (_, fields) => {
    const response = await decide(new URLSearchParams(fields))
    expect(response.status).toBe(400)
  })

  it('accepts ids with and without dashes', async () => {
    const resources = 'a1b2c3d4e5f67890abcdef1234567890,2561AB6C-418B-8072-BEEC-C4779FA811CF'
    const response = await decide(new URLSearchParams({ decision: 'allow', resources }))
    expect(response.status).toBe(302)
  })
})

describe('an authorization code', () => {
  it('returns a pair of tokens with the documented fields of the grant', async () => {
    const { status, body } = await exchange(await sandbox.authorize({ user: 'owner@globex.test' }))
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.stringMatching(/^ntn_\w{40,}$/),
      token_type: 'bearer',
      refresh_token: expect.stringMatching(/^nrt_\w{40,}$/),
      bot_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      workspace_id: '910be000-0000-4000-8000-000000000001',
      workspace_name: 'Globex',
      workspace_icon: null,
      owner: {
        type: 'user',
        user: {
          object: 'user',
          id: '910be000-0000-4000-8000-0000000000a1',
          type: 'person',
          name: 'Gwen Globex',
          avatar_url: null,
          person: { email: 'owner@globex.test' },
        },
      },
      duplicated_template_id: null,
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  it('is for the first user by default', async () => {
    const { body } = await exchange(await sandbox.authorize())
    expect(body.owner).toMatchObject({ user: { person: { email: 'owner@acme.test' } } })
  })

  it('is accepted in a form and in JSON', async () => {
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code: await sandbox.authorize(),
      redirect_uri: testRedirectUri,
    })
    const response = await oauthPost('token', form.toString(), { 'content-type': 'application/x-www-form-urlencoded' })
    expect(response.status).toBe(200)
  })

  it('works once', async () => {
    const code = await sandbox.authorize()
    await exchange(code)
    const { status, body } = await exchange(code)
    expect([status, body.error]).toEqual([400, 'invalid_grant'])
    expect(body.request_id).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('expires after ten minutes', async () => {
    const code = await sandbox.authorize()
    now += 10 * 60_000
    expect((await exchange(code)).body.error).toBe('invalid_grant')
  })

  it('requires its redirect URI, and stays valid after a wrong one', async () => {
    const code = await sandbox.authorize()
    const wrong = await exchange(code, `${testRedirectUri}/`)
    const missing = await sandbox.token({ grant_type: 'authorization_code', code })
    expect([wrong.body.error, missing.body.error]).toEqual(['invalid_grant', 'invalid_grant'])
    expect((await exchange(code)).status).toBe(200)
  })

  it('is valid only for its client', async () => {
    const code = await sandbox.authorize()
    const other = { id: 'another-client', secret: 'x' }
    const body = { grant_type: 'authorization_code', code, redirect_uri: testRedirectUri }
    expect((await sandbox.token(body, other)).body.error).toBe('invalid_grant')
  })

  it('grants nothing until it is exchanged', async () => {
    const first = await sandbox.connect({ user: 'member@globex.test' })
    await sandbox.authorize({ user: 'member@globex.test' })
    const introspected = await oauthPost('introspect', { token: first.refresh_token })
    expect(await introspected.json()).toMatchObject({ active: true })
  })
})

describe('the token endpoint', () => {
  it.each([
    ['no grant type', {}, 'invalid_request'],
    ['a code without a code', { grant_type: 'authorization_code' }, 'invalid_request'],
    ['a refresh without a token', { grant_type: 'refresh_token' }, 'invalid_request'],
    ['a token that is not a string', { grant_type: 'refresh_token', refresh_token: 5 }, 'invalid_request'],
    ['an unknown grant type', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['an unknown code', { grant_type: 'authorization_code', code: 'x' }, 'invalid_grant'],
    ['an unknown refresh token', { grant_type: 'refresh_token', refresh_token: 'nrt_x' }, 'invalid_grant'],
  ])('responds to %s in the format of RFC 6749', async (_, body, error) => {
    const response = await oauthPost('token', body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error, request_id: response.headers.get('x-notion-request-id') })
  })

  it.each([
    ['nothing', undefined],
    ['a bearer token', 'Bearer ntn_x'],
    ['no secret', basic({ id: 'a', secret: '' })],
    ['no colon', `Basic ${Buffer.from('abc').toString('base64')}`],
    ['no base64', 'Basic ***'],
  ])('returns invalid_client when the credentials are %s', async (_, authorization) => {
    const response = await fetch(`${sandbox.url}/v1/oauth/token`, {
      method: 'POST',
      body: '{"grant_type":"refresh_token"}',
      ...(authorization !== undefined && { headers: { authorization } }),
    })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ error: 'invalid_client' })
  })

  it('checks the body before the credentials', async () => {
    const response = await oauthPost('token', '{', { authorization: 'Bearer x' })
    expect([response.status, await response.json()]).toMatchObject([400, { error: 'invalid_request' }])
  })

  it('accepts a secret with colons, and any secret until one is registered', async () => {
    const client = { id: 'pinned', secret: 'a:b%3A' }
    await sandbox.connect({}, { id: 'pinned', secret: 'whatever' })
    await sandbox.control('client', { clientId: 'pinned', clientSecret: client.secret })
    await sandbox.connect({}, client)
    const refused = await sandbox.token({ grant_type: 'refresh_token', refresh_token: 'x' }, { ...client, secret: 'b' })
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client'])
  })

  it('returns expires_in only when it is enabled', async () => {
    expect(await sandbox.connect()).not.toHaveProperty('expires_in')
    await sandbox.control('mode', { expiresIn: true })
    expect(await sandbox.connect()).toMatchObject({ expires_in: 3600 })
    await sandbox.control('mode', { accessTokenTtlSeconds: 120 })
    const tokens = await sandbox.connect()
    expect(tokens).toMatchObject({ expires_in: 120 })
    await sandbox.control('mode', { expiresIn: false, accessTokenTtlSeconds: null })
    now += 120_000
    expect((await sandbox.call(tokens.access_token, 'GET', '/v1/users/me')).status).toBe(401)
  })

  it('returns the whole owner only to clients that may read email addresses', async () => {
    await sandbox.control('client', { clientId: 'blind', capabilities: ['READ_CONTENT', 'READ_USERS'] })
    const tokens = await sandbox.connect({}, { id: 'blind', secret: 'x' })
    expect(tokens).toMatchObject({
      owner: { type: 'user', user: { object: 'user', id: 'ac3e0000-0000-4000-8000-0000000000a1' } },
    })
    expect(JSON.stringify(tokens)).not.toContain('@')
  })
})

describe('introspection and revocation', () => {
  const active = async (token: string, client = testClient) => {
    const response = await oauthPost('introspect', { token }, { authorization: basic(client) })
    return ((await response.json()) as { active: boolean }).active
  }

  it('report only active tokens of the client', async () => {
    const tokens = await sandbox.connect()
    const response = await oauthPost('introspect', { token: tokens.access_token })
    expect(await response.json()).toMatchObject({
      active: true,
      scope: expect.stringContaining('read_content'),
      iat: Math.floor(now / 1000),
    })
    expect(await active(tokens.access_token, { id: 'another-client', secret: 'x' })).toBe(false)
    expect(await active('ntn_unknown')).toBe(false)
  })

  it.each(['access_token', 'refresh_token'] as const)('ends the whole authorization with its %s', async (name) => {
    const tokens = await sandbox.connect()
    const response = await oauthPost('revoke', { token: tokens[name] })
    expect(response.status).toBe(200)
    expect(Object.keys((await response.json()) as object)).toEqual(['request_id'])
    expect([await active(tokens.access_token), await active(tokens.refresh_token)]).toEqual([false, false])
    const refreshed = await sandbox.token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
    expect(refreshed.body.error).toBe('invalid_grant')
  })

  it('ignore unknown tokens and tokens of other clients', async () => {
    const tokens = await sandbox.connect()
    const unknown = await oauthPost('revoke', { token: 'ntn_unknown' })
    const foreign = await oauthPost(
      'revoke',
      { token: tokens.access_token },
      { authorization: basic({ id: 'another-client', secret: 'x' }) },
    )
    expect([unknown.status, foreign.status]).toEqual([200, 200])
    expect(await active(tokens.access_token)).toBe(true)
  })

  it('require a token and credentials', async () => {
    expect((await oauthPost('introspect', {})).status).toBe(400)
    expect((await oauthPost('revoke', { token: 'x' }, { authorization: '' })).status).toBe(401)
  })
})

describe('registered redirect URIs', () => {
  it('are the only valid ones of a client', async () => {
    await sandbox.control('client', { clientId: 'strict', redirectUris: ['https://app.example/cb'] })
    const consent = { clientId: 'strict', redirectUri: 'https://app.example/cb' }
    await expect(sandbox.authorize(consent)).resolves.toBeTruthy()
    await expect(sandbox.authorize({ ...consent, redirectUri: 'https://app.example/cb/' })).rejects.toThrow('400')
  })
})
