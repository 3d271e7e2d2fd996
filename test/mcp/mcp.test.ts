import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { postMcp } from './post.ts'

let app: TestApp
const clients: Client[] = []
/** An error that statements of this table meet. */
let broken: { readonly table: string; readonly error: Error } | null = null
const breakable = (db: Db) =>
  db.withPlugin({
    transformQuery({ node }) {
      if (broken !== null && JSON.stringify(node).includes(broken.table)) throw broken.error
      return node
    },
    transformResult: async ({ result }) => result,
  })
beforeAll(async () => {
  app = await startApp({ wrapDatabase: breakable })
  await app.connect('ann')
})
afterAll(async () => {
  for (const client of clients) await client.close()
  await app.stop()
})

interface Connecting {
  readonly headers?: Record<string, string>
  readonly search?: string
  readonly credential?: string
  readonly elicitation?: boolean
  /** Does not name the user. */
  readonly unnamed?: boolean
  /** A client of a revision of 2025. */
  readonly legacy?: boolean
}

async function connect(identifier: string, options: Connecting = {}): Promise<Client> {
  const {
    headers = {},
    search = '',
    credential = app.apiKey,
    elicitation = false,
    legacy = false,
    unnamed = false,
  } = options
  const client = new Client(
    { name: 'test', version: '1' },
    {
      capabilities: elicitation ? { elicitation: { url: {} } } : {},
      ...(legacy ? {} : { versionNegotiation: { mode: 'auto' } }),
    },
  )
  clients.push(client)
  const transport = new StreamableHTTPClientTransport(new URL(`${app.url}/mcp${search}`), {
    requestInit: {
      headers: {
        authorization: `Bearer ${credential}`,
        ...(unnamed ? {} : { 'x-valetkey-identifier': encodeURIComponent(identifier) }),
        ...headers,
      },
    },
  })
  await client.connect(transport)
  return client
}
const textOf = (result: unknown) => (result as { content: { text: string }[] }).content.map(({ text }) => text).join('')

describe.each([{ legacy: false }, { legacy: true }])('an MCP client, $legacy', ({ legacy }) => {
  it('lists the tools with their effects, and calls one', async () => {
    const client = await connect('ann', { legacy })
    const { tools } = await client.listTools()
    const { data } = await app.graphql('{ tools { name } }')
    expect(tools.map(({ name }) => name)).toEqual((data['tools'] as { name: string }[]).map(({ name }) => name))
    const search = tools.find(({ name }) => name === 'notion_data_fetch')
    expect(search).toMatchObject({
      inputSchema: { type: 'object', properties: { query: { type: 'string' } } },
      annotations: { readOnlyHint: true, destructiveHint: false },
    })
    const result = await client.callTool({ name: 'notion_data_fetch', arguments: { query: 'Projects' } })
    expect(result.isError).toBeUndefined()
    expect(textOf(result)).toContain('Projects')
  })

  it('reads what is wrong with an input, and which tool it may have meant', async () => {
    const client = await connect('ann', { legacy })
    const wrong = await client.callTool({ name: 'notion_page_create', arguments: { titel: 'x' } })
    expect(wrong.isError).toBe(true)
    expect(textOf(wrong)).toContain('titel')
    await expect(client.callTool({ name: 'notion_page_fetsh', arguments: {} })).rejects.toThrow(/notion_page_fetch/)
  })

  it('gets a link for a user without an account, and continues after the authorization', async () => {
    const identifier = `new-${legacy}-ä`
    const client = await connect(identifier, { legacy })
    const asked = await client.callTool({ name: 'notion_data_fetch', arguments: { query: '' } })
    expect(asked.isError).toBe(true)
    expect(textOf(asked)).toMatch(/open this link.*\/connect\//)
    await app.connect(identifier)
    expect((await client.callTool({ name: 'notion_data_fetch', arguments: { query: '' } })).isError).toBeUndefined()
  })

  it('sees nothing of an unexpected error but the id under which the log has it', async () => {
    const client = await connect('without-account', { legacy })
    const failures = [
      Object.assign(new Error('password=hunter2 in /srv/valetkey.ts'), { code: 'XX000', data: { secret: 'hunter2' } }),
      Object.assign(new TypeError('hunter2 is not a function'), { code: -32602 }),
    ]
    for (const error of failures) {
      const before = app.log().length
      broken = { table: 'oauth_apps', error }
      const failed: unknown = await client
        .callTool({ name: 'notion_data_fetch', arguments: { query: 'hunter' } })
        .catch((thrown: unknown) => thrown)
        .finally(() => {
          broken = null
        })
      const { message, data } = failed as { message: string; data: { code: string; requestId: string } }
      expect(message).toContain('Internal error. The server log has the details under this request id.')
      expect(data).toEqual({ code: 'INTERNAL_SERVER_ERROR', requestId: expect.stringMatching(/^[\da-f-]{36}$/) })
      expect(JSON.stringify([failed, message, data])).not.toMatch(/hunter2|srv/)
      const line = app
        .log()
        .slice(before)
        .split('\n')
        .find((each) => each.includes(data.requestId))
      expect(JSON.parse(line ?? '{}')).toMatchObject({
        level: 50,
        err: { message: error.message },
        requestId: data.requestId,
      })
    }
  })

  it('may choose all tools, another format, and writes once under an idempotency key', async () => {
    const client = await connect('ann', { legacy, search: '?tools=all&format=raw' })
    expect((await client.listTools()).tools.length).toBeGreaterThan(30)
    const parent = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
    const write = () =>
      client.callTool({
        name: 'notion_page_create',
        arguments: { parent_page_id: parent, properties: { title: `Once ${legacy}` } },
        _meta: { 'valetkey/idempotencyKey': `once-${legacy}` },
      })
    const first = await write()
    expect(first.structuredContent).toMatchObject({ object: 'page' })
    expect((await write()).structuredContent).toEqual(first.structuredContent)
  })
})

it('a client with URL elicitation is asked to send its user to the link', async () => {
  const client = await connect('elicited', { elicitation: true })
  const urls: string[] = []
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    urls.push((params as { url: string }).url)
    await app.connect('elicited')
    return { action: 'accept' }
  })
  const result = await client.callTool({ name: 'notion_data_fetch', arguments: { query: '' } })
  expect(urls).toEqual([expect.stringContaining('/connect/')])
  expect(result.isError).toBeUndefined()
})

describe('the endpoint', () => {
  const post = (headers: Record<string, string>, search = '') =>
    postMcp(app, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }), { headers, search })

  it('requires an API key and the name of a user, and reports that', async () => {
    expect((await post({ authorization: '' })).status).toBe(401)
    expect((await post({ authorization: 'Bearer wrong' })).status).toBe(401)
    const { data } = await app.graphql(
      'mutation { createUserSession(input: { identifier: "ann" }) { ... on CreateUserSessionPayload { token } } }',
    )
    const { token } = data['createUserSession'] as { token: string }
    expect((await post({ authorization: `Bearer ${token}` })).status).toBe(403)
    const unnamed = await post({ 'x-valetkey-identifier': '' })
    expect(unnamed.status).toBe(400)
    expect(await unnamed.text()).toContain('x-valetkey-identifier')
    for (const notEncoded of ['50%', 'a%zz', '%ff'])
      expect((await post({ 'x-valetkey-identifier': notEncoded })).status).toBe(400)
    expect((await post({}, '?format=xml')).status).toBe(400)
  })

  it('lists only tools that the key may call', async () => {
    const made = await app.graphql(
      'mutation { createApiKey(input: { name: "r", scopes: [TOOLS_READ] }) { ... on CreateApiKeyPayload { secret } } }',
    )
    const { secret } = made.data['createApiKey'] as { secret: string }
    const client = await connect('ann', { credential: secret, search: '?tools=all' })
    const { tools } = await client.listTools()
    expect(tools.length).toBeGreaterThan(5)
    expect(tools.every(({ annotations }) => annotations?.readOnlyHint === true)).toBe(true)
    const refused = await client.callTool({ name: 'notion_page_create', arguments: {} })
    expect(refused.isError).toBe(true)
    expect(textOf(refused)).toContain('TOOLS_WRITE')
    const unlinked = await connect('no-account', { credential: secret })
    expect(textOf(await unlinked.callTool({ name: 'notion_data_fetch', arguments: {} }))).not.toContain('/connect/')
  })

  it('needs no name of a user with a key that is narrowed to one, and works on no other', async () => {
    const made = await app.graphql(
      `mutation { createApiKey(input: { name: "ann", scopes: [TOOLS_READ], identifiers: ["ann"] }) {
        ... on CreateApiKeyPayload { secret } ... on Error { message }
      } }`,
    )
    const { secret } = made.data['createApiKey'] as { secret: string }
    const client = await connect('', { credential: secret, unnamed: true })
    const found = await client.callTool({ name: 'notion_data_fetch', arguments: { query: '' } })
    expect(found.isError).toBeUndefined()
    const other = await connect('bob', { credential: secret })
    const refused = await other.callTool({ name: 'notion_data_fetch', arguments: { query: '' } })
    expect(refused.isError).toBe(true)
    expect(textOf(refused)).not.toContain('/connect/')
  })

  it('takes an input of the size that GraphQL takes, and no larger one', async () => {
    const limit = 1_000_000
    const send = (path: string, headers: Record<string, string>, body: (padding: string) => object, bytes: number) => {
      const empty = JSON.stringify(body('')).length
      return fetch(`${app.url}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          authorization: `Bearer ${app.apiKey}`,
          ...headers,
        },
        body: JSON.stringify(body('x'.repeat(bytes - empty))),
      })
    }
    const name = 'notion_data_fetch'
    const mcp = (bytes: number) =>
      send(
        '/mcp',
        { 'x-valetkey-identifier': 'ann' },
        (query) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { query } } }),
        bytes,
      )
    const query = 'mutation($i: ExecuteToolInput!) { executeTool(input: $i) { __typename } }'
    const graphql = (bytes: number) =>
      send(
        '/graphql',
        {},
        (text) => ({ query, variables: { i: { identifier: 'ann', toolName: name, toolInput: { query: text } } } }),
        bytes,
      )
    for (const call of [mcp, graphql]) {
      expect((await call(limit)).status).toBe(200)
      expect((await call(limit + 1)).status).toBe(413)
    }
  })

  /** Sends a message as clients of the revisions of 2025 do. */
  const send = (
    message: object,
    { headers = {}, signal }: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal } = {},
  ) =>
    postMcp(app, JSON.stringify({ jsonrpc: '2.0', ...message }), {
      headers: { 'mcp-protocol-version': '2025-06-18', ...headers },
      ...(signal && { signal }),
    })
  const call = (params: object, options: { readonly signal?: AbortSignal } = {}) => {
    const search = { name: 'notion_data_fetch', arguments: { query: '' }, ...params }
    return send({ id: 7, method: 'tools/call', params: search }, options)
  }

  it('answers a call of the revisions of 2025 as JSON, and as events when it asks for progress', async () => {
    const plain = await call({})
    expect(plain.headers.get('content-type')).toMatch(/^application\/json/)
    const answer = (await plain.json()) as { id: number; result: { content: unknown[] } }
    expect(answer).toMatchObject({ jsonrpc: '2.0', id: 7, result: { content: [{ type: 'text' }] } })
    const followed = await call({ _meta: { progressToken: 'token' } })
    expect(followed.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const event = /^data: (.*)$/m.exec(await followed.text())?.[1] ?? ''
    expect(JSON.parse(event)).toEqual(answer)
  })

  it('refuses what a client of the revisions of 2025 must not send, and accepts its notifications', async () => {
    const list = { id: 1, method: 'tools/list', params: {} }
    expect((await send(list)).status).toBe(200)
    expect((await send(list, { headers: { accept: 'application/json' } })).status).toBe(406)
    expect((await send(list, { headers: { 'mcp-protocol-version': '1999-01-01' } })).status).toBe(400)
    expect((await send({ method: 'notifications/initialized' })).status).toBe(202)
    const unknown = await send({ id: 2, method: 'tools/unknown' })
    expect(unknown.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await unknown.json()).toMatchObject({ id: 2, error: { code: -32601 } })
  })

  it.each([
    ['as JSON', {}],
    ['as events', { _meta: { progressToken: 'token' } }],
  ])('ends a call that is answered %s when its client leaves', async (_how, params) => {
    const client = new AbortController()
    await app.sandbox('fault', { match: { path: '/v1/search' }, kind: 'slow_headers', delayMs: 120_000 })
    const sent = async () => ((await app.sandbox('log')) as { requests: unknown[] }).requests.length
    const before = await sent()
    const gone = call(params, { signal: client.signal })
      .then((response) => response.text())
      .catch((error: unknown) => error)
    await expect.poll(sent).toBeGreaterThan(before)
    client.abort()
    await gone
    const newest = async () => {
      const { data } = await app.graphql('{ toolExecutions(first: 1) { nodes { status errorType } } }')
      return data['toolExecutions']
    }
    await expect.poll(newest).toMatchObject({ nodes: [{ status: 'FAILED', errorType: 'Cancelled' }] })
    await app.sandbox('clear', {})
  })

  it('has an error for requests that are not JSON-RPC', async () => {
    for (const body of ['', '[]', '{"jsonrpc":"2.0"}', 'x'.repeat(100)]) {
      const response = await postMcp(app, body)
      expect(response.status, body).toBeGreaterThanOrEqual(400)
      expect(response.status, body).toBeLessThan(500)
    }
  })
})

it('a host that starts its servers has the tools over stdin and stdout', async () => {
  const client = new Client({ name: 'host', version: '1' })
  clients.push(client)
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['dist/cli/main.js', 'mcp', '--identifier', 'stdio-user', '--format', 'compact'],
    cwd: new URL('../..', import.meta.url).pathname,
    env: { PATH: process.env['PATH'] ?? '', VALETKEY_URL: app.url, VALETKEY_API_KEY: app.apiKey },
  })
  await client.connect(transport)
  expect((await client.listTools()).tools.length).toBeGreaterThan(5)
  const asked = await client.callTool({ name: 'notion_data_fetch', arguments: { query: '' } })
  expect(textOf(asked)).toMatch(/open this link.*\/connect\//)
  await app.connect('stdio-user')
  const found = await client.callTool({ name: 'notion_data_fetch', arguments: { query: '' } })
  expect(found.structuredContent).toHaveProperty('untrusted_notion_content')
  const wrong = await client.callTool({ name: 'notion_page_create', arguments: { titel: 'x' } })
  expect(textOf(wrong)).toContain('titel')
})

it('a host reads nothing of an unexpected error over stdin and stdout, and what the server reports', async () => {
  const client = new Client({ name: 'host', version: '1' })
  clients.push(client)
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['dist/cli/main.js', 'mcp', '--identifier', 'ann'],
    cwd: new URL('../..', import.meta.url).pathname,
    env: { PATH: process.env['PATH'] ?? '', VALETKEY_URL: app.url, VALETKEY_API_KEY: app.apiKey },
  })
  await client.connect(transport)
  broken = { table: 'oauth_apps', error: new Error('password=hunter2') }
  const failed = await client.callTool({ name: 'notion_page_create', arguments: {} }).finally(() => {
    broken = null
  })
  expect(textOf(failed)).toMatch(/Internal error.* Request id: [\da-f-]{36}/)
  expect(textOf(failed)).not.toContain('hunter2')
})
