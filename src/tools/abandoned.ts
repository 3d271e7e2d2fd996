import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { currentTime, inSeconds } from '../db/time.ts'

/** How long after its deadline a call counts as abandoned even if its node is alive. Seconds. */
const graceSeconds = 15

/** Rows per statement. */
const batchSize = 500

/**
 * An SQL condition: whether no process runs a RUNNING execution any more, because its node is gone or its deadline passed
 * long ago. A node that lost its connection for a moment counts as gone; it later writes the actual end.
 */
export function isAbandoned(): RawBuilder<boolean> {
  return sql<boolean>`(
    tool_executions.deadline_at < ${inSeconds(-graceSeconds)} or is_node_gone(tool_executions.node_id)
  )`
}

/**
 * Sets writes that were cut off by the end of their process to OUTCOME_UNKNOWN, together with their idempotency keys.
 * Returns how many there were. Several nodes may call it at once.
 */
export async function settleAbandoned(db: Db): Promise<number> {
  const settled = await db
    .with('abandoned', (cte) =>
      cte
        .selectFrom('tool_executions')
        .select('id')
        .where('status', '=', 'RUNNING')
        .where(isAbandoned())
        .limit(batchSize)
        .forUpdate()
        .skipLocked(),
    )
    .with('keys', (cte) =>
      cte
        .updateTable('idempotency_keys')
        .set({ state: 'outcome_unknown' })
        .where('state', '=', 'running')
        .where('execution_id', 'in', (select) => select.selectFrom('abandoned').select('abandoned.id'))
        .returning('key'),
    )
    .updateTable('tool_executions')
    .set({ status: 'OUTCOME_UNKNOWN', error_type: 'OutcomeUnknownError', finished_at: currentTime })
    .where('id', 'in', (select) => select.selectFrom('abandoned').select('abandoned.id'))
    .where('status', '=', 'RUNNING')
    .returning('id')
    .execute()
  return settled.length
}
