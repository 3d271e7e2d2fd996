import { sql } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import type { Log } from '../log.ts'
import { settleAbandoned } from './abandoned.ts'

/** What the sweeper works with. */
export interface SweeperOptions {
  readonly db: Db
  readonly clock: Clock
  readonly log: Log
  /** How long the journal keeps a finished execution. Milliseconds. */
  readonly journalMs: number
  /** Between two rounds. Milliseconds, default 15 s. */
  readonly intervalMs?: number
}

/** Rows that one statement takes. */
const batch = 500

/**
 * Settles what crashed nodes left behind, and forgets what is old, in rounds until `stop` is called (which waits for a
 * round that is under way). Any number of nodes may do so at once.
 */
export function startExecutionSweeper(options: SweeperOptions): { stop(): Promise<void> } {
  const { clock, log, intervalMs = 15_000 } = options
  const stopping = new AbortController()
  const rounds = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await sweepExecutions(options.db, options.journalMs)
      } catch (error) {
        log.warn({ err: error }, 'sweeping the tool journal failed; the next round tries again')
      }
      // At random, so that nodes which started together do not go on working at the same moment.
      await clock.sleep(intervalMs * (0.75 + clock.random() / 2), stopping.signal).catch(() => {})
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await rounds
    },
  }
}

/**
 * One round. Abandoned writes are settled ({@link settleAbandoned}); expired keys and executions older than `journalMs`
 * are deleted.
 */
export async function sweepExecutions(db: Db, journalMs: number): Promise<{ readonly abandoned: number }> {
  const abandoned = await settleAbandoned(db)
  await db
    .deleteFrom('idempotency_keys')
    .where(sql<boolean>`(account_id, key) in (
      select account_id, key from idempotency_keys
      where expires_at < clock_timestamp() and state <> 'running'
      order by expires_at limit ${batch} for update skip locked
    )`)
    .execute()
  await db
    .deleteFrom('tool_executions')
    .where('id', 'in', (select) =>
      select
        .selectFrom('tool_executions')
        .select('id')
        .where('started_at', '<', sql<Date>`clock_timestamp() - ${journalMs} * interval '1 millisecond'`)
        .where('status', '<>', 'RUNNING')
        .orderBy('started_at')
        .limit(batch)
        .forUpdate()
        .skipLocked(),
    )
    .execute()
  return { abandoned }
}
