import { randomUUID } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import {
  type GrantOwner,
  type OAuthClient,
  OAuthFailure,
  type OAuthProvider,
  type TokenSet,
} from '../../accounts/provider.ts'
import { createExchange, type Exchange } from '../../oauth/exchange.ts'
import type { Fetch } from '../../provider-http.ts'
import { Secret } from '../../vault/secret.ts'
import { isNotionCapability, notionCapabilities } from '../capabilities.ts'
import { notionVersion } from '../client.ts'
import { type CapabilityProbe, deniedAmong } from './denied-capabilities.ts'
import { ownerOf, ownerOfBot } from './owner.ts'
import { visibleAmong, visibleTitlesAmong } from './visible.ts'

/**
 * The seams of {@link createNotionOAuth}; the defaults are the global fetch, ten seconds, three seconds, the process's
 * clock and random UUIDs.
 */
export interface NotionOAuthOptions {
  readonly fetch?: Fetch
  /** The deadline of each call in milliseconds, from the first byte sent to the last one read. */
  readonly timeoutMs?: number
  /** How long all questions about capabilities may take together, in milliseconds. */
  readonly probeTimeoutMs?: number
  readonly now?: () => Date
  readonly newId?: () => string
}

/** https://developers.notion.com/reference/status-codes */
const notionCodes = [
  'test_env_error',
  'invalid_json',
  'invalid_request_url',
  'validation_error',
  'missing_version',
  'unauthorized',
  'restricted_resource',
  'object_not_found',
  'conflict_error',
  'rate_limited',
  'internal_server_error',
  'bad_gateway',
  'service_unavailable',
  'database_connection_unavailable',
  'gateway_timeout',
  'service_overload',
]

/** Notion has an endpoint for everything that a provider may have one for. */
export type NotionOAuth = Required<Omit<OAuthProvider, 'issuer'>>

/**
 * Notion's OAuth for public connections (https://developers.notion.com/docs/authorization and the reference pages
 * "Create a token", "Introspect token", "Revoke token"). oauth4webapi builds and judges the messages; what differs from
 * the RFCs is done around it: JSON bodies instead of forms, Basic credentials that are not form-encoded first, and
 * `null` for what is absent.
 */
export function createNotionOAuth(options: NotionOAuthOptions = {}): NotionOAuth {
  const timeoutMs = options.timeoutMs ?? 10_000
  const probeTimeoutMs = options.probeTimeoutMs ?? 3_000
  const newId = options.newId ?? randomUUID
  const exchange = createExchange({
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    timeoutMs,
    now: options.now ?? (() => new Date()),
    codes: { known: notionCodes, tokenRefused: ['unauthorized'] },
  })

  const ask = (
    client: Pick<OAuthClient, 'apiUrl'>,
    accessToken: Secret,
    { method, path, body }: CapabilityProbe,
    signal: AbortSignal | undefined = undefined,
  ) =>
    exchange({
      url: `${client.apiUrl}/v1/${path}`,
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${accessToken.reveal()}`,
        'notion-version': notionVersion,
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body && JSON.stringify(body),
      credential: 'token',
      ...(signal && { signal }),
    })

  const get = (
    client: Pick<OAuthClient, 'apiUrl'>,
    accessToken: Secret,
    path: string,
    signal: AbortSignal | undefined = undefined,
  ) => ask(client, accessToken, { method: 'GET', path, body: null }, signal)

  const identify = async (client: Pick<OAuthClient, 'apiUrl'>, accessToken: Secret): Promise<GrantOwner> => {
    const owner = ownerOfBot(await get(client, accessToken, 'users/me'))
    if (owner) return owner
    throw new OAuthFailure('rejected', 'The provider does not say which user and workspace the token acts for.', {
      status: 200,
    })
  }

  const revoke = async (client: OAuthClient, token: Secret): Promise<void> => {
    const { server, metadata, authenticate, requestOptions } = endpointsOf(client, exchange)
    try {
      const response = await oauth.revocationRequest(server, metadata, authenticate, token.reveal(), requestOptions)
      await oauth.processRevocationResponse(response)
    } catch (error) {
      const failure = toFailure(error)
      // RFC 7009 section 2.2: the token is invalid already, which is what was asked for.
      if (failure.kind !== 'grant_refused') throw failure
    }
  }

  return {
    // Neither the authorization page nor the token endpoint documents a challenge or a verifier.
    supportsPkce: false,
    clientAuthentication: 'client_secret_basic',
    capabilities: notionCapabilities,
    defaultScopes: [],

    authorizationUrl(client, request) {
      const url = new URL(`${client.apiUrl}/v1/oauth/authorize`)
      url.searchParams.set('owner', 'user')
      url.searchParams.set('client_id', client.clientId)
      url.searchParams.set('redirect_uri', request.redirectUri)
      url.searchParams.set('response_type', 'code')
      url.searchParams.set('state', request.state)
      return url
    },

    async exchangeCode(client, request) {
      const { server, metadata, authenticate, requestOptions, received } = endpointsOf(client, exchange)
      let tokens: TokenSet
      try {
        const callback = oauth.validateAuthResponse(server, metadata, new URLSearchParams({ code: request.code }))
        const response = await oauth.authorizationCodeGrantRequest(
          server,
          metadata,
          authenticate,
          callback,
          request.redirectUri,
          request.codeVerifier?.reveal() ?? oauth.nopkce,
          requestOptions,
        )
        tokens = tokensOf(await oauth.processAuthorizationCodeResponse(server, metadata, response))
      } catch (error) {
        throw toFailure(error)
      }
      const owner = ownerOf(received())
      if (owner) return { tokens, owner }
      try {
        return { tokens, owner: await identify(client, tokens.accessToken) }
      } catch (error) {
        // Tokens of nobody can be kept nowhere, so they are given back; the answer to that changes nothing.
        await revoke(client, tokens.refreshToken ?? tokens.accessToken).catch(() => {})
        throw error
      }
    },

    async refresh(client, refreshToken) {
      const { server, metadata, authenticate, requestOptions, received } = endpointsOf(client, exchange)
      try {
        const response = await oauth.refreshTokenGrantRequest(
          server,
          metadata,
          authenticate,
          refreshToken.reveal(),
          requestOptions,
        )
        const tokens = tokensOf(await oauth.processRefreshTokenResponse(server, metadata, response))
        return { tokens, owner: ownerOf(received()) }
      } catch (error) {
        throw toFailure(error)
      }
    },

    async introspect(client, token) {
      const { server, metadata, authenticate, requestOptions } = endpointsOf(client, exchange)
      try {
        const response = await oauth.introspectionRequest(
          server,
          metadata,
          authenticate,
          token.reveal(),
          requestOptions,
        )
        const { active, iat } = await oauth.processIntrospectionResponse(server, metadata, response)
        return { active, issuedAt: active && isEpochSeconds(iat) ? new Date(iat * 1000) : null }
      } catch (error) {
        throw toFailure(error)
      }
    },

    revoke,
    identify,

    visibleResources(client, accessToken, resourceIds) {
      const deadline = AbortSignal.timeout(timeoutMs)
      return visibleAmong(resourceIds, (path) => get(client, accessToken, path, deadline))
    },

    visibleTitles(client, accessToken, names) {
      const deadline = AbortSignal.timeout(timeoutMs)
      return visibleTitlesAmong(names, (body) =>
        ask(client, accessToken, { method: 'POST', path: 'search', body }, deadline),
      )
    },

    deniedCapabilities(client, accessToken, { capabilities, owner }) {
      const deadline = AbortSignal.timeout(probeTimeoutMs)
      return deniedAmong({
        capabilities: capabilities.filter(isNotionCapability),
        providerUserId: owner.providerUserId,
        nowhere: newId(),
        ask: (probe) => ask(client, accessToken, probe, deadline),
      })
    },
  }
}

/** What oauth4webapi is called with for one exchange; `received` gives the answer's body as the provider sent it. */
function endpointsOf(client: OAuthClient, exchange: Exchange) {
  const base = `${client.apiUrl}/v1/oauth`
  const server: oauth.AuthorizationServer = {
    issuer: client.apiUrl,
    token_endpoint: `${base}/token`,
    introspection_endpoint: `${base}/introspect`,
    revocation_endpoint: `${base}/revoke`,
  }
  const metadata: oauth.Client = { client_id: client.clientId }
  const authenticate: oauth.ClientAuth = (_server, _client, _body, headers) => {
    const credentials = Buffer.from(`${client.clientId}:${client.clientSecret.reveal()}`, 'utf8')
    headers.set('authorization', `Basic ${credentials.toString('base64')}`)
  }
  let answer: Readonly<Record<string, unknown>> = {}
  const requestOptions = {
    // The API's address is the operator's choice; the sandbox is reached over http on this machine.
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: async (
      url: string,
      init: { readonly headers: Record<string, string>; readonly body: URLSearchParams },
    ): Promise<Response> => {
      answer = await exchange({
        url,
        method: 'POST',
        headers: { ...init.headers, 'content-type': 'application/json', 'notion-version': notionVersion },
        body: JSON.stringify(Object.fromEntries(init.body)),
        credential: 'client',
      })
      return Response.json(standardMembers(answer))
    },
  }
  return { server, metadata, authenticate, requestOptions, received: () => answer }
}

/**
 * The members that the RFCs define, without those that say nothing. oauth4webapi refuses the whole answer for a `null`
 * or an unusable `expires_in`, and an issued pair would be lost over it.
 */
function standardMembers(answer: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { access_token, token_type, refresh_token, expires_in, active, iat } = answer
  const lifetime = Number(expires_in ?? Number.NaN)
  return {
    ...(access_token != null && { access_token }),
    ...(token_type != null && { token_type }),
    ...(refresh_token != null && refresh_token !== '' && { refresh_token }),
    ...(Number.isFinite(lifetime) && lifetime > 0 && { expires_in: lifetime }),
    ...(active != null && { active }),
    ...(iat != null && { iat }),
  }
}

function tokensOf(answer: oauth.TokenEndpointResponse): TokenSet {
  return {
    accessToken: new Secret(answer.access_token),
    refreshToken: answer.refresh_token === undefined ? null : new Secret(answer.refresh_token),
    expiresInSeconds: answer.expires_in === undefined ? null : Math.floor(answer.expires_in),
  }
}

const isEpochSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 && value < 1e11

/** An error of oauth4webapi carries the whole answer as its cause, tokens and all; none of it is taken over. */
function toFailure(error: unknown): OAuthFailure {
  if (error instanceof OAuthFailure) return error
  return new OAuthFailure('ambiguous', 'The provider answered with something else than its documentation says.', {
    status: 200,
  })
}
