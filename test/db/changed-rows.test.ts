import { randomUUID } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type ChangedRows, createRowCache, watchChangedRows } from '../../src/db/changed-rows.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'

/** One row of each table that nodes hold in memory. */
const ids = {
  environments: randomUUID(),
  api_keys: randomUUID(),
  oauth_apps: randomUUID(),
  grants: randomUUID(),
  connected_accounts: randomUUID(),
}

const rows: RawBuilder<unknown>[] = [
  sql`insert into environments (id, name) values (${ids.environments}, 'one')`,
  sql`insert into api_keys (id, environment_id, name, prefix, secret_hmac, scopes)
    values (${ids.api_keys}, ${ids.environments}, 'key', 'vk_', 'hmac', '{ADMIN}')`,
  sql`insert into oauth_apps (id, environment_id, connection_name, connector, client_id, client_secret, capabilities, return_urls, sandbox)
    values (${ids.oauth_apps}, ${ids.environments}, 'notion', 'notion', 'client', 'sealed', '{}', '{}', false)`,
  sql`insert into grants (id, environment_id, oauth_app_id, provider_user_id, workspace_id, status, access_token, capabilities)
    values (${ids.grants}, ${ids.environments}, ${ids.oauth_apps}, 'user', 'workspace', 'active', 'sealed', '{}')`,
  sql`insert into connected_accounts (id, environment_id, oauth_app_id, identifier, status, status_reason, grant_id)
    values (${ids.connected_accounts}, ${ids.environments}, ${ids.oauth_apps}, 'alice', 'ACTIVE', 'AUTHORIZED', ${ids.grants})`,
]

type Table = keyof typeof ids

/** A change of one table, and whether nodes that hold its row must forget it. */
const changes: readonly [Table, string, boolean][] = [
  ['environments', "name = 'two'", true],
  ['api_keys', 'revoked_at = clock_timestamp()', true],
  ['api_keys', "expires_at = clock_timestamp() + interval '1 hour'", true],
  ['api_keys', "scopes = '{TOOLS_READ}'", true],
  ['api_keys', 'last_used_at = clock_timestamp()', false],
  ['oauth_apps', "connector = 'acme'", true],
  ['oauth_apps', 'sandbox = true', true],
  ['oauth_apps', 'raw_requests = true', true],
  ['oauth_apps', 'content_search = true', true],
  ['oauth_apps', "capabilities = '{READ_CONTENT}'", true],
  ['oauth_apps', 'refresh_paused_until = clock_timestamp()', false],
  ['grants', 'version = version + 1', true],
  ['grants', "denied_capabilities = '{READ_CONTENT}'", true],
  ['grants', "access_token = 'sealed again'", false],
  ['grants', 'last_verified_at = clock_timestamp(), lease_until = clock_timestamp(), fence = fence + 1', false],
  ['connected_accounts', "status = 'DISCONNECTED'", true],
  ['connected_accounts', 'grant_id = null', true],
  ['connected_accounts', "identifier = 'bob'", true],
  ['connected_accounts', `metadata = '{"plan":"pro"}'`, true],
  ['connected_accounts', 'last_used_at = clock_timestamp()', false],
]

let home: TestDatabase
/** The node that holds values, and the one that changes rows. */
let node: Database
let other: Database
let changedRows: ChangedRows
beforeAll(async () => {
  home = await newPostgresDatabase()
  node = await openDatabase(home.location, () => {})
  other = await openDatabase(home.location, () => {})
  await migrate(node.db)
  for (const row of rows) await row.execute(node.db)
  // A busy machine may delay heartbeats by more than a second.
  changedRows = await watchChangedRows(node, 3_600_000)
})
afterAll(async () => {
  await changedRows.close()
  await node.close()
  await other.close()
  await home.drop()
})

/** A cache, and how often its one value was read from the database. */
function counted(row: string) {
  const cache = createRowCache<object>(changedRows, 10)
  let reads = 0
  return {
    reads: () => reads,
    forget: cache.forget,
    read: () =>
      cache.read('key', async () => {
        reads += 1
        return { value: {}, rows: [row] }
      }),
  }
}

/** Resolves when the node has received every notification that was committed before the call. */
async function settled(): Promise<void> {
  await expect.poll(() => changedRows.areKnown()).toBe(true)
  const probe = randomUUID()
  const received = new Promise<void>((resolve) => changedRows.subscribe((id) => id === probe && resolve()))
  await sql`select pg_notify('valetkey_changed_rows', ${probe})`.execute(other.db)
  await received
}

/** Postgres refuses this for the database of the session that asks for it. */
async function allowConnections(allowed: boolean): Promise<void> {
  const elsewhere = await openDatabase({ kind: 'server', url: inject('postgresUrl'), maxConnections: 1 }, () => {})
  await sql`alter database ${sql.ref(databaseName())} allow_connections ${sql.raw(String(allowed))}`.execute(
    elsewhere.db,
  )
  await elsewhere.close()
}

const databaseName = () => new URL((home.location as { readonly url: string }).url).pathname.slice(1)

describe('a value that was read from rows', () => {
  it.each(changes)('after a change of %s to %s on another node: forgotten is %s', async (table, change, forgotten) => {
    const value = counted(ids[table])
    await settled()
    await value.read()
    await value.read()
    expect(value.reads()).toBe(1)
    await sql`update ${sql.table(table)} set ${sql.raw(change)} where id = ${ids[table]}`.execute(other.db)
    await settled()
    await value.read()
    expect(value.reads()).toBe(forgotten ? 2 : 1)
  })

  it('is forgotten when its row is deleted', async () => {
    const id = randomUUID()
    await sql`insert into environments (id, name) values (${id}, 'short-lived')`.execute(node.db)
    const value = counted(id)
    await settled()
    await value.read()
    await sql`delete from environments where id = ${id}`.execute(other.db)
    await settled()
    await value.read()
    expect(value.reads()).toBe(2)
  })

  it('is forgotten at once when this process changes the row', async () => {
    const value = counted('row')
    await settled()
    await value.read()
    value.forget('row')
    await value.read()
    changedRows.announce('row')
    await value.read()
    expect(value.reads()).toBe(3)
  })

  it('is not held when a row changed while it was read', async () => {
    const cache = createRowCache<object>(changedRows, 10)
    const fresh = { value: {}, rows: ['row'] }
    await cache.read('key', async () => {
      changedRows.announce('row')
      return { value: {}, rows: ['row'] }
    })
    expect(await cache.read('key', async () => fresh)).toBe(fresh.value)
  })

  it('is no longer held when there are many, or when a few are large', async () => {
    const heldOf = async (count: number, characters: number) => {
      const cache = createRowCache<object>(changedRows, 10)
      const read = (at: number, value: object) => cache.read(`key ${at}`, async () => ({ value, rows: ['row'] }))
      await settled()
      for (let at = 0; at < count; at += 1) await read(at, { text: 'x'.repeat(characters) })
      const again = {}
      let held = 0
      // The newest first: what is read again takes the place of the oldest.
      for (let at = count - 1; at >= 0; at -= 1) if ((await read(at, again)) !== again) held += 1
      return held
    }
    expect(await heldOf(20, 100)).toBe(10)
    expect(await heldOf(5, 8_000)).toBe(2)
    expect(await heldOf(1, 30_000)).toBe(0)
  })

  it('is held no longer than it is valid', async () => {
    const cache = createRowCache<object>(changedRows, 10)
    const first = await cache.read('key', async () => ({ value: {}, rows: ['row'], validMs: 20 }))
    await expect.poll(() => cache.read('key', async () => ({ value: {}, rows: [] }))).not.toBe(first)
  })

  it('is not used while the connection for events is lost, and forgotten afterwards', async () => {
    const value = counted('row')
    await settled()
    await value.read()
    await allowConnections(false)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'valetkey events' and datname = current_database()`.execute(other.db)
    await expect.poll(() => changedRows.areKnown()).toBe(false)
    await value.read()
    await value.read()
    expect(value.reads()).toBe(3)
    await allowConnections(true)
    await expect.poll(() => changedRows.areKnown()).toBe(true)
    await settled()
    await value.read()
    expect(value.reads()).toBe(4)
  })
})
