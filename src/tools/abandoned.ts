import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db/database.ts'

/** A call is given up this long after its deadline, whatever its node says. Milliseconds. */
const graceMs = 15_000

/** Rows that one statement takes. */
const batch = 500

/**
 * Whether a RUNNING execution has nobody who runs it any more: its node is gone, or its deadline is long over. A node
 * that only lost its connection for a moment is called gone as well; it writes the true end when it has it.
 */
export function isAbandoned(): RawBuilder<boolean> {
  return sql<boolean>`(
    tool_executions.deadline_at + ${graceMs} * interval '1 millisecond' < clock_timestamp()
    or is_node_gone(tool_executions.node_id)
  )`
}

/**
 * Settles writes that were cut off by the end of their process: their outcome is unknown, and so is that of their
 * idempotency keys. Gives how many there were. Any number of nodes may do so at once.
 */
export async function settleAbandoned(db: Db): Promise<number> {
  const settled = await db
    .with('abandoned', (cte) =>
      cte
        .selectFrom('tool_executions')
        .select('id')
        .where('status', '=', 'RUNNING')
        .where(isAbandoned())
        .limit(batch)
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
    .set({ status: 'OUTCOME_UNKNOWN', error_type: 'OutcomeUnknownError', finished_at: sql<Date>`clock_timestamp()` })
    .where('id', 'in', (select) => select.selectFrom('abandoned').select('abandoned.id'))
    .where('status', '=', 'RUNNING')
    .returning('id')
    .execute()
  return settled.length
}
