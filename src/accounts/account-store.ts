import { type RawBuilder, type Selectable, type SelectQueryBuilder, sql } from 'kysely'
import { compileOnce } from '../db/compile-once.ts'
import type { Db, Trx } from '../db/database.ts'
import { anyOf, inEnvironment } from '../db/found-by-id.ts'
import type { ConnectedAccountsTable, Tables } from '../db/tables.ts'
import {
  AccountNotActiveError,
  AccountNotFoundError,
  OAuthAppNotFoundError,
  ProviderUnavailableError,
} from '../errors.ts'
import type { AccountEvent } from '../events/status-events.ts'
import { checkInput, newAccountRules } from '../input-rules.ts'
import { requireBoundAccount } from './bindings.ts'
import {
  type AccountMetadata,
  type ActiveAccount,
  type ConnectedAccount,
  missingResourcesSchema,
} from './connected-account.ts'
import type { AccountsContext } from './context.ts'
import { auditMetadata } from './metadata.ts'
import { recordTransition } from './status-transitions.ts'

/** Names an account as applications do: by their own identifier under a connection name. */
export interface AccountName {
  readonly connectionName: string
  readonly identifier: string
}

const runSelectAccount = compileOnce((db, environmentId: string, connectionName: string, identifier: string) =>
  selectAccount(db, environmentId, { connectionName, identifier }),
)

/** Returns the account of this name, or null. One query, with its OAuth app and its grant. */
export async function findAccount(db: Db, environmentId: string, name: AccountName): Promise<ConnectedAccount | null> {
  const [row] = await runSelectAccount(db, environmentId, name.connectionName, name.identifier)
  return row ? toAccount(row) : null
}

/** Returns the environment's accounts with these ids, in no particular order. Unknown ids are left out. */
export async function findAccountsById(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly ConnectedAccount[]> {
  if (ids.length === 0) return []
  const rows = await selectAccounts(db, environmentId).where('connected_accounts.id', '=', anyOf('uuid', ids)).execute()
  return rows.map(toAccount)
}

/**
 * Returns the accounts of these names, each within its own environment and null where it does not exist. One query,
 * whatever the number of names and environments.
 */
export async function findAccountsByName(
  db: Db,
  names: readonly (AccountName & { readonly environmentId: string })[],
): Promise<readonly (ConnectedAccount | null)[]> {
  if (names.length === 0) return []
  const column = (field: keyof (typeof names)[number]) => names.map((name) => name[field])
  // Each name is looked up by itself: a join with all of them may be planned to read every account of an environment.
  const named = sql<{ id: string; position: number }>`(
    select position, (
      select account.id from oauth_apps app
      join connected_accounts account on account.environment_id = app.environment_id and account.oauth_app_id = app.id
        and account.identifier = name.identifier
      where app.environment_id = name.environment_id and app.connection_name = name.connection_name
    ) as id
    from unnest(${column('environmentId')}::uuid[], ${column('connectionName')}::text[], ${column('identifier')}::text[])
      with ordinality as name (environment_id, connection_name, identifier, position)
  )`
  const rows = await accountRows(db)
    .innerJoin(named.as('named'), 'named.id', 'connected_accounts.id')
    .select('named.position')
    .execute()
  const found = new Map(rows.map((row) => [row.position, toAccount(row)]))
  return names.map((_name, at) => found.get(at + 1) ?? null)
}

/** Returns the account of this name. Throws AccountNotFoundError. */
export async function requireAccount(
  context: Pick<AccountsContext, 'db'>,
  environmentId: string,
  name: AccountName,
): Promise<ConnectedAccount> {
  const account = await findAccount(context.db, environmentId, name)
  if (!account) throw new AccountNotFoundError(name.connectionName, name.identifier)
  return account
}

/** Returns the current state of an account that was read before. Throws AccountNotFoundError when it was deleted. */
export async function rereadAccount(
  context: Pick<AccountsContext, 'db'>,
  account: ConnectedAccount,
): Promise<ConnectedAccount> {
  const [current] = await findAccountsById(context.db, account.environmentId, [account.id])
  if (!current) throw new AccountNotFoundError(account.connectionName, account.identifier)
  return current
}

/**
 * Returns the account itself. Throws AccountNotActiveError when it is not ACTIVE, and a VaultError when another program
 * than this server pointed it at its grant.
 */
export function requireActive(context: Pick<AccountsContext, 'bindingKey'>, account: ConnectedAccount): ActiveAccount {
  if (account.status !== 'ACTIVE' || !account.grant) throw new AccountNotActiveError(account)
  requireBoundAccount(context, account)
  return { ...account, grant: account.grant }
}

/**
 * Returns the current state of an account if its OAuth app still belongs to the same provider. Otherwise the caller, which
 * talks to the previous provider, would send that one the tokens of another. Throws ProviderUnavailableError.
 */
export function requireSameProvider(before: ConnectedAccount, now: ConnectedAccount): ConnectedAccount {
  if (now.connector === before.connector && now.sandbox === before.sandbox) return now
  throw new ProviderUnavailableError('The OAuth app was replaced during the call. Make the same call again.', 0)
}

/** An account to create if it does not exist. */
export interface NewAccount extends AccountName {
  /** Stored when the account is created; that of an existing account does not change. Absent: none. */
  readonly metadata?: AccountMetadata | null | undefined
}

/**
 * Finds or creates an account. Idempotent and safe from many callers at once. Throws InvalidInputError for a malformed
 * name or malformed metadata, and OAuthAppNotFoundError when the environment has no OAuth app of this connection name.
 */
export async function getOrCreateConnectedAccount(
  context: Pick<AccountsContext, 'db' | 'events' | 'actor'>,
  environmentId: string,
  name: NewAccount,
): Promise<{ readonly account: ConnectedAccount; readonly created: boolean }> {
  checkInput(newAccountRules, name)
  // Most calls are for accounts that exist: one statement instead of a transaction.
  const existing = await findAccount(context.db, environmentId, name)
  if (existing) return { account: existing, created: false }
  const { account, event } = await context.db
    .transaction()
    .execute((trx) => getOrCreateAccount(context, trx, environmentId, name))
  if (event) context.events.publish([event])
  return { account, created: event !== null }
}

/**
 * {@link getOrCreateConnectedAccount} within a transaction: the caller validates the identifier and publishes `event`,
 * which is null unless the account was created, after the commit.
 */
export async function getOrCreateAccount(
  { actor }: Pick<AccountsContext, 'actor'>,
  trx: Trx,
  environmentId: string,
  name: NewAccount,
): Promise<{ readonly account: ConnectedAccount; readonly event: AccountEvent | null }> {
  const existing = await findAccount(trx, environmentId, name)
  if (existing) return { account: existing, event: null }
  const inserted = await trx
    .insertInto('connected_accounts')
    .columns(['environment_id', 'oauth_app_id', 'identifier', 'metadata'])
    .expression(
      trx
        .selectFrom('oauth_apps')
        .where('environment_id', '=', environmentId)
        .where('connection_name', '=', name.connectionName)
        .select([
          'environment_id',
          'id',
          sql<string>`${name.identifier}::text`.as('identifier'),
          sql<string>`${JSON.stringify(name.metadata ?? {})}::jsonb`.as('metadata'),
        ]),
    )
    // Without a target, for the reason of idempotency keys.
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  const event = inserted
    ? await recordTransition(trx, null, {
        environmentId,
        accountId: inserted.id,
        to: 'PENDING',
        reason: 'CREATED',
        actor,
      })
    : null
  const account = await findAccount(trx, environmentId, name)
  if (!account) throw new OAuthAppNotFoundError(name.connectionName)
  if (event && Object.keys(account.metadata).length > 0) await auditMetadata(trx, actor, account, account.metadata)
  return { account, event }
}

/** The account of this name as {@link toAccount} reads it. */
export function selectAccount(db: Db, environmentId: string, name: AccountName) {
  return (
    selectAccounts(db, environmentId)
      // Without this, the name leads to the OAuth apps of all environments, and no index to the account.
      .where('oauth_apps.environment_id', '=', environmentId)
      .where('oauth_apps.connection_name', '=', name.connectionName)
      .whereRef('connected_accounts.environment_id', '=', 'oauth_apps.environment_id')
      .where('connected_accounts.identifier', '=', name.identifier)
  )
}

/** Accounts of one environment as {@link toAccount} reads them, each with its OAuth app and its grant: one query. */
export const selectAccounts = (db: Db, environmentId: string) =>
  accountRows(db).where(inEnvironment('connected_accounts.environment_id', environmentId))

/** A row of accounts. */
export type AccountColumns = Selectable<ConnectedAccountsTable>

/**
 * The accounts with these identifiers of the OAuth apps whose `id` a query returns. Each is looked up by itself, before any
 * other condition: an identifier that many environments have, such as `user_1`, seems to be a frequent one, and Postgres
 * would read all accounts of a large environment for it.
 */
export const accountsNamed = (
  apps: SelectQueryBuilder<Tables, 'oauth_apps', { id: string }>,
  identifiers: readonly string[],
): RawBuilder<AccountColumns> => sql<AccountColumns>`(
  select account.* from unnest(${[...new Set(identifiers)]}::text[]) as named (identifier)
  cross join ${apps.select('oauth_apps.environment_id').as('app')}
  cross join lateral (
    select * from connected_accounts account
    where account.environment_id = app.environment_id and account.oauth_app_id = app.id
      and account.identifier = named.identifier
    limit 1
  ) as account
)`

/** The ids of the environment's accounts with these identifiers, as an array of SQL. See {@link accountsNamed}. */
export function idsNamed(db: Db, environmentId: string, identifiers: readonly string[]): RawBuilder<readonly string[]> {
  const apps = db.selectFrom('oauth_apps').select('oauth_apps.id').where('environment_id', '=', environmentId)
  return sql`array (select id from ${accountsNamed(apps, identifiers)} as named)`
}

/** {@link selectAccounts} of all environments: each use must restrict it to the environment of the caller. */
export function accountRows(db: Db) {
  return db
    .selectFrom('connected_accounts')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'connected_accounts.oauth_app_id')
    .leftJoin('grants', 'grants.id', 'connected_accounts.grant_id')
    .select([
      'connected_accounts.id',
      'connected_accounts.environment_id',
      'connected_accounts.oauth_app_id',
      'connected_accounts.identifier',
      'connected_accounts.status',
      'connected_accounts.status_reason',
      'connected_accounts.missing_resources',
      'connected_accounts.metadata',
      'connected_accounts.created_at',
      'connected_accounts.authorized_at',
      'connected_accounts.last_used_at',
      'connected_accounts.binding',
      'oauth_apps.connection_name',
      'oauth_apps.connector',
      'oauth_apps.sandbox',
      'oauth_apps.capabilities as app_capabilities',
      'oauth_apps.scopes as app_scopes',
      'oauth_apps.raw_requests',
      'oauth_apps.content_search',
      'oauth_apps.tool_policy',
      'oauth_apps.token_lifetime_seconds',
      'oauth_apps.rejected_at',
      'oauth_apps.rejected_code',
      'grants.id as grant_id',
      'grants.version',
      'grants.provider_user_id',
      'grants.workspace_id',
      'grants.workspace_name',
      'grants.workspace_icon_url',
      'grants.owner_name',
      'grants.owner_email',
      'grants.capabilities',
      'grants.denied_capabilities',
      'grants.requested_scopes',
      'grants.scopes',
      'grants.issued_at',
      'grants.expires_at',
      'grants.last_verified_at',
    ])
}

type AccountRow = Awaited<ReturnType<ReturnType<typeof selectAccounts>['executeTakeFirstOrThrow']>>

/** Converts a row of {@link selectAccounts}. */
export function toAccount(row: AccountRow): ConnectedAccount {
  return {
    id: row.id,
    environmentId: row.environment_id,
    oauthAppId: row.oauth_app_id,
    connectionName: row.connection_name,
    connector: row.connector,
    sandbox: row.sandbox,
    appCapabilities: row.app_capabilities,
    appScopes: row.app_scopes,
    appRawRequests: row.raw_requests,
    appContentSearch: row.content_search,
    appToolPolicy: row.tool_policy,
    appRejection: row.rejected_at && (row.rejected_code ?? 'unauthorized'),
    identifier: row.identifier,
    status: row.status,
    statusReason: row.status_reason,
    missingResources: missingResourcesSchema.parse(row.missing_resources),
    metadata: row.metadata as AccountMetadata,
    createdAt: row.created_at,
    authorizedAt: row.authorized_at,
    lastUsedAt: row.last_used_at,
    binding: row.binding,
    grant:
      row.grant_id === null
        ? null
        : {
            id: row.grant_id,
            version: row.version ?? 1,
            providerUserId: row.provider_user_id ?? '',
            workspaceId: row.workspace_id ?? '',
            workspaceName: row.workspace_name,
            workspaceIconUrl: row.workspace_icon_url,
            ownerName: row.owner_name,
            ownerEmail: row.owner_email,
            capabilities: row.capabilities ?? [],
            deniedCapabilities: row.denied_capabilities ?? [],
            requestedScopes: row.requested_scopes ?? [],
            scopes: row.scopes ?? [],
            issuedAt: row.issued_at ?? row.created_at,
            expiresAt:
              row.issued_at &&
              expectedExpiry({ issuedAt: row.issued_at, expiresAt: row.expires_at }, row.token_lifetime_seconds),
            lastVerifiedAt: row.last_verified_at,
          },
  }
}

/** When a token expires: as the provider announced, else by the lifetime learned for its OAuth app, else null. */
export function expectedExpiry(
  token: { readonly issuedAt: Date; readonly expiresAt: Date | null },
  learnedLifetimeSeconds: number | null,
): Date | null {
  if (token.expiresAt) return token.expiresAt
  return learnedLifetimeSeconds === null ? null : new Date(token.issuedAt.getTime() + learnedLifetimeSeconds * 1000)
}
