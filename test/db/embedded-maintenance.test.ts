import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Database, Db } from '../../src/db/database.ts'
import { logBytes, maintainEmbedded } from '../../src/db/embedded-maintenance.ts'
import { startApp } from '../support/app.ts'
import { freshDatabase } from '../support/database.ts'

let database: Database
beforeEach(async () => {
  database = await freshDatabase('embedded')
  // What the migrations have changed is due as well.
  await maintainEmbedded(database.db)
})
afterEach(() => database.close())

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

it('lets the planner of the embedded database know how many rows a table has', async () => {
  await change(insert)
  expect((await environments())?.known).toBeLessThan(10)
  expect(await maintainEmbedded(database.db)).toEqual({ tables: 1, checkpoint: false })
  expect((await environments())?.known).toBeGreaterThan(4_000)
})

it('does nothing while few rows have changed', async () => {
  await change(insert)
  await maintainEmbedded(database.db)
  await change(`update environments set name = name || '.' where id in (select id from environments limit 50)`)
  expect(await maintainEmbedded(database.db)).toEqual({ tables: 0, checkpoint: false })
})

it('frees the space of old rows, so that a table whose rows change does not grow', async () => {
  await change(insert)
  await maintainEmbedded(database.db)
  const sizes: number[] = []
  for (let round = 0; round < 8; round += 1) {
    await change(`update environments set name = 'round ${round} ' || id`)
    expect((await environments())?.dead).toBeGreaterThan(4_000)
    await maintainEmbedded(database.db)
    expect((await environments())?.dead).toBe(0)
    sizes.push((await environments())?.bytes ?? 0)
  }
  expect(sizes.at(-1)).toBe(sizes.at(2))
})

it('begins with no other table when it is stopped', async () => {
  await change(insert)
  expect(await maintainEmbedded(database.db, AbortSignal.abort())).toEqual({ tables: 0, checkpoint: false })
  expect((await environments())?.known).toBeLessThan(10)
})

it('makes a checkpoint when the log has grown, so that the files of the log do not grow for ever', async () => {
  let checkpoints = 0
  for (let round = 0; round < 12; round += 1) {
    await change(`create table round_${round} as select repeat('x', 2000) from generate_series(1, 6000)`)
    const grown = await logBytes(database.db)
    const { checkpoint } = await maintainEmbedded(database.db)
    checkpoints += Number(checkpoint)
    if (checkpoint) expect(await logBytes(database.db)).toBeLessThan(1_000_000)
    else expect(await logBytes(database.db)).toBeGreaterThanOrEqual(grown)
  }
  const { rows } = await sql<{ bytes: number }>`select sum(size)::int as bytes from pg_ls_waldir()`.execute(database.db)
  expect(checkpoints).toBeGreaterThan(2)
  expect(rows[0]?.bytes).toBeLessThan(130_000_000)
})

it('is done by a server on the embedded database', async () => {
  let db = database.db
  const app = await startApp({
    maintenance: { everyMs: 50 },
    wrapDatabase: (opened) => {
      db = opened
      return opened
    },
  })
  try {
    await sql.raw(insert).execute(db)
    await vi.waitFor(async () => expect((await environments(db))?.known).toBeGreaterThan(4_000), { timeout: 20_000 })
  } finally {
    await app.stop()
  }
})
