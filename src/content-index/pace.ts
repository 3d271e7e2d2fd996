import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { type IndexKeyColumns, isRowOf } from './index-rows.ts'

/*
 * An index that no one searches is compared with the provider less often: of many users who have connected once, each would
 * otherwise cost as much as one who searches all day. The first search after such a time brings the index up to date.
 */

/** An index that was not searched for so long is unused, in milliseconds. */
const unusedAfterMs = 86_400_000

/** How many times as long the pauses of an unused index are. */
const unusedFactor = 15

/** How precisely the last search is known, in milliseconds: searches write nothing in between. */
const notedEveryMs = 3_600_000

/** Whether a row of `content_indexes` is that of an unused index. */
const isUnused = sql<boolean>`greatest(created_at, last_searched_at) < ${inSeconds(-unusedAfterMs / 1000)}`

/** The pause of a row of `content_indexes`, as an interval: so many milliseconds, and more for an unused index. */
export const pauseOf = (milliseconds: number): RawBuilder<unknown> =>
  sql`make_interval(secs => ${milliseconds / 1000}::float8 * case when ${isUnused} then ${unusedFactor}::int else 1 end)`

/**
 * Notes that an index was searched, unless another search has noted it lately. One that was unused is compared with the provider
 * at once. `last` is what was read of the last search, at `now`.
 */
export async function noteSearch(db: Db, index: IndexKeyColumns, last: Date | null, now: Date): Promise<void> {
  if (last !== null && now.getTime() - last.getTime() < notedEveryMs) return
  // Does not wait for the crawler: a later search notes it as well.
  const row = db.selectFrom('content_indexes').select('id').where(isRowOf(index)).forNoKeyUpdate().skipLocked()
  const soon = (column: 'next_at' | 'next_full_at') =>
    sql<Date>`case when ${isUnused} then least(${sql.ref(column)}, ${currentTime}) else ${sql.ref(column)} end`
  await db
    .updateTable('content_indexes')
    .set({ last_searched_at: currentTime, next_at: soon('next_at'), next_full_at: soon('next_full_at') })
    .where('id', 'in', row)
    .execute()
}
