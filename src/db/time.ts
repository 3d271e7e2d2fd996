import { type RawBuilder, sql } from 'kysely'
import type { Db } from './database.ts'

/** An SQL expression for the database's time, which all nodes share. It advances within a statement. */
export const currentTime: RawBuilder<Date> = sql<Date>`clock_timestamp()`

/** An SQL expression for the database's time `seconds` from now; before now when negative. */
export function inSeconds(seconds: number): RawBuilder<Date> {
  return sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`
}

/** Asks the database for its time. */
export async function databaseNow(db: Db): Promise<Date> {
  const { now } = await db.selectNoFrom(currentTime.as('now')).executeTakeFirstOrThrow()
  return now
}
