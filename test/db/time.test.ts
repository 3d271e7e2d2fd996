import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { databaseNow, inSeconds } from '../../src/db/time.ts'
import { freshDatabase } from '../support/database.ts'

let database: Database
beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(() => database.close())

it('reads the time of the database, which advances', async () => {
  const first = await databaseNow(database.db)
  const second = await databaseNow(database.db)
  expect(second.getTime()).toBeGreaterThanOrEqual(first.getTime())
})

it('adds fractions of seconds, and subtracts for negative numbers', async () => {
  const { later, earlier } = await database.db
    .selectNoFrom([inSeconds(1.5).as('later'), inSeconds(-90).as('earlier')])
    .executeTakeFirstOrThrow()
  const between = (later.getTime() - earlier.getTime()) / 1000
  expect(between).toBeCloseTo(91.5, 1)
})
