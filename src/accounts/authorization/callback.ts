import { currentTime, inSeconds } from '../../db/time.ts'
import type { Secret } from '../../vault/secret.ts'
import type { AccountsContext } from '../context.ts'
import { callbackUrl, isCallbackOf } from '../redirect-uri.ts'
import {
  codeVerifierContext,
  expiredReturnUrl,
  type Flow,
  flowColumns,
  isBoundFlow,
  isExpired,
  toFlow,
} from './flow.ts'
import { flowCookieName, type ReadCookie } from './flow-cookies.ts'
import { hashOneTimeToken, matchesHash } from './one-time-token.ts'
import { browserTokenOf, codeVerifierOf, isSame, type Opening, readReceipt, readState } from './opening.ts'

/** What a provider sends back through the browser (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207 for `iss`). */
export type CallbackParameters =
  | { readonly kind: 'code'; readonly state: string; readonly issuer: string | null; readonly code: string }
  | { readonly kind: 'error'; readonly state: string; readonly issuer: string | null; readonly error: CallbackError }

/** The codes of RFC 6749 section 4.1.2.1, and two that providers add. Every other code becomes `provider_error`; the description is ignored. */
export const callbackErrors = [
  'access_denied',
  'invalid_request',
  'unauthorized_client',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'invalid_client',
  'redirect_uri_mismatch',
  'provider_error',
] as const

export type CallbackError = (typeof callbackErrors)[number]

const maxValueLength = 2048

/**
 * Reads a callback's query. Returns null for a query that no provider sends: a repeated parameter, a value of more than
 * 2 kB, no state, or not exactly one of code and error.
 */
export function readCallbackParameters(query: URLSearchParams): CallbackParameters | null {
  const seen = new Map<string, string>()
  for (const [name, value] of query) {
    if (seen.has(name) || value.length > maxValueLength) return null
    seen.set(name, value)
  }
  const state = seen.get('state')
  const code = seen.get('code')
  const error = seen.get('error')
  if (!state) return null
  const issuer = seen.get('iss') ?? null
  if (code !== undefined && error === undefined && code !== '') return { kind: 'code', state, issuer, code }
  if (error !== undefined && code === undefined) {
    const known = callbackErrors.find((candidate) => candidate === error)
    return { kind: 'error', state, issuer, error: known ?? 'provider_error' }
  }
  return null
}

/** The request that the provider redirects the browser to. */
export interface CallbackRequest {
  /** The last part of the path, which names the OAuth app. */
  readonly callback: string
  readonly query: URLSearchParams
  readonly readCookie: ReadCookie
}

/** A flow that no other callback can claim any more. */
export interface ClaimedFlow {
  readonly flow: Flow
  readonly cookieName: string
  readonly codeVerifier: Secret | null
  /** That of the authorization request, because the provider redirected the browser to it (RFC 6749 section 4.1.3). */
  readonly redirectUri: string
  /** The database's time before the exchange, from which the lifetime of its tokens is counted. */
  readonly now: Date
}

/** Why a callback is not accepted. Nothing was exchanged or claimed. `oauthAppId` is set where this browser may learn which app it is about. */
export type RefusedCallback =
  /** No provider sends such a request. */
  | { readonly kind: 'malformed' }
  /** The state is not of this server, or belongs to another OAuth app, or its authorization has ended. */
  | { readonly kind: 'unknown' }
  /** The authorization continues, and this browser has not opened its link. */
  | { readonly kind: 'other_browser' }
  /** `returnUrl` leads this browser back to the application. */
  | { readonly kind: 'expired'; readonly oauthAppId: string; readonly returnUrl: string | null }
  /** Another request of this browser is exchanging its code. */
  | { readonly kind: 'in_progress'; readonly oauthAppId: string }
  /** This browser has ended the authorization before, with this ending. The app is null after one that a node of an earlier release ended. */
  | { readonly kind: 'finished'; readonly oauthAppId: string | null; readonly ending: Ending }

/** How an authorization ended in a browser. `consented`: the application was asked to confirm it. */
export const endings = [
  'consented',
  'connected',
  'denied',
  'user_changed',
  'withdrawn',
  'provider_error',
  'exchange_failed',
] as const

export type Ending = (typeof endings)[number]

/**
 * Claims the flow that a callback belongs to. The state, the OAuth app in the path, the browser's cookie, the issuer and
 * the time must match; a callback that does not match leaves the flow unchanged. Only a browser that ended the flow, or
 * opened its link while it continues, learns more of it than that.
 */
export async function claimFlow(
  context: AccountsContext,
  request: CallbackRequest,
  parameters: CallbackParameters,
): Promise<ClaimedFlow | RefusedCallback> {
  const opening = readState(context.openingKey, parameters.state)
  const row = await context.db
    .selectFrom('authorization_flows')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'authorization_flows.oauth_app_id')
    .select([...flowColumns, 'stage', 'connector', 'sandbox', 'callback_name', isExpired.as('expired')])
    .where((eb) =>
      opening
        ? eb('authorization_flows.id', '=', opening.flowId)
        : eb('state_hash', '=', hashOneTimeToken(parameters.state)),
    )
    .executeTakeFirst()
  // A state at the callback of another OAuth app is a mix-up (RFC 9700 section 4.4). It is answered like an unknown one.
  if (row && !isCallbackOf({ id: row.oauth_app_id, callbackName: row.callback_name }, request.callback))
    return { kind: 'unknown' }
  if (!row || !isLive(row)) {
    const flowId = opening?.flowId ?? row?.id
    if (flowId === undefined) return { kind: 'unknown' }
    const finished = readEnding(context, request, flowId)
    if (finished) return { kind: 'finished', ...finished }
    const inProgress = row?.stage === 'exchanging' && opening && holdsCookie(context, request, opening)
    return inProgress ? { kind: 'in_progress', oauthAppId: row.oauth_app_id } : { kind: 'unknown' }
  }
  if (!isBoundFlow(context, row)) return { kind: 'unknown' }
  const flow = toFlow(row)
  const { oauthAppId } = flow
  const cookieName = flowCookieName(context.publicUrl, opening?.id ?? flow.id)
  const isOurBrowser = opening ? holdsCookie(context, request, opening) : holdsOldCookie(request, cookieName, row)
  if (!isOurBrowser) return { kind: 'other_browser' }
  if (!isIssuer(context, row, parameters.issuer)) return { kind: 'malformed' }
  if (row.expired) return { kind: 'expired', oauthAppId, returnUrl: await expiredReturnUrl(context, flow) }
  const claimed = await context.db
    .updateTable('authorization_flows')
    // With a lifetime of its own: an exchange that begins in the last second must not be swept while it runs.
    .set({
      stage: 'exchanging',
      state_hash: null,
      expires_at: inSeconds(context.authorizationLifetimeSeconds),
    })
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.id)
    .where('stage', 'in', liveStages)
    .where('expires_at', '>', currentTime)
    .returning(['code_verifier', currentTime.as('now')])
    .executeTakeFirst()
  if (!claimed) return { kind: 'in_progress', oauthAppId }
  const redirectUri = callbackUrl(context.publicUrl, request.callback)
  const codeVerifier = await verifierOf(context, flow, opening, { ...claimed, connector: row.connector })
  return { flow, cookieName, codeVerifier, redirectUri, now: claimed.now }
}

const liveStages = ['created', 'opened'] as const

/** Whether a callback may still claim the flow, or would have in time. */
const isLive = ({ stage }: { readonly stage: string }) => [...liveStages, 'lapsed'].includes(stage)

const holdsCookie = (context: AccountsContext, { readCookie }: CallbackRequest, opening: Opening): boolean =>
  isSame(readCookie(flowCookieName(context.publicUrl, opening.id)) ?? '', browserTokenOf(context.openingKey, opening))

/** Whether the browser has the cookie of a link that a node of the previous release opened. */
const holdsOldCookie = (
  { readCookie }: CallbackRequest,
  name: string,
  { browser_hash: hash }: { readonly browser_hash: string | null },
): boolean => hash !== null && matchesHash(readCookie(name) ?? '', hash)

/** Returns how this browser ended the flow, or null when it did not. */
function readEnding(
  context: AccountsContext,
  { readCookie }: CallbackRequest,
  flowId: string,
): { readonly ending: Ending; readonly oauthAppId: string | null } | null {
  const receipt = readCookie(flowCookieName(context.publicUrl, flowId))
  const [name, oauthAppId = null] = (receipt && readReceipt(context.openingKey, flowId, receipt))?.split(':') ?? []
  const ending = endings.find((known) => known === name)
  return ending === undefined ? null : { ending, oauthAppId }
}

/**
 * Returns the PKCE code verifier of an opening, or the stored one of a link that the previous release opened. Null for a
 * provider to which no challenge was sent: it may refuse a verifier then (RFC 9700 section 2.1.1).
 */
async function verifierOf(
  context: AccountsContext,
  flow: Flow,
  opening: Opening | null,
  stored: { readonly code_verifier: string | null; readonly connector: string },
): Promise<Secret | null> {
  if (context.providers.get(stored.connector)?.supportsPkce !== true) return null
  if (opening) return codeVerifierOf(context.openingKey, opening)
  return stored.code_verifier === null ? null : context.vault.open(stored.code_verifier, codeVerifierContext(flow))
}

/** Whether a response that names this issuer can come from the provider (RFC 9207 section 2.4). */
function isIssuer(
  context: AccountsContext,
  app: { readonly connector: string; readonly sandbox: boolean },
  named: string | null,
): boolean {
  const apiUrl = context.providerApiUrl(app)
  const issuer = context.providers.get(app.connector)?.issuer
  return named === null ? issuer?.required !== true : named === (issuer?.of({ apiUrl }) ?? apiUrl)
}
