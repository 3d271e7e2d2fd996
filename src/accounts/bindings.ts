import { type BoundValues, bindingOf, isBound, notBound, requireBound } from '../vault/row-binding.ts'
import type { ConnectedAccount } from './connected-account.ts'
import type { AccountsContext } from './context.ts'

/*
 * What the bindings of OAuth apps, grants and accounts cover. See `vault/row-binding.ts`.
 *
 * The status of an account is not bound: it can only end what the account could do, because its grant's tokens are erased
 * with it, or its binding when it is disconnected.
 */

type Key = Pick<AccountsContext, 'bindingKey'>

/** The fields of an OAuth app that decide where browsers and tokens go, what users are asked for, and what tools may send. */
export interface BoundApp {
  readonly id: string
  readonly environmentId: string
  readonly connectionName: string
  readonly connector: string
  readonly clientId: string
  readonly capabilities: readonly string[]
  readonly scopes: readonly string[]
  readonly returnUrls: readonly string[]
  readonly confirmationUrl: string | null
  readonly sandbox: boolean
  readonly rawRequests: boolean
  /** Whether the content of what users share is indexed. */
  readonly contentSearch: boolean
  // What users are shown.
  readonly displayName: string | null
  readonly logoUrl: string | null
  readonly accentColor: string | null
  readonly callbackName: string | null
  /** As stored; null: no restrictions. */
  readonly toolPolicy: string | null
  /** The number of the registration. */
  readonly version: number
}

/** The values that the binding of an OAuth app covers. */
export const appValues = (app: BoundApp): BoundValues => [
  app.id,
  app.environmentId,
  app.connectionName,
  app.connector,
  app.clientId,
  app.capabilities,
  app.scopes,
  app.returnUrls,
  app.confirmationUrl,
  app.sandbox,
  app.version,
  app.rawRequests,
  // Only what there is: apps from before have a binding without it. The names keep one from being taken for another.
  ...((app.displayName ?? app.logoUrl ?? app.accentColor) === null
    ? []
    : ['branding', app.displayName, app.logoUrl, app.accentColor]),
  ...(app.callbackName === null ? [] : ['callback', app.callbackName]),
  ...(app.toolPolicy === null ? [] : ['policy', app.toolPolicy]),
  ...(app.contentSearch ? ['contentSearch'] : []),
]

/** Returns the OAuth app itself. Throws a VaultError when another program than this server wrote what it decides. */
export function requireBoundApp<App extends BoundApp & { readonly binding: string | null }>(
  { bindingKey }: Key,
  app: App,
): App {
  requireBound(bindingKey, 'oauth_apps', appValues(app), app.binding)
  return app
}

/** The columns of a grant that decide whose tokens it holds. */
export interface BoundGrant {
  readonly id: string
  readonly environment_id: string
  readonly oauth_app_id: string
  readonly provider_user_id: string
  readonly workspace_id: string
  /** The account that the consent was made for. Other accounts of the same owner share the grant once it is active. */
  readonly consent_account_id: string | null
}

/** The values that the binding of a grant covers. They never change. */
export const grantValues = (grant: BoundGrant): BoundValues => [
  grant.id,
  grant.environment_id,
  grant.oauth_app_id,
  grant.provider_user_id,
  grant.workspace_id,
  grant.consent_account_id,
]

/** Whether a grant is of the owner that it names. Logs an error when it is not. */
export function isBoundGrant(
  { bindingKey, log }: Pick<AccountsContext, 'bindingKey' | 'log'>,
  grant: BoundGrant & { readonly binding: string | null },
): boolean {
  if (isBound(bindingKey, 'grants', grantValues(grant), grant.binding)) return true
  log.error({ err: notBound('grants', grant.id), grant: grant.id }, 'refused a grant')
  return false
}

/** What an account is bound to: its application's user and the grant with its owner. */
export interface BoundAccount {
  readonly id: string
  readonly environmentId: string
  readonly oauthAppId: string
  readonly identifier: string
  readonly grant: { readonly id: string; readonly providerUserId: string; readonly workspaceId: string } | null
}

/** The values that the binding of an account covers. An account has one from its first authorization to its end. */
export const accountValues = ({ id, environmentId, oauthAppId, identifier, grant }: BoundAccount): BoundValues => [
  id,
  environmentId,
  oauthAppId,
  identifier,
  grant?.id,
  grant?.providerUserId,
  grant?.workspaceId,
]

/** Returns the binding of an account to its grant. */
export const accountBinding = ({ bindingKey }: Key, account: BoundAccount): string =>
  bindingOf(bindingKey, 'connected_accounts', accountValues(account))

/** Throws a VaultError when another program than this server pointed the account at its grant. */
export function requireBoundAccount({ bindingKey }: Key, account: ConnectedAccount): void {
  requireBound(bindingKey, 'connected_accounts', accountValues(account), account.binding)
}

/** Whether this server pointed the account at its grant. Logs an error when it did not. */
export function isBoundAccount(
  { bindingKey, log }: Pick<AccountsContext, 'bindingKey' | 'log'>,
  account: BoundAccount & { readonly binding: string | null },
): boolean {
  if (isBound(bindingKey, 'connected_accounts', accountValues(account), account.binding)) return true
  log.error({ err: notBound('connected_accounts', account.id), account: account.id }, 'refused an account')
  return false
}
