import type { Db } from '../db/database.ts'
import type { ConnectedAccount, MissingResource } from './connected-account.ts'
import { expectedExpiry } from './grants/token-lifetime.ts'
import type { AccountStatus, StatusReason } from './status.ts'

/** Accounts of one environment as {@link toAccount} takes them, each with its OAuth app and its grant: one query. */
export function selectAccounts(db: Db, environmentId: string) {
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
      'oauth_apps.scopes as app_scopes',
      'oauth_apps.token_lifetime_seconds',
      'grants.id as grant_id',
      'grants.version',
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

/** The account of a row. Its token's end is the provider's word, or what was learned for the OAuth app. */
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
