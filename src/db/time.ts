import { type RawBuilder, sql } from 'kysely'
import type { Db } from './database.ts'

/** An SQL expression for the database's time `seconds` from now; before now when negative. Not constant in a statement. */
export function inSeconds(seconds: number): RawBuilder<Date> {
  return sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`
}

/** The database's time now, which all nodes share. */
export async function databaseNow(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const now = rows[0]?.now
  if (!now) throw new Error('The database returned no time.')
  return now
}
