import { sql } from 'kysely'
import type { Secret } from '../../vault/secret.ts'
import type { CallbackParameters } from './callback-parameters.ts'
import { type AuthorizationContext, lifetimeSeconds } from './context.ts'
import { expiredReturn } from './expired-return.ts'
import { type Flow, flowColumns, isExpired, sealingContext, toFlow } from './flow.ts'
import { hashOneTimeText, matchesHash } from './one-time-text.ts'
import { flowCookieName, type ReadCookie } from './open-authorization.ts'

/** What the provider's redirect to a callback carries. */
export interface CallbackRequest {
  /** From the path of the callback. */
  readonly oauthAppId: string
  readonly query: URLSearchParams
  readonly readCookie: ReadCookie
}

/** A flow that nobody else can take any more. */
export interface TakenFlow {
  readonly flow: Flow
  readonly cookieName: string
  readonly codeVerifier: Secret | null
  /** The database's time before the exchange, from which the life of its tokens is counted. */
  readonly now: Date
}

/** Why a callback is not accepted; nothing was taken. */
export interface RefusedCallback {
  readonly kind: 'malformed' | 'unknown' | 'expired' | 'other_browser'
  /** Back to the application, for the browser whose authorization has expired; else null. */
  readonly returnUrl: string | null
}

/** A refusal that leads nowhere. */
export const refusedCallback = (kind: RefusedCallback['kind']): RefusedCallback => ({ kind, returnUrl: null })

/**
 * Takes the flow that a callback belongs to: the state, the OAuth app in the path, the browser's cookie, the issuer and
 * the time have to fit. Whatever does not fit leaves the flow to whom it belongs.
 */
export async function takeFlow(
  context: AuthorizationContext,
  request: CallbackRequest,
  parameters: CallbackParameters,
): Promise<TakenFlow | RefusedCallback> {
  const stateHash = hashOneTimeText(parameters.state)
  const row = await context.db
    .selectFrom('authorization_flows')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'authorization_flows.oauth_app_id')
    .select([...flowColumns, 'browser_hash', 'connector', 'sandbox', isExpired.as('expired')])
    .where('state_hash', '=', stateHash)
    .executeTakeFirst()
  // A state at the callback of another OAuth app is a mix-up (RFC 9700 section 4.4) and told from an unknown one to nobody.
  if (!row || row.oauth_app_id !== request.oauthAppId.toLowerCase()) return refusedCallback('unknown')
  const flow = toFlow(row)
  const cookieName = flowCookieName(context.publicUrl, flow.id)
  const browserText = request.readCookie(cookieName)
  if (row.browser_hash === null || browserText === null || !matchesHash(browserText, row.browser_hash)) {
    return refusedCallback('other_browser')
  }
  if (!isIssuer(context, row, parameters.issuer)) return refusedCallback('malformed')
  if (row.expired) return { kind: 'expired', returnUrl: await expiredReturn(context, flow) }
  const taken = await context.db
    .updateTable('authorization_flows')
    // With a time of its own: an exchange that was begun in the last second is not swept away from under itself.
    .set({
      stage: 'exchanging',
      state_hash: null,
      expires_at: sql`clock_timestamp() + make_interval(secs => ${lifetimeSeconds(context)})`,
    })
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.id)
    .where('state_hash', '=', stateHash)
    .where('browser_hash', '=', row.browser_hash)
    .where('stage', '=', 'opened')
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .returning(['code_verifier', sql<Date>`clock_timestamp()`.as('now')])
    .executeTakeFirst()
  if (!taken) return refusedCallback('unknown')
  const codeVerifier =
    taken.code_verifier === null
      ? null
      : await context.vault.open(taken.code_verifier, sealingContext(flow, 'code_verifier'))
  return { flow, cookieName, codeVerifier, now: taken.now }
}

/** RFC 9207 section 2.4: whether a response that names this issuer may come from the provider. */
function isIssuer(
  context: AuthorizationContext,
  app: { readonly connector: string; readonly sandbox: boolean },
  named: string | null,
): boolean {
  const apiUrl = context.providerApiUrl(app)
  const issuer = context.providers.get(app.connector)?.issuer
  return named === null ? issuer?.required !== true : named === (issuer?.of({ apiUrl }) ?? apiUrl)
}
