import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as openSocket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { createThrottle } from '../../src/http/throttle.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { mutate } from '../webhooks/support.ts'
import {
  activate,
  eventOf,
  handshake,
  metric,
  newEnvironment,
  newToken,
  post,
  send,
  tokensOf,
  webhookOf,
} from './support.ts'

let database: TestDatabase
let client: pg.Client
let app: TestApp
let env: Record<string, string>
beforeAll(async () => {
  database = await newPostgresDatabase()
  const url = database.location.kind === 'server' ? database.location.url : ''
  env = { DATABASE_URL: url, VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }
  client = new pg.Client({ connectionString: url })
  await client.connect()
  app = await startApp({ env })
})
afterAll(async () => {
  await app.stop()
  await client.end()
  await database.drop()
})

const reset = (connectionName = 'notion', credential?: string) =>
  mutate(app, 'resetOAuthAppWebhook', { connectionName }, 'oauthApp { webhookState }', credential)

const inbox = async () => (await client.query('select * from provider_events order by sequence')).rows

const path = '/webhooks/notion/notion'
const refusal = { status: 401, body: { error: 'The signature is missing or wrong.' } }

describe('the token that Notion sends first', () => {
  it('is shown to an ADMIN key, sealed in the database, and replaced by newer ones', async () => {
    await reset()
    expect(await webhookOf(app)).toMatchObject({
      webhookUrl: `${app.url}${path}`,
      webhookState: 'WAITING',
      webhookTokens: [],
    })
    const tokens = Array.from({ length: 4 }, newToken)
    for (const token of tokens) expect(await handshake(app, token)).toMatchObject({ status: 200 })
    // Notion repeats a token.
    expect(await handshake(app, tokens.at(-1) ?? '')).toMatchObject({ status: 200 })
    expect(await tokensOf(app)).toEqual(tokens.slice(1).reverse())
    const { rows } = await client.query('select * from provider_webhook_tokens')
    for (const token of tokens) expect(JSON.stringify(rows)).not.toContain(token)
    expect(app.log()).not.toContain(tokens[3])
  })

  it('is not pushed out by others once an operator has read it', async () => {
    await reset()
    const token = newToken()
    await handshake(app, token)
    expect(await tokensOf(app)).toEqual([token])
    for (const other of Array.from({ length: 5 }, newToken)) expect((await handshake(app, other)).status).toBe(200)
    expect(await tokensOf(app)).toHaveLength(3)
    expect(await send(app, eventOf(), token)).toMatchObject({ status: 200 })
  })

  it('is shown to no key that may not manage OAuth apps', async () => {
    await reset()
    await handshake(app, newToken())
    const { secret } = await mutate(app, 'createApiKey', { name: 'reader', scopes: ['ACCOUNTS_READ'] }, 'secret')
    expect(await tokensOf(app, { credential: String(secret) })).toBeUndefined()
    const narrowed = await mutate(
      app,
      'createApiKey',
      { name: 'narrowed', scopes: ['ADMIN'], identifiers: ['user'] },
      'secret',
    )
    expect(await tokensOf(app, { credential: String(narrowed['secret']) })).toBeUndefined()
    // Nor has it been read.
    const { data } = await app.graphql('{ auditEvents(first: 1) { nodes { action } } }')
    expect(JSON.stringify(data)).not.toContain('webhook_token_read')
  })

  it('is active with the first event that verifies with it, and then no other one is accepted until a reset', async () => {
    await reset()
    const [first, second] = [newToken(), newToken()]
    await handshake(app, first)
    await handshake(app, second)
    expect(await tokensOf(app)).toEqual([second, first])
    expect(await send(app, eventOf(), second)).toMatchObject({ status: 200 })
    expect(await webhookOf(app)).toMatchObject({ webhookState: 'ACTIVE', webhookTokens: [] })
    expect(await send(app, eventOf(), first)).toMatchObject(refusal)
    expect(await handshake(app, newToken())).toMatchObject(refusal)
    expect(await send(app, eventOf(), second)).toMatchObject({ status: 200 })
    expect(await reset()).toMatchObject({ oauthApp: { webhookState: 'WAITING' } })
    expect(await send(app, eventOf(), second)).toMatchObject(refusal)
    expect(await handshake(app, newToken())).toMatchObject({ status: 200 })
    const { data } = await app.graphql('{ auditEvents(first: 5) { nodes { action } } }')
    expect((data['auditEvents'] as { nodes: { action: string }[] }).nodes.map(({ action }) => action)).toEqual(
      expect.arrayContaining([
        'oauth_app.webhook_reset',
        'oauth_app.webhook_activated',
        'oauth_app.webhook_token_read',
      ]),
    )
  })

  it('is accepted if it is signed with itself, and refused with another signature', async () => {
    await reset()
    const token = newToken()
    expect(await send(app, { verification_token: token }, newToken())).toMatchObject(refusal)
    expect(await send(app, { verification_token: token }, token)).toMatchObject({ status: 200 })
    expect(await tokensOf(app)).toEqual([token])
  })

  it('does not count before an operator has read it, because anyone can send one', async () => {
    await reset()
    const forged = newToken()
    await handshake(app, forged)
    expect(await send(app, eventOf(), forged)).toMatchObject(refusal)
    expect(await tokensOf(app)).toEqual([forged])
    expect(await send(app, eventOf(), forged)).toMatchObject({ status: 200 })
  })

  it('is forgotten when another client is registered, and not when only its secret changes', async () => {
    await reset()
    const token = await activate(app)
    const register = (clientId: string, clientSecret: string) =>
      mutate(
        app,
        'registerOAuthApp',
        { clientId, clientSecret, confirmationUrl: 'https://app.example.com/confirm' },
        'oauthApp { clientId webhookState }',
      )
    await register('client-1', 'a')
    expect(await webhookOf(app)).toMatchObject({ webhookState: 'WAITING' })
    const again = await activate(app)
    expect(await register('client-1', 'b')).toMatchObject({ oauthApp: { webhookState: 'ACTIVE' } })
    expect(await send(app, eventOf(), again)).toMatchObject({ status: 200 })
    expect(await send(app, eventOf(), token)).toMatchObject(refusal)
  })
})

it.each([
  ['on the database', () => env],
  ['on a server', () => ({ VALETKEY_URL: app.url, VALETKEY_API_KEY: app.apiKey })],
])('the command prints the URL, the state and the token, %s', async (_where, variables) => {
  await reset()
  const command = async (...line: string[]) => {
    const lines: string[] = []
    const print = async (text: string) => void lines.push(text)
    const code = await run(['oauth-apps', ...line], { NODE_ENV: 'development', ...variables() }, print, print)
    expect(code, lines.join('\n')).toBe(0)
    return lines.join('\n')
  }
  expect(await command('webhook')).toMatch(/\/webhooks\/notion\/notion\nState: WAITING.*\nNo token was received yet/)
  const token = newToken()
  await handshake(app, token)
  expect(await command('webhook', 'notion')).toContain(`: ${token}\n`)
  expect(await send(app, eventOf(), token)).toMatchObject({ status: 200 })
  expect(await command('webhook')).toMatch(/State: ACTIVE/)
  expect(await command('list')).toMatch(/^notion .*\/webhooks\/notion\/notion /m)
  expect(await command('webhook', '--reset')).toMatch(/State: WAITING/)
  expect(await send(app, eventOf(), token)).toMatchObject(refusal)
})

describe('an event', () => {
  it('is stored once, whatever its number of attempts, with its content sealed', async () => {
    await reset()
    const token = await activate(app)
    const event = eventOf()
    const before = (await inbox()).length
    const attempts = await Promise.all(
      [1, 2, 3, 4].map((attempt) => send(app, { ...event, attempt_number: attempt }, token)),
    )
    expect(attempts.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(await send(app, event, token)).toMatchObject({ status: 200 })
    const rows = await inbox()
    expect(rows).toHaveLength(before + 1)
    expect(rows.at(-1)).toMatchObject({ event_id: event.id, event_type: 'page.created' })
    expect(JSON.stringify(rows)).not.toContain('Acme')
  })

  it('is refused if its signature is missing, damaged, of another token or of another body', async () => {
    await reset()
    const token = await activate(app)
    const before = (await inbox()).length
    const body = JSON.stringify(eventOf())
    expect(await post(app, path, body)).toMatchObject(refusal)
    for (const signature of ['', 'sha256=', `sha256=${'0'.repeat(64)}`, `sha1=${'0'.repeat(40)}`, 'sha256=zz', 'x'])
      expect(await post(app, path, body, { 'x-notion-signature': signature })).toMatchObject(refusal)
    expect(await send(app, eventOf(), newToken())).toMatchObject(refusal)
    expect(await send(app, eventOf({ integration_id: '00000000-0000-4000-8000-000000000000' }), token)).toMatchObject(
      refusal,
    )
    const signed = eventOf()
    const { signWebhookPayload } = await import('@notionhq/client')
    const signature = await signWebhookPayload({ body: JSON.stringify(signed), verificationToken: token })
    const changed = JSON.stringify({ ...signed, type: 'page.deleted' })
    expect(await post(app, path, changed, { 'x-notion-signature': signature })).toMatchObject(refusal)
    expect(await inbox()).toHaveLength(before)
  })

  it('is verified with the bytes that arrived', async () => {
    await reset()
    const token = await activate(app)
    const body = ` {"x":"\\u00e9 é 🗝️", ${JSON.stringify(eventOf()).slice(1)}\n`
    expect(await send(app, body, token)).toMatchObject({ status: 200 })
  })

  it('of a damaged body is answered with 400, whatever its signature', async () => {
    await reset()
    const token = await activate(app)
    for (const body of ['{', '', 'null', '[]', '{"id":1}', JSON.stringify({ ...eventOf(), timestamp: 'yesterday' })])
      for (const signer of [token, newToken()]) expect(await send(app, body, signer)).toMatchObject({ status: 400 })
    expect(await post(app, path, '{')).toMatchObject({ status: 400 })
  })

  it('is refused if it is too large, of another content type or method, or for an unknown connection', async () => {
    await reset()
    const token = await activate(app)
    const large = JSON.stringify(eventOf({ padding: 'x'.repeat(256 * 1024) }))
    expect(await send(app, large, token)).toMatchObject({ status: 413 })
    expect(await send(app, eventOf({ padding: 'x'.repeat(200 * 1024) }), token)).toMatchObject({ status: 200 })
    expect(await post(app, path, '{}', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 })
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await post(app, path, '', {}, method)
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST')
    }
    for (const unknown of ['notion/other', 'other/notion', 'notion', 'notion/', 'notion/notion/x', 'notion/%E0%A4%A'])
      expect(await send(app, eventOf(), token, `/webhooks/${unknown}`)).toMatchObject({
        status: 404,
        body: { error: 'No connection has this URL.' },
      })
  })

  it('that never arrives as a whole takes no place of others', async () => {
    await reset()
    const token = await activate(app)
    const socket = openSocket(Number(new URL(app.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"a":`,
    )
    expect(await send(app, eventOf(), token)).toMatchObject({ status: 200 })
    socket.destroy()
    expect(await send(app, eventOf(), token)).toMatchObject({ status: 200 })
  })

  it('is counted by what became of it', async () => {
    await reset()
    const token = await activate(app)
    const before = { refused: await metric(app, 'refused'), duplicate: await metric(app, 'duplicate') }
    const event = eventOf()
    await send(app, event, token)
    await send(app, event, token)
    await send(app, event, newToken())
    expect(await metric(app, 'refused')).toBe(before.refused + 1)
    expect(await metric(app, 'duplicate')).toBe(before.duplicate + 1)
  })
})

describe('environments that share a connection name', () => {
  it('receive the events that their own token has signed, and no token of each other', async () => {
    await reset()
    const [keyA, keyB] = [await newEnvironment(app, env, 'a', 'shared'), await newEnvironment(app, env, 'b', 'shared')]
    const [a, b] = [
      { connectionName: 'shared', credential: keyA },
      { connectionName: 'shared', credential: keyB },
    ]
    const [urlA, urlB] = [(await webhookOf(app, a)).webhookUrl, (await webhookOf(app, b)).webhookUrl]
    expect(new URL(urlA).pathname).not.toBe(new URL(urlB).pathname)
    expect(await handshake(app, newToken(), '/webhooks/notion/shared')).toMatchObject(refusal)
    expect([await tokensOf(app, a), await tokensOf(app, b)]).toEqual([[], []])
    const tokenA = await activate(app, { ...a, path: new URL(urlA).pathname })
    const tokenB = await activate(app, { ...b, path: new URL(urlB).pathname })
    const before = (await inbox()).length
    expect(await send(app, eventOf(), tokenA, '/webhooks/notion/shared')).toMatchObject({ status: 200 })
    expect(await send(app, eventOf(), tokenB, '/webhooks/notion/shared')).toMatchObject({ status: 200 })
    expect(await send(app, eventOf(), tokenA, new URL(urlB).pathname)).toMatchObject(refusal)
    const environments = (await inbox()).slice(before).map((row) => row.environment_id)
    expect(environments).toHaveLength(2)
    expect(new Set(environments).size).toBe(2)
  })
})

it('requests are bounded for an address, and events for an OAuth app', async () => {
  const bounded = await startApp({
    throttle: createThrottle({
      limits: {
        webhook: { burst: 8, perSecond: 0.001 },
        webhookEvents: { burst: 2, perSecond: 0.001 },
      },
    }),
  })
  const token = await activate(bounded)
  expect(await send(bounded, eventOf(), token)).toMatchObject({ status: 200 })
  const refused = await send(bounded, eventOf(), token)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  // Those that are not signed do not use up what the provider's may.
  for (const _ of [1, 2, 3, 4]) expect(await send(bounded, eventOf(), newToken())).toMatchObject({ status: 401 })
  expect(await send(bounded, eventOf(), newToken())).toMatchObject({ status: 429 })
  await bounded.stop()
})
