import type { Capability } from './capability.ts'
import type { AccountStatus, StatusReason } from './status.ts'

/** A page or database that the application asked for and the consent did not bring. */
export interface MissingResource {
  readonly name: string
  readonly resourceId: string | null
}

/** What is known of the token pair behind an account. The tokens themselves are only in the vault's reach. */
export interface GrantSummary {
  readonly id: string
  readonly version: number
  /** Empty where the provider has no workspaces. */
  readonly workspaceId: string
  readonly workspaceName: string | null
  readonly workspaceIconUrl: string | null
  readonly ownerName: string | null
  readonly ownerEmail: string | null
  /** What the OAuth app was said to have when the user consented. */
  readonly capabilities: readonly Capability[]
  /** What the provider refused for lack of a capability, whatever was declared. */
  readonly deniedCapabilities: readonly Capability[]
  /** The OAuth scopes that the user was asked for. */
  readonly requestedScopes: readonly string[]
  /** The OAuth scopes that the provider granted. */
  readonly scopes: readonly string[]
  readonly issuedAt: Date
  readonly expiresAt: Date | null
  readonly lastVerifiedAt: Date | null
}

/** One user's link to a provider, with what its OAuth app and its grant say about it. */
export interface ConnectedAccount {
  readonly id: string
  readonly environmentId: string
  readonly oauthAppId: string
  readonly connectionName: string
  readonly connector: string
  /** Whether its OAuth app talks to the sandbox. */
  readonly sandbox: boolean
  /** What the OAuth app is said to have now. */
  readonly appCapabilities: readonly Capability[]
  /** The OAuth scopes that the OAuth app requests now. */
  readonly appScopes: readonly string[]
  readonly identifier: string
  readonly status: AccountStatus
  readonly statusReason: StatusReason
  readonly missingResources: readonly MissingResource[]
  readonly createdAt: Date
  readonly authorizedAt: Date | null
  readonly lastUsedAt: Date | null
  readonly grant: GrantSummary | null
}

/** One change of status. `from` is null for the account's creation. */
export interface StatusTransition {
  readonly id: string
  readonly sequence: number
  readonly accountId: string
  readonly from: AccountStatus | null
  readonly to: AccountStatus
  readonly reason: StatusReason
  readonly at: Date
}
