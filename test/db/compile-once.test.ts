import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { compileOnce } from '../../src/db/compile-once.ts'
import type { Database, Db } from '../../src/db/database.ts'
import { freshDatabase } from '../support/database.ts'

let database: Database
let built: number
beforeAll(async () => {
  database = await freshDatabase()
  await database.db
    .insertInto('environments')
    .values(['a', 'b', 'c'].map((name) => ({ name })))
    .execute()
})
afterAll(() => database.close())
beforeEach(() => {
  built = 0
})

/** The environments of two names, in an order that is a value of the statement itself. */
const newStatement = () =>
  compileOnce((db, first: string, second: string) => {
    built += 1
    return db
      .selectFrom('environments')
      .select(['name', sql<number>`${7}::int`.as('constant')])
      .where((eb) => eb.or([eb('name', '=', second), eb('name', '=', first), eb('name', '=', second)]))
      .orderBy('name')
  })
const names = async (rows: Promise<readonly { name: string; constant: number }[]>) => {
  for (const { constant } of await rows) expect(constant).toBe(7)
  return (await rows).map(({ name }) => name)
}

it('a statement is built once and run with the values of each use', async () => {
  const find = newStatement()
  expect(await names(find(database.db, 'a', 'b'))).toEqual(['a', 'b'])
  expect(await names(find(database.db, 'c', 'b'))).toEqual(['b', 'c'])
  const together = [find(database.db, 'a', 'none'), find(database.db, 'b', 'none'), find(database.db, 'none', 'c')]
  expect(await Promise.all(together.map(names))).toEqual([['a'], ['b'], ['c']])
  expect(built).toBe(1)
})

it('each handle has a statement of its own, which it transforms and runs', async () => {
  const find = newStatement()
  const nothing: Db = database.db.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => ({ ...result, rows: [] }),
  })
  expect(await names(find(database.db, 'a', 'b'))).toEqual(['a', 'b'])
  expect(await names(find(nothing, 'a', 'b'))).toEqual([])
  expect(built).toBe(2)
})

it('a transaction sees what it wrote', async () => {
  const find = newStatement()
  const within = database.db.transaction().execute(async (trx) => {
    await trx.insertInto('environments').values({ name: 'uncommitted' }).execute()
    expect(await names(find(trx, 'uncommitted', 'a'))).toEqual(['a', 'uncommitted'])
    throw new Error('stop')
  })
  await expect(within).rejects.toThrow('stop')
  expect(await names(find(database.db, 'uncommitted', 'a'))).toEqual(['a'])
})

it('refuses a statement that reads a parameter, because its value would be that of no caller', async () => {
  const find = compileOnce((db, names: readonly string[]) =>
    db.selectFrom('environments').select('name').where('name', '=', JSON.stringify(names)),
  )
  await expect(find(database.db, ['a'])).rejects.toThrow('Parameter 1 is not a value of: select "name"')
})
