import { sql } from 'kysely'
import { type Loop, startLoop } from '../background.ts'
import type { Db } from '../db/database.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import type { Log } from '../log.ts'
import { settleAbandoned } from './abandoned.ts'

/** What one pass of the sweeper did. */
export interface Sweep {
  /** Writes of crashed nodes that were set to OUTCOME_UNKNOWN. */
  readonly abandoned: number
}

/** Rows per statement. */
const batchSize = 500

/** Settles the calls of crashed nodes and deletes old entries, now and every 15 seconds. Several nodes may sweep at once. */
export function startExecutionSweeper(options: {
  readonly db: Db
  readonly log: Log
  readonly random: () => number
  /** How long the journal stores a finished execution. Milliseconds. */
  readonly journalMs: number
}): Loop<Sweep> {
  const { db, log, random, journalMs } = options
  return startLoop({
    name: 'sweeping the tool journal',
    everyMs: 15_000,
    // So that nodes which started together do not sweep at the same time.
    jitter: 0.25,
    immediately: true,
    random,
    log,
    run: () => sweepExecutions(db, journalMs),
  })
}

/**
 * Makes one pass: settles abandoned writes ({@link settleAbandoned}), then deletes expired idempotency keys and
 * executions older than `journalMs`.
 */
export async function sweepExecutions(db: Db, journalMs: number): Promise<Sweep> {
  const abandoned = await settleAbandoned(db)
  await db
    .deleteFrom('idempotency_keys')
    .where(sql<boolean>`(account_id, key) in (
      select account_id, key from idempotency_keys
      where expires_at < ${currentTime} and state <> 'running'
      order by expires_at limit ${batchSize} for update skip locked
    )`)
    .execute()
  await db
    .deleteFrom('tool_executions')
    .where('id', 'in', (select) =>
      select
        .selectFrom('tool_executions')
        .select('id')
        .where('started_at', '<', inSeconds(-journalMs / 1000))
        .where('status', '<>', 'RUNNING')
        .orderBy('started_at')
        .limit(batchSize)
        .forUpdate()
        .skipLocked(),
    )
    .execute()
  return { abandoned }
}
