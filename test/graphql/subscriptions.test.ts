import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { hasRedis, type RedisServer, startRedisServer } from '../support/redis-server.ts'

const watch = 'subscription ($i: String!) { connectedAccountStatus(identifier: $i) { status } }'
const create = 'mutation ($i: String!) { getOrCreateConnectedAccount(input: { identifier: $i }) { __typename } }'

/** Two nodes on one Postgres, each with a sandbox of its own. */
let nodes: [TestApp, TestApp]
let database: TestDatabase
let directory: string
let redis: RedisServer | null
async function start(transport: string): Promise<void> {
  database = await newPostgresDatabase()
  redis = transport === 'Redis' ? await startRedisServer() : null
  directory = await mkdtemp(join(tmpdir(), 'valetkey-nodes-'))
  const env = {
    ...databaseEnv(database.location),
    VALETKEY_MASTER_KEY: Buffer.alloc(32, 3).toString('base64'),
    ...(redis && { REDIS_URL: redis.url }),
  }
  const one = await startApp({ directory: join(directory, 'one'), env })
  nodes = [one, await startApp({ directory: join(directory, 'two'), env })]
}

async function stop(): Promise<void> {
  for (const node of nodes) await node.stop()
  await redis?.kill()
  await database.drop()
  await rm(directory, { recursive: true, force: true })
}

/** Collects what a subscription emits, until it ends; `ended` rejects with the error of its end. */
function collect(node: TestApp, document: string, variables: Record<string, unknown>, credential?: string) {
  const seen: Record<string, unknown>[] = []
  const ended = (async () => {
    for await (const data of node.subscribe(document, variables, credential ? { credential } : {})) seen.push(data)
  })()
  // The end of the node cuts it.
  ended.catch(() => {})
  return { seen, ended }
}

const statusesOf = (seen: readonly Record<string, unknown>[]) =>
  seen.map((data) => (data['connectedAccountStatus'] as { status: string }).status)

const newKey = async (scopes: readonly string[]) => {
  const answer = await nodes[0].graphql(
    `mutation ($s: [Scope!]!) {
      createApiKey(input: { name: "short-lived", scopes: $s }) { ... on CreateApiKeyPayload { secret apiKey { id } } }
    }`,
    { s: scopes },
  )
  return answer.data['createApiKey'] as { secret: string; apiKey: { id: string } }
}

/** Notifies every node of the account's creation once more, as a delayed notification does. */
async function announceAgain(identifier: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.location.url })
  await client.connect()
  await client.query(
    `select pg_notify('valetkey_account_events', json_build_object('node', 'another', 'events', json_build_array(
       json_build_object('environmentId', environment_id, 'accountId', account_id, 'transitionId', id)))::text)
     from status_transitions
     where account_id = (select id from connected_accounts where identifier = $1)`,
    [identifier],
  )
  await client.end()
}

describe.each(['Postgres', ...(hasRedis ? ['Redis'] : [])])('a subscription, with events over %s,', (transport) => {
  beforeAll(() => start(transport))
  afterAll(() => stop())

  it('emits changes that another node made', async () => {
    const [here, there] = nodes
    await here.graphql(create, { i: 'far' })
    const { seen } = collect(there, watch, { i: 'far' })
    await expect.poll(() => statusesOf(seen)).toEqual(['PENDING'])
    await here.connect('far')
    await expect.poll(() => statusesOf(seen)).toEqual(['PENDING', 'PENDING_CONFIRMATION', 'ACTIVE'])
  })

  it('emits a state once, even if several events report it', async () => {
    await nodes[0].graphql(create, { i: 'once' })
    const { seen } = collect(nodes[1], watch, { i: 'once' })
    await expect.poll(() => statusesOf(seen)).toEqual(['PENDING'])
    await announceAgain('once')
    await nodes[0].connect('once')
    await expect.poll(() => statusesOf(seen).at(-1)).toBe('ACTIVE')
    expect(statusesOf(seen)).toEqual(['PENDING', 'PENDING_CONFIRMATION', 'ACTIVE'])
  })

  it('of all changes emits each change once, with its account', async () => {
    const { seen } = collect(
      nodes[1],
      `subscription {
        connectedAccountStatusChanges(filter: { identifier: "all" }) { from to reason connectedAccount { identifier status } }
      }`,
      {},
    )
    await new Promise((resolve) => setTimeout(resolve, 500))
    await nodes[0].connect('all')
    await nodes[0].connect('another user')
    await expect.poll(() => seen.length).toBe(3)
    expect(seen.map((data) => data['connectedAccountStatusChanges'])).toMatchObject([
      { from: null, to: 'PENDING', connectedAccount: { identifier: 'all' } },
      { from: 'PENDING', to: 'PENDING_CONFIRMATION' },
      { from: 'PENDING_CONFIRMATION', to: 'ACTIVE', reason: 'AUTHORIZED', connectedAccount: { status: 'ACTIVE' } },
    ])
  })

  it('ends on every node when its API key is revoked, without another event', async () => {
    await nodes[0].graphql(create, { i: 'revoked' })
    const { secret, apiKey } = await newKey(['ACCOUNTS_READ', 'USER_SESSIONS_CREATE'])
    const made = await nodes[0].graphql(
      'mutation { createUserSession(input: { identifier: "revoked" }) { ... on CreateUserSessionPayload { token } } }',
      {},
      secret,
    )
    const { token } = made.data['createUserSession'] as { token: string }
    // Without a common PUBLIC_URL each of these nodes takes its own sessions alone.
    const streams = [
      collect(nodes[0], watch, { i: 'revoked' }, secret),
      collect(nodes[0], watch, { i: 'revoked' }, token),
      collect(nodes[1], watch, { i: 'revoked' }, secret),
    ]
    await expect.poll(() => streams.map(({ seen }) => seen.length)).toEqual([1, 1, 1])
    await nodes[1].graphql(`mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }`, { id: apiKey.id })
    for (const { ended } of streams) await expect(ended).rejects.toThrow('was revoked')
    await nodes[0].connect('revoked')
    for (const { seen } of streams) expect(statusesOf(seen)).toEqual(['PENDING'])
  })

  it('is refused when the user session has the maximum number open', async () => {
    await nodes[0].graphql(create, { i: 'many' })
    const made = await nodes[0].graphql(
      'mutation { createUserSession(input: { identifier: "many" }) { ... on CreateUserSessionPayload { token } } }',
    )
    const { token } = made.data['createUserSession'] as { token: string }
    const leaving = new AbortController()
    const open = async () => {
      for await (const data of nodes[0].subscribe(
        watch,
        { i: 'many' },
        { credential: token, signal: leaving.signal },
      )) {
        seen.push(data)
      }
    }
    const seen: unknown[] = []
    const streams = Array.from({ length: 20 }, () => open().catch(() => {}))
    await expect.poll(() => seen.length).toBe(20)
    await expect(open()).rejects.toThrow('Too many subscriptions')
    leaving.abort()
    await Promise.all(streams)
    await expect
      .poll(async () => {
        const { done } = await nodes[0]
          .subscribe(watch, { i: 'many' }, { credential: token })
          .next()
          .catch(() => ({ done: true }))
        return done
      })
      .toBe(false)
  })

  it('ends when its user session expires', async () => {
    await nodes[0].graphql(create, { i: 'session' })
    const made = await nodes[0].graphql(
      `mutation {
        createUserSession(input: { identifier: "session", expiresInSeconds: 2 }) { ... on CreateUserSessionPayload { token } }
      }`,
    )
    const { token } = made.data['createUserSession'] as { token: string }
    const { seen, ended } = collect(nodes[0], watch, { i: 'session' }, token)
    await expect(ended).rejects.toThrow('The user session has expired.')
    expect(statusesOf(seen)).toEqual(['PENDING'])
  })

  it('ends when its account is deleted', async () => {
    await nodes[0].graphql(create, { i: 'deleted' })
    const { seen, ended } = collect(nodes[1], watch, { i: 'deleted' })
    await expect.poll(() => seen.length).toBe(1)
    await nodes[0].graphql(
      'mutation ($i: String!) { deleteConnectedAccount(input: { identifier: $i }) { __typename } }',
      { i: 'deleted' },
    )
    await expect(ended).rejects.toThrow('The account was deleted.')
  })

  it('is refused for an account that does not exist, with the operation that creates it', async () => {
    await expect(collect(nodes[0], watch, { i: 'unknown-user' }).ended).rejects.toThrow('getOrCreateConnectedAccount')
  })

  it('is refused for another identifier than that of the user session', async () => {
    await nodes[0].graphql(create, { i: 'user-1' })
    const made = await nodes[0].graphql(
      'mutation { createUserSession(input: { identifier: "me" }) { ... on CreateUserSessionPayload { token } } }',
    )
    const { token } = made.data['createUserSession'] as { token: string }
    await expect(collect(nodes[0], watch, { i: 'user-1' }, token).ended).rejects.toThrow('its own identifier')
  })
})
