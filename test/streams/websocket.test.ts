import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type Client, type ClientOptions, createClient } from 'graphql-ws'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createThrottle } from '../../src/http/throttle.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { createAccount, type Nodes, newKey, newSession, revokeKey, startNodes, watchDocument } from './support.ts'

let running: Nodes
let one: TestApp
let two: TestApp
let closing: (() => unknown)[] = []
const start = async () => {
  running = await startNodes()
  ;[one, two] = running.nodes
}
afterEach(async () => {
  for (const close of closing) await close()
  closing = []
})

const address = (node: TestApp) => `${node.url.replace('http', 'ws')}/graphql`

function connect(connectionParams: Record<string, unknown>, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: address(one),
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts: 0,
    ...options,
  })
  closing.push(() => client.dispose())
  return client
}

interface Collected {
  readonly results: Record<string, unknown>[]
  end?: 'complete' | { readonly error: unknown }
}

function collect(client: Client, query: string, variables: Record<string, unknown> = {}): Collected {
  const collected: Collected = { results: [] }
  client.subscribe(
    { query, variables },
    {
      next: (result) => void collected.results.push(result as Record<string, unknown>),
      error: (error) => {
        collected.end = { error }
      },
      complete: () => {
        collected.end = 'complete'
      },
    },
  )
  return collected
}

/** A connection without the client, as a program opens it that breaks the rules. */
async function open(headers: Record<string, string> = {}, path = '/graphql') {
  const socket = new WebSocket(`${one.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', { headers })
  closing.push(() => socket.terminate())
  const messages: { type: string; id?: string; payload?: unknown }[] = []
  socket.on('message', (data) => messages.push(JSON.parse(String(data)) as (typeof messages)[number]))
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })),
  )
  socket.on('error', () => {})
  await Promise.race([once(socket, 'open'), closed])
  const send = (message: object) => socket.send(JSON.stringify(message))
  return { socket, messages, closed, send }
}

/** Returns what the server answers to bytes, until it closes the connection. */
async function upgradeRaw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(one.url)
  const socket = connectTcp(Number(port), hostname)
  let heard = ''
  socket.on('data', (data) => {
    heard += String(data)
  })
  socket.write(bytes)
  await once(socket, 'close')
  return heard
}

const greet = async (payload: Record<string, unknown>) => {
  const connection = await open()
  connection.send({ type: 'connection_init', payload })
  return connection
}

describe('GraphQL over WebSocket', () => {
  beforeAll(start)
  afterAll(() => running.stop())

  it.each([
    ['Authorization', (key: string) => ({ Authorization: `Bearer ${key}` })],
    ['authorization', (key: string) => ({ authorization: `bearer ${key}` })],
    ['apiKey', (key: string) => ({ apiKey: key })],
  ])('answers queries and mutations and streams subscriptions, with the credential in %s', async (_name, params) => {
    const client = connect(params(one.apiKey))
    const created = collect(
      client,
      'mutation { getOrCreateConnectedAccount(input: { identifier: "ann" }) { __typename } }',
    )
    await expect.poll(() => created.end).toBe('complete')
    expect(created.results).toMatchObject([
      { data: { getOrCreateConnectedAccount: { __typename: 'GetOrCreateConnectedAccountPayload' } } },
    ])
    const read = collect(client, '{ viewer { scopes } }')
    await expect.poll(() => read.end).toBe('complete')
    expect(read.results).toMatchObject([{ data: { viewer: { scopes: expect.arrayContaining(['ADMIN']) } } }])
    const watched = collect(client, watchDocument, { i: 'ann' })
    await expect.poll(() => watched.results.length).toBe(1)
    await two.connect('ann')
    await expect.poll(() => JSON.stringify(watched.results.at(-1))).toContain('ACTIVE')
    expect(watched.end).toBeUndefined()
  })

  it('frees a subscription that the client ends', async () => {
    await createAccount(one, 'leaves')
    const client = connect({ apiKey: await newSession(one, 'leaves') })
    // A session may have twenty streams and connections.
    for (let time = 0; time < 30; time++) {
      const results = client.iterate({ query: watchDocument, variables: { i: 'leaves' } })
      expect((await results.next()).value).toMatchObject({ data: { connectedAccountStatus: { status: 'PENDING' } } })
      await results.return?.()
    }
  })

  it('counts connections and subscriptions of a user session together', async () => {
    await createAccount(one, 'ann')
    const apiKey = await newSession(one, 'ann')
    const client = connect({ apiKey })
    const streams = Array.from({ length: 19 }, () => collect(client, watchDocument, { i: 'ann' }))
    await expect.poll(() => streams.every(({ results }) => results.length === 1)).toBe(true)
    const over = collect(client, watchDocument, { i: 'ann' })
    await expect.poll(() => over.end).toBe('complete')
    expect(over.results).toMatchObject([{ errors: [{ extensions: { code: 'THROTTLED' } }] }])
    expect(await (await greet({ apiKey })).closed).toMatchObject({ code: 1013 })
  })

  it.each([
    ['an unknown field', '{ nonsense }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['a syntax error', '{', {}, 'GRAPHQL_PARSE_FAILED'],
    ['a document over the limits', `{ ${'a: __typename '.repeat(20_000)} }`, {}, 'COMPLEXITY_LIMIT'],
    [
      'an invalid variable',
      'query ($n: String!) { tool(name: $n) { name } }',
      { n: { secret: 'x' } },
      'BAD_USER_INPUT',
    ],
    [
      'two tools in a document',
      'mutation { a: executeTool(input: {identifier: "x", toolName: "y", toolInput: {}}) { __typename } b: executeTool(input: {identifier: "x", toolName: "y", toolInput: {}}) { __typename } }',
      {},
      'BAD_USER_INPUT',
    ],
  ])('refuses %s as over HTTP, and stays open', async (_what, query, variables, code) => {
    const client = connect({ apiKey: one.apiKey })
    const refused = collect(client, query, variables)
    await expect.poll(() => refused.end).toBeDefined()
    const overHttp = await one.graphql(query, variables)
    expect(refused.end).toMatchObject({ error: [{ extensions: { code } }] })
    expect(refused.end).toEqual({ error: overHttp.errors })
    const next = collect(client, '{ __typename }')
    await expect.poll(() => next.results).toEqual([{ data: { __typename: 'Query' } }])
  })

  it('applies the scopes of the credential', async () => {
    const { secret } = await newKey(one, ['TOOLS_READ'])
    const client = connect({ apiKey: secret })
    const refused = collect(client, '{ connectedAccounts { nodes { id } } }')
    await expect.poll(() => refused.end).toBe('complete')
    expect(refused.results).toMatchObject([{ errors: [{ extensions: { code: 'FORBIDDEN' } }] }])
    expect(JSON.stringify(refused.results)).not.toContain('"http"')
  })

  it.each([
    ['none', {}],
    ['an unknown key', { apiKey: 'vk_default_unknown' }],
    ['a malformed header', { Authorization: 'Basic abc' }],
    ['a value that is not a string', { apiKey: { a: 1 } }],
  ])('closes with 4401 for this credential: %s', async (_what, payload) => {
    const connection = await greet(payload)
    expect(await connection.closed).toMatchObject({ code: 4401 })
    expect(connection.messages).toEqual([])
  })

  it('closes with 4403 for a credential that was revoked', async () => {
    const { secret, id } = await newKey(one, ['ACCOUNTS_READ'])
    await revokeKey(one, id)
    expect(await (await greet({ apiKey: secret })).closed).toEqual({ code: 4403, reason: 'The API key was revoked' })
  })

  it('closes with 4401 for an operation before connection_init, and 4400 for what is not a message', async () => {
    const early = await open()
    early.send({ type: 'subscribe', id: '1', payload: { query: '{ __typename }' } })
    expect(await early.closed).toMatchObject({ code: 4401 })
    const odd = await open()
    odd.socket.send('nonsense')
    expect(await odd.closed).toMatchObject({ code: 4400 })
  })

  it('closes with 4408 when connection_init does not come', async () => {
    expect(await (await open()).closed).toMatchObject({ code: 4408 })
  })

  it('closes with 1009 for a message over the limit of a request body', async () => {
    const connection = await greet({ apiKey: one.apiKey })
    await expect.poll(() => connection.messages.length).toBe(1)
    connection.send({ type: 'subscribe', id: '1', payload: { query: `{ __typename } # ${'x'.repeat(1_000_001)}` } })
    expect(await connection.closed).toMatchObject({ code: 1009 })
  })

  it('answers pings', async () => {
    const connection = await greet({ apiKey: one.apiKey })
    connection.send({ type: 'ping' })
    await expect.poll(() => connection.messages.map(({ type }) => type).sort()).toEqual(['connection_ack', 'pong'])
    const ponged = once(connection.socket, 'pong')
    connection.socket.ping()
    await ponged
  })

  it('reports UNAUTHENTICATED to subscriptions when the key is revoked, then closes with 4403', async () => {
    await createAccount(one, 'ann')
    const { secret, id } = await newKey(one, ['ACCOUNTS_READ'])
    const connection = await greet({ apiKey: secret })
    await expect.poll(() => connection.messages.length).toBe(1)
    for (const stream of ['a', 'b']) {
      connection.send({ type: 'subscribe', id: stream, payload: { query: watchDocument, variables: { i: 'ann' } } })
    }
    await expect.poll(() => connection.messages.length).toBe(3)
    await revokeKey(two, id)
    expect(await connection.closed).toEqual({ code: 4403, reason: 'The API key was revoked' })
    for (const stream of ['a', 'b']) {
      expect(connection.messages.filter((message) => message.id === stream)).toMatchObject([
        { type: 'next', payload: { data: {} } },
        { type: 'next', payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'revoked' } }] } },
        { type: 'complete' },
      ])
    }
  })

  it('closes a connection without subscriptions when its user session expires', async () => {
    const connection = await greet({ apiKey: await newSession(one, 'ann', { expiresInSeconds: 2 }) })
    expect(await connection.closed).toEqual({ code: 4403, reason: 'The user session has expired' })
    expect(connection.messages).toEqual([{ type: 'connection_ack' }])
  })

  it.each([
    ['no URL', 'GET //[ HTTP/1.1', 'a'],
    ['an address without an end', 'GET //[::1/graphql HTTP/1.1', 'a'],
    ['a port that is too large', 'GET //a:99999/graphql HTTP/1.1', 'a'],
    ['another host', 'GET http://[/graphql HTTP/1.1', 'a'],
    ['a URL', 'GET http://a/graphql HTTP/1.1', 'a'],
    ['no path', 'OPTIONS * HTTP/1.1', 'a'],
    ['a relative path', 'GET graphql HTTP/1.1', 'a'],
    ['a Host with a blank', 'GET /graphql HTTP/1.1', 'a b'],
    ['a Host without an end', 'GET /graphql HTTP/1.1', '['],
    ['a Host with a user', 'GET /graphql HTTP/1.1', 'a@b'],
    ['another path', 'GET /connect/x HTTP/1.1', 'a'],
    ['no key', 'GET /graphql HTTP/1.1', 'a'],
  ])('refuses an upgrade with %s, and goes on', async (_what, start, host) => {
    const heard = await upgradeRaw(`${start}\r\nhost: ${host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`)
    expect(heard).toMatch(/^HTTP\/1\.1 40[04] /)
    expect(heard).not.toMatch(/ at |\.[jt]s\b/)
    expect((await fetch(`${one.url}/health`)).status).toBe(200)
  })

  it.each([
    [
      'a large credential',
      (send: (text: string) => void) => send(`{"type":"connection_init","payload":{"a":"${'x'.repeat(900_000)}"}}`),
    ],
    ['many messages', (send: (text: string) => void) => Array.from({ length: 30_000 }, () => send('{"type":"ping"}'))],
  ])('cuts a connection that sends %s before its credential was accepted', async (_what, sendAll) => {
    const { socket, closed } = await open()
    sendAll((text) => socket.send(text))
    expect(await closed).toMatchObject({ code: 1006 })
    const accepted = await greet({ apiKey: one.apiKey })
    await expect.poll(() => accepted.messages.length).toBe(1)
    accepted.send({ type: 'ping', payload: { a: 'x'.repeat(100_000) } })
    await expect.poll(() => accepted.messages.at(-1)?.type).toBe('pong')
  })

  it.each([
    ['with an error', 'GET /connect/x HTTP/1.1', 'upgrade: websocket'],
    ['for its target', 'GET // HTTP/1.1', 'upgrade: websocket'],
  ])('closes a connection whose upgrade it refuses %s, though the client leaves it open', async (_what, line, wish) => {
    const { hostname, port } = new URL(one.url)
    const socket = connectTcp({ port: Number(port), host: hostname, allowHalfOpen: true })
    socket.resume().on('error', () => {})
    socket.write(`${line}\r\nhost: a\r\nconnection: Upgrade\r\n${wish}\r\n\r\n`)
    await once(socket, 'end')
    // A connection that is closed, and not only its half, resets what is written to it.
    const writing = setInterval(() => socket.write('x'), 20)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(writing)
  })

  it('answers requests that wish for another protocol by HTTP/1.1, with their bodies', async () => {
    const wish = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA'
    const { port } = new URL(one.url)
    const socket = connectTcp(Number(port), '127.0.0.1')
    let heard = ''
    socket.on('data', (chunk) => {
      heard += String(chunk)
    })
    const body = JSON.stringify({ query: '{ viewer { scopes } }' })
    const credential = `authorization: Bearer ${one.apiKey}\r\ncontent-type: application/json`
    socket.write(`GET /health HTTP/1.1\r\nhost: a\r\n${wish}\r\n\r\n`)
    await expect.poll(() => heard).toContain('HTTP/1.1 200')
    heard = ''
    const head = `POST /graphql HTTP/1.1\r\nhost: a\r\n${wish}\r\n${credential}\r\ncontent-length: ${body.length}\r\n\r\n`
    socket.write(head + body.slice(0, 5))
    socket.write(body.slice(5))
    await expect.poll(() => heard).toContain('"scopes":["ADMIN"')
    socket.destroy()
  })

  it('closes a connection whose streams the database fails to read, so that its client reconnects', async () => {
    await createAccount(one, 'failing')
    const { secret, id } = await newKey(one, ['ACCOUNTS_READ'])
    const connection = await greet({ apiKey: secret })
    await expect.poll(() => connection.messages.length).toBe(1)
    connection.send({ type: 'subscribe', id: 's', payload: { query: watchDocument, variables: { i: 'failing' } } })
    await expect.poll(() => connection.messages.length).toBe(2)
    await running.withoutSessions(async () => {
      await revokeKey(running.nodes[1], id)
      expect(await connection.closed).toMatchObject({ code: 1013 })
    })
    expect(connection.messages.map(({ type }) => type)).toEqual(['connection_ack', 'next'])
  })

  it('goes on when a client leaves in the middle of an upgrade', async () => {
    const { hostname, port } = new URL(one.url)
    for (const head of ['GET /graphql HTTP/1.1', 'GET //[ HTTP/1.1', 'GET /other HTTP/1.1']) {
      const socket = connectTcp(Number(port), hostname)
      await once(socket, 'connect')
      socket.write(`${head}\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`)
      socket.resetAndDestroy()
      await once(socket, 'close')
    }
    expect((await fetch(`${one.url}/health`)).status).toBe(200)
  })

  it('refuses pages of origins that are not configured, and accepts its own and configured ones', async () => {
    expect(await (await open({ origin: 'https://evil.example' })).closed).toMatchObject({ code: 1006 })
    for (const origin of ['https://app.example', one.url]) {
      const { socket } = await open({ origin })
      expect(socket.readyState).toBe(WebSocket.OPEN)
    }
  })

  it('refuses other paths', async () => {
    expect(await (await open({}, '/health')).closed).toMatchObject({ code: 1006 })
  })
})

it('counts each operation of a connection as a request, and each connection', async () => {
  const limits = { credential: { burst: 3, perSecond: 0.001 } }
  one = await startApp({ throttle: createThrottle({ limits }) })
  closing.push(() => one.stop())
  const connection = await greet({ apiKey: one.apiKey })
  await expect.poll(() => connection.messages).toEqual([{ type: 'connection_ack' }])
  for (const id of ['1', '2', '3']) {
    connection.send({ type: 'subscribe', id, payload: { query: '{ __typename }' } })
  }
  await expect.poll(() => connection.messages.length).toBe(6)
  expect(connection.messages.filter(({ type }) => type === 'next').map(({ id }) => id)).toEqual(['1', '2'])
  expect(connection.messages.filter(({ type }) => type === 'error')).toMatchObject([
    {
      id: '3',
      payload: [{ message: expect.stringContaining('Too many requests'), extensions: { code: 'THROTTLED' } }],
    },
  ])
  expect(await (await greet({ apiKey: one.apiKey })).closed).toMatchObject({ code: 1013, reason: 'Too many requests' })
})

describe('a restart', () => {
  beforeEach(start)
  afterEach(() => running.stop())

  it('closes with 1001 and without "complete" when its node stops, after running calls', async () => {
    await one.connect('ann')
    const connection = await greet({ apiKey: one.apiKey })
    await expect.poll(() => connection.messages.length).toBe(1)
    connection.send({ type: 'subscribe', id: 'stream', payload: { query: watchDocument, variables: { i: 'ann' } } })
    await expect.poll(() => connection.messages.length).toBe(2)
    await one.sandbox('fault', { kind: 'slow_headers', delayMs: 2_000, match: { path: '/v1/pages' } })
    const query = `mutation { executeTool(input: { identifier: "ann", toolName: "notion_page_create",
      toolInput: { parent_page_id: "a1b2c3d4-e5f6-7890-abcd-ef1234567890", properties: { title: "Late" } } }) { __typename } }`
    connection.send({ type: 'subscribe', id: 'call', payload: { query } })
    const statuses = async () => (await one.graphql('{ toolExecutions { nodes { status } } }')).data
    await expect.poll(statuses, { interval: 20 }).toEqual({ toolExecutions: { nodes: [{ status: 'RUNNING' }] } })
    await one.stop()
    expect(JSON.stringify(connection.messages)).toContain('ExecuteToolPayload')
    expect(await connection.closed).toMatchObject({ code: 1001 })
    expect(connection.messages.filter(({ id }) => id === 'stream').map(({ type }) => type)).toEqual(['next'])
    expect(connection.messages.filter(({ id }) => id === 'call').map(({ type }) => type)).toEqual(['next', 'complete'])
  })

  it('lets the client graphql-ws reconnect to the next node, which sends the current state', async () => {
    await createAccount(one, 'ann')
    let node = one
    const client = connect(
      { apiKey: one.apiKey },
      { url: () => address(node), retryAttempts: 5, retryWait: async () => {} },
    )
    const watched = collect(client, watchDocument, { i: 'ann' })
    await expect.poll(() => watched.results.length).toBe(1)
    node = two
    await one.stop()
    await two.connect('ann')
    await expect.poll(() => JSON.stringify(watched.results.at(-1))).toContain('ACTIVE')
    expect(watched.end).toBeUndefined()
  })
})
