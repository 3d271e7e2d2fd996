import { createHash } from 'node:crypto'
import { requireBoundApp } from '../bindings.ts'
import { findShownApp } from '../branded-app.ts'
import { type ShownApp, shownApp } from '../branding.ts'
import type { AccountsContext } from '../context.ts'
import { findOAuthAppsById } from '../oauth-app-store.ts'
import { redirectUri } from '../redirect-uri.ts'
import { type ExpectedResource, expiredReturnUrl, flowColumns, isBoundFlow, isExpired, toFlow } from './flow.ts'
import { type FlowCookie, openingCookie } from './flow-cookies.ts'
import { hashOneTimeToken } from './one-time-token.ts'
import { codeVerifierOf, newOpening, stateOf } from './opening.ts'

/** The result of opening a link. */
export type OpenResult =
  | {
      readonly kind: 'open'
      readonly connector: string
      readonly connectionName: string
      readonly app: ShownApp | null
      readonly expectedResources: readonly ExpectedResource[]
      /** Whether the content of what the user shares will be indexed. */
      readonly contentSearch: boolean
      /** The provider's consent page. Its response is accepted from the browser with the cookie. */
      readonly authorizationUrl: string
      readonly cookie: FlowCookie
    }
  | {
      readonly kind: 'expired'
      /** Leads back to the application, with the outcome as parameters. Null where the application gave no return URL. */
      readonly returnUrl: string | null
      readonly app: ShownApp | null
    }
  | { readonly kind: 'used'; readonly app: ShownApp | null }
  | { readonly kind: 'unknown' }

/**
 * Opens the link of an authorization. Safe and repeatable, for any number of browsers and programs: each opening has a
 * `state` and a cookie of its own, all of them work until the first valid callback, and nothing of them is stored. The
 * first opening marks the flow as opened, which a later AUTHORIZATION_ABANDONED depends on.
 */
export async function openAuthorization(context: AccountsContext, linkToken: string): Promise<OpenResult> {
  const row = await context.db
    .selectFrom('authorization_flows')
    .select([...flowColumns, 'stage', isExpired.as('expired')])
    .where('link_hash', '=', hashOneTimeToken(linkToken))
    .executeTakeFirst()
  if (!row || !isBoundFlow(context, row)) return { kind: 'unknown' }
  const flow = toFlow(row)
  const shown = () => findShownApp(context, flow.oauthAppId)
  if (row.stage !== 'created' && row.stage !== 'opened' && row.stage !== 'lapsed')
    return { kind: 'used', app: await shown() }
  if (row.expired) return { kind: 'expired', returnUrl: await expiredReturnUrl(context, flow), app: await shown() }

  const [app] = await findOAuthAppsById(context.db, flow.environmentId, [flow.oauthAppId])
  if (!app) return { kind: 'unknown' }
  requireBoundApp(context, app)
  const provider = context.providers.get(app.connector)
  if (!provider) throw new Error(`the connector ${app.connector} is not installed`)
  if (row.stage === 'created') {
    await context.db
      .updateTable('authorization_flows')
      .set({ stage: 'opened' })
      .where('environment_id', '=', flow.environmentId)
      .where('id', '=', flow.id)
      .where('stage', '=', 'created')
      .execute()
  }
  const opening = newOpening(flow.id)
  const verifier = provider.supportsPkce ? codeVerifierOf(context.openingKey, opening) : null
  const authorizationUrl = provider.authorizationUrl(
    { clientId: app.clientId, apiUrl: (context.providerConsentUrl ?? context.providerApiUrl)(app) },
    {
      redirectUri: redirectUri(context.publicUrl, app),
      state: stateOf(context.openingKey, opening),
      scopes: app.scopes,
      codeChallenge: verifier && createHash('sha256').update(verifier.reveal()).digest('base64url'),
    },
  )
  return {
    kind: 'open',
    connector: app.connector,
    connectionName: app.connectionName,
    app: shownApp(context, app),
    expectedResources: flow.expectedResources,
    contentSearch: app.contentSearch,
    authorizationUrl: authorizationUrl.href,
    cookie: openingCookie(context, opening),
  }
}
