import { randomUUID } from 'node:crypto'
import type { ApiAddress, OAuthProvider } from '../../accounts/provider.ts'
import { createExchange } from '../../oauth/exchange.ts'
import { createOAuth2Provider, type ProviderAnswer } from '../../oauth/oauth2-provider.ts'
import { type Fetch, fetchFromProvider } from '../../provider-http.ts'
import type { Secret } from '../../vault/secret.ts'
import { isNotionCapability, notionCapabilities } from '../capabilities.ts'
import type { CapabilityProbe } from '../capability-probe.ts'
import { notionVersion } from '../client.ts'
import { deniedAmong } from './denied-capabilities.ts'
import { ownerInTokenAnswer, ownerOfBot } from './owner.ts'
import { visibleAmong, visibleTitlesAmong } from './visible.ts'

/** What tests of {@link createNotionOAuth} replace. */
export interface NotionOAuthOptions {
  /** Default: {@link fetchFromProvider}. */
  readonly fetch?: Fetch
  /** The deadline of each request in milliseconds, from the first byte sent to the last one read. Default 10,000. */
  readonly timeoutMs?: number
  /** The deadline of all questions about capabilities together, in milliseconds. Default 3,000. */
  readonly probeTimeoutMs?: number
  readonly now?: () => Date
  readonly newId?: () => string
}

/** The error codes of Notion's API apart from those of `oauth/failure.ts` (https://developers.notion.com/reference/status-codes). */
const notionCodes = [
  'test_env_error',
  'invalid_json',
  'invalid_request_url',
  'validation_error',
  'missing_version',
  'unauthorized',
  'restricted_resource',
  'object_not_found',
  'rate_limited',
]

/** Notion has an endpoint for everything that a provider may have one for. */
export type NotionOAuth = Required<Omit<OAuthProvider, 'issuer'>>

/**
 * Returns Notion's OAuth for public connections. It differs from RFC 6749 in the form of its requests, and documents no
 * PKCE at the authorization page and the token endpoint.
 *
 * @see https://developers.notion.com/docs/authorization
 */
export function createNotionOAuth(options: NotionOAuthOptions = {}): NotionOAuth {
  const { probeTimeoutMs = 3_000, newId = randomUUID } = options
  const timeoutMs = options.timeoutMs ?? 10_000
  const transport = {
    fetch: options.fetch ?? fetchFromProvider,
    timeoutMs,
    now: options.now ?? (() => new Date()),
    codes: { known: notionCodes, tokenRefused: ['unauthorized'] },
  }
  const standard = createOAuth2Provider({
    ...transport,
    endpoints: {
      authorization: '/v1/oauth/authorize',
      token: '/v1/oauth/token',
      introspection: '/v1/oauth/introspect',
      revocation: '/v1/oauth/revoke',
    },
    pkce: false,
    dialect: { jsonBodies: true, plainBasic: true, headers: { 'notion-version': notionVersion } },
    authorizationParameters: { owner: 'user' },
    capabilities: notionCapabilities,
    identity: { readTokenAnswer: ownerInTokenAnswer, path: '/v1/users/me', read: ownerOfBot },
    // All endpoints are given, so all methods exist.
  }) as Omit<NotionOAuth, 'visibleResources' | 'visibleTitles' | 'deniedCapabilities'>

  const exchange = createExchange(transport)
  const ask = (
    client: ApiAddress,
    accessToken: Secret,
    { method, path, body }: CapabilityProbe,
    signal: AbortSignal,
  ): Promise<ProviderAnswer> =>
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
      signal,
    })

  return {
    ...standard,

    visibleResources(client, accessToken, resourceIds) {
      const deadline = AbortSignal.timeout(timeoutMs)
      const get = (path: string) => ask(client, accessToken, { method: 'GET', path, body: null }, deadline)
      return visibleAmong(resourceIds, get)
    },

    visibleTitles(client, accessToken, names) {
      const deadline = AbortSignal.timeout(timeoutMs)
      const search = (body: ProviderAnswer) =>
        ask(client, accessToken, { method: 'POST', path: 'search', body }, deadline)
      return visibleTitlesAmong(names, search)
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
