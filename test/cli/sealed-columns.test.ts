import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import { freshDatabase } from '../support/database.ts'

it('a rotation of keys reads and writes the rows of each sealed column by an index', async () => {
  const database = await freshDatabase('embedded')
  try {
    const { rows } = await sql<{ table: string; columns: readonly string[] }>`
      select indrelid::regclass::text as table,
        array(select attname::text from unnest(indkey::int2[]) with ordinality as part (number, at)
          join pg_attribute on attrelid = indrelid and attnum = number order by at) as columns
      from pg_index where indpred is null`.execute(database.db)
    const isIndexed = ({ table, key }: (typeof sealedColumns)[number]) =>
      rows.some((index) => index.table === table && key.every((column, at) => index.columns[at] === column))
    expect(sealedColumns.filter((column) => !isIndexed(column))).toEqual([])
  } finally {
    await database.close()
  }
})
