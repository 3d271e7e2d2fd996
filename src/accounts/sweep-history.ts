import { sql } from 'kysely'
import { type Loop, startLoop } from '../background.ts'
import { deleteInBatches } from '../db/batches.ts'
import type { Db } from '../db/database.ts'
import { anyOf } from '../db/found-by-id.ts'
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
      .where('account_id', '=', anyOf('uuid', ids))
    const calls = db.selectFrom('tool_executions').select('id').where('account_id', '=', anyOf('uuid', ids))
    const transitions = db.selectFrom('status_transitions').select('id').where('account_id', '=', anyOf('uuid', ids))
    await deleteInBatches(db, 'idempotency_keys', 'execution_id', keys, signal)
    await deleteInBatches(db, 'tool_executions', 'id', calls, signal)
    await deleteInBatches(db, 'status_transitions', 'id', transitions, signal)
    if (signal?.aborted) return
    await db
      .deleteFrom('deleted_accounts')
      .where('environment_id', '=', last.environment_id)
      .where('id', '=', anyOf('uuid', ids))
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

/** Released grants that one statement looks at. */
const grantsAtOnce = 500

/**
 * Deletes grants that have ended and that no account refers to any more, with what is stored of their owners, in batches.
 * Several nodes may do so at once. What others have locked is left for the next call. Ends early when the signal is aborted.
 */
export async function eraseReleasedGrants(db: Db, signal?: AbortSignal): Promise<void> {
  for (let after = { environment_id: firstId, number: '0' }; signal?.aborted !== true; ) {
    const rows = await db
      .selectFrom('released_grants')
      .selectAll()
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('environment_id', 'number'), '>', tuple(after.environment_id, after.number)),
      )
      .orderBy('environment_id')
      .orderBy('number')
      .limit(grantsAtOnce)
      .execute()
    const ofOne = rows.filter(({ environment_id }) => environment_id === rows[0]?.environment_id)
    const last = ofOne.at(-1)
    if (!last) return
    const grants = ofOne.map(({ grant_id }) => grant_id)
    const unused = db
      .selectFrom('grants')
      .select('id')
      .where('environment_id', '=', last.environment_id)
      .where('id', '=', anyOf('uuid', grants))
      .where('status', '=', 'ended')
      .where(isUnused)
    await deleteInBatches(db, 'grants', 'id', unused, signal)
    await db
      .deleteFrom('released_grants')
      .where('environment_id', '=', last.environment_id)
      .where('number', '=', sql<string>`any (${ofOne.map(({ number }) => number)}::bigint[])`)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('grants')
              .select('grants.id')
              .whereRef('grants.environment_id', '=', 'released_grants.environment_id')
              .whereRef('grants.id', '=', 'released_grants.grant_id')
              .where('grants.status', '=', 'ended')
              .where(isUnused),
          ),
        ),
      )
      .execute()
    after = last
  }
}

/** An SQL condition: whether no account refers to a grant, and no link, whose rows are deleted by their own sweeper. */
const isUnused = sql<boolean>`not exists (
  select from connected_accounts account
  where account.environment_id = grants.environment_id and account.grant_id = grants.id
) and not exists (
  select from authorization_flows flow
  where flow.environment_id = grants.environment_id and flow.grant_id = grants.id
)`

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
 * Deletes what deleted accounts and changed ones have left, now and every 10 seconds, and once an hour the transitions that
 * are older than `days`, until stopped. `stop` waits for the batch in progress.
 */
export function startHistorySweeper(
  { db, log, measure }: Pick<AccountsContext, 'db' | 'log' | 'measure'>,
  days: number,
): Pick<Loop<unknown>, 'stop'> {
  const loops = [
    startLoop({
      name: 'deleting what accounts have left',
      everyMs: 10_000,
      jitter: 0.25,
      immediately: true,
      log,
      measure,
      run: async (signal) => {
        await eraseReleasedGrants(db, signal)
        await eraseDeletedAccounts(db, signal)
      },
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
