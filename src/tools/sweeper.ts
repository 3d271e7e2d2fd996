import { sql } from 'kysely'
import { type Loop, type MeasureWork, startLoop } from '../background.ts'
import { deleteInBatches } from '../db/batches.ts'
import type { Db } from '../db/database.ts'
import type { Log } from '../log.ts'
import { settleAbandoned } from './abandoned.ts'

/** What one pass of the sweeper did. */
export interface Sweep {
  /** Writes of crashed nodes that were set to OUTCOME_UNKNOWN. */
  readonly abandoned: number
}

/** Settles the calls of crashed nodes and deletes old entries, now and every 15 seconds. Several nodes may sweep at once. */
export function startExecutionSweeper(options: {
  readonly db: Db
  readonly log: Log
  readonly measure?: MeasureWork | undefined
  readonly random: () => number
  /** How long the journal stores a finished execution. Milliseconds. */
  readonly journalMs: number
}): Loop<Sweep> {
  const { db, log, measure, random, journalMs } = options
  return startLoop({
    name: 'sweeping the tool journal',
    everyMs: 15_000,
    // So that nodes which started together do not sweep at the same time.
    jitter: 0.25,
    immediately: true,
    random,
    log,
    measure,
    run: (signal) => sweepExecutions(db, journalMs, signal),
  })
}

/**
 * Makes one pass: settles abandoned writes ({@link settleAbandoned}), then deletes expired idempotency keys, approvals and
 * executions older than `journalMs`, in batches. Ends early when the signal is aborted.
 */
export async function sweepExecutions(db: Db, journalMs: number, signal?: AbortSignal): Promise<Sweep> {
  const abandoned = await settleAbandoned(db)
  const expiredKeys = db
    .selectFrom('idempotency_keys')
    .select('execution_id')
    .where('expires_at', '<', sql<Date>`now()`)
    .where('state', '<>', 'running')
    .orderBy('expires_at')
  await deleteInBatches(db, 'idempotency_keys', 'execution_id', expiredKeys, signal)
  const pastApprovals = db
    .selectFrom('tool_approvals')
    .select('id')
    .where('purge_at', '<', sql<Date>`now()`)
    .orderBy('purge_at')
  await deleteInBatches(db, 'tool_approvals', 'id', pastApprovals, signal)
  const oldExecutions = db
    .selectFrom('tool_executions')
    .select('id')
    .where('started_at', '<', sql<Date>`now() - make_interval(secs => ${journalMs / 1000})`)
    .where('status', '<>', 'RUNNING')
    .orderBy('started_at')
  await deleteInBatches(db, 'tool_executions', 'id', oldExecutions, signal)
  return { abandoned }
}
