import { type Selectable, sql } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import type { StatusTransitionsTable } from '../db/tables.ts'
import type { AccountEvent } from '../events/status-events.ts'
import { selectAccounts, toAccount } from './account-row.ts'
import type { ConnectedAccount, StatusTransition } from './connected-account.ts'
import type { AccountStatus, StatusReason } from './status.ts'

/** Names an account as callers do: by their own identifier under a connection name. */
export interface AccountName {
  readonly connectionName: string
  readonly identifier: string
}

/** The account of this name, or null. One query, with its OAuth app and its grant. */
export async function findAccount(db: Db, environmentId: string, name: AccountName): Promise<ConnectedAccount | null> {
  const row = await selectAccounts(db, environmentId)
    .where('oauth_apps.connection_name', '=', name.connectionName)
    .where('connected_accounts.identifier', '=', name.identifier)
    .executeTakeFirst()
  return row ? toAccount(row) : null
}

/** The accounts with these ids that belong to the environment, in no particular order. Unknown ids are left out. */
export async function findAccountsById(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly ConnectedAccount[]> {
  if (ids.length === 0) return []
  const rows = await selectAccounts(db, environmentId).where('connected_accounts.id', 'in', ids).execute()
  return rows.map(toAccount)
}

/** Which accounts to list; an absent field does not restrict. */
export interface AccountFilter {
  readonly connectionName?: string | null | undefined
  readonly identifier?: string | null | undefined
  readonly status?: readonly AccountStatus[] | null | undefined
}

/** Where a page of a newest-first list begins: after the row with this creation time and id. */
export interface NewestFirstCursor {
  readonly createdAt: Date
  readonly id: string
}

/** Newest first, at most `limit`, after the cursor. */
export async function listAccounts(
  db: Db,
  environmentId: string,
  filter: AccountFilter,
  page: { readonly limit: number; readonly after: NewestFirstCursor | null },
): Promise<readonly ConnectedAccount[]> {
  if (filter.status?.length === 0) return []
  let query = selectAccounts(db, environmentId)
  if (filter.connectionName != null) query = query.where('oauth_apps.connection_name', '=', filter.connectionName)
  if (filter.identifier != null) query = query.where('connected_accounts.identifier', '=', filter.identifier)
  if (filter.status != null) query = query.where('connected_accounts.status', 'in', filter.status)
  if (page.after !== null) {
    const { createdAt, id } = page.after
    // Cursors carry milliseconds, the column microseconds: both sides are cut to what the cursor can say.
    query = query.where(
      sql<boolean>`(date_trunc('milliseconds', connected_accounts.created_at), connected_accounts.id) < (${createdAt}::timestamptz, ${id}::uuid)`,
    )
  }
  const rows = await query
    .orderBy(sql`date_trunc('milliseconds', connected_accounts.created_at)`, 'desc')
    .orderBy('connected_accounts.id', 'desc')
    .limit(page.limit)
    .execute()
  return rows.map(toAccount)
}

/**
 * Creates the account or finds it, whatever other callers do at the same time. Null when the environment has no OAuth
 * app of that connection name. `event` is to be published once the surrounding work is committed.
 */
export async function getOrCreateAccount(
  trx: Trx,
  environmentId: string,
  name: AccountName,
): Promise<{
  readonly account: ConnectedAccount
  readonly created: boolean
  readonly event: AccountEvent | null
} | null> {
  const existing = await findAccount(trx, environmentId, name)
  if (existing) return { account: existing, created: false, event: null }
  const inserted = await trx
    .insertInto('connected_accounts')
    .columns(['environment_id', 'oauth_app_id', 'identifier'])
    .expression(
      trx
        .selectFrom('oauth_apps')
        .where('environment_id', '=', environmentId)
        .where('connection_name', '=', name.connectionName)
        .select(['environment_id', 'id', sql<string>`${name.identifier}::text`.as('identifier')]),
    )
    .onConflict((conflict) => conflict.columns(['oauth_app_id', 'identifier']).doNothing())
    .returning('id')
    .executeTakeFirst()
  const event = inserted
    ? await recordTransition(trx, {
        environmentId,
        accountId: inserted.id,
        from: null,
        to: 'PENDING',
        reason: 'CREATED',
      })
    : null
  const account = await findAccount(trx, environmentId, name)
  return account ? { account, created: inserted !== undefined, event } : null
}

/**
 * Moves an account to a status and writes the transition, holding the account's row until the transaction ends.
 * Gives the event to publish after the commit; null when the account is gone, is not in one of the `from` statuses
 * (where those are given), or has this status for this reason already.
 */
export async function changeStatus(
  trx: Trx,
  change: {
    readonly environmentId: string
    readonly accountId: string
    readonly from?: readonly AccountStatus[]
    readonly to: AccountStatus
    readonly reason: StatusReason
  },
): Promise<AccountEvent | null> {
  const current = await trx
    .selectFrom('connected_accounts')
    .select(['status', 'status_reason'])
    .where('environment_id', '=', change.environmentId)
    .where('id', '=', change.accountId)
    .forUpdate()
    .executeTakeFirst()
  if (!current) return null
  const from = current.status as AccountStatus
  if (change.from && !change.from.includes(from)) return null
  if (from === change.to && current.status_reason === change.reason) return null
  await trx
    .updateTable('connected_accounts')
    .set({ status: change.to, status_reason: change.reason })
    .where('environment_id', '=', change.environmentId)
    .where('id', '=', change.accountId)
    .execute()
  return recordTransition(trx, { ...change, from })
}

async function recordTransition(
  trx: Trx,
  transition: {
    readonly environmentId: string
    readonly accountId: string
    readonly from: AccountStatus | null
    readonly to: AccountStatus
    readonly reason: StatusReason
  },
): Promise<AccountEvent> {
  const { id } = await trx
    .insertInto('status_transitions')
    .values({
      environment_id: transition.environmentId,
      account_id: transition.accountId,
      from_status: transition.from,
      to_status: transition.to,
      reason: transition.reason,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { environmentId: transition.environmentId, accountId: transition.accountId, transitionId: id }
}

/** The account's changes of status, newest first, at most `limit`, older than the sequence number `before`. */
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

/** One change of status, or null. */
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
    from: row.from_status as AccountStatus | null,
    to: row.to_status as AccountStatus,
    reason: row.reason as StatusReason,
    at: row.at,
  }
}
