import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { expect } from 'vitest'
import type { PollTiming } from '../../src/event-poller/event-poller.ts'
import { notion } from '../../src/notion/connector.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newPostgresDatabase } from '../support/database.ts'
import { mutate, quickDeliveries } from '../webhooks/support.ts'

/** Polls that follow one another at once. */
export const quickPolls: Partial<PollTiming> = {
  everyMs: 50,
  beginEveryMs: 200,
  intervalMs: 50,
  idleIntervalMs: 50,
  share: 1,
  backoff: { firstMs: 20, maxMs: 100 },
}

/** Nodes on one database, in front of one Notion whose clock the test sets. */
export interface PolledSystem {
  readonly sandbox: RunningSandbox
  readonly client: pg.Client
  readonly env: Record<string, string>
  /** The time of Notion. */
  now: Date
  addNode(options?: { pollTiming?: Partial<PollTiming> | null; inboxTiming?: null }): Promise<TestApp>
  stop(): Promise<void>
}

/** The minute in which tests begin. */
export const minute = new Date('2026-11-20T10:00:00.000Z')

/** A moment this many seconds after {@link minute}. */
export const after = (seconds: number) => new Date(minute.getTime() + seconds * 1_000)

/** Starts a Notion that rounds times to minutes, and no node. */
export async function startPolled(): Promise<PolledSystem> {
  const database = await newPostgresDatabase()
  const url = database.location.kind === 'server' ? database.location.url : ''
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const nodes: TestApp[] = []
  let now = after(20)
  const sandbox = await startSandbox({ clock: () => now, rateLimitPerMinute: 1_000_000 })
  await sandbox.control('mode', { wholeMinutes: true })
  const env = {
    DATABASE_URL: url,
    VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
    VALETKEY_SANDBOX: 'off',
    NOTION_API_URL: sandbox.url,
  }
  return {
    sandbox,
    client,
    env,
    get now() {
      return now
    },
    set now(time) {
      now = time
    },
    async addNode({ pollTiming = quickPolls, ...options } = {}) {
      const node = await startApp({
        env,
        deliveryTiming: quickDeliveries,
        inboxTiming: { everyMs: 50, backoff: { firstMs: 20, maxMs: 50 } },
        connectors: [{ ...notion, sandbox: null, rate: { requests: 1_000_000, perMs: 60_000 } }],
        pollTiming,
        ...options,
      })
      nodes.push(node)
      return node
    },
    async stop() {
      for (const node of nodes) await node.stop()
      await client.end()
      await sandbox.close()
      await database.drop()
    },
  }
}

/** Registers an OAuth app that uses the sandbox. */
export async function registerApp(app: TestApp, connectionName = 'notion', credential?: string): Promise<void> {
  const registered = await mutate(
    app,
    'registerOAuthApp',
    {
      connectionName,
      clientId: `client-of-${connectionName}`,
      clientSecret: 'a-secret',
      confirmationUrl: 'http://localhost:9/confirm',
    },
    'oauthApp { id }',
    credential,
  )
  expect(registered['message']).toBeUndefined()
}

/** Waits until this many more polls of the grant of an account were completed. */
export async function polled({ client }: Pick<PolledSystem, 'client'>, identifier = 'owner', polls = 2): Promise<void> {
  const find = async () => {
    const { rows } = await client.query(
      `select passed_at from event_polls poll join connected_accounts account using (environment_id, grant_id)
       where identifier = $1 order by passed_at desc nulls last limit 1`,
      [identifier],
    )
    return rows[0]?.passed_at?.getTime() ?? 0
  }
  for (let count = 0, last = await find(); count < polls; count++) {
    await expect.poll(find).toBeGreaterThan(last)
    last = await find()
  }
}

/** Lets the minutes of all edits that were found be over. */
export const settle = ({ client }: Pick<PolledSystem, 'client'>) =>
  client.query(`update provider_events set next_attempt_at = now() where state = 'POLLED'`)

/** An event in the inbox, with the accounts that it was for. */
export interface InboxEvent {
  readonly type: string
  readonly objectId: string
  readonly at: string
  readonly state: string
  readonly accounts: readonly string[]
}

/** Reads the polled events of an object in the order of their times; without one, all. */
export async function inboxOf({ client }: Pick<PolledSystem, 'client'>, objectId?: string): Promise<InboxEvent[]> {
  const { rows } = await client.query(
    `select event_type as type, facts->'entity'->>'id' as "objectId", occurred_at as at, state,
       array (select identifier from connected_accounts where id = any (account_ids) order by identifier) as accounts
     from provider_events where grant_id is not null and ($1::text is null or facts->'entity'->>'id' = $1)
     order by occurred_at, event_type, accounts`,
    [objectId ?? null],
  )
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}
