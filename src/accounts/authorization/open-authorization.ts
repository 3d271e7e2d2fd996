import { createHash } from 'node:crypto'
import { Secret } from '../../vault/secret.ts'
import type { AccountsContext } from '../context.ts'
import { findOAuthAppsById, redirectUri } from '../oauth-app-store.ts'
import { codeVerifierContext, type ExpectedResource, expiredReturnUrl, flowColumns, isExpired, toFlow } from './flow.ts'
import { hashOneTimeToken, matchesHash, newOneTimeToken } from './one-time-token.ts'

/** Returns a cookie of the request by its exact name, or null when it is absent or present twice. */
export type ReadCookie = (name: string) => string | null

/** A cookie to set. `maxAgeSeconds` 0 removes it. */
export interface FlowCookie {
  readonly name: string
  readonly value: string
  readonly maxAgeSeconds: number
}

/** The result of opening a link. */
export type OpenResult =
  | {
      readonly kind: 'open'
      readonly connector: string
      readonly connectionName: string
      readonly expectedResources: readonly ExpectedResource[]
      /** The provider's consent page. Valid once, for this browser. */
      readonly authorizationUrl: string
      readonly cookie: FlowCookie
    }
  | {
      readonly kind: 'expired'
      /** Leads back to the application, with the outcome as parameters. Null where the application gave no return URL. */
      readonly returnUrl: string | null
    }
  | { readonly kind: 'unknown' | 'used' | 'other_browser' }

/**
 * Returns the name of the cookie that binds a flow to the browser that opened its link first. `__Host-` (RFC 6265bis
 * section 4.1.3.2) prevents other hosts of the domain from setting it. On plain http, which only localhost uses, browsers
 * do not accept such a name.
 */
export function flowCookieName(publicUrl: string, flowId: string): string {
  return `${publicUrl.startsWith('https:') ? '__Host-' : ''}valetkey-flow-${flowId}`
}

/**
 * Opens the link of an authorization in a browser. The first browser gets the flow's cookie; no other browser can continue
 * the flow afterwards. Each opening creates a new `state`, so that of several tabs only the last one counts.
 */
export async function openAuthorization(
  context: AccountsContext,
  linkToken: string,
  readCookie: ReadCookie,
): Promise<OpenResult> {
  const row = await context.db
    .selectFrom('authorization_flows')
    .select([...flowColumns, 'stage', 'browser_hash', isExpired.as('expired')])
    .where('link_hash', '=', hashOneTimeToken(linkToken))
    .executeTakeFirst()
  if (!row) return { kind: 'unknown' }
  const flow = toFlow(row)
  if (row.stage !== 'created' && row.stage !== 'opened' && row.stage !== 'lapsed') return { kind: 'used' }
  if (row.expired) return { kind: 'expired', returnUrl: await expiredReturnUrl(context, flow) }
  const cookieName = flowCookieName(context.publicUrl, flow.id)
  const held = readCookie(cookieName)
  const known = row.browser_hash
  if (known !== null && (held === null || !matchesHash(held, known))) return { kind: 'other_browser' }

  const [app] = await findOAuthAppsById(context.db, flow.environmentId, [flow.oauthAppId])
  if (!app) return { kind: 'unknown' }
  const provider = context.providers.get(app.connector)
  if (!provider) throw new Error(`the connector ${app.connector} is not installed`)
  const browserToken = known === null || held === null ? newOneTimeToken() : held
  const state = newOneTimeToken()
  const verifier = provider.supportsPkce ? newOneTimeToken() : null

  const bound = await context.db
    .updateTable('authorization_flows')
    .set({
      stage: 'opened',
      browser_hash: hashOneTimeToken(browserToken),
      state_hash: hashOneTimeToken(state),
      code_verifier:
        verifier === null ? null : await context.vault.seal(new Secret(verifier), codeVerifierContext(flow)),
    })
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.id)
    .where('stage', 'in', ['created', 'opened'])
    .where('browser_hash', known === null ? 'is' : '=', known)
    .returning('id')
    .executeTakeFirst()
  // Of two browsers that open the link at once, the second finds the hash of the first. A bound flow can only have advanced.
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
    cookie: { name: cookieName, value: browserToken, maxAgeSeconds: context.authorizationLifetimeSeconds },
  }
}
