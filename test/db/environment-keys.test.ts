import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { constraintsOfEarlierReleases } from '../../src/db/finish-upgrade.ts'
import { migrate, readMigrations } from '../../src/db/migrate.ts'
import { freshDatabase, newPostgresDatabase } from '../support/database.ts'

/** Small tables that are the same for all environments: a Postgres that distributes tables has a copy of them everywhere. */
const ofTheServer = ['environments', 'server_secrets', 'vault_canaries', 'vault_keys']

describe.each(['embedded', 'postgres'] as const)('the keys of tables in a new %s database', (kind) => {
  let database: Database
  beforeAll(async () => {
    database = await freshDatabase(kind)
  })
  afterAll(() => database.close())
  const read = async <Row>(query: ReturnType<typeof sql<Row>>) => (await query.execute(database.db)).rows

  it('lead with the environment: primary keys, unique constraints, unique indexes and both sides of foreign keys', async () => {
    const others = await read(sql<{ name: string }>`
      select format('%s %s', found.conrelid::regclass, found.conname) as name
      from pg_constraint found
      join pg_attribute own on own.attrelid = found.conrelid and own.attnum = found.conkey[1]
      left join pg_attribute other on other.attrelid = found.confrelid and other.attnum = found.confkey[1]
      where found.connamespace = current_schema()::regnamespace and found.contype in ('p', 'u', 'f')
        and found.conrelid::regclass::text <> all (${ofTheServer}) and found.conrelid::regclass::text not like 'migrations%'
        and (own.attname <> 'environment_id' or other.attname <> 'environment_id'
          and found.confrelid::regclass::text <> all (${ofTheServer}))
      union all
      select format('%s %s', indrelid::regclass, indexrelid::regclass) from pg_index
      join pg_class on pg_class.oid = indrelid and relnamespace = current_schema()::regnamespace
      left join pg_attribute on attrelid = indrelid and attnum = indkey[0]
      where indisunique and attname is distinct from 'environment_id'
        and relname <> all (${ofTheServer}) and relname not like 'migrations%'`)
    expect(others).toEqual([])
    expect(await constraintsOfEarlierReleases(database.db)).toEqual([])
  })

  it('are primary keys in every table but those of the server', async () => {
    const without = await read(sql<{ name: string }>`
      select relname as name from pg_class
      where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname not like 'migrations%'
        and not exists (
          select from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
          where conrelid = pg_class.oid and contype = 'p' and attname = 'environment_id' and attnotnull
        )
      order by 1`)
    expect(without.map(({ name }) => name)).toEqual(ofTheServer)
  })
})

it('Postgres takes each table with its indexes and foreign keys as one that is distributed by environment', async () => {
  const database = await freshDatabase('postgres')
  const run = (text: string) => sql.raw(text).execute(database.db)
  try {
    const { rows: tables } = await sql<{ name: string }>`
      select table_name as name from information_schema.columns
      where table_schema = 'public' and column_name = 'environment_id' order by 1`.execute(database.db)
    const { rows: references } = await sql<{ table: string; definition: string }>`
      select conrelid::regclass as table, pg_get_constraintdef(oid) as definition from pg_constraint
      where connamespace = 'public'::regnamespace and contype = 'f'`.execute(database.db)
    await run('create schema distributed')
    for (const { name } of tables) {
      await run(
        `create table distributed.${name} (like public.${name} including indexes) partition by hash (environment_id)`,
      )
      for (const part of [0, 1])
        await run(
          `create table distributed.${name}_${part} partition of distributed.${name} for values with (modulus 2, remainder ${part})`,
        )
    }
    const distributed = new Set(tables.map(({ name }) => name))
    for (const { table, definition } of references) {
      const within = definition.replace(/REFERENCES (\w+)/, (whole, other: string) =>
        distributed.has(other) ? `REFERENCES distributed.${other}` : whole,
      )
      await run(`alter table distributed.${table} add ${within}`)
    }
    expect(tables.length).toBeGreaterThan(20)
    expect(references.length).toBeGreaterThan(20)
  } finally {
    await database.close()
  }
})

it('rows of tables whose keys had no environment get that of what they are about, or are done', async () => {
  const { location, drop } = await newPostgresDatabase()
  const database = await openDatabase(location, () => {})
  const { db } = database
  const run = async (text: string) => (await sql.raw(text).execute(db)).rows
  const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
  const [environment, withCalls, withKeys, withHistory, empty] = [1, 2, 3, 4, 5].map(uuid)
  try {
    await db.transaction().execute(async (trx) => {
      for (const [name, text] of await readMigrations())
        if (name < '0036') {
          await sql.raw(text).execute(trx)
          await sql`create table if not exists migrations (name text primary key, timestamp text not null)`.execute(trx)
          await sql`insert into migrations values (${name}, 'then')`.execute(trx)
        }
    })
    await run(`
      set session_replication_role = replica;
      insert into environments (id, name) values ('${environment}', 'default');
      insert into deleted_accounts (id) values ('${withCalls}'), ('${withKeys}'), ('${withHistory}'), ('${empty}');
      insert into tool_executions (environment_id, account_id, tool_name, status, writes, input_hash, deadline_at)
        values ('${environment}', '${withCalls}', 'tool', 'SUCCEEDED', false, 'hash', now());
      insert into idempotency_keys (environment_id, account_id, key, input_hash, execution_id, state, expires_at)
        select '${environment}', '${withKeys}', 'key', 'hash', id, 'done', now() from tool_executions;
      insert into status_transitions (environment_id, account_id, to_status, reason)
        values ('${environment}', '${withHistory}', 'PENDING', 'CREATED');
      insert into erased_content_indexes (id) values ('${withCalls}'), ('${withKeys}'), ('${empty}');
      insert into content_documents (index_id, object_id, environment_id, number, edited_at, sealed, bytes, read_at, proven_at)
        values ('${withCalls}', 'page', '${environment}', 1, now(), '', 0, now(), now());
      insert into content_segments (index_id, bucket, segment, environment_id, buckets, documents, sealed)
        values ('${withKeys}', 0, 1, '${environment}', 1, 1, '');
      set session_replication_role = default;
      insert into audit_events (environment_id, actor, action) values (null, 'system', 'vault_key.added'), ('${environment}', 'cli', 'a')`)
    expect(await migrate(db)).toContain('0036_environment_keys')
    const of = (...ids: readonly (string | undefined)[]) => ids.map((id) => ({ environment_id: environment, id }))
    expect(await run('select environment_id, id from deleted_accounts order by id')).toEqual(
      of(withCalls, withKeys, withHistory),
    )
    expect(await run('select environment_id, id from erased_content_indexes order by id')).toEqual(
      of(withCalls, withKeys),
    )
    expect(await run('select environment_id, actor from audit_events order by actor desc')).toEqual([
      { environment_id: '00000000-0000-0000-0000-000000000000', actor: 'system' },
      { environment_id: environment, actor: 'cli' },
    ])
    await expect(run(`update audit_events set actor = 'other'`)).rejects.toThrow('must not be changed')
  } finally {
    await database.close()
    await drop()
  }
})
