import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const pooler = async (settings: Parameters<typeof startPgBouncer>[1] = {}): Promise<PgBouncer> => {
  const started = await startPgBouncer(inject('postgresUrl'), settings)
  closers.push(() => started.stop())
  return started
}

const urlOf = ({ location }: TestDatabase) => location.directUrl ?? location.url

const start = async (url: string, directUrl: string | null, env: Record<string, string> = {}): Promise<TestApp> => {
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-pooler-'))
  closers.push(() => rm(directory, { recursive: true, force: true }))
  const app = await startApp({
    directory,
    env: {
      DATABASE_URL: url,
      ...(directUrl !== null && { DATABASE_DIRECT_URL: directUrl }),
      VALETKEY_SANDBOX: 'off',
      VALETKEY_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
      ...env,
    },
  })
  closers.push(() => app.stop())
  return app
}

describe.skipIf(!hasPgBouncer)('a start with a connection pooler', () => {
  let database: TestDatabase
  let direct: string
  beforeAll(async () => {
    database = await newPostgresDatabase()
    direct = urlOf(database)
  })
  afterAll(() => database.drop())

  const ignored = { ignore_startup_parameters: 'statement_timeout,idle_in_transaction_session_timeout' }

  it.each([
    ['as it comes', {}, 1],
    ['that ignores settings', ignored, 1],
    ['that ignores settings and uses its connections in turn', { ...ignored, server_round_robin: 1 }, 5],
    ['with a single connection to the server', { ...ignored, default_pool_size: 1 }, 1],
    ['in statement mode', { ...ignored, pool_mode: 'statement' }, 1],
  ])('in transaction mode %s is refused with the setting to add', async (_how, settings, opened) => {
    const through = (await pooler(settings)).through(direct)
    // As many connections to the server as there are at once.
    const others = await openDatabase(
      { kind: 'server', url: through, directUrl: direct, maxConnections: opened },
      () => {},
    )
    await Promise.all(Array.from({ length: opened }, () => sql`select pg_sleep(0.05)`.execute(others.db)))
    await others.close()
    await expect(start(through, null)).rejects.toThrow(
      /^DATABASE_URL leads to a connection pooler .*Set DATABASE_DIRECT_URL to a URL of the same database/,
    )
  })

  it('is refused when the direct URL leads through the pooler as well', async () => {
    const through = (await pooler()).through(direct)
    await expect(start(through, through)).rejects.toThrow(
      /^DATABASE_DIRECT_URL leads to a connection pooler in transaction mode.* It must lead to the server itself/,
    )
  })

  it('is refused when both URLs lead to different databases of one server', async () => {
    const other = await newPostgresDatabase()
    closers.push(() => other.drop())
    await expect(start((await pooler()).through(direct), urlOf(other))).rejects.toThrow(
      'DATABASE_DIRECT_URL and DATABASE_URL lead to different databases',
    )
  })

  it('is refused with the name of the URL that does not answer', async () => {
    const nowhere = 'postgres://postgres@127.0.0.1:9/none'
    await expect(start((await pooler()).through(direct), nowhere)).rejects.toThrow(
      /^The database at DATABASE_DIRECT_URL cannot be reached/,
    )
    await expect(start(nowhere, direct)).rejects.toThrow(/^The database at DATABASE_URL cannot be reached/)
  })

  it('is refused in statement mode, in which there are no transactions', async () => {
    const { through } = await pooler({ pool_mode: 'statement' })
    await expect(start(through(direct), direct)).rejects.toThrow(
      /^A transaction at DATABASE_URL failed .* set its mode to transaction or session\.$/,
    )
  })

  it('names an option in the URL that the pooler refuses', async () => {
    const url = `${(await pooler()).through(direct)}?options=-c%20search_path%3Dpublic`
    await expect(start(url, direct)).rejects.toThrow(/unsupported startup parameter.*Remove the options from the URL/)
  })

  it('works in session mode without a direct URL', async () => {
    const { through } = await pooler({ ...ignored, pool_mode: 'session', default_pool_size: 50 })
    const app = await start(through(direct), null)
    expect((await app.graphql('{ viewer { scopes } }')).errors).toBeUndefined()
  })
})

describe.skipIf(!hasPgBouncer)('two nodes behind a pooler in transaction mode', () => {
  let database: TestDatabase
  let sandbox: RunningSandbox
  beforeAll(async () => {
    sandbox = await startSandbox()
  })
  afterAll(() => sandbox.close())

  const startNodes = async () => {
    database = await newPostgresDatabase()
    closers.push(database.drop)
    const direct = urlOf(database)
    // More connections to the pooler than to the server, so that they share its sessions.
    const through = (await pooler({ default_pool_size: 3 })).through(direct)
    const env = { NOTION_API_URL: sandbox.url, DATABASE_POOL_SIZE: '8' }
    const nodes = [await start(through, direct, env), await start(through, direct, env)] as const
    const { access_token: accessToken, refresh_token: refreshToken } = await sandbox.connect()
    const imported = await nodes[0].graphql(
      `mutation ($app: RegisterOAuthAppInput!, $account: ImportConnectedAccountInput!) {
        registerOAuthApp(input: $app) { __typename }
        importConnectedAccount(input: $account) { __typename }
      }`,
      {
        app: { clientId: 'test-client', clientSecret: 'test-secret' },
        account: { identifier: 'u', accessToken, refreshToken },
      },
    )
    expect(imported.data['importConnectedAccount']).toEqual({ __typename: 'ImportConnectedAccountPayload' })
    return { nodes, through, direct }
  }

  it('run calls at the same time, and prepare no statement in sessions that others use', async () => {
    const { nodes, through, direct } = await startNodes()
    const read = (at: number) => nodes[at % 2 === 0 ? 0 : 1].executeTool('u', 'notion_user_self', {})
    for (let round = 0; round < 5; round++) {
      const results = await Promise.all(Array.from({ length: 12 }, (_, at) => read(at)))
      expect(new Set(results.map(({ __typename }) => __typename))).toEqual(new Set(['ExecuteToolPayload']))
    }
    const pooled = await openDatabase({ kind: 'server', url: through, directUrl: direct, maxConnections: 3 }, () => {})
    closers.push(() => pooled.close())
    const prepared = () =>
      sql<{ name: string }>`select name, pg_sleep(0.02) from pg_prepared_statements`.execute(pooled.db)
    for (const { rows } of await Promise.all([prepared(), prepared(), prepared()])) expect(rows).toEqual([])
  })

  it('hear each other: a subscription at one receives what the other changes', async () => {
    const { nodes } = await startNodes()
    const over = new AbortController()
    const statuses: unknown[] = []
    const listening = (async () => {
      const events = nodes[1].subscribe(
        'subscription { connectedAccountStatus(identifier: "u") { status } }',
        {},
        { signal: over.signal },
      )
      for await (const { connectedAccountStatus } of events) statuses.push(connectedAccountStatus)
    })().catch(() => {})
    await expect.poll(() => statuses).toEqual([{ status: 'ACTIVE' }])
    // The other node holds the account in memory.
    expect(await nodes[1].executeTool('u', 'notion_user_self', {})).toMatchObject({ __typename: 'ExecuteToolPayload' })
    await nodes[0].graphql('mutation { disconnectConnectedAccount(input: { identifier: "u" }) { __typename } }')
    await expect.poll(() => statuses).toEqual([{ status: 'ACTIVE' }, { status: 'DISCONNECTED' }])
    const call = async () => (await nodes[1].executeTool('u', 'notion_user_self', {})).__typename
    await expect.poll(call).toBe('AccountNotActiveError')
    over.abort()
    await listening
  })

  it('do not count each other as gone: a write that runs at one is waited for at the other', async () => {
    const { nodes, direct } = await startNodes()
    await sandbox.control('fault', { kind: 'slow_headers', match: { path: '/v1/pages' }, delayMs: 6_000 })
    const page = { parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', properties: { title: 'Late' } }
    const write = (at: 0 | 1) => nodes[at].executeTool('u', 'notion_page_create', page, { idempotencyKey: 'once' })
    const first = write(0)
    const statuses = async () => (await nodes[1].graphql('{ toolExecutions { nodes { status } } }')).data
    await expect.poll(statuses, { interval: 20 }).toEqual({ toolExecutions: { nodes: [{ status: 'RUNNING' }] } })
    const plain = await openDatabase({ kind: 'server', url: direct, maxConnections: 1 }, () => {})
    closers.push(() => plain.close())
    const { rows } = await sql<{ gone: boolean }>`
      select is_node_gone(node_id) as gone from tool_executions where node_id is not null
    `.execute(plain.db)
    expect(rows).toEqual([{ gone: false }])
    const [one, two] = await Promise.all([first, write(1)])
    expect(one).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(two['data']).toEqual(one['data'])
  })

  it('end a statement that runs for too long within a transaction', async () => {
    database = await newPostgresDatabase()
    closers.push(database.drop)
    const direct = urlOf(database)
    const { through } = await pooler()
    const pooled = await openDatabase(
      { kind: 'server', url: through(direct), directUrl: direct, maxConnections: 1 },
      () => {},
    )
    closers.push(() => pooled.close())
    const settings = await pooled.db.transaction().execute(async (trx) => {
      const { rows } = await sql`select current_setting('statement_timeout') as statement,
        current_setting('idle_in_transaction_session_timeout') as idle`.execute(trx)
      return rows
    })
    expect(settings).toEqual([{ statement: '30s', idle: '30s' }])
    const { rows } = await sql`select current_setting('statement_timeout') as statement`.execute(pooled.db)
    expect(rows).toEqual([{ statement: '0' }])
  })
})
