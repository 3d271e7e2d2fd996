import { AccountNotFoundError } from '../../errors.ts'
import type { Secret } from '../../vault/secret.ts'
import type { AccountName } from '../account-store.ts'
import type { Capability } from '../capability.ts'
import type { ConnectedAccount, MissingResource } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import type { AccountStatus, StatusReason } from '../status.ts'
import { requireActive, rereadAccount } from './current-account.ts'
import { nodeState, slotOf } from './node-state.ts'
import type { RenewedToken } from './renewal-outcome.ts'
import { type GrantKey, tokenContext } from './sealed-pair.ts'

/**
 * The account of this name and its access token, in one query. The token is null when the account is not ACTIVE: the
 * caller then has the account to say why (`new AccountNotActiveError(account)`). Fails with AccountNotFoundError.
 */
export async function openAccount(
  context: Pick<AccountsContext, 'db' | 'vault'>,
  environmentId: string,
  name: AccountName,
): Promise<{ readonly account: ConnectedAccount; readonly accessToken: Secret | null }> {
  const row = await context.db
    .selectFrom('connected_accounts')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'connected_accounts.oauth_app_id')
    .leftJoin('grants', 'grants.id', 'connected_accounts.grant_id')
    .where('connected_accounts.environment_id', '=', environmentId)
    .where('oauth_apps.connection_name', '=', name.connectionName)
    .where('connected_accounts.identifier', '=', name.identifier)
    .select([
      'connected_accounts.id',
      'connected_accounts.oauth_app_id',
      'connected_accounts.status',
      'connected_accounts.status_reason',
      'connected_accounts.missing_resources',
      'connected_accounts.created_at',
      'connected_accounts.authorized_at',
      'connected_accounts.last_used_at',
      'oauth_apps.connector',
      'oauth_apps.sandbox',
      'oauth_apps.capabilities as app_capabilities',
      'grants.id as grant_id',
      'grants.version',
      'grants.access_token',
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
    .executeTakeFirst()
  if (!row) throw new AccountNotFoundError(name.connectionName, name.identifier)
  const account: ConnectedAccount = {
    id: row.id,
    environmentId,
    oauthAppId: row.oauth_app_id,
    connectionName: name.connectionName,
    connector: row.connector,
    sandbox: row.sandbox,
    appCapabilities: row.app_capabilities as Capability[],
    identifier: name.identifier,
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
  if (account.status !== 'ACTIVE' || !account.grant || row.access_token === null) return { account, accessToken: null }
  const token = await openToken(
    context,
    { environmentId, grantId: account.grant.id },
    account.grant.version,
    row.access_token,
  )
  // A pair that only this node's memory has makes the account as new as the token that comes with it.
  return {
    account: { ...account, grant: { ...account.grant, version: token.version } },
    accessToken: token.accessToken,
  }
}

/**
 * The access token of an account that was read before, in one query. Fails with AccountNotActiveError when the account
 * does not stand any more, and with AccountNotFoundError when it is gone.
 */
export async function openAccessToken(
  context: Pick<AccountsContext, 'db' | 'vault'>,
  account: ConnectedAccount,
): Promise<RenewedToken> {
  const { environmentId, grant } = requireActive(account)
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
  const current = requireActive(await rereadAccount(context, account))
  // The account was authorized by another provider user in the meantime and rests on that one's grant now.
  if (current.grant.id !== grant.id) return openAccessToken(context, current)
  throw new Error(`The grant ${grant.id} of an active account is not active.`)
}

/** Opens the access token of a version, or gives the newer one that this node has and the database does not yet. */
export async function openToken(
  context: Pick<AccountsContext, 'db' | 'vault'>,
  grant: GrantKey,
  version: number,
  sealed: string,
): Promise<RenewedToken> {
  const newer = nodeState(context).unpersisted.get(slotOf(grant))
  if (newer && newer.version > version) return newer
  return {
    accessToken: await context.vault.open(sealed, tokenContext(grant, 'access_token', version)),
    grantId: grant.grantId,
    version,
  }
}
