import * as z from 'zod'
import type { Secret } from '../vault/secret.ts'
import type { Capability } from './capability.ts'
import type { AccountStatus, StatusReason } from './status.ts'

/** A page or database that the application expected and the consent did not include. */
export interface MissingResource {
  readonly name: string
  readonly resourceId: string | null
}

/** The JSON of a column that holds missing resources. */
export const missingResourcesSchema: z.ZodType<readonly MissingResource[]> = z.array(
  z.object({ name: z.string(), resourceId: z.string().nullable() }),
)

/** What the application stores with an account: JSON of its own, within the limits of `metadata-rule.ts`. */
export type AccountMetadata = Readonly<Record<string, unknown>>

/** Identifies a grant, by values that the caller knows. Ciphertexts open for exactly this pair. */
export interface GrantKey {
  readonly environmentId: string
  readonly grantId: string
}

/** What is known of the token pair of an account. The tokens themselves stay in the vault. */
export interface GrantSummary {
  readonly id: string
  readonly version: number
  readonly providerUserId: string
  /** Empty where the provider has no workspaces. */
  readonly workspaceId: string
  readonly workspaceName: string | null
  readonly workspaceIconUrl: string | null
  readonly ownerName: string | null
  readonly ownerEmail: string | null
  /** The capabilities that were registered for the OAuth app when the user consented. */
  readonly capabilities: readonly Capability[]
  /** The capabilities that the provider refused, whatever was registered. */
  readonly deniedCapabilities: readonly Capability[]
  /** The OAuth scopes that the user was asked for. */
  readonly requestedScopes: readonly string[]
  /** The OAuth scopes that the provider granted. */
  readonly scopes: readonly string[]
  readonly issuedAt: Date
  readonly expiresAt: Date | null
  readonly lastVerifiedAt: Date | null
}

/** One user's link to a provider, with what is known of its OAuth app and its grant. */
export interface ConnectedAccount {
  readonly id: string
  readonly environmentId: string
  readonly oauthAppId: string
  readonly connectionName: string
  readonly connector: string
  /** Whether its OAuth app uses the sandbox. */
  readonly sandbox: boolean
  /** The capabilities that are registered for the OAuth app now. */
  readonly appCapabilities: readonly Capability[]
  /** The OAuth scopes that the OAuth app requests now. */
  readonly appScopes: readonly string[]
  /** Whether the OAuth app allows raw requests. */
  readonly appRawRequests: boolean
  /** Whether the OAuth app has the content of what users share indexed. */
  readonly appContentSearch: boolean
  /** The tool policy of the OAuth app, as it is stored; `parseToolPolicy` reads it. */
  readonly appToolPolicy: string | null
  /** The code with which the provider rejects the OAuth app at present; null while it accepts the app. */
  readonly appRejection: string | null
  readonly identifier: string
  readonly status: AccountStatus
  readonly statusReason: StatusReason
  readonly missingResources: readonly MissingResource[]
  readonly metadata: AccountMetadata
  readonly createdAt: Date
  readonly authorizedAt: Date | null
  readonly lastUsedAt: Date | null
  readonly grant: GrantSummary | null
  /** Authenticates which grant the account has; see `bindings.ts`. */
  readonly binding: string | null
}

/** An account that tools can use: ACTIVE, with a grant. */
export type ActiveAccount = ConnectedAccount & { readonly grant: GrantSummary }

/** An account and its access token, which is null when the account is not ACTIVE. */
export interface OpenedAccount {
  readonly account: ConnectedAccount
  readonly accessToken: Secret | null
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
  /** Who caused it, as `Actor.name`; null: unknown. */
  readonly actor: string | null
}
