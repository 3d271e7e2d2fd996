import * as oauth from 'oauth4webapi'
import {
  type ApiAddress,
  type ClientAuthentication,
  type GrantOwner,
  type OAuthClient,
  OAuthFailure,
  type OAuthProvider,
  type TokenSet,
} from '../accounts/provider.ts'
import { inputRules } from '../input-rules.ts'
import { type Fetch, fetchFromProvider } from '../provider-http.ts'
import { withoutSecrets } from '../vault/redaction.ts'
import { Secret } from '../vault/secret.ts'
import { createExchange } from './exchange.ts'
import type { ProviderCodes } from './failure.ts'

/** The provider's user behind a token, as the provider's answer names it. */
export interface ProviderIdentity {
  /** Stable and unique at the provider. Never an email address: those change hands. */
  readonly userId: string
  readonly name?: string | null
  readonly email?: string | null
  /** The provider's id of this installation of the OAuth app, where it has one. */
  readonly installationId?: string | null
  readonly workspace?: {
    readonly id: string
    readonly name?: string | null
    /** An https URL. */
    readonly iconUrl?: string | null
  } | null
}

/** A JSON object of the provider. */
export type ProviderAnswer = Readonly<Record<string, unknown>>

/** What makes one OAuth 2.0 provider different from another. Endpoints are URLs, or paths below the base of the API. */
export interface OAuth2ProviderOptions {
  readonly endpoints: {
    readonly authorization: string
    readonly token: string
    /** RFC 7009. */
    readonly revocation?: string
    /** RFC 7662. */
    readonly introspection?: string
  }
  /** Whether the provider supports or requires PKCE with S256 (RFC 7636). */
  readonly pkce: boolean
  /** Default: `client_secret_basic`. */
  readonly clientAuthentication?: ClientAuthentication
  /**
   * Where a provider differs from RFC 6749 in the form of its requests: bodies in JSON instead of a form, Basic credentials
   * that are not form-encoded before (section 2.3.1), and further headers.
   */
  readonly dialect?: {
    readonly jsonBodies: boolean
    readonly plainBasic: boolean
    readonly headers: Readonly<Record<string, string>>
  }
  /** Requested unless an OAuth app is registered with other scopes. Default: none. */
  readonly defaultScopes?: readonly string[]
  /** Further parameters of the authorization request, such as `{ access_type: 'offline' }`. */
  readonly authorizationParameters?: Readonly<Record<string, string>>
  /** The issuer identifier (RFC 9207), where it is not the base of the API. `required`: every response names it. */
  readonly issuer?: OAuthProvider['issuer']
  readonly capabilities?: OAuthProvider['capabilities']
  /**
   * How the provider names the user behind a token; each function returns null when the answer names no user. The answer
   * of the token endpoint is read first, where it can name one. `path` is requested below the base of the API with the
   * access token.
   */
  readonly identity: {
    readTokenAnswer?(answer: ProviderAnswer): ProviderIdentity | null
    readonly path?: string
    read?(answer: ProviderAnswer): ProviderIdentity | null
  }
  /** The provider's own error codes. */
  readonly codes?: ProviderCodes
  readonly fetch?: Fetch
  /** The deadline of each call, in milliseconds. Default: 10 s. */
  readonly timeoutMs?: number
  readonly now?: () => Date
}

/**
 * Makes the OAuth of a provider that follows RFC 6749, over oauth4webapi. Introspection, revocation and identification
 * exist where their endpoints are given.
 */
export function createOAuth2Provider(options: OAuth2ProviderOptions): OAuthProvider {
  const { endpoints, identity, codes, dialect } = options
  const clientAuthentication = options.clientAuthentication ?? 'client_secret_basic'
  const exchange = createExchange({
    fetch: options.fetch ?? fetchFromProvider,
    timeoutMs: options.timeoutMs ?? 10_000,
    now: options.now ?? (() => new Date()),
    ...(codes && { codes }),
  })

  /** The arguments of oauth4webapi for one exchange. `tokenAnswerIdentity` reads the body as the provider sent it. */
  function prepare(client: OAuthClient) {
    const { revocation, introspection } = endpoints
    const server: oauth.AuthorizationServer = {
      issuer: client.apiUrl,
      token_endpoint: urlOf(client, endpoints.token),
      ...(revocation !== undefined && { revocation_endpoint: urlOf(client, revocation) }),
      ...(introspection !== undefined && { introspection_endpoint: urlOf(client, introspection) }),
    }
    let answer: ProviderAnswer | null = null
    const request = {
      // Plain http is the operator's choice, by the base of the API: a stand-in on this machine.
      [oauth.allowInsecureRequests]: client.apiUrl.startsWith('http:'),
      [oauth.customFetch]: async (
        url: string,
        init: { readonly headers: Record<string, string>; readonly body: URLSearchParams },
      ): Promise<Response> => {
        const headers = {
          ...init.headers,
          ...(dialect?.jsonBodies && { 'content-type': 'application/json' }),
          ...dialect?.headers,
        }
        const body = dialect?.jsonBodies ? JSON.stringify(Object.fromEntries(init.body)) : init.body.toString()
        answer = await exchange({ url, method: 'POST', headers, body, credential: 'client' })
        return Response.json(standardMembers(answer))
      },
    }
    return {
      server,
      metadata: { client_id: client.clientId } satisfies oauth.Client,
      authenticate: dialect?.plainBasic
        ? plainBasic(client.clientSecret)
        : authentication(clientAuthentication, client.clientSecret),
      request,
      tokenAnswerIdentity: () => (answer && identity.readTokenAnswer?.(answer)) ?? null,
      /** The failure of a request for tokens. An answer without a token refuses them, whatever its status. */
      tokenFailure: (error: unknown) =>
        answer !== null && answer.access_token == null && !(error instanceof OAuthFailure)
          ? new OAuthFailure('rejected', 'The answer of the provider contains no token.', { status: 200 })
          : toFailure(error),
    }
  }

  async function identify(client: ApiAddress, accessToken: Secret): Promise<GrantOwner> {
    const answer = await exchange({
      url: urlOf(client, identity.path ?? ''),
      method: 'GET',
      headers: { accept: 'application/json', authorization: `Bearer ${accessToken.reveal()}`, ...dialect?.headers },
      body: null,
      credential: 'token',
    })
    return ownerOf(identity.read?.(answer) ?? null, [accessToken])
  }

  async function revoke(client: OAuthClient, token: Secret): Promise<void> {
    const { server, metadata, authenticate, request } = prepare(client)
    try {
      const response = await oauth.revocationRequest(server, metadata, authenticate, token.reveal(), request)
      await oauth.processRevocationResponse(response)
    } catch (error) {
      const failure = toFailure(error)
      // RFC 7009 section 2.2: an invalid token is revoked already.
      if (failure.kind !== 'grant_refused') throw failure
    }
  }

  return {
    supportsPkce: options.pkce,
    clientAuthentication,
    capabilities: options.capabilities ?? {},
    defaultScopes: options.defaultScopes ?? [],
    ...(options.issuer && { issuer: options.issuer }),

    authorizationUrl(client, { redirectUri, state, codeChallenge, scopes }) {
      const url = new URL(urlOf(client, endpoints.authorization))
      const parameters = {
        ...options.authorizationParameters,
        response_type: 'code',
        client_id: client.clientId,
        redirect_uri: redirectUri,
        state,
        ...(scopes.length > 0 && { scope: scopes.join(' ') }),
        ...(codeChallenge !== null && { code_challenge: codeChallenge, code_challenge_method: 'S256' }),
      }
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return url
    },

    async exchangeCode(client, { code, redirectUri, codeVerifier }) {
      const { server, metadata, authenticate, request, tokenAnswerIdentity, tokenFailure } = prepare(client)
      let tokens: TokenSet
      try {
        const callback = oauth.validateAuthResponse(server, metadata, new URLSearchParams({ code }))
        const verifier = codeVerifier?.reveal() ?? oauth.nopkce
        const response = await oauth.authorizationCodeGrantRequest(
          server,
          metadata,
          authenticate,
          callback,
          redirectUri,
          verifier,
          request,
        )
        tokens = tokensOf(await oauth.processAuthorizationCodeResponse(server, metadata, response), [
          client.clientSecret,
        ])
      } catch (error) {
        throw tokenFailure(error)
      }
      try {
        const named = tokenAnswerIdentity()
        const secrets = [client.clientSecret, ...secretsOf(tokens)]
        const owner =
          named || identity.path === undefined ? ownerOf(named, secrets) : await identify(client, tokens.accessToken)
        return { tokens, owner }
      } catch (error) {
        // Tokens without an owner cannot be stored, so they are revoked. Whether that works changes nothing.
        if (endpoints.revocation) await revoke(client, tokens.refreshToken ?? tokens.accessToken).catch(() => {})
        throw error
      }
    },

    async refresh(client, refreshToken) {
      const { server, metadata, authenticate, request, tokenFailure } = prepare(client)
      try {
        const response = await oauth.refreshTokenGrantRequest(
          server,
          metadata,
          authenticate,
          refreshToken.reveal(),
          request,
        )
        const answer = await oauth.processRefreshTokenResponse(server, metadata, response)
        return tokensOf(answer, [client.clientSecret, refreshToken])
      } catch (error) {
        throw tokenFailure(error)
      }
    },

    ...(identity.path !== undefined && { identify }),
    ...(endpoints.revocation !== undefined && { revoke }),
    ...(endpoints.introspection !== undefined && {
      introspect: async (client: OAuthClient, token: Secret) => {
        const { server, metadata, authenticate, request } = prepare(client)
        try {
          const response = await oauth.introspectionRequest(server, metadata, authenticate, token.reveal(), request)
          const { active, iat } = await oauth.processIntrospectionResponse(server, metadata, response)
          return { active, issuedAt: active && isEpochSeconds(iat) ? new Date(iat * 1000) : null }
        } catch (error) {
          throw toFailure(error)
        }
      },
    }),
  }
}

const urlOf = ({ apiUrl }: ApiAddress, endpoint: string) =>
  /^https?:\/\//.test(endpoint) ? endpoint : `${apiUrl}${endpoint}`

function authentication(method: ClientAuthentication, secret: Secret): oauth.ClientAuth {
  switch (method) {
    case 'client_secret_basic':
      return oauth.ClientSecretBasic(secret.reveal())
    case 'client_secret_post':
      return oauth.ClientSecretPost(secret.reveal())
    case 'none':
      return oauth.None()
  }
}

/** Basic credentials without the form-encoding of RFC 6749 section 2.3.1. */
const plainBasic =
  (secret: Secret): oauth.ClientAuth =>
  (_server, client, _body, headers) => {
    const credentials = Buffer.from(`${client.client_id}:${secret.reveal()}`, 'utf8')
    headers.set('authorization', `Basic ${credentials.toString('base64')}`)
  }

const isEpochSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 && value < 1e11

const secretsOf = ({ accessToken, refreshToken }: TokenSet) =>
  refreshToken ? [accessToken, refreshToken] : [accessToken]

/** The owner, whose names are shown to callers, without secrets that the answer repeats in them. */
function ownerOf(identity: ProviderIdentity | null, secrets: readonly Secret[]): GrantOwner {
  if (identity === null || identity.userId === '') {
    throw new OAuthFailure('rejected', 'The provider does not name the user behind the token.', { status: 200 })
  }
  const { userId, name, email, installationId, workspace } = identity
  const shown = (text: string | null | undefined) => (text == null ? null : withoutSecrets(text, secrets))
  return {
    providerUserId: withoutSecrets(userId, secrets),
    workspaceId: shown(workspace?.id) ?? '',
    workspaceName: shown(workspace?.name),
    workspaceIconUrl: shown(workspace?.iconUrl),
    ownerName: shown(name),
    ownerEmail: shown(email),
    botId: shown(installationId),
  }
}

/** A longer lifetime of a token, such as 2^63 - 1 seconds, is a way to say that it does not expire. It fits into no date. */
const maxLifetimeSeconds = 100 * 365 * 86_400

/**
 * The members that the RFCs define, without `null` and unusable values: oauth4webapi rejects the whole answer for one, and
 * an issued pair would be lost.
 */
function standardMembers(answer: ProviderAnswer): Record<string, unknown> {
  const { access_token, token_type, refresh_token, expires_in, scope, active, iat } = answer
  const lifetime = Number(expires_in ?? Number.NaN)
  return {
    ...(isToken(access_token) && { access_token }),
    ...(token_type != null && { token_type }),
    ...(isToken(refresh_token) && { refresh_token }),
    ...(lifetime > 0 && lifetime < maxLifetimeSeconds && { expires_in: lifetime }),
    ...(typeof scope === 'string' && { scope }),
    ...(active != null && { active }),
    ...(typeof iat === 'number' && Number.isFinite(iat) && { iat }),
  }
}

/** Whether a token fits into a header: with a line break in it, no request could be sent, and none would say why. */
const isToken = (value: unknown): boolean => inputRules.token.safeParse(value).success

/** `held` are the secrets of the request, which the scopes, shown to callers, must not repeat. */
function tokensOf(
  { access_token, refresh_token, expires_in, scope }: oauth.TokenEndpointResponse,
  held: readonly Secret[],
): TokenSet {
  const accessToken = new Secret(access_token)
  const refreshToken = refresh_token === undefined ? null : new Secret(refresh_token)
  const secrets = [...held, accessToken, ...(refreshToken ? [refreshToken] : [])]
  return {
    accessToken,
    refreshToken,
    expiresInSeconds: expires_in === undefined ? null : Math.floor(expires_in),
    scopes: scope === undefined ? null : withoutSecrets(scope, secrets).split(' ').filter(Boolean),
  }
}

/** Errors of oauth4webapi carry the whole answer as their cause, with its tokens. Nothing of them is passed on. */
function toFailure(error: unknown): OAuthFailure {
  if (error instanceof OAuthFailure) return error
  return new OAuthFailure('ambiguous', 'The answer of the provider does not follow RFC 6749.', { status: 200 })
}
