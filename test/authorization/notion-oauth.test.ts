import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { OAuthClient } from '../../src/accounts/provider.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type FakeOAuthServer, json, startFakeOAuthServer, tokenAnswer } from './fake-oauth-server.ts'

const notion = createNotionOAuth({ timeoutMs: 60_000 })
let server: FakeOAuthServer
let client: OAuthClient
beforeAll(async () => {
  server = await startFakeOAuthServer()
  client = { clientId: 'client +/&', clientSecret: new Secret('s%3A:ecret'), apiUrl: server.url }
})
afterAll(() => server.close())
beforeEach(() => server.behave())

const request = { code: 'the-code', redirectUri: 'https://valetkey.example/oauth/callback/1', codeVerifier: null }
const accessToken = new Secret('ntn_probe')

describe('the authorization URL', () => {
  it('has the parameters that Notion documents and no scope', () => {
    const url = notion.authorizationUrl(client, {
      redirectUri: request.redirectUri,
      state: 's t',
      codeChallenge: null,
      scopes: [],
    })
    expect(url.origin + url.pathname).toBe(`${server.url}/v1/oauth/authorize`)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      owner: 'user',
      client_id: 'client +/&',
      redirect_uri: request.redirectUri,
      response_type: 'code',
      state: 's t',
    })
  })
})

describe('exchanging a code', () => {
  it('sends what Notion documents: JSON, plain Basic credentials, the version', async () => {
    server.behave(json(200, tokenAnswer))
    await notion.exchangeCode(client, request)
    const [sent, ...others] = server.received
    expect(others).toEqual([])
    expect(sent).toMatchObject({ method: 'POST', path: '/v1/oauth/token' })
    expect(sent?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('client +/&:s%3A:ecret').toString('base64')}`,
      'content-type': 'application/json',
      'notion-version': '2026-03-11',
      accept: 'application/json',
    })
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      grant_type: 'authorization_code',
      code: 'the-code',
      redirect_uri: request.redirectUri,
    })
  })

  it('returns the pair and its owner', async () => {
    server.behave(json(200, tokenAnswer))
    const { tokens, owner } = await notion.exchangeCode(client, request)
    expect(tokens.accessToken.reveal()).toBe('ntn_access')
    expect(tokens.refreshToken?.reveal()).toBe('nrt_refresh')
    expect(tokens.expiresInSeconds).toBeNull()
    expect(owner).toEqual({
      providerUserId: '33333333-3333-4333-8333-333333333333',
      workspaceId: '22222222-2222-4222-8222-222222222222',
      workspaceName: 'Acme',
      workspaceIconUrl: 'https://example.com/icon.png',
      ownerName: 'Ann',
      ownerEmail: 'ann@acme.test',
      botId: '11111111-1111-4111-8111-111111111111',
    })
  })

  it.each([
    ['null', null, null],
    ['empty', '', null],
    ['absent', undefined, null],
  ])('takes a refresh token that is %s for none', async (_what, refresh_token, expected) => {
    server.behave(json(200, { ...tokenAnswer, refresh_token }))
    expect((await notion.exchangeCode(client, request)).tokens.refreshToken).toBe(expected)
  })

  it.each([
    [3600, 3600],
    ['3600', 3600],
    [3600.9, 3600],
    [0, null],
    [-5, null],
    ['soon', null],
    [null, null],
  ])('reads expires_in %j as %s and never loses the pair over it', async (expires_in, expected) => {
    server.behave(json(200, { ...tokenAnswer, expires_in }))
    expect((await notion.exchangeCode(client, request)).tokens.expiresInSeconds).toBe(expected)
  })

  it.each([
    ['a partial user', { type: 'user', user: { object: 'user', id: 'u1' } }, 'u1'],
    ['a user with nulls', { type: 'user', user: { id: 'u1', name: null, person: null } }, 'u1'],
    ['a user without a type', { user: { id: 'u1' } }, 'u1'],
    ['a whole workspace', { type: 'workspace', workspace: true }, 'workspace'],
  ])('reads an owner that is %s', async (_what, owner, providerUserId) => {
    const answer = { ...tokenAnswer, owner, workspace_name: null, workspace_icon: '🚗', bot_id: null }
    server.behave(json(200, answer))
    expect((await notion.exchangeCode(client, request)).owner).toEqual({
      providerUserId,
      workspaceId: tokenAnswer.workspace_id,
      workspaceName: null,
      workspaceIconUrl: null,
      ownerName: null,
      ownerEmail: null,
      botId: null,
    })
  })

  it('asks the API who the owner is when the answer does not say', async () => {
    const bot = { owner: tokenAnswer.owner, workspace_id: 'w9', workspace_name: 'Other' }
    server.behave((received, response) =>
      received.path === '/v1/users/me'
        ? json(200, { object: 'user', id: 'b1', type: 'bot', bot })(received, response)
        : json(200, { ...tokenAnswer, owner: {} })(received, response),
    )
    const { owner } = await notion.exchangeCode(client, request)
    expect(owner).toMatchObject({ workspaceId: 'w9', workspaceName: 'Other', ownerName: 'Ann', botId: 'b1' })
    expect(server.received[1]?.headers['authorization']).toBe('Bearer ntn_access')
  })

  it('revokes tokens that belong to no one', async () => {
    server.behave((received, response) =>
      received.path === '/v1/oauth/token'
        ? json(200, { ...tokenAnswer, owner: null })(received, response)
        : json(200, { object: 'user', id: 'b1', type: 'bot', bot: {} })(received, response),
    )
    await expect(notion.exchangeCode(client, request)).rejects.toMatchObject({ kind: 'rejected' })
    expect(server.received.map((received) => received.path)).toEqual([
      '/v1/oauth/token',
      '/v1/users/me',
      '/v1/oauth/revoke',
    ])
    expect(server.received[2]?.body).toBe('{"token":"nrt_refresh"}')
  })

  it('sends the PKCE verifier where one was made', async () => {
    server.behave(json(200, tokenAnswer))
    await notion.exchangeCode(client, { ...request, codeVerifier: new Secret('v'.repeat(43)) })
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({ code_verifier: 'v'.repeat(43) })
  })
})

describe('refreshing', () => {
  it('sends the refresh token and returns the new pair', async () => {
    server.behave(json(200, tokenAnswer))
    const tokens = await notion.refresh(client, new Secret('nrt_old'))
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'nrt_old',
    })
    expect(tokens.refreshToken?.reveal()).toBe('nrt_refresh')
    server.behave(json(200, { access_token: 'ntn_2', token_type: 'Bearer', refresh_token: null }))
    expect(await notion.refresh(client, new Secret('nrt_old'))).toMatchObject({ refreshToken: null })
  })

  it.each([
    ['without an id', { owner: { type: 'user', user: { object: 'user', id: '' } } }],
    ['of another shape', { owner: 'Ann' }],
    ['not at all', { owner: undefined }],
  ])('returns the new pair when its answer names the user %s: the old one is gone', async (_, members) => {
    server.behave(json(200, { ...tokenAnswer, ...members }))
    const tokens = await notion.refresh(client, new Secret('nrt_old'))
    expect([tokens.accessToken.reveal(), tokens.refreshToken?.reveal()]).toEqual([
      tokenAnswer.access_token,
      tokenAnswer.refresh_token,
    ])
  })
})

describe('introspecting', () => {
  it('reports whether a token is active and since when', async () => {
    server.behave(json(200, { active: true, scope: 'read_content', iat: 1_770_000_000, request_id: null }))
    expect(await notion.introspect(client, accessToken)).toEqual({
      active: true,
      issuedAt: new Date(1_770_000_000_000),
    })
    expect(server.received[0]).toMatchObject({ path: '/v1/oauth/introspect', body: '{"token":"ntn_probe"}' })
    server.behave(json(200, { active: true }))
    expect(await notion.introspect(client, accessToken)).toEqual({ active: true, issuedAt: null })
    server.behave(json(200, { active: false }))
    expect(await notion.introspect(client, accessToken)).toEqual({ active: false, issuedAt: null })
  })

  it('does not take an answer without the answer for a no', async () => {
    server.behave(json(200, { request_id: 'x' }))
    await expect(notion.introspect(client, accessToken)).rejects.toMatchObject({ kind: 'ambiguous' })
  })
})

describe('revoking', () => {
  it('sends the token, and takes a token that is invalid already for done', async () => {
    server.behave(json(200, { request_id: 'x' }))
    await notion.revoke(client, accessToken)
    expect(server.received[0]).toMatchObject({ path: '/v1/oauth/revoke', body: '{"token":"ntn_probe"}' })
    server.behave((_received, response) => response.writeHead(200).end())
    await notion.revoke(client, accessToken)
    server.behave(json(400, { error: 'invalid_grant' }))
    await notion.revoke(client, accessToken)
  })
})

describe('identifying a token', () => {
  it('fails with grant_refused when the API says that the token does not work', async () => {
    server.behave(json(401, { object: 'error', status: 401, code: 'unauthorized', message: 'API token is invalid.' }))
    await expect(notion.identify(client, accessToken)).rejects.toMatchObject({ kind: 'grant_refused', status: 401 })
  })

  it('does not take the 401 of something in between for the word of the API', async () => {
    server.behave((_received, response) => response.writeHead(401).end('<h1>Log in to the proxy</h1>'))
    await expect(notion.identify(client, accessToken)).rejects.toMatchObject({ kind: 'ambiguous' })
  })
})

describe('looking for resources', () => {
  const page = '44444444-4444-4444-8444-444444444444'
  const database = '55555555555545558555555555555555'
  const hidden = '66666666-6666-4666-8666-666666666666'

  it('tries every kind of object, and sends nothing but UUIDs', async () => {
    server.behave((received, response) => {
      const visible =
        received.path === `/v1/pages/${page}` || received.path.startsWith('/v1/databases/55555555-5555-4555')
      const code = received.path.startsWith('/v1/pages/5') ? 'validation_error' : 'object_not_found'
      json(visible ? 200 : code === 'validation_error' ? 400 : 404, visible ? { object: 'x' } : { code })(
        received,
        response,
      )
    })
    const asked = [page, database, hidden, '../users/me', `${page}/children`, '']
    expect(await notion.visibleResources(client, accessToken, asked)).toEqual(new Set([page, database]))
    for (const { path } of server.received) {
      expect(path).toMatch(/^\/v1\/(pages|databases|data_sources|blocks)\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    }
    expect(server.received.filter(({ path }) => path.includes(hidden))).toHaveLength(4)
  })

  it('fails instead of claiming that something is missing when the API cannot be asked', async () => {
    server.behave(json(503, { code: 'service_unavailable' }))
    await expect(notion.visibleResources(client, accessToken, [page])).rejects.toMatchObject({ kind: 'ambiguous' })
  })

  it('ends within its deadline however many resources there are', async () => {
    const quick = createNotionOAuth({ timeoutMs: 300 })
    server.behave((received, response) => {
      setTimeout(() => json(404, { code: 'object_not_found' })(received, response), 100)
    })
    const ids = Array.from({ length: 20 }, (_, index) => page.replace(/4$/, (index % 10).toString()))
    await expect(quick.visibleResources(client, accessToken, ids)).rejects.toMatchObject({ kind: 'ambiguous' })
    // Twenty resources of four kinds would have been eighty requests.
    expect(server.received.length).toBeLessThan(40)
  })
})
