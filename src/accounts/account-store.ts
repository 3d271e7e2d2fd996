import { type Selectable, sql } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import type { StatusTransitionsTable } from '../db/tables.ts'
import type { AccountEvent } from '../events/status-events.ts'
import type { Capability } from './capability.ts'
import type { ConnectedAccount, MissingResource, StatusTransition } from './connected-account.ts'
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

function selectAccounts(db: Db, environmentId: string) {
  return db
    .selectFrom('connected_accounts')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'connected_accounts.oauth_app_id')
    .leftJoin('grants', 'grants.id', 'connected_accounts.grant_id')
    .where('connected_accounts.environment_id', '=', environmentId)
    .select([
      'connected_accounts.id',
      'connected_accounts.environment_id',
      'connected_accounts.oauth_app_id',
      'connected_accounts.identifier',
      'connected_accounts.status',
      'connected_accounts.status_reason',
      'connected_accounts.missing_resources',
      'connected_accounts.created_at',
      'connected_accounts.authorized_at',
      'connected_accounts.last_used_at',
      'oauth_apps.connection_name',
      'oauth_apps.connector',
      'oauth_apps.sandbox',
      'oauth_apps.capabilities as app_capabilities',
      'grants.id as grant_id',
      'grants.version',
      'grants.workspace_id',
      'grants.workspace_name',
      'grants.workspace_icon_url',
      'grants.owner_name',
      'grants.owner_email',
      'grants.capabilities',
      'grants.denied_capabilities',
      'grants.issued_at',
      'grants.expires_at',
      'grants.last_verified_at',
    ])
}

type AccountRow = Awaited<ReturnType<ReturnType<typeof selectAccounts>['executeTakeFirstOrThrow']>>

function toAccount(row: AccountRow): ConnectedAccount {
  return {
    id: row.id,
    environmentId: row.environment_id,
    oauthAppId: row.oauth_app_id,
    connectionName: row.connection_name,
    connector: row.connector,
    sandbox: row.sandbox,
    appCapabilities: row.app_capabilities as Capability[],
    identifier: row.identifier,
    status: row.status as AccountStatus,
    statusReason: row.status_reason as StatusReason,
    missingResources: row.missing_resources as MissingResource[],
    createdAt: row.created_at,
    authorizedAt: row.authorized_at,
    lastUsedAt: row.last_used_at,
    grant:
      row.grant_id === null
        ? null
        : {
            id: row.grant_id,
            version: row.version ?? 1,
            workspaceId: row.workspace_id ?? '',
            workspaceName: row.workspace_name,
            workspaceIconUrl: row.workspace_icon_url,
            ownerName: row.owner_name,
            ownerEmail: row.owner_email,
            capabilities: (row.capabilities ?? []) as Capability[],
            deniedCapabilities: (row.denied_capabilities ?? []) as Capability[],
            issuedAt: row.issued_at ?? row.created_at,
            expiresAt: row.expires_at,
            lastVerifiedAt: row.last_verified_at,
          },
  }
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
