import { randomUUID } from 'node:crypto'
import type { ExecutionResult } from 'graphql'
import { parse, subscribe } from 'graphql'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { AccountStatus } from '../../src/accounts/status.ts'
import { changeStatus, createTransitionLoader } from '../../src/accounts/status-transitions.ts'
import { systemActor } from '../../src/audit/audit-log.ts'
import { createIndexLoader } from '../../src/content-index/index-status.ts'
import { watchChangedRows } from '../../src/db/changed-rows.ts'
import { type Database, type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { databaseNow } from '../../src/db/time.ts'
import { boundApiKey, boundApiKeyColumns } from '../../src/environments/bound-api-key.ts'
import { notNarrowed } from '../../src/environments/narrowing.ts'
import { noToolPolicy } from '../../src/environments/tool-policy.ts'
import { allScopes, sessionScopes, type Viewer } from '../../src/environments/viewer.ts'
import { type AccountEvents, openAccountEvents } from '../../src/events/status-events.ts'
import type { GraphQLContext } from '../../src/graphql/context.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { createAccountWatch } from '../../src/graphql/watch.ts'
import { createLog } from '../../src/log.ts'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import { bindingKey, bindRows } from '../support/bindings.ts'
import { testConnector } from '../support/connector.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { notesTools } from '../tools/notes-tools.ts'

const schema = buildSchema([testConnector(notesTools)], createToolCatalogue(notesTools))
const log = createLog('silent')
const accountsPerEnvironment = 100

/** The node that has the streams, and the one that changes accounts. */
let node: Database
let other: Database
let events: AccountEvents
let otherEvents: AccountEvents
let home: TestDatabase
let here: Tenant
let elsewhere: Tenant
beforeAll(async () => {
  home = await newPostgresDatabase()
  node = await openDatabase(home.location, () => {})
  other = await openDatabase(home.location, () => {})
  await migrate(node.db)
  otherEvents = await openAccountEvents(other, () => {})
})
afterAll(async () => {
  await otherEvents.close()
  await node.close()
  await other.close()
  await home.drop()
})

/** An environment with `accountsPerEnvironment` accounts, and the viewer of its API key. */
interface Tenant {
  readonly environmentId: string
  /** By identifier. */
  readonly accounts: ReadonlyMap<string, string>
  readonly viewer: Viewer
}

async function newTenant(): Promise<Tenant> {
  const name = randomUUID()
  const { rows } = await sql<{ environment_id: string; id: string; identifier: string }>`
    with environment as (insert into environments (name) values (${name}) returning id),
    app as (
      insert into oauth_apps (environment_id, connection_name, connector, client_id, client_secret, capabilities, return_urls, sandbox)
      select id, 'notion', 'notion', 'client', 'sealed', '{}', '{}', false from environment returning id, environment_id
    )
    insert into connected_accounts (environment_id, oauth_app_id, identifier)
    select environment_id, id, 'user-' || number from app, generate_series(1, ${accountsPerEnvironment}::int) as number
    returning environment_id, id, identifier`.execute(other.db)
  const environmentId = rows[0]?.environment_id ?? ''
  return {
    environmentId,
    accounts: new Map(rows.map(({ identifier, id }) => [identifier, id])),
    viewer: await newKey(environmentId),
  }
}

async function newKey(environmentId: string, expiresInSeconds: number | null = null): Promise<Viewer> {
  const { id, expires_at } = await other.db
    .insertInto('api_keys')
    .values({
      environment_id: environmentId,
      name: 'key',
      prefix: 'vk_',
      secret_hmac: randomUUID(),
      scopes: ['ADMIN'],
      expires_at: sql`clock_timestamp() + make_interval(secs => ${expiresInSeconds}::float8)`,
    })
    .returning(['id', 'expires_at'])
    .executeTakeFirstOrThrow()
  await bindRows(other.db)
  return {
    environmentId,
    environmentName: '',
    scopes: allScopes,
    identifier: null,
    narrowing: notNarrowed,
    toolPolicy: noToolPolicy,
    credential: { kind: 'api_key', id, apiKeyId: id, expiresAt: expires_at },
  }
}

/** The viewer of a user session that the tenant's key created. */
const session = ({ viewer }: Tenant, identifier: string, expiresAt: Date): Viewer => ({
  ...viewer,
  scopes: sessionScopes,
  identifier,
  credential: { ...viewer.credential, kind: 'user_session', id: randomUUID(), expiresAt },
})

let watching: Watching
beforeEach(async () => {
  here = await newTenant()
  elsewhere = await newTenant()
  // A busy machine may delay heartbeats by more than a second.
  watching = await startWatching(3_600_000)
})
afterEach(() => watching.close())

type Watching = Awaited<ReturnType<typeof startWatching>>

/** Subscriptions of the node, and how many statements it runs for them. */
async function startWatching(knownWithinMs: number, recheckMs = 3_600_000) {
  let statements = 0
  let beforeResult: (statement: number) => Promise<void> = async () => {}
  const db: Db = node.db.withPlugin({
    transformQuery: ({ node: query }) => {
      statements += 1
      return query
    },
    transformResult: async ({ result }) => {
      await beforeResult(statements)
      return result
    },
  })
  events = await openAccountEvents(node, () => {})
  const changedRows = await watchChangedRows(node, knownWithinMs)
  if (knownWithinMs > 0) await expect.poll(() => changedRows.areKnown()).toBe(true)
  const stopping = new AbortController()
  const watch = createAccountWatch(
    { db, events, log, bindingKey },
    { changedRows, indexes: createIndexLoader(db), stopping: stopping.signal, recheckMs },
  )
  const context: Partial<GraphQLContext> = {
    watch,
    transitions: createTransitionLoader(db),
    indexes: createIndexLoader(db),
  }
  const open = (viewer: Viewer, document: string, variableValues: Record<string, unknown>) => {
    const stream: Stream = { seen: [], error: null, ended: false }
    void (async () => {
      const results = await subscribe({
        schema,
        document: parse(document),
        variableValues,
        contextValue: { ...context, loaders: new Map(), accounts: { db }, viewer },
      })
      if (!(Symbol.asyncIterator in results)) throw results.errors?.[0]
      for await (const { data, errors } of results as AsyncIterable<ExecutionResult>) {
        stream.seen.push(errors?.[0] ?? Object.values(data ?? {})[0])
      }
    })()
      .catch((error: unknown) => {
        stream.error = error
      })
      .finally(() => {
        stream.ended = true
      })
    return stream
  }
  return {
    changedRows,
    /** Calls `act` with the number of each statement that was run, before its result is used. */
    beforeEachResult(act: typeof beforeResult) {
      beforeResult = act
    },
    /** Statements since the last call. */
    statements() {
      const count = statements
      statements = 0
      return count
    },
    account: (identifier: string, viewer = here.viewer, fields = 'status') =>
      open(viewer, `subscription ($i: String!) { connectedAccountStatus(identifier: $i) { ${fields} } }`, {
        i: identifier,
      }),
    changes: (viewer = here.viewer, filter = {}) =>
      open(
        viewer,
        `subscription ($filter: ConnectedAccountFilter) {
          connectedAccountStatusChanges(filter: $filter) {
            to connectedAccount { identifier status workspace { name } transitions(first: 1) { nodes { to } } }
          }
        }`,
        { filter },
      ),
    async close() {
      stopping.abort()
      await changedRows.close()
      await events.close()
    },
  }
}

/** What a subscription emitted, and how it ended. */
interface Stream {
  readonly seen: unknown[]
  error: unknown
  ended: boolean
}

/** Changes an account on the other node. With `lost`, the node with the streams is not notified. */
async function change(tenant: Tenant, identifier: string, to: AccountStatus, { lost = false } = {}): Promise<void> {
  const event = await other.db.transaction().execute((trx) =>
    changeStatus(trx, {
      environmentId: tenant.environmentId,
      accountId: tenant.accounts.get(identifier) ?? '',
      to,
      reason: 'REVOKED_AT_PROVIDER',
      actor: systemActor,
    }),
  )
  if (event !== null && !lost) otherEvents.publish([event])
}

/** Resolves when every stream has emitted this many times. */
const emitted = (streams: readonly Stream[], times: number) =>
  expect.poll(() => [...new Set(streams.map(({ seen }) => seen.length))]).toEqual([times])

/** Resolves when the node knows every change that was committed before the call. */
async function settled(): Promise<void> {
  const probe = randomUUID()
  const received = new Promise<void>((resolve) =>
    watching.changedRows.subscribe((id) => id === probe && setImmediate(resolve)),
  )
  await sql`select pg_notify('valetkey_changed_rows', ${probe})`.execute(other.db)
  await received
}

/** Has a key expire in 200 ms, as if the server had created it with that expiry. */
async function expireSoon(keyId: string): Promise<void> {
  const keys = other.db.selectFrom('api_keys').select(boundApiKeyColumns)
  const row = await keys.where('id', '=', keyId).executeTakeFirstOrThrow()
  const expires = new Date((await databaseNow(other.db)).getTime() + 200)
  const { expires_at, binding } = boundApiKey(bindingKey, { ...row, expires_at: expires })
  await other.db.updateTable('api_keys').set({ expires_at, binding }).where('id', '=', keyId).execute()
}

/** Revokes a key without its trigger, as when the notification was lost. */
const revokeUnnoticed = ({ credential }: Viewer) =>
  other.db.connection().execute(async (connection) => {
    await sql`set session_replication_role = replica`.execute(connection)
    await sql`update api_keys set revoked_at = clock_timestamp() where id = ${credential.id}`.execute(connection)
    await sql`set session_replication_role = origin`.execute(connection)
  })

const pending = { status: 'PENDING' }
const revoked = { status: 'REVOKED' }

describe('two hundred streams', () => {
  let streams: Stream[]
  beforeEach(async () => {
    streams = [here, elsewhere].flatMap((tenant) =>
      [...tenant.accounts.keys()].map((identifier) => watching.account(identifier, tenant.viewer)),
    )
    await emitted(streams, 1)
    watching.statements()
  })

  it('cost nothing for changes of accounts that none is of, and one statement for a change of one', async () => {
    const third = await newTenant()
    for (const identifier of third.accounts.keys()) await change(third, identifier, 'REVOKED')
    await change(here, 'user-1', 'REVOKED')
    await emitted(streams.slice(0, 1), 2)
    expect(watching.statements()).toBe(1)
    expect(streams.flatMap(({ seen }) => seen.slice(1))).toEqual([revoked])
  })

  it('emit what changed while notifications were lost, with few statements', async () => {
    await change(here, 'user-1', 'REVOKED', { lost: true })
    await change(elsewhere, 'user-2', 'REVOKED', { lost: true })
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'valetkey events' and datname = current_database()`.execute(other.db)
    await expect.poll(() => streams.flatMap(({ seen }) => seen.slice(1))).toEqual([revoked, revoked])
    expect(watching.statements()).toBeLessThan(15)
  })
})

it('fifty streams of one account and fifty of all changes cost one statement for all and one for a list', async () => {
  const ofAccount = [
    ...Array.from({ length: 25 }, () => watching.account('user-1')),
    ...Array.from({ length: 25 }, () =>
      watching.account('user-1', here.viewer, 'status nextAction workspace { name }'),
    ),
  ]
  const ofChanges = Array.from({ length: 50 }, () => watching.changes())
  await emitted(ofAccount, 1)
  await change(here, 'user-2', 'REVOKED')
  await emitted(ofChanges, 1)
  watching.statements()
  await change(here, 'user-1', 'REVOKED')
  await emitted(ofAccount, 2)
  await emitted(ofChanges, 2)
  expect(watching.statements()).toBe(2)
  const list = { nodes: [{ to: 'REVOKED' }] }
  expect(ofChanges[49]?.seen[1]).toEqual({
    to: 'REVOKED',
    connectedAccount: { identifier: 'user-1', ...revoked, workspace: null, transitions: list },
  })
})

it('streams with the index of an account cost two statements more for all of them, and emit no state twice', async () => {
  const fields = 'status ... on ConnectedAccount { contentIndex { status } }'
  const streams = Array.from({ length: 50 }, () => watching.account('user-1', here.viewer, fields))
  await emitted(streams, 1)
  watching.statements()
  const accountId = here.accounts.get('user-1') ?? ''
  otherEvents.publish([{ environmentId: here.environmentId, accountId, transitionId: null }])
  // The account and the index.
  let statements = 0
  await expect.poll(() => (statements += watching.statements())).toBe(2)
  await change(here, 'user-1', 'REVOKED')
  await emitted(streams, 2)
  // These again, and the index in the result.
  expect(watching.statements()).toBe(3)
  for (const { seen } of streams)
    expect(seen).toEqual([pending, revoked].map((one) => ({ ...one, contentIndex: null })))
})

it('a stream emits a change that is committed while its account is read for the first time', async () => {
  watching.statements()
  watching.beforeEachResult(async (statement) => {
    // The first one checks the credential.
    if (statement !== 2) return
    await change(here, 'user-1', 'REVOKED')
    await settled()
  })
  const stream = watching.account('user-1')
  await expect.poll(() => stream.seen).toEqual([pending, revoked])
})

it('a stream of all changes emits those that match its filter, and none of another environment', async () => {
  const all = watching.changes()
  const some = watching.changes(here.viewer, { identifier: 'user-2', status: ['REVOKED'] })
  const others = watching.changes(elsewhere.viewer)
  await settled()
  await change(here, 'user-1', 'REVOKED')
  await change(here, 'user-2', 'DISCONNECTED')
  await change(here, 'user-2', 'REVOKED')
  // An event with an account of another environment, as no node sends it.
  otherEvents.publish([
    { environmentId: elsewhere.environmentId, accountId: here.accounts.get('user-1') ?? '', transitionId: null },
  ])
  await change(elsewhere, 'user-1', 'REVOKED')
  await emitted([others, some], 1)
  await emitted([all], 3)
  expect(some.seen).toMatchObject([{ to: 'REVOKED', connectedAccount: { identifier: 'user-2' } }])
  expect(others.seen).toMatchObject([{ to: 'REVOKED', connectedAccount: { identifier: 'user-1' } }])
})

it('the deletion of an account ends its streams and no others', async () => {
  const deleted = [watching.account('user-1'), watching.account('user-1')]
  const remaining = watching.account('user-2')
  await emitted([...deleted, remaining], 1)
  const accountId = here.accounts.get('user-1') ?? ''
  await other.db.deleteFrom('connected_accounts').where('id', '=', accountId).execute()
  otherEvents.publish([{ environmentId: here.environmentId, accountId, transitionId: null }])
  await expect.poll(() => deleted.map(({ ended }) => ended)).toEqual([true, true])
  for (const { error } of deleted) expect(error).toMatchObject({ extensions: { code: 'NOT_FOUND' } })
  await change(here, 'user-2', 'REVOKED')
  await emitted([remaining], 2)
})

describe('the end of a credential', () => {
  const unauthenticated = (reason: string) => ({ extensions: { code: 'UNAUTHENTICATED', reason } })

  it.each([
    [
      'revoked',
      'revoked',
      (id) => sql`update api_keys set revoked_at = clock_timestamp() where id = ${id}`.execute(other.db),
    ],
    ['deleted', 'unknown', (id) => sql`delete from api_keys where id = ${id}`.execute(other.db)],
    ['expired', 'expired', expireSoon],
  ] as [string, string, (keyId: string) => Promise<unknown>][])(
    'ends exactly its streams, with one statement: key %s by another program',
    async (_how, reason, ending) => {
      const key = await newKey(here.environmentId)
      const inAnHour = new Date(Date.now() + 3_600_000)
      const ofSession = session({ ...here, viewer: key }, 'user-1', inAnHour)
      const ended = [
        ...Array.from({ length: 20 }, (_, at) => watching.account(`user-${at + 1}`, key)),
        watching.account('user-1', ofSession),
      ]
      const open = [watching.account('user-1'), watching.account('user-1', elsewhere.viewer)]
      await emitted([...ended, ...open], 1)
      watching.statements()
      await ending(key.credential.id)
      await expect.poll(() => ended.every((stream) => stream.ended)).toBe(true)
      expect(watching.statements()).toBe(1)
      await change(here, 'user-1', 'REVOKED')
      await change(elsewhere, 'user-1', 'REVOKED')
      await emitted(open, 2)
      for (const { seen, error } of ended.slice(0, 20)) {
        expect({ seen, error }).toMatchObject({ seen: [pending], error: unauthenticated(reason) })
      }
      // A session has the reason of its own end, whatever ended its key.
      const error = unauthenticated(reason === 'unknown' ? 'unknown' : 'revoked')
      expect(ended[20]).toMatchObject({ seen: [pending], error })
    },
  )

  it('ends the streams of a user session that expires and no others', async () => {
    const expiring = watching.account('user-1', session(here, 'user-1', new Date(Date.now() + 1_000)))
    const lasting = watching.account('user-1', session(here, 'user-1', new Date(Date.now() + 3_600_000)))
    await expect.poll(() => expiring.ended).toBe(true)
    await change(here, 'user-1', 'REVOKED')
    await emitted([lasting], 2)
    expect(expiring).toMatchObject({ seen: [pending], error: unauthenticated('expired') })
  })

  it('is noticed before anything is emitted while changes of credentials may be unknown', async () => {
    await watching.close()
    watching = await startWatching(0)
    const key = await newKey(here.environmentId)
    const [ended, open] = [watching.account('user-1', key), watching.account('user-1')]
    await emitted([ended, open], 1)
    await revokeUnnoticed(key)
    await settled()
    expect(ended.ended).toBe(false)
    watching.statements()
    await change(here, 'user-1', 'REVOKED')
    await emitted([open], 2)
    expect(watching.statements()).toBe(2)
    expect(ended).toMatchObject({ seen: [pending], ended: true })
  })
})

it('a credential that ended unnoticed is found by the next check of all, and ends its streams only', async () => {
  await watching.close()
  watching = await startWatching(3_600_000, 50)
  const key = await newKey(here.environmentId)
  const [ended, open] = [watching.account('user-1', key), watching.account('user-1')]
  await emitted([ended, open], 1)
  await revokeUnnoticed(key)
  await expect.poll(() => ended.ended).toBe(true)
  await change(here, 'user-1', 'REVOKED')
  await emitted([open], 2)
})

it('a failure of the database cuts the streams that it concerns, and answers one that is just being opened', async () => {
  const [broken, open] = [watching.account('user-1'), watching.account('user-1', elsewhere.viewer)]
  await emitted([broken, open], 1)
  await sql`alter table connected_accounts rename to gone`.execute(other.db)
  onTestFinished(
    async () => void (await sql`alter table if exists gone rename to connected_accounts`.execute(other.db)),
  )
  otherEvents.publish([
    { environmentId: here.environmentId, accountId: here.accounts.get('user-1') ?? '', transitionId: null },
  ])
  const opening = watching.account('user-2')
  await expect.poll(() => [broken.ended, opening.ended]).toEqual([true, true])
  expect(broken.error).toMatchObject({ name: 'AbortError' })
  expect(opening.error).toMatchObject({ message: expect.stringContaining('connected_accounts') })
  await sql`alter table gone rename to connected_accounts`.execute(other.db)
  await change(elsewhere, 'user-1', 'REVOKED')
  await emitted([open], 2)
})
