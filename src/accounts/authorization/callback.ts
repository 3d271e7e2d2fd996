import { sql } from 'kysely'
import { inSeconds } from '../../db/time.ts'
import type { Secret } from '../../vault/secret.ts'
import type { AccountsContext } from '../context.ts'
import { codeVerifierContext, expiredReturnUrl, type Flow, flowColumns, isExpired, toFlow } from './flow.ts'
import { hashOneTimeToken, matchesHash } from './one-time-token.ts'
import { flowCookieName, type ReadCookie } from './open-authorization.ts'

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
  /** From the path of the callback. */
  readonly oauthAppId: string
  readonly query: URLSearchParams
  readonly readCookie: ReadCookie
}

/** A flow that no other callback can claim any more. */
export interface ClaimedFlow {
  readonly flow: Flow
  readonly cookieName: string
  readonly codeVerifier: Secret | null
  /** The database's time before the exchange, from which the lifetime of its tokens is counted. */
  readonly now: Date
}

/** Why a callback is not accepted. Nothing was exchanged or claimed. */
export interface RefusedCallback {
  readonly kind: 'malformed' | 'unknown' | 'expired' | 'other_browser'
  /** Leads the browser whose authorization has expired back to the application; otherwise null. */
  readonly returnUrl: string | null
}

/** A refusal without a return URL. */
export const refusedCallback = (kind: RefusedCallback['kind']): RefusedCallback => ({ kind, returnUrl: null })

/**
 * Claims the flow that a callback belongs to. The state, the OAuth app in the path, the browser's cookie, the issuer and
 * the time must match; a callback that does not match leaves the flow unchanged.
 */
export async function claimFlow(
  context: AccountsContext,
  request: CallbackRequest,
  parameters: CallbackParameters,
): Promise<ClaimedFlow | RefusedCallback> {
  const stateHash = hashOneTimeToken(parameters.state)
  const row = await context.db
    .selectFrom('authorization_flows')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'authorization_flows.oauth_app_id')
    .select([...flowColumns, 'browser_hash', 'connector', 'sandbox', isExpired.as('expired')])
    .where('state_hash', '=', stateHash)
    .executeTakeFirst()
  // A state at the callback of another OAuth app is a mix-up (RFC 9700 section 4.4). It is answered like an unknown one.
  if (!row || row.oauth_app_id !== request.oauthAppId.toLowerCase()) return refusedCallback('unknown')
  const flow = toFlow(row)
  const cookieName = flowCookieName(context.publicUrl, flow.id)
  const browserToken = request.readCookie(cookieName)
  if (row.browser_hash === null || browserToken === null || !matchesHash(browserToken, row.browser_hash)) {
    return refusedCallback('other_browser')
  }
  if (!isIssuer(context, row, parameters.issuer)) return refusedCallback('malformed')
  if (row.expired) return { kind: 'expired', returnUrl: await expiredReturnUrl(context, flow) }
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
    .where('state_hash', '=', stateHash)
    .where('browser_hash', '=', row.browser_hash)
    .where('stage', '=', 'opened')
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .returning(['code_verifier', sql<Date>`clock_timestamp()`.as('now')])
    .executeTakeFirst()
  if (!claimed) return refusedCallback('unknown')
  const codeVerifier =
    claimed.code_verifier === null ? null : await context.vault.open(claimed.code_verifier, codeVerifierContext(flow))
  return { flow, cookieName, codeVerifier, now: claimed.now }
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
