import type { Secret } from '../vault/secret.ts'
import type { Capability } from './capability.ts'

/** An OAuth app as a provider needs it. */
export interface OAuthClient {
  readonly clientId: string
  /** Empty for a public client (RFC 6749 section 2.1), whose provider has the client authentication `none`. */
  readonly clientSecret: Secret
  /** The base of the provider's API for this app, without a final slash. */
  readonly apiUrl: string
}

/**
 * The provider's user who consented, in one workspace where the provider has workspaces. Always taken from the provider's
 * own answer. Two consents of one user and workspace share a grant.
 */
export interface GrantOwner {
  readonly providerUserId: string
  /** Empty where the provider has no workspaces. */
  readonly workspaceId: string
  readonly workspaceName: string | null
  readonly workspaceIconUrl: string | null
  readonly ownerName: string | null
  readonly ownerEmail: string | null
  /** The provider's id of this installation of the OAuth app, where it has one (Notion: `bot_id`). */
  readonly botId: string | null
}

/** A token pair as the provider issued it (RFC 6749 section 5.1). */
export interface TokenSet {
  readonly accessToken: Secret
  /** Null where the provider returned none. After a refresh the old refresh token then stays valid. */
  readonly refreshToken: Secret | null
  /** Null where the provider does not announce the expiry. */
  readonly expiresInSeconds: number | null
  /** The granted OAuth scopes. Null or absent where the answer names none: they are then the requested ones. */
  readonly scopes?: readonly string[] | null
}

/**
 * Why a provider's OAuth endpoint returned no result. The consequences differ by kind:
 * - `grant_refused`: the code or token is not valid (RFC 6749 `invalid_grant`): the only kind that ends a grant by itself.
 * - `client_refused`: our OAuth client is refused (`invalid_client`, `unauthorized_client`, `unsupported_grant_type`), or its
 *   redirect URI: ends no grant.
 * - `unauthorized`: a 401 without a code of those above, which may mean the client or the token.
 * - `rate_limited`: wait `retryAfterMs`.
 * - `not_sent`: no byte can have reached the provider (refused, DNS, TLS): safe to send again.
 * - `ambiguous`: it may have been received and acted on (timeout, reset, 5xx, a page of HTML, an unreadable answer): never
 *   sent again blindly.
 * - `rejected`: a refusal by the provider that names no reason of those above, with any status. Evidence, but no proof.
 */
export type OAuthFailureKind =
  | 'grant_refused'
  | 'client_refused'
  | 'unauthorized'
  | 'rate_limited'
  | 'not_sent'
  | 'ambiguous'
  | 'rejected'

/** An OAuth endpoint refused or failed. The message and the fields hold no token, code or secret; there is no cause. */
export class OAuthFailure extends Error {
  override readonly name = 'OAuthFailure'
  readonly kind: OAuthFailureKind
  /** HTTP status; null without an answer. */
  readonly status: number | null
  /** The OAuth error code, or the provider's own; null without one. */
  readonly code: string | null
  readonly retryAfterMs: number | null
  readonly requestId: string | null

  constructor(
    kind: OAuthFailureKind,
    message: string,
    details: {
      readonly status?: number | null
      readonly code?: string | null
      readonly retryAfterMs?: number | null
      readonly requestId?: string | null
    } = {},
  ) {
    super(message)
    this.kind = kind
    this.status = details.status ?? null
    this.code = details.code ?? null
    this.retryAfterMs = details.retryAfterMs ?? null
    this.requestId = details.requestId ?? null
  }
}

/** How an OAuth client proves at the token endpoint who it is (RFC 7591 section 2, `token_endpoint_auth_method`). */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'none'

/** The part of an OAuth app that requests with an access token need. */
export type ApiAddress = Pick<OAuthClient, 'apiUrl'>

/**
 * One provider's OAuth, as `accounts/` uses it. Every call has a deadline of its own (10 s), follows no redirect, repeats
 * nothing, and throws an {@link OAuthFailure} and nothing else. A method that the provider has no endpoint for is absent.
 */
export interface OAuthProvider {
  /** Whether the provider supports or requires PKCE (RFC 7636). Without it no challenge is sent. */
  readonly supportsPkce: boolean
  readonly clientAuthentication: ClientAuthentication
  /** What can be switched on for an OAuth app in the provider's settings, with descriptions. Empty: nothing. */
  readonly capabilities: Readonly<Record<Capability, string>>
  /** The OAuth scopes that an app requests unless its registration names others. Empty: none are sent. */
  readonly defaultScopes: readonly string[]
  /**
   * The provider's issuer identifier (RFC 9207): an authorization response that names another is refused. With `required`
   * a response that names none is refused as well. Absent: the base of the API counts, where a response names one.
   */
  readonly issuer?: { of(client: ApiAddress): string; readonly required: boolean }
  /** Returns the URL of the consent page for the user's browser (RFC 6749 section 4.1.1). */
  authorizationUrl(
    client: Pick<OAuthClient, 'clientId' | 'apiUrl'>,
    request: {
      readonly redirectUri: string
      readonly state: string
      readonly codeChallenge: string | null
      readonly scopes: readonly string[]
    },
  ): URL
  /** Exchanges an authorization code (RFC 6749 section 4.1.3). */
  exchangeCode(
    client: OAuthClient,
    request: { readonly code: string; readonly redirectUri: string; readonly codeVerifier: Secret | null },
  ): Promise<{ readonly tokens: TokenSet; readonly owner: GrantOwner }>
  /** Renews a token pair (RFC 6749 section 6). The user of the answer is not read: a failure would cost the pair. */
  refresh(client: OAuthClient, refreshToken: Secret): Promise<TokenSet>
  /** Asks the provider whether a token is active (RFC 7662). `issuedAt` is null where the answer does not contain it. */
  introspect?(client: OAuthClient, token: Secret): Promise<{ readonly active: boolean; readonly issuedAt: Date | null }>
  /** Ends a token at the provider (RFC 7009). A token that is already unknown there counts as ended. */
  revoke?(client: OAuthClient, token: Secret): Promise<void>
  /** Returns the owner of an access token. Throws `grant_refused` when the token does not work. */
  identify?(client: ApiAddress, accessToken: Secret): Promise<GrantOwner>
  /** Returns those of the given resource ids that the access token can see. Used after a consent. */
  visibleResources?(
    client: ApiAddress,
    accessToken: Secret,
    resourceIds: readonly string[],
  ): Promise<ReadonlySet<string>>
  /** Returns those of the given names under which the access token finds a resource. Used where no id is known. */
  visibleTitles?(client: ApiAddress, accessToken: Secret, names: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Returns those of the given capabilities that the provider refuses to an access token, asked by requests that change
   * nothing. Only a clear refusal counts. Takes 3 s at most and never throws an {@link OAuthFailure}: a user's browser is
   * waiting.
   */
  deniedCapabilities?(
    client: ApiAddress,
    accessToken: Secret,
    question: { readonly capabilities: readonly Capability[]; readonly owner: Pick<GrantOwner, 'providerUserId'> },
  ): Promise<readonly Capability[]>
}
