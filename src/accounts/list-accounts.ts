import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { identifierCondition, namedIdentifiers, notNarrowed, soleConnection } from '../environments/narrowing.ts'
import { type AccountFilter, isSearch, searchConditions } from './account-filter.ts'
import { type AccountColumns, accountsNamed, selectAccounts, toAccount } from './account-store.ts'
import type { ConnectedAccount } from './connected-account.ts'
import { type AccountStatus, accountStatuses } from './status.ts'

/** Where a page of a newest-first list starts: after the row with this creation time and id. */
export interface NewestFirstCursor {
  readonly createdAt: Date
  readonly id: string
}

/**
 * When an account was created, in the milliseconds that a cursor carries; the column has microseconds. The indexes of
 * lists are on this expression. It must not depend on the session's time zone, or no index could hold it.
 */
const createdMs = sql<Date>`date_trunc('milliseconds', connected_accounts.created_at at time zone 'UTC')`

/** A search that finds more accounts of a status than this is compared with the newest of them instead. */
const maxFound = 1_000

/**
 * Returns accounts, newest first, at most `limit`, after the cursor. The newest accounts of each accepted status are read
 * from an index and merged, so that the time taken depends neither on the number of accounts nor on how rare a status is.
 *
 * A search first looks for at most {@link maxFound} accounts of each status by its own indexes. Only where it finds more, the
 * newest accounts of that status are compared: of a million, one in a thousand matches then, or what is newer than the
 * matches is read.
 */
export async function listAccounts(
  db: Db,
  environmentId: string,
  filter: AccountFilter,
  { limit, after }: { readonly limit: number; readonly after: NewestFirstCursor | null },
): Promise<readonly ConnectedAccount[]> {
  let statuses = filter.status ?? (Object.keys(accountStatuses) as AccountStatus[])
  let ofStatus = candidates(db, environmentId, filter, after)
  const found: string[] = []
  if (isSearch(filter)) {
    const search = await findBySearch(db, environmentId, filter, { statuses, after })
    statuses = statuses.filter((status) => search.filter((row) => row.status === status).length > maxFound)
    found.push(...search.filter(({ status }) => !statuses.includes(status)).map(({ id }) => id))
    for (const condition of searchConditions(filter, environmentId, 'row')) ofStatus = ofStatus.where(condition)
  }
  const newest = ofStatus
    .where('status', '=', sql.ref<AccountStatus>('accepted.status'))
    .orderBy('created_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .as('newest')
  const listed = db
    .selectFrom(sql<{ status: AccountStatus }>`unnest(${statuses}::text[])`.as<'accepted'>(sql`accepted (status)`))
    .innerJoinLateral(newest, (join) => join.onTrue())
    .select('newest.id')
    .orderBy('newest.created_ms', 'desc')
    .orderBy('newest.id', 'desc')
    .limit(limit)
  const rows = await selectAccounts(db, environmentId)
    .where((eb) =>
      statuses.length === 0 && isSearch(filter)
        ? sql<boolean>`connected_accounts.id = any (${found}::uuid[])`
        : found.length === 0
          ? eb('connected_accounts.id', 'in', listed)
          : eb('connected_accounts.id', 'in', sql<string>`(${listed} union all select unnest(${found}::uuid[]))`),
    )
    .orderBy(createdMs, 'desc')
    .orderBy('connected_accounts.id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toAccount)
}

/**
 * Returns the accounts of each status that a search finds: all, or one more than {@link maxFound}. Each status is planned by
 * itself, because a search that finds few accounts of one status may find most of another.
 */
async function findBySearch(
  db: Db,
  environmentId: string,
  filter: AccountFilter,
  { statuses, after }: { readonly statuses: readonly AccountStatus[]; readonly after: NewestFirstCursor | null },
): Promise<readonly { readonly id: string; readonly status: AccountStatus }[]> {
  const parts = statuses.map((status) => {
    let part = candidates(db, environmentId, filter, after).where('status', '=', status)
    for (const condition of searchConditions(filter, environmentId, 'index')) part = part.where(condition)
    return sql`(${part.select('status').limit(maxFound + 1)})`
  })
  if (parts.length === 0) return []
  const { rows } = await sql<{ id: string; status: AccountStatus }>`${sql.join(parts, sql` union all `)}`.execute(db)
  return rows
}

/** The accounts after the cursor that have the filter's connection and identifier, within its narrowing. */
function candidates(
  db: Db,
  environmentId: string,
  { identifier, within = notNarrowed, ...filter }: AccountFilter,
  after: NewestFirstCursor | null,
) {
  const connectionName = filter.connectionName ?? soleConnection(within)
  const apps = db.selectFrom('oauth_apps').select('oauth_apps.id').where('environment_id', '=', environmentId)
  const identifiers = namedIdentifiers(identifier, within)
  const table = identifiers === null ? sql<AccountColumns>`connected_accounts` : accountsNamed(apps, identifiers)
  let accounts = db
    .selectFrom(table.as<'connected_accounts'>(sql`connected_accounts`))
    .select(['id', createdMs.as('created_ms')])
    .where('environment_id', '=', environmentId)
  // One value and not a join, so that the rows of an index stay in its order.
  if (connectionName != null)
    accounts = accounts.where('oauth_app_id', '=', apps.where('connection_name', '=', connectionName))
  else if (within.connectionNames !== null)
    accounts = accounts.where('oauth_app_id', 'in', apps.where('connection_name', 'in', within.connectionNames))
  const permitted = identifierCondition(within, sql.ref('identifier'))
  if (permitted) accounts = accounts.where(permitted)
  if (after !== null)
    accounts = accounts.where(
      sql<boolean>`(${createdMs}, id) < (${after.createdAt}::timestamptz at time zone 'UTC', ${after.id}::uuid)`,
    )
  return accounts
}
