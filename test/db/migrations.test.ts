import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase, requireUsable } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Tables } from '../../src/db/tables.ts'
import { freshDatabase, newPostgresDatabase } from '../support/database.ts'

describe.each(['embedded', 'postgres'] as const)('a migrated %s database', (kind) => {
  let database: Database
  beforeAll(async () => {
    database = await freshDatabase(kind)
  })
  afterAll(() => database.close())

  it('has nothing to migrate on the next start', async () => {
    expect(await migrate(database.db)).toEqual([])
  })

  it('of a newer release is refused with what to start instead', async () => {
    const newer = sql`insert into migrations (name, timestamp) values ('9999_later', 'now')`
    const removed = sql`delete from migrations where name = '9999_later'`
    await newer.execute(database.db)
    await expect(migrate(database.db)).rejects.toThrow(/newer release.* 9999_later\. Start that release or a newer one/)
    await removed.execute(database.db)
  })

  it('returns counts and sequences as numbers, not as strings', async () => {
    const row = await database.db
      .selectFrom('environments')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    expect(row.count).toBe(0)
  })

  it('returns arrays as they were stored', async () => {
    const environment = await database.db
      .insertInto('environments')
      .values({ name: kind })
      .returning('id')
      .executeTakeFirstOrThrow()
    const key = await database.db
      .insertInto('api_keys')
      .values({
        environment_id: environment.id,
        name: 'n',
        prefix: 'p',
        secret_hmac: 'h',
        scopes: ['A', 'b,"{'],
      })
      .returning('scopes')
      .executeTakeFirstOrThrow()
    expect(key.scopes).toEqual(['A', 'b,"{'])
  })

  it('rolls back what a failed transaction wrote', async () => {
    const attempt = database.db.transaction().execute(async (trx) => {
      await trx.insertInto('environments').values({ name: 'doomed' }).execute()
      throw new Error('stop')
    })
    await expect(attempt).rejects.toThrow('stop')
    const rows = await database.db.selectFrom('environments').where('name', '=', 'doomed').selectAll().execute()
    expect(rows).toEqual([])
  })
})

it('migrates once when several nodes start at once', async () => {
  const { location, drop } = await newPostgresDatabase()
  const nodes = await Promise.all([1, 2, 3, 4].map(() => openDatabase(location, () => {})))
  const ran = await Promise.all(nodes.map((node) => node.withSession(migrate)))
  expect(ran.filter((names) => names.length > 0)).toHaveLength(1)
  await Promise.all(nodes.map((node) => node.close()))
  await drop()
})

it('waits for another node that migrates, however long that takes', async () => {
  const { location, drop } = await newPostgresDatabase()
  const connectionString = location.directUrl ?? location.url
  const other = new pg.Client({ connectionString })
  await other.connect()
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, statement_timeout: 200 }) }),
  })
  await migrate(db)
  await other.query('begin')
  await other.query('lock table migrations_lock, migrations in access exclusive mode')
  const migrated = migrate(db)
  await expect
    .poll(async () => {
      await other.query('select pg_stat_clear_snapshot()')
      const { rows } = await other.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
           and clock_timestamp() - query_start > interval '500 milliseconds'`,
      )
      return rows.length
    })
    .toBe(1)
  await other.query('commit')
  expect(await migrated).toEqual([])
  const { rows } = await sql<{ limit: string }>`select current_setting('statement_timeout') as limit`.execute(db)
  expect(rows).toEqual([{ limit: '200ms' }])
  await Promise.all([db.destroy(), other.end()])
  await drop()
})

describe('a database server', () => {
  let database: Database
  beforeAll(async () => {
    database = await freshDatabase('postgres')
  })
  afterAll(() => database.close())

  it('is accepted from version 15', async () => {
    await requireUsable(database.db)
  })

  it('that cannot be written to is refused', async () => {
    const readOnly = database.db.transaction().setAccessMode('read only')
    await expect(readOnly.execute((trx) => requireUsable(trx))).rejects.toThrow(/is read-only\. Remove/)
  })

  it('that is too old is refused with the required version', async () => {
    await expect(requireUsable(database.db, 99)).rejects.toThrow(/is Postgres \d+; 99 or newer is required/)
  })
})
