import type { Selectable } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import type { StatusTransitionsTable } from '../db/tables.ts'
import type { AccountEvent } from '../events/status-events.ts'
import type { StatusTransition } from './connected-account.ts'
import type { AccountStatus, StatusReason } from './status.ts'

/** A change of one account's status. */
export interface StatusChange {
  readonly environmentId: string
  readonly accountId: string
  readonly to: AccountStatus
  readonly reason: StatusReason
}

/**
 * Changes an account's status and records the transition. Holds the account's row until the transaction ends. Returns
 * the event to publish after the commit, or null when nothing changed: the account is gone, its status is not one of
 * `from` (where that is given), or it has this status for this reason already.
 */
export async function changeStatus(
  trx: Trx,
  change: StatusChange & { readonly from?: readonly AccountStatus[] },
): Promise<AccountEvent | null> {
  const current = await trx
    .selectFrom('connected_accounts')
    .select(['status', 'status_reason'])
    .where('environment_id', '=', change.environmentId)
    .where('id', '=', change.accountId)
    .forUpdate()
    .executeTakeFirst()
  if (!current) return null
  if (change.from && !change.from.includes(current.status)) return null
  if (current.status === change.to && current.status_reason === change.reason) return null
  await trx
    .updateTable('connected_accounts')
    .set({ status: change.to, status_reason: change.reason })
    .where('environment_id', '=', change.environmentId)
    .where('id', '=', change.accountId)
    .execute()
  return recordTransition(trx, current.status, change)
}

/** Records a transition that the caller makes. Returns the event to publish after the commit. */
export async function recordTransition(
  trx: Trx,
  from: AccountStatus | null,
  { environmentId, accountId, to, reason }: StatusChange,
): Promise<AccountEvent> {
  const { id } = await trx
    .insertInto('status_transitions')
    .values({ environment_id: environmentId, account_id: accountId, from_status: from, to_status: to, reason })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { environmentId, accountId, transitionId: id }
}

/** Returns the account's transitions, newest first, at most `limit`, older than the sequence number `before`. */
export async function listTransitions(
  db: Db,
  environmentId: string,
  accountId: string,
  page: { readonly limit: number; readonly before: number | null },
): Promise<readonly StatusTransition[]> {
  let query = selectTransitions(db, environmentId).where('account_id', '=', accountId)
  if (page.before !== null) query = query.where('sequence', '<', page.before)
  const rows = await query.orderBy('sequence', 'desc').limit(page.limit).execute()
  return rows.map(toTransition)
}

/** Returns one transition, or null. */
export async function findTransition(db: Db, environmentId: string, id: string): Promise<StatusTransition | null> {
  const row = await selectTransitions(db, environmentId).where('id', '=', id).executeTakeFirst()
  return row ? toTransition(row) : null
}

const selectTransitions = (db: Db, environmentId: string) =>
  db.selectFrom('status_transitions').selectAll().where('environment_id', '=', environmentId)

function toTransition(row: Selectable<StatusTransitionsTable>): StatusTransition {
  return {
    id: row.id,
    sequence: row.sequence,
    accountId: row.account_id,
    from: row.from_status,
    to: row.to_status,
    reason: row.reason,
    at: row.at,
  }
}
