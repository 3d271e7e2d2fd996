import { sql } from 'kysely'
import type { ReadRows } from '../../db/changed-rows.ts'
import { compileOnce } from '../../db/compile-once.ts'
import type { Db } from '../../db/database.ts'
import { AccountNotFoundError, WrongConnectionError } from '../../errors.ts'
import {
  type AccountName,
  requireActive,
  requireSameProvider,
  rereadAccount,
  selectAccount,
  toAccount,
} from '../account-store.ts'
import { requireBoundApp } from '../bindings.ts'
import type { ConnectedAccount, GrantKey, OpenedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { type RenewedToken, slotOf } from '../node-state.ts'
import { listOAuthApps } from '../oauth-app-store.ts'
import { tokenContext } from './token-pair.ts'

/** What {@link openAccount} works with. */
type OpeningContext = Pick<AccountsContext, 'db' | 'vault' | 'bindingKey' | 'node' | 'openAccounts'>

/**
 * Returns the account of this name and its access token, in one query, or in none when it was opened a moment ago. The
 * token is null when the account is not ACTIVE; `new AccountNotActiveError(account)` explains why. With `connector` the
 * account must belong to that connector.
 *
 * Throws AccountNotFoundError, WrongConnectionError before any token is opened, and a VaultError when another program than
 * this server wrote which grant the account has or what its OAuth app is.
 */
export async function openAccount(
  context: OpeningContext,
  environmentId: string,
  name: AccountName,
  connector: string | null = null,
): Promise<OpenedAccount> {
  const key = JSON.stringify([environmentId, name.connectionName, name.identifier, connector])
  const opened = await context.openAccounts.read(key, () => readAccount(context, environmentId, name, connector))
  const { grant } = opened.account
  const newer = grant && newerPair(context, { environmentId, grantId: grant.id }, grant.version)
  if (!newer || opened.accessToken === null) return opened
  // A pair that only this node's memory holds makes the account as new as its token.
  const { version, accessToken } = newer
  return { account: { ...opened.account, grant: { ...grant, version } }, accessToken }
}

const selectOpened = compileOnce((db, environmentId: string, connectionName: string, identifier: string) =>
  selectAccount(db, environmentId, { connectionName, identifier }).select([
    sql<string | null>`case when grants.status = 'active' then grants.access_token end`.as('access_token'),
    'oauth_apps.client_id',
    'oauth_apps.return_urls',
    'oauth_apps.confirmation_url',
    'oauth_apps.display_name',
    'oauth_apps.logo_url',
    'oauth_apps.accent_color',
    'oauth_apps.callback_name',
    'oauth_apps.version as app_version',
    'oauth_apps.binding as app_binding',
  ]),
)

async function readAccount(
  context: OpeningContext,
  environmentId: string,
  name: AccountName,
  connector: string | null,
): Promise<ReadRows<OpenedAccount>> {
  const [row] = await selectOpened(context.db, environmentId, name.connectionName, name.identifier)
  if (connector !== null && row?.connector !== connector) {
    await requireConnector(context.db, environmentId, name.connectionName, connector)
  }
  if (!row) throw new AccountNotFoundError(name.connectionName, name.identifier)
  // The tokens are opened for the caller's environment, whatever the row contains.
  const account: ConnectedAccount = { ...toAccount(row), environmentId }
  const { status, grant } = account
  if (status !== 'ACTIVE' || !grant || row.access_token === null)
    return { value: { account, accessToken: null }, rows: [] }
  requireActive(context, account)
  requireBoundApp(context, {
    id: account.oauthAppId,
    environmentId,
    connectionName: account.connectionName,
    connector: account.connector,
    clientId: row.client_id,
    capabilities: account.appCapabilities,
    scopes: account.appScopes,
    returnUrls: row.return_urls,
    confirmationUrl: row.confirmation_url,
    sandbox: account.sandbox,
    rawRequests: account.appRawRequests,
    contentSearch: account.appContentSearch,
    displayName: row.display_name,
    logoUrl: row.logo_url,
    accentColor: row.accent_color,
    callbackName: row.callback_name,
    toolPolicy: account.appToolPolicy,
    version: row.app_version,
    binding: row.app_binding,
  })
  const sealingContext = tokenContext({ environmentId, grantId: grant.id }, 'access_token', grant.version)
  const accessToken = await context.vault.open(row.access_token, sealingContext)
  return { value: { account, accessToken }, rows: [account.id, account.oauthAppId, grant.id] }
}

/** Throws WrongConnectionError when the connection belongs to another connector than this one. */
async function requireConnector(
  db: Db,
  environmentId: string,
  connectionName: string,
  connector: string,
): Promise<void> {
  const apps = await listOAuthApps(db, environmentId)
  const app = apps.find((each) => each.connectionName === connectionName)
  if (!app || app.connector === connector) return
  const choices = apps.filter((each) => each.connector === connector).map((each) => each.connectionName)
  throw new WrongConnectionError(connectionName, app.connector, connector, choices)
}

/**
 * Returns the access token of an account that was read before, in one query. Throws AccountNotActiveError when the
 * account is no longer ACTIVE and AccountNotFoundError when it was deleted.
 */
export async function openAccessToken(
  context: Pick<AccountsContext, 'db' | 'vault' | 'bindingKey' | 'node'>,
  account: ConnectedAccount,
): Promise<RenewedToken> {
  const { environmentId, grant } = requireActive(context, account)
  const row = await context.db
    .selectFrom('connected_accounts')
    .innerJoin('grants', 'grants.id', 'connected_accounts.grant_id')
    .where('connected_accounts.environment_id', '=', environmentId)
    .where('connected_accounts.id', '=', account.id)
    .where('connected_accounts.status', '=', 'ACTIVE')
    .where('grants.environment_id', '=', environmentId)
    .where('grants.id', '=', grant.id)
    .where('grants.status', '=', 'active')
    .select(['grants.version', 'grants.access_token'])
    .executeTakeFirst()
  if (row && row.access_token !== null)
    return openToken(context, { environmentId, grantId: grant.id }, row.version, row.access_token)
  const current = requireActive(context, await rereadAccount(context, account))
  // Another user of the provider has authorized the account since, and it has that user's grant now.
  if (current.grant.id !== grant.id) return openAccessToken(context, requireSameProvider(account, current))
  throw new Error(`the grant ${grant.id} of an active account is not active`)
}

/** Opens the access token of a version, or returns a newer one that this node has and the database does not have yet. */
export async function openToken(
  context: Pick<AccountsContext, 'vault' | 'node'>,
  grant: GrantKey,
  version: number,
  sealed: string,
): Promise<RenewedToken> {
  const newer = newerPair(context, grant, version)
  if (newer) return newer
  return {
    accessToken: await context.vault.open(sealed, tokenContext(grant, 'access_token', version)),
    grantId: grant.grantId,
    version,
  }
}

/** Returns the token of a pair that this node has received and the database does not have yet; null where there is none. */
function newerPair({ node }: Pick<AccountsContext, 'node'>, grant: GrantKey, version: number): RenewedToken | null {
  const unpersisted = node.unpersisted.get(slotOf(grant))
  return unpersisted !== undefined && unpersisted.version > version ? unpersisted : null
}
