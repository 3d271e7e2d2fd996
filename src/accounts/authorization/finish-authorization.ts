import type { Trx } from '../../db/database.ts'
import { inSeconds } from '../../db/time.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { type ShownApp, shownApp } from '../branding.ts'
import { checkClient } from '../client-check.ts'
import type { MissingResource } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { type Consent, createPendingGrant, discardPendingGrant } from '../grants/pending-grant.ts'
import { holdRevocations } from '../grants/revocation-outbox.ts'
import { inBackground } from '../node-state.ts'
import { type OAuthApp, type OpenedOAuthClient, openOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure, type OAuthFailureKind } from '../provider.ts'
import { acceptOAuthApp, rejectOAuthApp } from '../rejected-app.ts'
import type { AccountStatus } from '../status.ts'
import { changeStatus } from '../status-transitions.ts'
import {
  type CallbackError,
  type CallbackRequest,
  type ClaimedFlow,
  claimFlow,
  type Ending,
  type RefusedCallback,
  readCallbackParameters,
} from './callback.ts'
import { accountStatus, type Flow } from './flow.ts'
import { closingCookies, type FlowCookie } from './flow-cookies.ts'
import { hashOneTimeToken, newOneTimeToken } from './one-time-token.ts'
import { activate, discard, settle } from './outcome.ts'
import { withOutcome } from './return-url.ts'

/** The result of an authorization that ends at the callback. */
export type CallbackResult =
  | { readonly kind: 'connected'; readonly missing: readonly MissingResource[] }
  | { readonly kind: 'denied' }
  | { readonly kind: 'user_changed' }
  /** The application disconnected or deleted the account, or changed its OAuth app, while the user consented. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'provider_error'; readonly error: CallbackError }
  | { readonly kind: 'exchange_failed'; readonly failure: OAuthFailureKind }

/** Where a callback leads. For a {@link RefusedCallback} nothing was exchanged or claimed. */
export type CallbackOutcome =
  | { readonly kind: 'to_application'; readonly url: string; readonly cookies: readonly FlowCookie[] }
  | {
      readonly kind: 'ended'
      readonly result: CallbackResult
      readonly connector: string
      readonly connectionName: string
      readonly app: ShownApp | null
      /** Contains the outcome in its parameters. Null where the application gave none. */
      readonly returnUrl: string | null
      readonly cookies: readonly FlowCookie[]
    }
  | RefusedCallback

/**
 * Handles the browser's return from the provider: checks that the response belongs to an authorization of this OAuth app
 * and this browser, claims the authorization (one atomic statement, so that only one of several identical callbacks
 * continues), exchanges the code, and stores the tokens as a pending grant for the application to confirm. Without a
 * confirmation URL the account becomes ACTIVE here.
 */
export async function finishAuthorization(
  context: AccountsContext,
  request: CallbackRequest,
): Promise<CallbackOutcome> {
  const parameters = readCallbackParameters(request.query)
  if (!parameters) return { kind: 'malformed' }
  const claimed = await claimFlow(context, request, parameters)
  if ('kind' in claimed) return claimed
  const { flow, cookieName } = claimed
  const opened = await openOAuthClient(context, flow.environmentId, flow.oauthAppId)
  if (!opened) return { kind: 'unknown' }
  const { app } = opened
  const cookies = (ending: Ending) => closingCookies(context, flow, cookieName, ending)
  const end = (result: CallbackResult, status: AccountStatus | null, error: string | null): CallbackOutcome => ({
    kind: 'ended',
    result,
    connector: app.connector,
    connectionName: app.connectionName,
    app: shownApp(context, app),
    returnUrl:
      flow.returnUrl === null || status === null
        ? null
        : withOutcome(flow.returnUrl, flow.applicationState, {
            status,
            error,
            missing: result.kind === 'connected' ? result.missing : [],
          }),
    cookies: cookies(result.kind),
  })

  if (parameters.kind === 'error') {
    const { error } = parameters
    const denied = error === 'access_denied'
    const failed = appErrors.has(error) ? 'OAUTH_APP_REJECTED' : 'AUTHORIZATION_FAILED'
    const status = await abandon(context, flow, denied ? 'AUTHORIZATION_DENIED' : failed)
    return end(denied ? { kind: 'denied' } : { kind: 'provider_error', error }, status, error)
  }
  const exchanged = await exchange(context, opened, claimed, parameters.code)
  if (exchanged instanceof OAuthFailure) {
    const { kind } = exchanged
    const status = await abandon(
      context,
      flow,
      kind === 'client_refused' ? 'OAUTH_APP_REJECTED' : 'AUTHORIZATION_FAILED',
    )
    return end({ kind: 'exchange_failed', failure: kind }, status, 'exchange_failed')
  }
  inBackground(context, 'recording that an OAuth app is accepted', acceptOAuthApp(context, opened))
  // Together, because a browser is waiting.
  const [missingResources, deniedCapabilities] = await Promise.all([
    findMissing(context, opened, flow, exchanged.tokens),
    findDenied(context, opened, exchanged),
  ])
  const granted: Flow = { ...flow, missingResources }
  const consent: Consent = {
    environmentId: app.environmentId,
    oauthAppId: app.id,
    accountId: flow.accountId,
    capabilities: app.capabilities,
    deniedCapabilities,
    requestedScopes: app.scopes,
    scopes: exchanged.tokens.scopes ?? app.scopes,
    owner: exchanged.owner,
    tokens: exchanged.tokens,
    issuedAt: claimed.now,
  }
  try {
    if (app.confirmationUrl !== null) {
      const url = await awaitConfirmation(context, granted, consent, app.confirmationUrl)
      return { kind: 'to_application', url, cookies: cookies('consented') }
    }
    if (await activateNow(context, app, granted, consent)) {
      return end({ kind: 'connected', missing: missingResources }, 'ACTIVE', null)
    }
    return end({ kind: 'user_changed' }, await accountStatus(context.db, flow), 'user_changed')
  } catch (error) {
    await giveBack(context, consent)
    if (error instanceof FlowGoneError) return end({ kind: 'withdrawn' }, null, null)
    throw error
  }
}

type Exchanged = Awaited<ReturnType<OpenedOAuthClient['provider']['exchangeCode']>>

/** Errors of an authorization response that are about the OAuth app, not about its user (RFC 6749 section 4.1.2.1). */
const appErrors: ReadonlySet<CallbackError> = new Set([
  'unauthorized_client',
  'invalid_client',
  'redirect_uri_mismatch',
  'unsupported_response_type',
  'invalid_scope',
])

/** Exchanges the code. A failure is logged and returned; a 401 without a code is `client_refused` if that is what it means. */
async function exchange(
  context: AccountsContext,
  opened: OpenedOAuthClient,
  { codeVerifier, redirectUri }: ClaimedFlow,
  code: string,
): Promise<Exchanged | OAuthFailure> {
  const { app, client, provider } = opened
  try {
    return await provider.exchangeCode(client, { code, redirectUri, codeVerifier })
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    context.log.warn(
      {
        failure: error.kind,
        httpStatus: error.status,
        code: error.code,
        requestId: error.requestId,
        oauthApp: app.id,
      },
      'code exchange failed',
    )
    if (error.code === 'invalid_client') await rejectOAuthApp(context, opened, error)
    if (error.kind !== 'unauthorized') return error
    // The code came with the browser: its refusal alone proves nothing about the app.
    const check = await checkClient(provider, client, redirectUri)
    if (check.verdict !== 'refused') return error
    await rejectOAuthApp(context, opened, check.failure)
    return new OAuthFailure('client_refused', check.failure.message, check.failure)
  }
}

/** Returns the capabilities of the OAuth app that the provider refuses to the new token. */
async function findDenied(
  context: AccountsContext,
  { app, client, provider }: OpenedOAuthClient,
  { tokens, owner }: Exchanged,
): Promise<Consent['deniedCapabilities']> {
  const { capabilities } = app
  const deniedCapabilities =
    (await provider.deniedCapabilities?.(client, tokens.accessToken, { capabilities, owner })) ?? []
  if (deniedCapabilities.length > 0) {
    context.log.warn({ deniedCapabilities, oauthApp: app.id }, 'provider refuses capabilities of an OAuth app')
  }
  return deniedCapabilities
}

/** Removes the flow and returns the current status of its account, or null when the account is gone. */
async function abandon(
  context: AccountsContext,
  flow: Flow,
  reason: 'AUTHORIZATION_DENIED' | 'AUTHORIZATION_FAILED' | 'OAUTH_APP_REJECTED',
): Promise<AccountStatus | null> {
  const event = await context.db.transaction().execute(async (trx) => {
    await trx
      .deleteFrom('authorization_flows')
      .where('environment_id', '=', flow.environmentId)
      .where('id', '=', flow.id)
      .execute()
    return settle(context, trx, flow, reason)
  })
  if (event) context.events.publish([event])
  return accountStatus(context.db, flow)
}

/** The flow was removed during the exchange: its account was deleted or disconnected, or its OAuth app changed. */
class FlowGoneError extends Error {
  override readonly name = 'FlowGoneError'

  constructor() {
    super('the authorization ended while its code was exchanged')
  }
}

/** Stores the consent as a pending grant and returns the URL that leads the browser to the application. */
async function awaitConfirmation(
  context: AccountsContext,
  flow: Flow,
  consent: Consent,
  confirmationUrl: string,
): Promise<string> {
  const confirmationToken = newOneTimeToken()
  const event = await context.db.transaction().execute(async (trx) => {
    const grantId = await createPendingGrant(context, trx, consent)
    const updated = await trx
      .updateTable('authorization_flows')
      .set({
        stage: 'consented',
        confirmation_hash: hashOneTimeToken(confirmationToken),
        grant_id: grantId,
        missing_resources: JSON.stringify(flow.missingResources),
        expires_at: inSeconds(context.authorizationLifetimeSeconds),
      })
      .where('environment_id', '=', flow.environmentId)
      .where('id', '=', flow.id)
      .where('stage', '=', 'exchanging')
      .returning('id')
      .executeTakeFirst()
    if (!updated) throw new FlowGoneError()
    // The revocation of older tokens of this user could end the new ones too.
    await holdRevocations(trx, { ...flow, ...consent.owner }, 2 * context.authorizationLifetimeSeconds)
    return changeStatus(trx, {
      environmentId: flow.environmentId,
      accountId: flow.accountId,
      from: ['PENDING', 'PENDING_CONFIRMATION', 'EXPIRED', 'REVOKED', 'DISCONNECTED'],
      to: 'PENDING_CONFIRMATION',
      reason: 'AWAITING_CONFIRMATION',
      actor: context.actor,
    })
  })
  if (event) context.events.publish([event])
  const url = new URL(confirmationUrl)
  url.searchParams.set('flow_id', confirmationToken)
  if (flow.applicationState !== null) url.searchParams.set('state', flow.applicationState)
  return url.href
}

/** For OAuth apps without a confirmation URL. Returns false when another user of the provider came than before. */
async function activateNow(context: AccountsContext, app: OAuthApp, flow: Flow, consent: Consent): Promise<boolean> {
  const activateIn = async (trx: Trx): Promise<{ activated: boolean; event: AccountEvent | null }> => {
    const removed = await trx
      .deleteFrom('authorization_flows')
      .where('environment_id', '=', app.environmentId)
      .where('id', '=', flow.id)
      .where('stage', '=', 'exchanging')
      .returning('id')
      .executeTakeFirst()
    if (!removed) throw new FlowGoneError()
    const grantId = await createPendingGrant(context, trx, consent)
    const activated = await activate(context, trx, flow, grantId)
    if (activated !== 'user_changed') return { activated: true, event: activated }
    return { activated: false, event: await discard(context, trx, flow, grantId, 'USER_CHANGED') }
  }
  const { activated, event } = await context.db.transaction().execute(activateIn)
  if (event) context.events.publish([event])
  return activated
}

/**
 * Queues tokens that could not be stored for revocation. They are not revoked at once: when the response of a commit got
 * lost, the tokens are stored after all, and the queue checks that before it sends.
 */
async function giveBack(context: AccountsContext, consent: Consent): Promise<void> {
  const { environmentId, oauthAppId } = consent
  try {
    await context.db.transaction().execute(async (trx) => {
      const grantId = await createPendingGrant(context, trx, consent)
      await discardPendingGrant(context, trx, { environmentId, grantId })
    })
  } catch (err) {
    context.log.error({ err, oauthApp: oauthAppId }, 'tokens could be neither stored nor queued for revocation')
  }
}

/**
 * Returns the expected resources that the consent did not include: by id where the application knows it, else by title.
 * When the provider cannot be asked, none are reported as missing: the tools find out.
 */
async function findMissing(
  context: AccountsContext,
  { client, provider }: OpenedOAuthClient,
  { id, expectedResources }: Flow,
  { accessToken }: Exchanged['tokens'],
): Promise<readonly MissingResource[]> {
  if (expectedResources.length === 0) return []
  const ids = expectedResources.flatMap(({ resourceId }) => (resourceId === null ? [] : [resourceId]))
  const names = expectedResources.flatMap(({ name, resourceId }) => (resourceId === null ? [name] : []))
  try {
    const [visibleIds, visibleNames] = await Promise.all([
      provider.visibleResources?.(client, accessToken, ids) ?? new Set(ids),
      provider.visibleTitles?.(client, accessToken, names) ?? new Set(names),
    ])
    return expectedResources
      .filter(({ name, resourceId }) => (resourceId === null ? !visibleNames.has(name) : !visibleIds.has(resourceId)))
      .map(({ name, resourceId }) => ({ name, resourceId }))
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    context.log.warn({ failure: error.kind, flow: id }, 'expected resources could not be looked up')
    return []
  }
}
