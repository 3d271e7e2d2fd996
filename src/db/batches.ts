import { type SelectQueryBuilder, sql } from 'kysely'
import type { Db } from './database.ts'
import type { Tables } from './tables.ts'

/** Rows that one statement changes, so that its locks are short and it ends before the time limit of statements. */
const batchSize = 500

/**
 * Repeats a statement that changes at most `limit` rows and returns how many, in a transaction of its own, until no row is left
 * or the signal is aborted. Call it outside a transaction.
 */
export async function inBatches(change: (limit: number) => Promise<number>, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true) if ((await change(batchSize)) < batchSize) return
}

/**
 * Deletes the rows whose `column` has a value that the query returns, {@link inBatches}. Rows that others have locked are left
 * out.
 */
export async function deleteInBatches<Table extends keyof Tables>(
  db: Db,
  table: Table,
  column: keyof Tables[Table] & string,
  query: SelectQueryBuilder<Tables, Table, unknown>,
  signal?: AbortSignal,
): Promise<void> {
  await inBatches(async (limit) => {
    const batch = query.limit(limit).forUpdate().skipLocked()
    // With IN, the planner may join the batch with all rows of the table.
    const statement = sql`delete from ${sql.table(table)} where ${sql.ref(column)} = any (array (${batch}))`
    const { numAffectedRows } = await statement.execute(db)
    return Number(numAffectedRows)
  }, signal)
}

/** Ids of one page: see {@link pagesOfIds}. */
const idsOfPage = 1_000

/** Splits the ids of rows, of which there may be a million, so that each statement ends before the time limit of statements. */
export function pagesOfIds(rows: readonly { readonly id: string }[]): readonly (readonly string[])[] {
  const ids = rows.map(({ id }) => id)
  return Array.from({ length: Math.ceil(ids.length / idsOfPage) }, (_, page) =>
    ids.slice(page * idsOfPage, (page + 1) * idsOfPage),
  )
}
