import { createHash } from 'node:crypto'
import { Secret } from '../../vault/secret.ts'
import { findOAuthAppsById, redirectUri } from '../oauth-app-store.ts'
import { type AuthorizationContext, lifetimeSeconds } from './context.ts'
import { expiredReturn } from './expired-return.ts'
import { type ExpectedResource, flowColumns, isExpired, sealingContext, toFlow } from './flow.ts'
import { hashOneTimeText, matchesHash, newOneTimeText } from './one-time-text.ts'

/** Reads a cookie of the request by its exact name; null when it is absent or there twice. */
export type ReadCookie = (name: string) => string | null

/** A cookie to set; `maxAgeSeconds` 0 removes it. */
export interface FlowCookie {
  readonly name: string
  readonly value: string
  readonly maxAgeSeconds: number
}

/** What comes of opening a link. */
export type Opening =
  | {
      readonly kind: 'open'
      readonly connector: string
      readonly connectionName: string
      readonly expectedResources: readonly ExpectedResource[]
      /** The provider's consent page, for this browser and this once. */
      readonly authorizationUrl: string
      readonly cookie: FlowCookie
    }
  | {
      readonly kind: 'expired'
      /** Back to the application, with the outcome in its parameters; null where it gave no return URL. */
      readonly returnUrl: string | null
    }
  | { readonly kind: 'unknown' | 'used' | 'other_browser' }

/**
 * The cookie that binds a flow to the browser that opened its link first. `__Host-` (RFC 6265bis section 4.1.3.2) keeps other
 * hosts of the domain from setting it; on plain http, which only localhost has, browsers accept no such name.
 */
export function flowCookieName(publicUrl: string, flowId: string): string {
  return `${publicUrl.startsWith('https:') ? '__Host-' : ''}valetkey-flow-${flowId}`
}

/**
 * Opens the link of an authorization in a browser. The first browser gets the flow's cookie and is from then on the only
 * one that can go on; each opening mints a new `state`, so that of several tabs the last one counts.
 */
export async function openAuthorization(
  context: AuthorizationContext,
  linkText: string,
  readCookie: ReadCookie,
): Promise<Opening> {
  const row = await context.db
    .selectFrom('authorization_flows')
    .select([...flowColumns, 'stage', 'browser_hash', isExpired.as('expired')])
    .where('link_hash', '=', hashOneTimeText(linkText))
    .executeTakeFirst()
  if (!row) return { kind: 'unknown' }
  const flow = toFlow(row)
  if (row.stage === 'exchanging' || row.stage === 'awaiting_confirmation') return { kind: 'used' }
  if (row.expired) return { kind: 'expired', returnUrl: await expiredReturn(context, flow) }
  const cookieName = flowCookieName(context.publicUrl, flow.id)
  const held = readCookie(cookieName)
  const known = row.browser_hash
  if (known !== null && (held === null || !matchesHash(held, known))) return { kind: 'other_browser' }

  const [app] = await findOAuthAppsById(context.db, flow.environmentId, [flow.oauthAppId])
  if (!app) return { kind: 'unknown' }
  const provider = context.providers.get(app.connector)
  if (!provider) throw new Error(`No connector called ${app.connector} is installed.`)
  const browserText = known === null || held === null ? newOneTimeText() : held
  const state = newOneTimeText()
  const verifier = provider.supportsPkce ? newOneTimeText() : null

  const bound = await context.db
    .updateTable('authorization_flows')
    .set({
      stage: 'opened',
      browser_hash: hashOneTimeText(browserText),
      state_hash: hashOneTimeText(state),
      code_verifier:
        verifier === null
          ? null
          : await context.vault.seal(new Secret(verifier), sealingContext(flow, 'code_verifier')),
    })
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.id)
    .where('stage', 'in', ['created', 'opened'])
    .where('browser_hash', known === null ? 'is' : '=', known)
    .returning('id')
    .executeTakeFirst()
  // Of two browsers that open the link at once the second finds the hash of the first; a bound flow can only have gone on.
  if (!bound) return { kind: known === null ? 'other_browser' : 'used' }

  const authorizationUrl = provider.authorizationUrl(
    { clientId: app.clientId, apiUrl: (context.providerConsentUrl ?? context.providerApiUrl)(app) },
    {
      redirectUri: redirectUri(context.publicUrl, app.id),
      state,
      scopes: app.scopes,
      codeChallenge: verifier === null ? null : createHash('sha256').update(verifier).digest('base64url'),
    },
  )
  return {
    kind: 'open',
    connector: app.connector,
    connectionName: app.connectionName,
    expectedResources: flow.expectedResources,
    authorizationUrl: authorizationUrl.href,
    cookie: { name: cookieName, value: browserText, maxAgeSeconds: lifetimeSeconds(context) },
  }
}
