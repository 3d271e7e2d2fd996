import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { freshDatabase } from '../support/database.ts'
import { columns } from './columns.ts'

let database: Database
beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(() => database.close())

it('types every column that the migrations create, and no other', async () => {
  const tables = (await database.db.introspection.getTables()).filter(({ name }) => !name.startsWith('migrations'))
  const migrated = Object.fromEntries(
    tables.map((table) => [table.name, table.columns.map((column) => column.name).sort()]),
  )
  const typed = Object.fromEntries(Object.entries(columns).map(([table, names]) => [table, Object.keys(names).sort()]))
  expect(typed).toEqual(migrated)
})
