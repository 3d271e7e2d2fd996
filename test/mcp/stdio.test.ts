import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { postMcp } from './post.ts'

let app: TestApp
const started: (() => void)[] = []
beforeAll(async () => {
  app = await startApp()
  await app.connect('ann')
})
afterAll(async () => {
  for (const kill of started) kill()
  await app.stop()
})

interface Message {
  readonly id?: number
  readonly result?: { readonly tools?: readonly { readonly name: string }[]; readonly content?: unknown }
  readonly error?: { readonly message: string }
}

/** Starts `valetkey mcp` as a host of a revision of 2025 does. */
function startServer(args: readonly string[] = ['--identifier', 'ann'], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['dist/cli/main.js', 'mcp', ...args], {
    cwd: new URL('../..', import.meta.url).pathname,
    env: { PATH: process.env['PATH'] ?? '', VALETKEY_URL: app.url, VALETKEY_API_KEY: app.apiKey, ...env },
  })
  started.push(() => child.kill())
  const received: Message[] = []
  createInterface({ input: child.stdout }).on('line', (line) => received.push(JSON.parse(line) as Message))
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const find = (id: number) => received.find((message) => message.id === id)
  const answer = async (id: number): Promise<Message> => {
    await expect.poll(() => find(id)).toBeDefined()
    return find(id) as Message
  }
  return {
    send,
    find,
    answer,
    /** Begins the session. */
    async initialize() {
      const clientInfo = { name: 'host', version: '1' }
      send({ id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } })
      await answer(0)
      send({ method: 'notifications/initialized' })
    },
    closeInput: () => child.stdin.end(),
    errors: () => errors,
    exitCode: new Promise<number | null>((resolve) => child.once('close', resolve)),
  }
}

const search = { method: 'tools/call', params: { name: 'notion_data_fetch', arguments: { query: '' } } }

it('names who connects the account where the key may not make links', async () => {
  const made = await app.graphql(
    'mutation { createApiKey(input: { name: "reader", scopes: [TOOLS_READ] }) { ... on CreateApiKeyPayload { secret } } }',
  )
  const { secret } = made.data['createApiKey'] as { secret: string }
  const server = startServer(['--identifier', 'without-account'], { VALETKEY_API_KEY: secret })
  await server.initialize()
  server.send({ id: 1, ...search })
  const answer = JSON.stringify(await server.answer(1))
  expect(answer).toContain('Ask the user to connect the account in the application')
  expect(answer).not.toMatch(/Call authorize|\/connect\//)
})

it('lists the tools that the policy of the connection allows, as over HTTP', async () => {
  const { data } = await app.graphql(
    `mutation ($url: URL!) {
      registerOAuthApp(input: { connectionName: "readers", clientId: "client", clientSecret: "secret", confirmationUrl: $url }) {
        __typename ... on Error { message }
      }
      setToolPolicy(input: { connectionName: "readers", readOnly: true }) { __typename ... on Error { message } }
    }`,
    { url: `${app.url}/connect/confirm` },
  )
  expect(data).toMatchObject({ setToolPolicy: { __typename: 'SetToolPolicyPayload' } })
  for (const connection of ['readers', 'nope']) {
    const overHttp = await postMcp(app, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }), {
      headers: { 'x-valetkey-connection': connection },
    })
    const expected = ((await overHttp.json()) as Message).result?.tools?.map(({ name }) => name)
    const server = startServer(['--identifier', 'ann', '--connection', connection])
    await server.initialize()
    server.send({ id: 1, method: 'tools/list' })
    const tools = (await server.answer(1)).result?.tools?.map(({ name }) => name)
    expect(tools, connection).toEqual(expected)
    if (connection === 'readers') expect(tools).not.toContain('notion_page_create')
    else expect(tools).toEqual([])
  }
})

it.each([
  ['VALETKEY_URL', [], { VALETKEY_URL: 'not a url' }],
  ['VALETKEY_URL', [], { VALETKEY_URL: '' }],
  ['VALETKEY_URL', [], { VALETKEY_URL: 'ftp://localhost' }],
  ['VALETKEY_API_KEY', [], { VALETKEY_API_KEY: '' }],
  ['VALETKEY_API_KEY', [], { VALETKEY_API_KEY: 'vk_sec\nret' }],
  ['--identifier', ['--identifier', ''], {}],
  ['--connection', ['--identifier', 'ann', '--connection', ''], {}],
])('refuses to start with an invalid %s: %j %j', async (named, args: string[], env: Record<string, string>) => {
  const server = startServer(args.length === 0 ? undefined : args, env)
  server.closeInput()
  expect(await server.exitCode).toBe(2)
  expect(server.errors()).toMatch(new RegExp(`^mcp requires.*${named}`))
  expect(server.errors()).not.toContain('vk_sec')
})

const requestsAtNotion = async () => ((await app.sandbox('log')) as { requests: unknown[] }).requests.length

/** Makes the next search slow, and resolves when `begin` has sent it to Notion. */
async function slowSearch(delayMs: number, begin: () => void) {
  await app.sandbox('fault', { match: { path: '/v1/search' }, kind: 'slow_headers', delayMs })
  const before = await requestsAtNotion()
  begin()
  await expect.poll(requestsAtNotion).toBeGreaterThan(before)
}

it('logs no error for a call that its host cancels', async () => {
  const server = startServer()
  await server.initialize()
  await slowSearch(120_000, () => server.send({ id: 1, ...search }))
  server.send({ method: 'notifications/cancelled', params: { requestId: 1, reason: 'The user stopped it.' } })
  server.send({ id: 2, method: 'tools/list' })
  await server.answer(2)
  server.closeInput()
  expect(await server.exitCode).toBe(0)
  expect(server.errors()).toBe('')
  await app.sandbox('clear', {})
})

it('answers the calls that are pending when its host closes stdin', async () => {
  const server = startServer()
  await server.initialize()
  await slowSearch(500, () => server.send({ id: 1, ...search }))
  server.closeInput()
  expect(await server.exitCode).toBe(0)
  expect(server.find(1)?.result?.content).toBeDefined()
  expect(server.errors()).toBe('')
  await app.sandbox('clear', {})
})

it('ends without the answer to a call that takes too long after its host has closed stdin', async () => {
  const server = startServer()
  await server.initialize()
  await slowSearch(3_600_000, () => server.send({ id: 1, ...search }))
  server.closeInput()
  expect(await server.exitCode).toBe(0)
  expect(server.find(1)).toBeUndefined()
  expect(server.errors()).toBe('')
  await app.sandbox('clear', {})
})

/** A key whose writes need an approval, and one that approves them. */
async function approvalKeys() {
  const secretOf = async (fields: string) => {
    const { data } = await app.graphql(
      `mutation { createApiKey(input: { name: "key", ${fields} }) { ... on CreateApiKeyPayload { secret } } }`,
    )
    return (data['createApiKey'] as { secret: string }).secret
  }
  const agentKey = await secretOf('scopes: [TOOLS_READ, TOOLS_WRITE], requireApprovalFor: WRITES')
  const approverKey = await secretOf('scopes: [TOOLS_APPROVE]')
  return {
    agentKey,
    async waiting() {
      const { data } = await app.graphql('{ pendingApprovals { id } }', {}, approverKey)
      return (data['pendingApprovals'] as { id: string }[]).map(({ id }) => id)
    },
    approve: (id: string | undefined) =>
      app.graphql(
        'mutation ($id: ID!) { approveToolExecution(input: { approvalId: $id }) { __typename } }',
        { id },
        approverKey,
      ),
  }
}

const page = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

/** Creates a comment, and returns the result as text. */
async function write(server: ReturnType<typeof startServer>, id: number, input: object): Promise<string> {
  server.send({ id, method: 'tools/call', params: { name: 'notion_comment_create', arguments: input } })
  return JSON.stringify((await server.answer(id)).result)
}

it('returns the result of a call after its approval, and asks again for the next one', async () => {
  const { agentKey, waiting, approve } = await approvalKeys()
  const server = startServer(undefined, { VALETKEY_API_KEY: agentKey })
  await server.initialize()
  const input = { parent: page, comment: 'Looks good.' }
  expect(await write(server, 1, input)).toContain('approv')
  expect(await write(server, 2, input)).toContain('approv')
  const [approvalId, ...others] = await waiting()
  expect(others).toEqual([])
  await approve(approvalId)
  expect(await write(server, 3, input)).not.toContain('isError')
  expect(await waiting()).toEqual([])
  expect(await write(server, 4, input)).toContain('approv')
  const [next, ...more] = await waiting()
  expect(more).toEqual([])
  await approve(next)
})

it('recognizes an approved call after a restart, and with its input in another order', async () => {
  const { agentKey, waiting, approve } = await approvalKeys()
  const first = startServer(undefined, { VALETKEY_API_KEY: agentKey })
  await first.initialize()
  expect(await write(first, 1, { parent: page, comment: 'Restarted.' })).toContain('approv')
  expect(await write(first, 2, { comment: 'Restarted.', parent: page })).toContain('approv')
  const [approvalId, ...others] = await waiting()
  expect(others).toEqual([])
  first.closeInput()
  expect(await first.exitCode).toBe(0)
  await approve(approvalId)
  const second = startServer(undefined, { VALETKEY_API_KEY: agentKey })
  await second.initialize()
  expect(await write(second, 1, { comment: 'Restarted.', parent: page })).not.toContain('isError')
  expect(await waiting()).toEqual([])
})
