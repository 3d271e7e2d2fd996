import type { Secret } from '../vault/secret.ts'
import type { Capability } from './capability.ts'

/** An OAuth app as a provider needs it: `apiUrl` is the base of the provider's API for this app, without a final slash. */
export interface OAuthClient {
  readonly clientId: string
  readonly clientSecret: Secret
  readonly apiUrl: string
}

/** Who consented: the provider's user in one workspace. Never taken from anything but the provider's own answer. */
export interface GrantOwner {
  readonly providerUserId: string
  readonly workspaceId: string
  readonly workspaceName: string | null
  readonly workspaceIconUrl: string | null
  readonly ownerName: string | null
  readonly ownerEmail: string | null
  readonly botId: string | null
}

/** A token pair as the provider issued it (RFC 6749 section 5.1). */
export interface TokenSet {
  readonly accessToken: Secret
  /** Null where the provider gave none: a refresh then keeps the one it was made with. */
  readonly refreshToken: Secret | null
  /** Null where the provider does not say. */
  readonly expiresInSeconds: number | null
}

/**
 * Why a provider's OAuth endpoint gave no result. What follows from it differs by kind:
 * - `grant_refused`: the code or token is not valid (RFC 6749 `invalid_grant`): the only kind that may end a grant.
 * - `client_refused`: our client id or secret is wrong (`invalid_client`, `unauthorized_client`): ends no grant.
 * - `rate_limited`: wait `retryAfterMs`.
 * - `not_sent`: no byte can have reached the provider (refused, DNS, TLS): safe to send again.
 * - `ambiguous`: it may have been received and acted on (timeout, reset, 5xx, an unreadable answer): never sent again blindly.
 * - `rejected`: any other refusal by the provider.
 */
export type OAuthFailureKind =
  | 'grant_refused'
  | 'client_refused'
  | 'rate_limited'
  | 'not_sent'
  | 'ambiguous'
  | 'rejected'

/** An OAuth endpoint refused or failed. The message and the fields hold no token, code or secret, and there is no cause. */
export class OAuthFailure extends Error {
  override readonly name = 'OAuthFailure'
  readonly kind: OAuthFailureKind
  /** HTTP status; null where no answer came. */
  readonly status: number | null
  /** The OAuth error code or the provider's own, where it gave one. */
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

/**
 * What a connector's folder offers to `accounts/`: one provider's OAuth. Every call has its own deadline (10 s), follows
 * no redirect, repeats nothing, and fails with an {@link OAuthFailure} and nothing else.
 */
export interface OAuthProvider {
  /** The connector's slug, such as `notion`. */
  readonly connector: string
  /** Whether the provider documents PKCE (RFC 7636); where it does not, no challenge is sent. */
  readonly supportsPkce: boolean
  /** Where the user's browser goes to consent (RFC 6749 section 4.1.1). */
  authorizationUrl(
    client: Pick<OAuthClient, 'clientId' | 'apiUrl'>,
    request: { readonly redirectUri: string; readonly state: string; readonly codeChallenge: string | null },
  ): URL
  /** Exchanges an authorization code (RFC 6749 section 4.1.3). */
  exchangeCode(
    client: OAuthClient,
    request: { readonly code: string; readonly redirectUri: string; readonly codeVerifier: Secret | null },
  ): Promise<{ readonly tokens: TokenSet; readonly owner: GrantOwner }>
  /** Renews a token pair (RFC 6749 section 6). `owner` is what the answer says, null where it says nothing. */
  refresh(
    client: OAuthClient,
    refreshToken: Secret,
  ): Promise<{ readonly tokens: TokenSet; readonly owner: GrantOwner | null }>
  /** Whether a token works, by the provider's word (RFC 7662). `issuedAt` where it tells. */
  introspect(client: OAuthClient, token: Secret): Promise<{ readonly active: boolean; readonly issuedAt: Date | null }>
  /** Ends a token at the provider (RFC 7009). A token that is unknown there already counts as done. */
  revoke(client: OAuthClient, token: Secret): Promise<void>
  /** Who an access token acts for; for tokens that come from elsewhere. Fails with `grant_refused` when it does not work. */
  identify(client: Pick<OAuthClient, 'apiUrl'>, accessToken: Secret): Promise<GrantOwner>
  /** Of the given resource ids those that the access token can see. For checking after a consent what came with it. */
  visibleResources(
    client: Pick<OAuthClient, 'apiUrl'>,
    accessToken: Secret,
    resourceIds: readonly string[],
  ): Promise<ReadonlySet<string>>
  /**
   * Of the given names those under which the access token finds a page or database. For resources that an application
   * expects without knowing their ids.
   */
  visibleTitles(
    client: Pick<OAuthClient, 'apiUrl'>,
    accessToken: Secret,
    names: readonly string[],
  ): Promise<ReadonlySet<string>>
  /**
   * Of the given capabilities those that the provider refuses to an access token, asked by requests that change nothing.
   * Only a clear refusal counts: what cannot be asked is not denied. Takes 3 s at most and never fails with an
   * {@link OAuthFailure}: a user's browser is waiting.
   */
  deniedCapabilities(
    client: Pick<OAuthClient, 'apiUrl'>,
    accessToken: Secret,
    question: { readonly capabilities: readonly Capability[]; readonly owner: Pick<GrantOwner, 'providerUserId'> },
  ): Promise<readonly Capability[]>
}
