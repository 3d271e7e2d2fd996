import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { createFromSnapshot, currentOrigin } from '../../src/db/embedded-snapshot.ts'
import { migrate } from '../../src/db/migrate.ts'

let parent: string
let directory: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'valetkey-snapshot-'))
  directory = join(parent, 'database')
})
afterEach(() => rm(parent, { recursive: true, force: true }))

/** Everything that the catalogue of a database has besides what Postgres itself puts there, and how it compares texts. */
async function catalogueOf(db: Db): Promise<readonly unknown[]> {
  const { rows } = await sql`
    select 'database' as kind, datname as name, concat_ws(' ', encoding, datcollate, datctype, datlocprovider) as definition
      from pg_database
    union all select 'migration', name, '' from migrations
    union all select 'column', attrelid::regclass::text || '.' || attname,
      concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, pg_get_expr(adbin, adrelid))
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where attnum > 0 and attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
    union all select 'constraint', conname, conrelid::regclass::text || ' ' || pg_get_constraintdef(oid)
      from pg_constraint where connamespace = 'public'::regnamespace
    union all select 'index', indexname, indexdef from pg_indexes where schemaname = 'public'
    union all select 'function', proname, pg_get_functiondef(oid)
      from pg_proc where pronamespace = 'public'::regnamespace
    union all select 'trigger', tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all select 'setting', name, setting from pg_settings where name not like all (array['%file', 'plpgsql.%'])
    order by 1, 2, 3`.execute(db)
  return rows
}

it('a database from the snapshot equals one that the migrations made, and has nothing to migrate', async () => {
  expect(await createFromSnapshot(directory)).toBe(true)
  const copied = await openDatabase({ kind: 'embedded', directory }, () => {})
  const migrated = await openDatabase({ kind: 'embedded', directory: undefined }, () => {})
  try {
    await migrate(migrated.db)
    const catalogue = await catalogueOf(copied.db)
    expect(catalogue).toEqual(await catalogueOf(migrated.db))
    expect(catalogue).toContainEqual(expect.objectContaining({ kind: 'trigger' }))
    expect(await migrate(copied.db)).toEqual([])
  } finally {
    await Promise.all([copied.close(), migrated.close()])
  }
})

it('a snapshot of another PGlite or of other migrations is not used', async () => {
  const origin = await currentOrigin()
  const otherText = origin.migrations.map(([name, text]) => [name, `${text} `] as const)
  const others = [
    { ...origin, pglite: origin.pglite.replace(/"version": ".*"/, '"version": "99.0.0"') },
    { ...origin, migrations: origin.migrations.slice(1) },
    { ...origin, migrations: otherText },
  ]
  for (const other of others) expect(await createFromSnapshot(directory, other)).toBe(false)
  expect(await readdir(parent)).toEqual([])
  expect(await createFromSnapshot(directory, origin)).toBe(true)
})

it('the copy belongs to its owner alone and has nothing of an interrupted one', async () => {
  await mkdir(`${directory}.incomplete`)
  await writeFile(join(`${directory}.incomplete`, 'PG_VERSION'), 'half')
  expect(await createFromSnapshot(directory)).toBe(true)
  expect(await readdir(parent)).toEqual(['database'])
  const names = ['', ...(await readdir(directory, { recursive: true }))]
  for (const name of names) expect((await stat(join(directory, name))).mode & 0o077, name).toBe(0)
  expect((await stat(join(directory, 'PG_VERSION'))).size).toBeLessThan(4)
})

it('an existing directory is left alone', async () => {
  await mkdir(directory)
  expect(await createFromSnapshot(directory)).toBe(false)
  expect(await readdir(directory)).toEqual([])
})
