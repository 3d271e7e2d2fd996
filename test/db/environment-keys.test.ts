import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { constraintsOfEarlierReleases } from '../../src/db/finish-upgrade.ts'
import { freshDatabase } from '../support/database.ts'

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
