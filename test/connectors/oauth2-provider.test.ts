import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OAuthClient } from '../../src/accounts/provider.ts'
import { createOAuth2Provider, type OAuth2ProviderOptions } from '../../src/oauth/oauth2-provider.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type FakeOAuthServer, json, startFakeOAuthServer } from '../authorization/fake-oauth-server.ts'

let server: FakeOAuthServer
let client: OAuthClient
beforeAll(async () => {
  server = await startFakeOAuthServer()
  client = { clientId: 'id +/&', clientSecret: new Secret('s%3A:ecret'), apiUrl: server.url }
})
afterAll(() => server.close())

const providerWith = (options: Partial<OAuth2ProviderOptions> = {}) =>
  createOAuth2Provider({
    endpoints: { authorization: '/authorize', token: '/token' },
    pkce: true,
    identity: { readTokenAnswer: ({ user_id }) => (typeof user_id === 'string' ? { userId: user_id } : null) },
    timeoutMs: 60_000,
    ...options,
  })

const tokens = { access_token: 'at', token_type: 'bearer', user_id: 'u1' }
const exchange = { code: 'c', redirectUri: 'https://valetkey.example/cb', codeVerifier: new Secret('v'.repeat(43)) }
const form = () => Object.fromEntries(new URLSearchParams(server.received[0]?.body))

describe('client authentication', () => {
  it('client_secret_basic sends form-encoded Basic credentials (RFC 6749 section 2.3.1)', async () => {
    server.behave(json(200, tokens))
    await providerWith().exchangeCode(client, exchange)
    const [, credentials = ''] = (server.received[0]?.headers.authorization ?? '').split(' ')
    expect(Buffer.from(credentials, 'base64').toString()).toBe('id+%2B%2F%26:s%253A%3Aecret')
    expect(form()).not.toHaveProperty('client_secret')
  })

  it('client_secret_post sends them in the body', async () => {
    server.behave(json(200, tokens))
    await providerWith({ clientAuthentication: 'client_secret_post' }).exchangeCode(client, exchange)
    expect(server.received[0]?.headers.authorization).toBeUndefined()
    expect(form()).toMatchObject({ client_id: 'id +/&', client_secret: 's%3A:ecret', code_verifier: 'v'.repeat(43) })
  })

  it('none sends the client id alone', async () => {
    server.behave(json(200, tokens))
    const provider = providerWith({ clientAuthentication: 'none' })
    await provider.refresh({ ...client, clientSecret: new Secret('') }, new Secret('rt'))
    expect(form()).toEqual({ grant_type: 'refresh_token', refresh_token: 'rt', client_id: 'id +/&' })
  })
})

describe('the answer of the token endpoint', () => {
  it.each([
    ['announces the expiry as a number', { expires_in: 60 }, { expiresInSeconds: 60 }],
    ['announces the expiry as a string', { expires_in: '60' }, { expiresInSeconds: 60 }],
    ['announces no usable expiry', { expires_in: null }, { expiresInSeconds: null }],
    ['announces that it does not expire', { expires_in: 2 ** 63 - 1 }, { expiresInSeconds: null }],
    ['announces a hundred years', { expires_in: '3153600000' }, { expiresInSeconds: null }],
    ['rotates', { refresh_token: 'next' }, { refreshToken: expect.any(Secret) }],
    ['does not rotate', { refresh_token: null }, { refreshToken: null }],
    ['names the granted scopes', { scope: 'a b' }, { scopes: ['a', 'b'] }],
    ['names no scopes', {}, { scopes: null }],
  ])('%s', async (_, members, expected) => {
    server.behave(json(200, { ...tokens, ...members }))
    const refreshed = await providerWith().refresh(client, new Secret('rt'))
    expect(refreshed).toMatchObject(expected)
  })

  it('is a refusal when it names an error with the status 200', async () => {
    server.behave(json(200, { error: 'invalid_grant' }))
    await expect(providerWith().refresh(client, new Secret('rt'))).rejects.toMatchObject({ kind: 'grant_refused' })
  })

  it('without a user revokes its tokens where the provider offers that', async () => {
    server.behave((received, response) =>
      json(200, received.path === '/token' ? { ...tokens, user_id: undefined } : {})(received, response),
    )
    const provider = providerWith({ endpoints: { authorization: '/a', token: '/token', revocation: '/revoke' } })
    await expect(provider.exchangeCode(client, exchange)).rejects.toMatchObject({ kind: 'rejected' })
    expect(server.received.map(({ path }) => path)).toEqual(['/token', '/revoke'])
  })
})

describe('the authorization request', () => {
  it('has PKCE and scopes where there are any, and never lets parameters replace those of the protocol', () => {
    const provider = providerWith({ authorizationParameters: { prompt: 'consent', state: 'fixed' } })
    const request = { redirectUri: 'https://valetkey.example/cb', state: 's', codeChallenge: 'x', scopes: ['a', 'b'] }
    expect(Object.fromEntries(provider.authorizationUrl(client, request).searchParams)).toEqual({
      response_type: 'code',
      client_id: 'id +/&',
      redirect_uri: 'https://valetkey.example/cb',
      state: 's',
      scope: 'a b',
      code_challenge: 'x',
      code_challenge_method: 'S256',
      prompt: 'consent',
    })
    const plain = provider.authorizationUrl(client, { ...request, codeChallenge: null, scopes: [] })
    expect(plain.searchParams.has('scope') || plain.searchParams.has('code_challenge')).toBe(false)
  })

  it('goes to an absolute URL where the endpoint is one', () => {
    const endpoints = { authorization: 'https://accounts.example/authorize', token: '/token' }
    const url = providerWith({ endpoints }).authorizationUrl(client, {
      redirectUri: 'https://valetkey.example/cb',
      state: 's',
      codeChallenge: null,
      scopes: [],
    })
    expect(url.origin).toBe('https://accounts.example')
  })
})

it('has only the methods whose endpoints the provider has', () => {
  const { introspect, revoke, identify } = providerWith()
  expect([introspect, revoke, identify]).toEqual([undefined, undefined, undefined])
})

it('takes only the word of the provider for a refused token', async () => {
  const provider = providerWith({ identity: { path: '/me', read: () => null } })
  server.behave((_received, response) => response.writeHead(401, { 'content-type': 'text/html' }).end('<h1>Sign in'))
  await expect(provider.identify?.(client, new Secret('at'))).rejects.toMatchObject({ kind: 'ambiguous' })
  server.behave(json(401, {}, { 'www-authenticate': 'Bearer realm="x", error="invalid_token"' }))
  await expect(provider.identify?.(client, new Secret('at'))).rejects.toMatchObject({ kind: 'grant_refused' })
})
