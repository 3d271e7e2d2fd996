import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type OAuthClient, OAuthFailure, type OAuthFailureKind } from '../../src/accounts/provider.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type Behaviour, type FakeOAuthServer, json, startFakeOAuthServer } from './fake-oauth-server.ts'

const requestId = '7a1c1f5e-0f0e-4a5c-9b3c-0d3b0a5f1e2d'
const now = () => new Date('2026-11-22T12:00:00Z')
type NotionOAuth = ReturnType<typeof createNotionOAuth>

/** With all the time that a busy machine needs. */
const notion = createNotionOAuth({ timeoutMs: 60_000, now })
/** For servers that never end their answer. */
const hurried = createNotionOAuth({ timeoutMs: 3_000, now })

const secrets = { client: 'canary-client-secret', code: 'canary-code', token: 'canary-token', answer: 'canary-answer' }

let server: FakeOAuthServer
let trap: FakeOAuthServer
beforeAll(async () => {
  server = await startFakeOAuthServer()
  trap = await startFakeOAuthServer()
})
afterAll(async () => {
  await server.close()
  await trap.close()
})
beforeEach(() => trap.behave(json(200, { access_token: 'from-the-trap', token_type: 'bearer', active: true })))

const clientAt = (apiUrl: string): OAuthClient => ({
  clientId: 'client',
  clientSecret: new Secret(secrets.client),
  apiUrl,
})
const operations = {
  exchange: (client: OAuthClient, provider: NotionOAuth) =>
    provider.exchangeCode(client, { code: secrets.code, redirectUri: 'https://v.example/cb', codeVerifier: null }),
  refresh: (client: OAuthClient, provider: NotionOAuth) => provider.refresh(client, new Secret(secrets.token)),
  introspect: (client: OAuthClient, provider: NotionOAuth) => provider.introspect(client, new Secret(secrets.token)),
  revoke: (client: OAuthClient, provider: NotionOAuth) => provider.revoke(client, new Secret(secrets.token)),
  identify: (client: OAuthClient, provider: NotionOAuth) => provider.identify(client, new Secret(secrets.token)),
}
type Operation = keyof typeof operations

/** What a server that repeats the request would answer. */
const echo = { message: `${secrets.answer} ${secrets.token}`, error_description: secrets.code, request_id: requestId }
const raw =
  (status: number, body: string, headers: Record<string, string> = {}): Behaviour =>
  (_received, response) => {
    response.writeHead(status, headers).end(body)
  }
const redirect =
  (status: number): Behaviour =>
  (_received, response) => {
    response.writeHead(status, { location: `${trap.url}/elsewhere` }).end()
  }

/** Each fault, what it is for the operations that carry the client's secret, and for those that carry a token. */
const faults: readonly [string, Behaviour, OAuthFailureKind, OAuthFailureKind?][] = [
  ['500', json(500, echo), 'ambiguous'],
  ['502 with HTML', raw(502, '<h1>Bad Gateway</h1>', { 'content-type': 'text/html' }), 'ambiguous'],
  ['503', json(503, { ...echo, code: 'service_unavailable' }), 'ambiguous'],
  ['504 without a body', raw(504, ''), 'ambiguous'],
  ['408', raw(408, ''), 'ambiguous'],
  ['429', json(429, { ...echo, code: 'rate_limited' }, { 'retry-after': '7' }), 'rate_limited'],
  ['429 without a body', raw(429, ''), 'rate_limited'],
  ['529', json(529, { ...echo, code: 'service_overload' }), 'rate_limited'],
  ['invalid_grant by RFC 6749', json(400, { ...echo, error: 'invalid_grant' }), 'grant_refused'],
  [
    'invalid_grant in the API envelope',
    json(400, { ...echo, object: 'error', code: 'invalid_grant' }),
    'grant_refused',
  ],
  ['invalid_grant with 403', json(403, { ...echo, error: 'invalid_grant' }), 'grant_refused'],
  ['invalid_client', json(401, { ...echo, error: 'invalid_client' }), 'client_refused'],
  ['invalid_client in the API envelope', json(401, { ...echo, code: 'invalid_client' }), 'client_refused'],
  ['unauthorized_client', json(400, { ...echo, error: 'unauthorized_client' }), 'client_refused'],
  ['a bare 401', raw(401, ''), 'unauthorized', 'rejected'],
  ['a 401 with a challenge', raw(401, '', { 'www-authenticate': 'Basic realm="x"' }), 'unauthorized', 'rejected'],
  ['401 unauthorized', json(401, { ...echo, code: 'unauthorized' }), 'unauthorized', 'grant_refused'],
  ['unsupported_grant_type', json(400, { ...echo, error: 'unsupported_grant_type' }), 'client_refused'],
  ['validation_error', json(400, { ...echo, code: 'validation_error' }), 'rejected'],
  ['403 test_env_error', json(403, { ...echo, code: 'test_env_error' }), 'rejected'],
  ['403 with HTML', raw(403, '<h1>Blocked</h1>'), 'ambiguous'],
  ['404', raw(404, ''), 'rejected'],
  ['an opaque 400', raw(400, 'no'), 'rejected'],
  ['400 with an error that is not a string', json(400, { error: { code: 'invalid_grant' } }), 'grant_refused'],
  ['a secret instead of the code', json(400, { error: secrets.token, code: secrets.client }), 'rejected'],
  ['301', redirect(301), 'ambiguous'],
  ['302', redirect(302), 'ambiguous'],
  ['303', redirect(303), 'ambiguous'],
  ['307', redirect(307), 'ambiguous'],
  ['308', redirect(308), 'ambiguous'],
  ['200 with HTML', raw(200, '<h1>Welcome</h1>', { 'content-type': 'text/html' }), 'ambiguous'],
  [
    '200 with cut JSON',
    raw(200, `{"access_token":"${secrets.answer}`, { 'content-type': 'application/json' }),
    'ambiguous',
  ],
  ['200 with an array', json(200, [secrets.answer]), 'ambiguous'],
  ['200 with null', json(200, null), 'ambiguous'],
  [
    'a connection that is reset before the answer',
    (_received, response) => void response.socket?.resetAndDestroy(),
    'ambiguous',
  ],
  [
    'a connection that is cut within the answer',
    (_received, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' })
      response.write(`{"access_token":"${secrets.answer}"`, () => response.socket?.destroy())
    },
    'ambiguous',
  ],
  ['a huge body', raw(200, `{"x":"${'a'.repeat(200_000)}"}`, { 'content-type': 'application/json' }), 'ambiguous'],
  ['a huge error', raw(400, `{"error":"invalid_grant","x":"${'a'.repeat(200_000)}"}`), 'ambiguous'],
  [
    'a body without an end',
    (_received, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = () => {
        while (!response.destroyed && response.write('a'.repeat(16_384)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    },
    'ambiguous',
  ],
]

/** Answers that never end. */
const withoutEnd: readonly (readonly [string, Behaviour])[] = [
  ['no answer at all', () => {}],
  [
    'headers and then nothing',
    (_received, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
    },
  ],
  [
    'a body that trickles',
    (_received, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(timer))
    },
  ],
]

async function failureOf(
  operation: Operation,
  client: OAuthClient,
  provider: NotionOAuth = notion,
): Promise<OAuthFailure> {
  const error: unknown = await operations[operation](client, provider).then(
    () => new Error(`${operation} succeeded`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof OAuthFailure)) throw error
  return error
}

function expectNoSecret(error: OAuthFailure): void {
  const shown = `${inspect(error, { depth: 10, showHidden: true })} ${JSON.stringify(error)} ${error.stack}`
  for (const secret of Object.values(secrets)) expect(shown).not.toContain(secret)
  expect(error.cause).toBeUndefined()
}

describe.each(Object.keys(operations) as Operation[])(
  '%s',
  (operation) => {
    // Revoking what is not valid any more is a success.
    const its = faults.filter(([, , kind]) => operation !== 'revoke' || kind !== 'grant_refused')
    it.each(its)(
      'reports %s by its kind, once, and with no secret in the error',
      async (_name, fault, kind, ofToken) => {
        server.behave(fault)
        const error = await failureOf(operation, clientAt(server.url))
        const expected = operation === 'identify' ? (ofToken ?? kind) : kind
        expect(error.kind).toBe(expected)
        expectNoSecret(error)
        expect(server.received).toHaveLength(1)
        expect(trap.received).toEqual([])
      },
    )

    it('reports answers that never end as ambiguous, at its deadline, once, and with no secret in the error', async () => {
      await Promise.all(
        withoutEnd.map(async ([name, behaviour]) => {
          const silent = await startFakeOAuthServer()
          silent.behave(behaviour)
          const error = await failureOf(operation, clientAt(silent.url), hurried)
          expect(error.kind, name).toBe('ambiguous')
          expectNoSecret(error)
          expect(silent.received, name).toHaveLength(1)
          await silent.close()
        }),
      )
    })

    it('is known not to have been sent when no server listens', async () => {
      const gone = await startFakeOAuthServer()
      await gone.close()
      const error = await failureOf(operation, clientAt(gone.url))
      expect(error).toMatchObject({ kind: 'not_sent', status: null })
      expectNoSecret(error)
    })

    it('is known not to have been sent when the name does not resolve', async () => {
      const error = await failureOf(operation, clientAt('http://no-such-host.invalid'))
      expect(error.kind).toMatch(/^(not_sent|ambiguous)$/)
      expectNoSecret(error)
    })
  },
  60_000,
)

describe('a refusal', () => {
  it('carries the status, the code and the request id', async () => {
    server.behave(json(400, { ...echo, error: 'invalid_grant' }))
    const error = await failureOf('refresh', clientAt(server.url))
    expect(error).toMatchObject({ status: 400, code: 'invalid_grant', requestId })
  })

  it.each([
    ['7', 7_000],
    ['0', 0],
    ['1000000000', 3_600_000],
    ['-5', null],
    ['soon', null],
    ['1e3', null],
    ['Sun, 22 Nov 2026 12:00:30 GMT', 30_000],
    ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['Mon, 22 Nov 2027 12:00:00 GMT', 3_600_000],
    ['2026-11-22', null],
  ])('reads Retry-After %s as %s ms', async (header, expected) => {
    server.behave(json(429, {}, { 'retry-after': header, date: 'Sun, 22 Nov 2026 12:00:00 GMT' }))
    expect((await failureOf('refresh', clientAt(server.url))).retryAfterMs).toBe(expected)
  })
})

describe('an answer without what was asked for', () => {
  it.each([
    ['exchange', { access_token: '', token_type: 'bearer' }],
    ['exchange', { access_token: 5, token_type: 'bearer' }],
    ['refresh', { access_token: 'a\r\nb', token_type: 'bearer' }],
    ['refresh', { access_token: 'é', token_type: 'bearer' }],
    ['exchange', { access_token: secrets.answer, token_type: 'mac' }],
    ['refresh', { access_token: secrets.answer }],
    ['introspect', { active: 'yes' }],
  ] as const)('is ambiguous for %s with %j', async (operation, body) => {
    server.behave(json(200, body))
    const error = await failureOf(operation, clientAt(server.url))
    expect(error.kind).toBe('ambiguous')
    expectNoSecret(error)
  })

  it.each([
    ['refresh', 'invalid_grant', 'grant_refused'],
    ['exchange', 'invalid_grant', 'grant_refused'],
    ['refresh', 'invalid_client', 'client_refused'],
    ['introspect', 'invalid_client', 'client_refused'],
  ] as const)('is for %s the refusal that a status of 200 names by %s', async (operation, code, kind) => {
    server.behave(json(200, { error: code, error_description: secrets.token }))
    const error = await failureOf(operation, clientAt(server.url))
    expect(error).toMatchObject({ kind, code })
    expectNoSecret(error)
  })
})
