import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { clientOf, type TestClient } from '../support/app.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

let directory: string
let database: TestDatabase
let notion: RunningSandbox
let server: ServerProcess | undefined
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'valetkey-workers-'))
  database = await newPostgresDatabase()
  notion = await startSandbox()
})
afterEach(async () => {
  if (server?.child.exitCode === null) await server.end('SIGKILL')
  await notion.close()
  await database.drop()
  await rm(directory, { recursive: true, force: true })
})

const masterKey = randomBytes(32).toString('base64')

/** Starts two workers, as in production. Resolves when both serve. */
async function startTwoWorkers(env: Record<string, string> = {}): Promise<{ server: ServerProcess; url: string }> {
  server = startServerProcess({
    NODE_ENV: 'production',
    ...databaseEnv(database.location),
    NOTION_API_URL: notion.url,
    VALETKEY_WORKERS: '2',
    LOG_LEVEL: 'debug',
    VALETKEY_DATA_DIR: directory,
    VALETKEY_MASTER_KEY: masterKey,
    ...env,
  })
  return { server, url: await server.ready() }
}

const keyIn = (output: string) => /^ {2}(vk_\S+)$/m.exec(output)?.[1] ?? ''
const count = (output: string, text: string) => output.split(text).length - 1

/** Sends a request on a connection of its own. */
const health = (url: string) => fetch(`${url}/health`, { headers: { connection: 'close' } })

/** The workers whose log has an answered request. */
const answering = (output: string) => [
  ...new Set([...output.matchAll(/"worker":(\d+),.*"msg":"request"/g)].map(([, pid]) => Number(pid))),
]

/** Sends requests at once until both workers have answered. Returns the workers and the number of requests. */
async function untilBothAnswer(server: ServerProcess, url: string) {
  let sent = 0
  const both = async () => {
    await Promise.all(Array.from({ length: 8 }, () => health(url)))
    sent += 8
    return answering(server.output())
  }
  await expect.poll(both, { interval: 20 }).toHaveLength(2)
  return { workers: answering(server.output()), sent }
}

/** The answered requests to /health that /metrics reports. */
async function counted(url: string, key: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })).text()
  return Number(/_seconds_count\{route="\/health",status="200"\} (\d+)/.exec(text)?.[1] ?? 0)
}

/** Connects an account by an import, with tokens of the sandbox. */
async function importAccount(client: TestClient): Promise<void> {
  const { access_token: accessToken, refresh_token: refreshToken } = await notion.connect()
  await client.graphql(
    `mutation ($app: RegisterOAuthAppInput!, $account: ImportConnectedAccountInput!) {
      registerOAuthApp(input: $app) { __typename }
      importConnectedAccount(input: $account) { __typename }
    }`,
    {
      app: { clientId: 'test-client', clientSecret: 'test-secret' },
      account: { identifier: 'u', accessToken, refreshToken },
    },
  )
}

/** Starts a call that lasts for seconds. Returns its result when it runs. */
async function startCall(client: TestClient): Promise<{ readonly result: Promise<{ readonly __typename: string }> }> {
  await notion.control('fault', { kind: 'slow_headers', match: { path: '/v1/pages' }, delayMs: 6_000 })
  const page = { parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', properties: { title: 'Late' } }
  const result = client.executeTool('u', 'notion_page_create', page)
  const statuses = async () => (await client.graphql('{ toolExecutions { nodes { status } } }')).data
  await expect.poll(statuses, { interval: 20 }).toEqual({ toolExecutions: { nodes: [{ status: 'RUNNING' }] } })
  return { result }
}

/** A busy machine takes its time to start workers one after the other. Milliseconds. */
const startsMs = 300_000

it(
  'two workers answer on one port, count together, and are replaced after SIGKILL without loss of a write',
  async () => {
    const { server, url } = await startTwoWorkers({ DATABASE_POOL_SIZE: '500' })
    const { workers, sent } = await untilBothAnswer(server, url)
    expect(await counted(url, keyIn(server.output()))).toBe(sent)
    expect(count(server.output(), 'listens at')).toBe(1)
    expect(count(server.output(), 'shown only once')).toBe(1)
    expect(count(server.output(), 'migrated database')).toBe(1)
    // A pooler limits the connections to the server itself.
    if (inject('poolerUrl') === null) expect(server.output()).toContain('allow 1002 database connections')

    const client = clientOf(url, keyIn(server.output()))
    await importAccount(client)
    const acknowledged: string[] = []
    let isOver = false
    const callers = Array.from({ length: 4 }, async (_, caller) => {
      for (let call = 0; !isOver; call++) {
        const identifier = `user-${caller}-${call}`
        const created = await client
          .graphql(
            `mutation ($identifier: String!) {
            getOrCreateConnectedAccount(input: { identifier: $identifier }) { __typename }
          }`,
            { identifier },
          )
          .catch(() => null)
        if (JSON.stringify(created ?? {}).includes('Payload')) acknowledged.push(identifier)
      }
    })
    const acknowledge = (more: number) => {
      const before = acknowledged.length
      return expect.poll(() => acknowledged.length, { interval: 20 }).toBeGreaterThan(before + more)
    }
    await acknowledge(20)
    process.kill(workers[0] ?? 0, 'SIGKILL')
    await acknowledge(20)
    let answered = sent
    const replaced = async () => {
      const answers = await Promise.allSettled(Array.from({ length: 8 }, () => health(url)))
      answered += answers.filter(({ status }) => status === 'fulfilled').length
      return answering(server.output()).some((worker) => !workers.includes(worker))
    }
    await expect.poll(replaced, { interval: 50 }).toBe(true)
    isOver = true
    await Promise.all(callers)
    expect(count(server.output(), 'worker ended')).toBe(1)
    // Those that the killed worker had answered are still counted.
    expect(await counted(url, keyIn(server.output()))).toBe(answered)

    const found = new Set<string>()
    for (let after: string | null = null; ; ) {
      const { data } = await client.graphql(
        `query ($after: String) {
        connectedAccounts(first: 100, after: $after) { nodes { identifier } pageInfo { hasNextPage endCursor } }
      }`,
        { after },
      )
      const { nodes, pageInfo } = data['connectedAccounts'] as {
        nodes: { identifier: string }[]
        pageInfo: { hasNextPage: boolean; endCursor: string }
      }
      for (const { identifier } of nodes) found.add(identifier)
      if (!pageInfo.hasNextPage) break
      after = pageInfo.endCursor
    }
    expect(acknowledged.filter((identifier) => !found.has(identifier))).toEqual([])

    // A terminal sends its signal to all processes, and the primary sends its own to the workers.
    const { result } = await startCall(client)
    for (const worker of answering(server.output()).slice(1)) process.kill(worker, 'SIGINT')
    const { code } = await server.end('SIGINT')
    expect(await result).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(code).toBe(0)
    expect(count(server.output(), 'worker ended')).toBe(1)
  },
  startsMs,
)

it(
  'workers finish their calls and end when their primary is killed',
  async () => {
    const { server, url } = await startTwoWorkers()
    const client = clientOf(url, keyIn(server.output()))
    await importAccount(client)
    const { workers } = await untilBothAnswer(server, url)
    const { result } = await startCall(client)
    await server.end('SIGKILL')
    expect(await result).toMatchObject({ __typename: 'ExecuteToolPayload' })
    const isAlive = (pid: number) => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    }
    await expect.poll(() => workers.filter(isAlive), { interval: 50 }).toEqual([])
  },
  startsMs,
)

it('workers that cannot start end the primary with one message and exit code 1', async () => {
  server = startServerProcess({
    NODE_ENV: 'development',
    DATABASE_URL: 'postgres://127.0.0.1:1/none',
    VALETKEY_SANDBOX: 'off',
    VALETKEY_WORKERS: '2',
    VALETKEY_DATA_DIR: directory,
  })
  const [code] = await once(server.child, 'exit')
  expect(code).toBe(1)
  expect(count(server.output(), 'cannot be reached')).toBe(1)
  expect(server.output()).not.toMatch(/\n\s+at /)
})
