import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { deleteOldTransitions, eraseDeletedAccounts, eraseReleasedGrants } from '../../src/accounts/sweep-history.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { clientOf, startApp, type TestApp } from '../support/app.ts'
import { databaseEnv, freshDatabase, newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { startServerProcess } from '../support/server-process.ts'

const tables = ['tool_executions', 'idempotency_keys', 'status_transitions'] as const

let home: TestDatabase
let database: Database
let app: TestApp
let directory: string
beforeEach(async () => {
  home = await newPostgresDatabase()
  directory = await mkdtemp(join(tmpdir(), 'valetkey-history-'))
  app = await startApp({ directory, env: env() })
  database = await openDatabase(home.location, () => {})
  // Counts what each statement deletes.
  await sql`
    create table deletions (table_name text, rows int);
    create function count_deletions() returns trigger language plpgsql as $$
    begin
      insert into deletions select tg_table_name, count(*) from gone;
      return null;
    end $$
  `.execute(database.db)
  for (const table of tables)
    await sql`create trigger count_deletions after delete on ${sql.table(table)}
      referencing old table as gone for each statement execute function count_deletions()`.execute(database.db)
})
afterEach(async () => {
  await app.stop()
  await database.close()
  await home.drop()
  await rm(directory, { recursive: true, force: true })
})

const env = () => ({ ...databaseEnv(home.location), VALETKEY_MASTER_KEY: Buffer.alloc(32, 9).toString('base64') })

const idOf = async (identifier: string): Promise<string> => {
  const account = database.db.selectFrom('connected_accounts').select('id').where('identifier', '=', identifier)
  return (await account.executeTakeFirstOrThrow()).id
}

/** Adds calls, each with a key, and as many transitions. */
const addHistory = (accountId: string, count: number) =>
  sql`
    with calls as (
      insert into tool_executions (environment_id, oauth_app_id, account_id, tool_name, status, writes, input_hash, deadline_at)
      select environment_id, oauth_app_id, id, 'notion_page_create', 'SUCCEEDED', true, 'hash', now()
      from connected_accounts, generate_series(1, ${count}::int) where id = ${accountId} returning id, environment_id, account_id
    ), keys as (
      insert into idempotency_keys (environment_id, account_id, key, input_hash, execution_id, state, expires_at)
      select environment_id, account_id, id::text, 'hash', id, 'done', now() + interval '1 day' from calls
    )
    insert into status_transitions (environment_id, account_id, from_status, to_status, reason)
    select environment_id, account_id, 'EXPIRED', 'ACTIVE', 'AUTHORIZED' from calls`.execute(database.db)

const rowsOf = async (accountId: string) =>
  Promise.all(
    tables.map(async (table) => {
      const count = sql<number>`count(*)::int`.as('count')
      const rows = database.db.selectFrom(table).where('account_id', '=', accountId).select(count)
      return (await rows.executeTakeFirstOrThrow()).count
    }),
  )

/** The maximum that one statement has deleted. */
const maxDeleted = async () => {
  const { rows } = await sql<{ max: number }>`select max(rows) as max from deletions`.execute(database.db)
  return rows[0]?.max
}

const deletion = 'mutation { deleteConnectedAccount(input: { identifier: "u" }) { __typename } }'
const deleted = { deleteConnectedAccount: { __typename: 'DeleteConnectedAccountPayload' } }
const journal = '{ toolExecutions(first: 10) { nodes { id connectedAccount { identifier } } } }'

describe('a deleted account with 20,000 calls', () => {
  it('is gone at once with all of them, and is erased in batches', async () => {
    await app.connect('u')
    await app.connect('other', { user: 'member@acme.test' })
    expect(await app.executeTool('other', 'notion_user_self', {})).toMatchObject({ __typename: 'ExecuteToolPayload' })
    const [gone, other] = [await idOf('u'), await idOf('other')]
    await addHistory(gone, 20_000)
    const before = (await app.graphql(journal)).data['toolExecutions'] as { nodes: { id: string }[] }
    expect(before.nodes).toHaveLength(10)
    const untouched = await rowsOf(other)

    expect((await app.graphql(deletion)).data).toEqual(deleted)
    const { data } = await app.graphql(`{ connectedAccount(identifier: "u") { id }
      toolExecutions(first: 10) { nodes { connectedAccount { identifier } } } node(id: "${before.nodes[0]?.id}") { id } }`)
    expect(data).toEqual({
      connectedAccount: null,
      toolExecutions: { nodes: [{ connectedAccount: { identifier: 'other' } }] },
      node: null,
    })
    expect(await app.connect('u')).toBe('ACTIVE')
    const again = await app.graphql('{ connectedAccount(identifier: "u") { transitions(first: 50) { nodes { to } } } }')
    expect((again.data['connectedAccount'] as { transitions: { nodes: unknown[] } }).transitions.nodes).toHaveLength(3)

    await expect.poll(() => rowsOf(gone)).toEqual([0, 0, 0])
    const entries = () => database.db.selectFrom('deleted_accounts').selectAll().execute()
    await expect.poll(entries).toEqual([])
    expect(await maxDeleted()).toBe(500)
    expect(await rowsOf(other)).toEqual(untouched)
  })

  it('is erased by the next start after a kill -9', async () => {
    await app.connect('u')
    const gone = await idOf('u')
    await addHistory(gone, 1_200)
    const server = startServerProcess({
      NODE_ENV: 'development',
      ...env(),
      VALETKEY_DATA_DIR: join(directory, 'process'),
      VALETKEY_SANDBOX: 'off',
    })
    const client = clientOf(await server.ready(), app.apiKey)
    await app.stop()
    await database.db.transaction().execute(async (trx) => {
      // With a row that is locked, nothing can be erased completely before the kill.
      await trx.selectFrom('tool_executions').select('id').where('account_id', '=', gone).limit(1).forUpdate().execute()
      expect((await client.graphql(deletion)).data).toEqual(deleted)
      await server.end('SIGKILL')
    })
    expect((await rowsOf(gone))[0]).toBeGreaterThan(0)
    app = await startApp({ directory, env: env() })
    await expect.poll(() => rowsOf(gone)).toEqual([0, 0, 0])
    expect(await maxDeleted()).toBeLessThanOrEqual(500)
  })
})

describe('a grant', () => {
  const owners = async () => {
    const { rows } = await sql<{ owner: string }>`
      select owner_email as owner from grants join rate_budgets on grant_id = grants.id order by 1`.execute(database.db)
    return rows.map(({ owner }) => owner)
  }
  const call = (identifier: string) => app.executeTool(identifier, 'notion_user_self', {})

  it('is erased with the name of its owner when its account has another user, and no other account is on it', async () => {
    await app.connect('u')
    await app.connect('v')
    await call('u')
    expect(await owners()).toEqual(['owner@acme.test'])
    expect(await app.connect('u', { user: 'member@acme.test', allowUserChange: true })).toBe('ACTIVE')
    await call('u')
    await eraseReleasedGrants(database.db)
    expect(await owners()).toEqual(['member@acme.test', 'owner@acme.test'])
    expect(await app.connect('v', { user: 'member@acme.test', allowUserChange: true })).toBe('ACTIVE')
    await eraseReleasedGrants(database.db)
    expect(await owners()).toEqual(['member@acme.test'])
    expect(await database.db.selectFrom('grants').select('id').execute()).toHaveLength(1)
    expect(await database.db.selectFrom('released_grants').selectAll().execute()).toEqual([])
    expect(await call('v')).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })

  it('that another transaction has locked is erased afterwards', async () => {
    const { db, close } = await freshDatabase('postgres')
    onTestFinished(close)
    await sql`
      with environment as (
        insert into environments (name) values ('default') returning id
      ), app as (
        insert into oauth_apps (environment_id, connection_name, connector, client_id, client_secret, capabilities, return_urls, sandbox)
        select id, 'notion', 'notion', 'client', 'sealed', '{}', '{}', true from environment returning environment_id, id
      ), ended as (
        insert into grants (environment_id, oauth_app_id, provider_user_id, workspace_id, status, capabilities)
        select environment_id, id, 'user-' || n, 'workspace', 'ended', '{}' from app, generate_series(1, 3) n
        returning environment_id, oauth_app_id, id
      )
      insert into connected_accounts (environment_id, oauth_app_id, identifier, status, grant_id)
      select environment_id, oauth_app_id, id, 'EXPIRED', id from ended
    `.execute(db)
    await db.deleteFrom('connected_accounts').execute()
    const rest = async () => ({
      grants: (await db.selectFrom('grants').select('id').execute()).length,
      released: (await db.selectFrom('released_grants').select('number').execute()).length,
    })
    expect(await rest()).toEqual({ grants: 3, released: 3 })
    await db.transaction().execute(async (trx) => {
      await trx.selectFrom('grants').select('id').limit(1).forUpdate().execute()
      await eraseReleasedGrants(db)
      expect(await rest()).toEqual({ grants: 1, released: 1 })
    })
    await eraseReleasedGrants(db)
    expect(await rest()).toEqual({ grants: 0, released: 0 })
  })
})

describe('the rest of a deleted account', () => {
  it('is erased as well when another program deletes the OAuth app', async () => {
    await app.connect('u')
    const gone = await idOf('u')
    await addHistory(gone, 700)
    await sql`delete from oauth_apps`.execute(database.db)
    expect(await rowsOf(gone)).not.toContain(0)
    await eraseDeletedAccounts(database.db)
    expect(await rowsOf(gone)).toEqual([0, 0, 0])
  })

  it('does not grow: what is added while the account is deleted waits, and is refused', async () => {
    await app.connect('u')
    const id = await idOf('u')
    const adding = await database.db.transaction().execute(async (trx) => {
      await trx.deleteFrom('connected_accounts').where('id', '=', id).execute()
      const added = sql`insert into status_transitions (environment_id, account_id, to_status, reason)
        select environment_id, account_id, 'ACTIVE', 'AUTHORIZED' from status_transitions where account_id = ${id} limit 1`
      const result = added.execute(database.db).catch((error: unknown) => error)
      const waits = sql<{ waits: boolean }>`select exists (select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock') as waits`
      await expect.poll(async () => (await waits.execute(database.db)).rows[0]?.waits).toBe(true)
      return { result }
    })
    expect(await adding.result).toMatchObject({ code: '23503' })
  })

  it('has no result of a write that ends after the deletion', async () => {
    await app.connect('u')
    const id = await idOf('u')
    await app.sandbox('fault', { kind: 'slow_headers', match: { path: '/v1/pages' }, delayMs: 2_000 })
    const page = { parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', properties: { title: 'Late' } }
    const write = app.executeTool('u', 'notion_page_create', page, { idempotencyKey: 'once' })
    const state = () =>
      database.db
        .selectFrom('idempotency_keys')
        .select(['state', 'sealed_result'])
        .where('account_id', '=', id)
        .execute()
    await expect.poll(state, { interval: 20 }).toEqual([{ state: 'running', sealed_result: null }])
    expect((await app.graphql(deletion)).data).toEqual(deleted)
    expect(await write).toMatchObject({ __typename: 'ExecuteToolPayload' })
    for (const row of await state()) expect(row.sealed_result).toBeNull()
  })
})

describe('old transitions', () => {
  const transitions = async (accountId: string) => {
    const rows = database.db
      .selectFrom('status_transitions')
      .select(['to_status', 'reason'])
      .where('account_id', '=', accountId)
    return (await rows.orderBy('sequence').execute()).map((row) => `${row.to_status} ${row.reason}`)
  }
  const age = (days: number) =>
    sql`update status_transitions set at = at - make_interval(days => ${days}::int)`.execute(database.db)

  it('are deleted in batches, except the newest of each account', async () => {
    await app.connect('u')
    await app.connect('idle', { user: 'member@acme.test' })
    const [id, idle] = [await idOf('u'), await idOf('idle')]
    await addHistory(id, 6_000)
    await age(366)
    await app.graphql('mutation { disconnectConnectedAccount(input: { identifier: "u" }) { __typename } }')
    await deleteOldTransitions(database.db, 367)
    expect(await transitions(id)).toHaveLength(6_004)
    await deleteOldTransitions(database.db, 365)
    expect(await transitions(id)).toEqual(['DISCONNECTED DISCONNECTED_BY_APPLICATION'])
    expect(await transitions(idle)).toEqual(['ACTIVE AUTHORIZED'])
    expect(await maxDeleted()).toBe(500)
  })

  it('stay while an account waits for a confirmation: it returns to the status before', async () => {
    await app.connect('u')
    const id = await idOf('u')
    await app.graphql('mutation { disconnectConnectedAccount(input: { identifier: "u" }) { __typename } }')
    await sql`insert into status_transitions (environment_id, account_id, from_status, to_status, reason)
      select environment_id, id, 'DISCONNECTED', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION' from connected_accounts
      where id = ${id}`.execute(database.db)
    await age(366)
    await deleteOldTransitions(database.db, 365)
    expect(await transitions(id)).toEqual([
      'DISCONNECTED DISCONNECTED_BY_APPLICATION',
      'PENDING_CONFIRMATION AWAITING_CONFIRMATION',
    ])
  })
})
