import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clientOf } from '../support/app.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

let directory: string
const running: ServerProcess[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'valetkey-process-'))
})
afterEach(async () => {
  for (const server of running.splice(0)) if (server.child.exitCode === null) await server.end('SIGKILL')
  await rm(directory, { recursive: true, force: true })
})

const start = (env: Record<string, string> = {}) => {
  const server = startServerProcess({ VALETKEY_DATA_DIR: directory, ...env })
  running.push(server)
  return server
}
const keyIn = (output: string) => /^ {2}(vk_\S+)$/m.exec(output)?.[1] ?? ''
const ask = async (url: string, key: string, query: string) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query }),
  })
  return (await response.json()) as { data?: Record<string, never>; errors?: unknown }
}

describe('a server without configuration', () => {
  it('starts, prints its URL, a key and the next command, and stops with exit code 0', async () => {
    const server = start()
    const url = await server.ready()
    const key = keyIn(server.output())
    expect(server.output()).toContain('curl')
    expect(await ask(url, key, '{ viewer { environment { name } } oauthApp { connectionName sandbox } }')).toEqual({
      data: {
        viewer: { environment: { name: 'default' } },
        oauthApp: { connectionName: 'notion', sandbox: true },
      },
    })
    const { code } = await server.end('SIGTERM')
    expect(code).toBe(0)
  })

  it('prints the key only at the first start; it works after the next start', async () => {
    const first = start()
    await first.ready()
    const key = keyIn(first.output())
    await first.end('SIGTERM')
    const second = start()
    const url = await second.ready()
    expect(keyIn(second.output())).toBe('')
    expect(await ask(url, key, '{ viewer { identifier } }')).toEqual({ data: { viewer: { identifier: null } } })
  })

  it('generates files that only their owner can read', async () => {
    await start().ready()
    expect((await stat(join(directory, 'master.key'))).mode & 0o777).toBe(0o600)
    expect((await readdir(directory)).filter((name) => name.startsWith('master.key'))).toEqual(['master.key'])
  })

  it('refuses a data directory that another process uses, with a message that names the process', async () => {
    const first = start()
    const url = await first.ready()
    const second = start()
    const [code] = await once(second.child, 'exit')
    expect(code).toBe(1)
    expect(second.output()).toContain(`pid ${first.child.pid}`)
    expect(second.output()).not.toMatch(/\n\s+at /)
    expect(await ask(url, keyIn(first.output()), '{ __typename }')).toEqual({ data: { __typename: 'Query' } })
  })

  it.each(['SIGTERM', 'SIGKILL'] as const)('preserves accounts and content of the sandbox after %s', async (signal) => {
    const first = start()
    const before = clientOf(await first.ready(), keyIn(first.output()))
    expect(await before.connect('u')).toBe('ACTIVE')
    const page = {
      parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
      properties: { title: 'Written before the end' },
    }
    expect(await before.executeTool('u', 'notion_page_create', page)).toMatchObject({
      __typename: 'ExecuteToolPayload',
    })
    await first.end(signal)
    const after = clientOf(await start().ready(), before.apiKey)
    const found = await after.executeTool('u', 'notion_data_fetch', { query: 'Written before the end' })
    expect(JSON.stringify(found)).toContain('Written before the end')
  })
})

it('refuses to serve others without a key of its own, and generates none', async () => {
  const server = start({ PUBLIC_URL: 'https://valetkey.example.com', HOST: '0.0.0.0', VALETKEY_SANDBOX: 'off' })
  const [code] = await once(server.child, 'exit')
  expect(code).toBe(1)
  expect(server.output()).toContain('VALETKEY_MASTER_KEY')
  expect(server.output()).toContain('NODE_ENV=development')
  expect(await readdir(directory)).toEqual([])
})

it('serves others in production without NODE_ENV: no GraphiQL, schema, sandbox or pages for development', async () => {
  const apiKey = randomBytes(24).toString('hex')
  const server = start({
    HOST: '0.0.0.0',
    VALETKEY_SANDBOX: 'on',
    VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
    VALETKEY_BOOTSTRAP_API_KEY: apiKey,
  })
  const url = await server.ready()
  expect((await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } })).headers.get('content-type')).not.toMatch(
    /html/,
  )
  expect((await ask(url, apiKey, '{ __schema { queryType { name } } }')).errors).toBeDefined()
  for (const path of ['/sandbox/_control', '/sandbox/_control/log', '/tools', '/connect/confirm', '/']) {
    // The sandbox answers an unknown path as Notion does, with 400.
    expect([400, 404], path).toContain((await fetch(`${url}${path}`, { redirect: 'manual' })).status)
  }
})

it('reports every problem of the configuration, with exit code 1 and no stack trace', async () => {
  const server = start({ PORT: 'many', LOG_LEVEL: 'loud', DATABASE_URL: 'nonsense' })
  const [code] = await once(server.child, 'exit')
  expect(code).toBe(1)
  for (const name of ['PORT', 'LOG_LEVEL', 'DATABASE_URL']) expect(server.output()).toContain(name)
  expect(server.output()).not.toMatch(/\n\s+at /)
})

it('reports a port in use without a stack trace', async () => {
  const first = start()
  const port = new URL(await first.ready()).port
  const other = join(directory, 'other')
  const second = start({ PORT: port, VALETKEY_DATA_DIR: other })
  const [code] = await once(second.child, 'exit')
  expect(code).toBe(1)
  expect(second.output()).toContain(`${port} is in use`)
  expect(second.output()).not.toMatch(/\n\s+at /)
})

it.each([
  ['a host of another machine', { NODE_ENV: 'development', HOST: '192.0.2.1' }, 'Set HOST to'],
  ['a host that does not exist', { NODE_ENV: 'development', HOST: 'nowhere.invalid' }, 'Set HOST to'],
  ['a data directory that is not writable', { VALETKEY_DATA_DIR: '/proc/valetkey' }, 'Set VALETKEY_DATA_DIR to'],
])('reports %s with a message that names the variable', async (_, env, hint) => {
  const server = start(env)
  const [code] = await once(server.child, 'exit')
  expect(code).toBe(1)
  expect(server.output()).toContain(hint)
  expect(server.output()).not.toMatch(/\n\s+at /)
})

it('reports a damaged embedded database without a stack trace', async () => {
  await mkdir(join(directory, 'database'))
  await writeFile(join(directory, 'database', 'PG_VERSION'), 'of no known version')
  const server = start()
  const [code] = await once(server.child, 'exit')
  expect(code).toBe(1)
  expect(server.output()).toContain('cannot be opened')
  expect(server.output()).not.toMatch(/\n\s+at /)
})

it('does not create a database over the files of another whose PG_VERSION is lost', async () => {
  const first = start()
  await first.ready()
  await first.end('SIGTERM')
  await rm(join(directory, 'database', 'PG_VERSION'))
  const second = start()
  const [code] = await once(second.child, 'exit')
  expect(code).toBe(1)
  expect(second.output()).toContain('PG_VERSION is missing')
  expect(second.output()).not.toMatch(/\n\s+at /)
})

it('refuses to start with another master key than the one of the database', async () => {
  const first = start({ VALETKEY_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') })
  await first.ready()
  await first.end('SIGTERM')
  const second = start({ VALETKEY_MASTER_KEY: Buffer.alloc(32, 2).toString('base64') })
  const [code] = await once(second.child, 'exit')
  expect(code).toBe(1)
  expect(second.output()).toContain('VALETKEY_MASTER_KEY')
  expect(second.output()).not.toMatch(/\n\s+at /)
})

it('SIGTERM cuts open subscriptions, so that clients reconnect, and stops the server within 10 s', async () => {
  const server = start()
  const url = await server.ready()
  const key = keyIn(server.output())
  await ask(url, key, 'mutation { getOrCreateConnectedAccount(input: { identifier: "u" }) { __typename } }')
  const stream = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${key}`,
    },
    body: JSON.stringify({ query: 'subscription { connectedAccountStatus(identifier: "u") { status } }' }),
  })
  const text = stream.text().catch((error: unknown) => error)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const { code } = await server.end('SIGTERM')
  expect(await text).toBeInstanceOf(TypeError)
  expect(code).toBe(0)
})

describe('a stop during a call', () => {
  const page = { parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', properties: { title: 'Late' } }
  const row = { database_id: '2561ab6c-418b-8072-beec-c4779fa811cf', properties: { title: 'Late' } }
  const startCall = async (fault: Record<string, unknown>, tool: string, input: Record<string, unknown>) => {
    const server = start()
    const client = clientOf(await server.ready(), keyIn(server.output()))
    await client.connect('u')
    await client.sandbox('fault', { kind: 'slow_headers', ...fault })
    const call = client.executeTool('u', tool, input)
    const statuses = async () => (await client.graphql('{ toolExecutions { nodes { status } } }')).data
    await expect.poll(statuses, { interval: 20 }).toEqual({ toolExecutions: { nodes: [{ status: 'RUNNING' }] } })
    return { server, call }
  }

  it('lets the call finish when the signal is sent twice at once, as by npm and a terminal', async () => {
    const { server, call } = await startCall(
      { match: { path: '/v1/pages' }, delayMs: 4_000 },
      'notion_page_create',
      page,
    )
    server.child.kill('SIGINT')
    const { code } = await server.end('SIGINT')
    expect(await call).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(code).toBe(0)
  })

  it('lets the call finish when it still requires the sandbox of the same server', async () => {
    const fault = { match: { method: 'GET', path: '/v1/databases' }, delayMs: 4_000 }
    const { server, call } = await startCall(fault, 'notion_database_insert_row', row)
    const { code } = await server.end('SIGTERM')
    expect(await call).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(code).toBe(0)
  })

  it('returns OutcomeUnknownError for a write that cannot finish in time, and stops', async () => {
    const { server, call } = await startCall({ match: { path: '/v1/pages' } }, 'notion_page_create', page)
    const { code } = await server.end('SIGTERM')
    expect(await call).toMatchObject({ __typename: 'OutcomeUnknownError' })
    expect(code).toBe(0)
  })
})

it('SIGTERM during the start exits with code 0, and the next start succeeds', async () => {
  const server = start()
  if (server.child.stdout) await once(server.child.stdout, 'data')
  expect(server.output()).toContain('created database')
  expect(server.output()).not.toContain('listens at')
  const { code } = await server.end('SIGTERM')
  expect(code).toBe(0)
  expect(server.output()).not.toMatch(/\n\s+at /)
  await start().ready()
})
