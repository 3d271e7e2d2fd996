import { sql } from 'kysely'
import { type Loop, startLoop } from '../background.ts'
import { deleteInBatches } from '../db/batches.ts'
import type { Db } from '../db/database.ts'
import type { AccountsContext } from './context.ts'

/** How many deleted accounts one statement looks for. */
const accountsAtOnce = 100

/** How many old transitions are searched for those to delete, before the next ones are. */
const transitionsAtOnce = 5_000

/** Below every id. */
const firstId = '00000000-0000-0000-0000-000000000000'

/**
 * Deletes what deleted accounts have left: their calls, idempotency keys and history, in batches. Several nodes may do so at
 * once, and after an interruption the next call continues. Rows that others have locked are left for the next call. Ends
 * early when the signal is aborted.
 */
export async function eraseDeletedAccounts(db: Db, signal?: AbortSignal): Promise<void> {
  for (let after = { environment_id: firstId, id: firstId }; ; ) {
    const rows = await db
      .selectFrom('deleted_accounts')
      .select(['environment_id', 'id'])
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('environment_id', 'id'), '>', tuple(after.environment_id, after.id)),
      )
      .orderBy('environment_id')
      .orderBy('id')
      .limit(accountsAtOnce)
      .execute()
    // Those of one environment at a time, because the index of idempotency keys leads with it.
    const ofOne = rows.filter(({ environment_id }) => environment_id === rows[0]?.environment_id)
    const last = ofOne.at(-1)
    if (!last) return
    const ids = ofOne.map(({ id }) => id)
    const keys = db
      .selectFrom('idempotency_keys')
      .select('execution_id')
      .where('environment_id', '=', last.environment_id)
      .where('account_id', 'in', ids)
    const calls = db.selectFrom('tool_executions').select('id').where('account_id', 'in', ids)
    const transitions = db.selectFrom('status_transitions').select('id').where('account_id', 'in', ids)
    await deleteInBatches(db, 'idempotency_keys', 'execution_id', keys, signal)
    await deleteInBatches(db, 'tool_executions', 'id', calls, signal)
    await deleteInBatches(db, 'status_transitions', 'id', transitions, signal)
    if (signal?.aborted) return
    await db
      .deleteFrom('deleted_accounts')
      .where('environment_id', '=', last.environment_id)
      .where('id', 'in', ids)
      .where(({ not, exists, and, selectFrom }) =>
        and(
          (['idempotency_keys', 'tool_executions', 'status_transitions'] as const).map((table) =>
            not(
              exists(
                selectFrom(table)
                  .select('account_id')
                  .whereRef('environment_id', '=', 'deleted_accounts.environment_id')
                  .whereRef('account_id', '=', 'deleted_accounts.id'),
              ),
            ),
          ),
        ),
      )
      .execute()
    after = last
  }
}

/**
 * Deletes transitions that are older than this many days, in batches. The newest one of each account stays, and while an
 * account waits for a confirmation, so do those from which its status before is known. Ends early when the signal is aborted.
 */
export async function deleteOldTransitions(db: Db, days: number, signal?: AbortSignal): Promise<void> {
  const isOld = sql<boolean>`at < now() - make_interval(days => ${days}::int)`
  // Most of what is old is the newest of its account and stays. Parts keep batches from passing over it again and again.
  for (let after = '-infinity'; signal?.aborted !== true; ) {
    const transitions = db.selectFrom('status_transitions').where('at', '>', sql<Date>`${after}::timestamptz`)
    const part = transitions.select('at').where(isOld).orderBy('at').limit(transitionsAtOnce)
    const end = sql<string | null>`max(at)::text`.as('end')
    const { end: last } = await db.selectFrom(part.as('part')).select(end).executeTakeFirstOrThrow()
    if (last === null) return
    const superseded = transitions
      .select('id')
      .where('at', '<=', sql<Date>`${last}::timestamptz`)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('status_transitions as later')
            .select('later.id')
            .whereRef('later.account_id', '=', 'status_transitions.account_id')
            .whereRef('later.sequence', '>', 'status_transitions.sequence')
            .where('later.to_status', '<>', 'PENDING_CONFIRMATION'),
        ),
      )
    await deleteInBatches(db, 'status_transitions', 'id', superseded, signal)
    after = last
  }
}

/**
 * Deletes what deleted accounts have left, now and every 10 seconds, and once an hour the transitions that are older than
 * `days`, until stopped. `stop` waits for the batch in progress.
 */
export function startHistorySweeper(
  { db, log, measure }: Pick<AccountsContext, 'db' | 'log' | 'measure'>,
  days: number,
): Pick<Loop<unknown>, 'stop'> {
  const loops = [
    startLoop({
      name: 'deleting what deleted accounts have left',
      everyMs: 10_000,
      jitter: 0.25,
      immediately: true,
      log,
      measure,
      run: (signal) => eraseDeletedAccounts(db, signal),
    }),
    startLoop({
      name: 'deleting old status transitions',
      everyMs: 3_600_000,
      jitter: 0.25,
      log,
      measure,
      run: (signal) => deleteOldTransitions(db, days, signal),
    }),
  ]
  return { stop: async () => void (await Promise.all(loops.map((loop) => loop.stop()))) }
}
