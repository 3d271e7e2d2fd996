import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database, Db } from '../../src/db/database.ts'
import { logBytes, maintain } from '../../src/db/maintenance.ts'
import { startApp } from '../support/app.ts'
import { freshDatabase } from '../support/database.ts'

let database: Database

/** Opens a database for the tests of a block, of which autovacuum changes nothing that they observe. */
function withDatabase(kind: 'embedded' | 'postgres'): void {
  beforeEach(async () => {
    database = await freshDatabase(kind)
    await sql`alter table environments set (autovacuum_enabled = false)`.execute(database.db)
    // What the migrations have changed is due as well.
    await maintain(database)
  })
  afterEach(() => database.close())
}

/** Runs a statement. Postgres counts what a transaction has changed at its end, if that is a second after the last time. */
async function change(statement: string): Promise<void> {
  await sql.raw(statement).execute(database.db)
  await sql`select pg_stat_force_next_flush()`.execute(database.db)
}

async function environments(db: Db = database.db) {
  const { rows } = await sql<{ known: number; dead: number; bytes: number }>`
    select reltuples::int as known, n_dead_tup as dead, pg_relation_size(relid) as bytes
    from pg_stat_user_tables join pg_class on pg_class.oid = relid where pg_class.relname = 'environments'`.execute(db)
  return rows[0]
}

const insert = `insert into environments (name) select 'environment ' || n from generate_series(1, 5000) n`

describe.each(['embedded', 'postgres'] as const)('maintenance of a database (%s)', (kind) => {
  withDatabase(kind)

  it('lets the planner know how many rows a table has', async () => {
    await change(insert)
    expect((await environments())?.known).toBeLessThan(10)
    expect((await maintain(database)).tables).toContain('environments')
    expect((await environments())?.known).toBeGreaterThan(4_000)
  })

  it('leaves a table alone while few of its rows have changed', async () => {
    await change(insert)
    await maintain(database)
    await change(`update environments set name = name || '.' where id in (select id from environments limit 50)`)
    expect((await maintain(database)).tables).not.toContain('environments')
  })

  it('begins with no other table when it is stopped', async () => {
    await change(insert)
    expect(await maintain(database, AbortSignal.abort())).toEqual({ tables: [], checkpoint: false })
    expect((await environments())?.known).toBeLessThan(10)
  })

  it('is done by a server', async () => {
    let db = database.db
    const app = await startApp({
      database: kind,
      maintenance: { everyMs: 50 },
      wrapDatabase: (opened) => {
        db = opened
        return opened
      },
    })
    try {
      await sql`alter table environments set (autovacuum_enabled = false)`.execute(db)
      await sql.raw(insert).execute(db)
      await expect.poll(async () => (await environments(db))?.known).toBeGreaterThan(4_000)
    } finally {
      await app.stop()
    }
  })
})

describe('maintenance of the embedded database', () => {
  withDatabase('embedded')

  it('frees the space of old rows, so that a table whose rows change does not grow', async () => {
    await change(insert)
    await maintain(database)
    const sizes: number[] = []
    for (let round = 0; round < 8; round += 1) {
      await change(`update environments set name = 'round ${round} ' || id`)
      expect((await environments())?.dead).toBeGreaterThan(4_000)
      await maintain(database)
      expect((await environments())?.dead).toBe(0)
      sizes.push((await environments())?.bytes ?? 0)
    }
    expect(sizes.at(-1)).toBe(sizes.at(2))
  })

  it('frees the space of old statistics, so that the catalogue does not grow', async () => {
    const size = async () => {
      const { rows } = await sql<{
        bytes: number
      }>`select pg_total_relation_size('pg_statistic')::int as bytes`.execute(database.db)
      return rows[0]?.bytes ?? 0
    }
    const sizes: number[] = []
    for (let round = 0; round < 60; round += 1) {
      // Histograms of long texts are in a table of their own.
      await change(`delete from environments`)
      await change(
        `insert into environments (name) select repeat(md5(n || '${round}'), 6) from generate_series(1, 2000) n`,
      )
      await maintain(database)
      sizes.push(await size())
    }
    expect(sizes.at(-1)).toBeLessThanOrEqual((sizes.at(30) ?? 0) * 1.2)
  })

  it('makes a checkpoint when the log has grown, so that the files of the log do not grow for ever', async () => {
    let checkpoints = 0
    for (let round = 0; round < 12; round += 1) {
      await change(`create table round_${round} as select repeat('x', 2000) from generate_series(1, 6000)`)
      const grown = await logBytes(database.db)
      const { checkpoint } = await maintain(database)
      checkpoints += Number(checkpoint)
      if (checkpoint) expect(await logBytes(database.db)).toBeLessThan(1_000_000)
      else expect(await logBytes(database.db)).toBeGreaterThanOrEqual(grown)
    }
    const { rows } = await sql<{ bytes: number }>`select sum(size)::int as bytes from pg_ls_waldir()`.execute(
      database.db,
    )
    expect(checkpoints).toBeGreaterThan(2)
    expect(rows[0]?.bytes).toBeLessThan(130_000_000)
  })
})

describe('maintenance of a server', () => {
  withDatabase('postgres')

  it('leaves to autovacuum what that does in time', async () => {
    await change(insert)
    await maintain(database)
    await change(`update environments set name = name || '.' where id in (select id from environments limit 4000)`)
    expect((await maintain(database)).tables).not.toContain('environments')
    expect((await environments())?.dead).toBe(4_000)
  })
})
