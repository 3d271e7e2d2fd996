import { sql } from 'kysely'
import { type Loop, type LoopOptions, startLoop } from '../background.ts'
import type { Db } from '../db/database.ts'

/** Rows that one statement deletes. */
const batchSize = 500

/** Deletes events that are older than this many days, in batches. Returns how many. Ends early when the signal is aborted. */
export async function sweepAuditEvents(db: Db, days: number, signal?: AbortSignal): Promise<number> {
  let total = 0
  while (signal?.aborted !== true) {
    const { rows } = await sql<{ deleted: number }>`
      select sweep_audit_events(make_interval(days => ${days}::int), ${batchSize}::int) as deleted
    `.execute(db)
    const deleted = rows[0]?.deleted ?? 0
    total += deleted
    if (deleted < batchSize) break
  }
  return total
}

/** Sweeps now and every hour. `days` 0: events are never deleted. Several nodes may sweep at once. */
export function startAuditSweeper(
  db: Db,
  days: number,
  { log, measure }: Pick<LoopOptions<unknown>, 'log' | 'measure'>,
): Pick<Loop<unknown>, 'stop'> {
  return startLoop<number>({
    name: 'sweeping the audit log',
    everyMs: 3_600_000,
    jitter: 0.25,
    immediately: true,
    log,
    measure,
    // A function of the database deletes.
    acted: (deleted) => deleted > 0,
    run: async (signal) => (days === 0 ? 0 : sweepAuditEvents(db, days, signal)),
  })
}
