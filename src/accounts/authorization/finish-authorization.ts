import { sql } from 'kysely'
import type { AccountEvent } from '../../events/status-events.ts'
import { changeStatus } from '../account-store.ts'
import type { MissingResource } from '../connected-account.ts'
import { holdRevocations } from '../grants/revocation-outbox.ts'
import { type OAuthApp, openOAuthClient, redirectUri } from '../oauth-app-store.ts'
import { OAuthFailure, type OAuthFailureKind } from '../provider.ts'
import type { AccountStatus } from '../status.ts'
import { type CallbackError, readCallbackParameters } from './callback-parameters.ts'
import { type AuthorizationContext, lifetimeSeconds } from './context.ts'
import { accountStatus, type Flow, type PendingGrant, sealPending } from './flow.ts'
import { hashOneTimeText, newOneTimeText } from './one-time-text.ts'
import { activate, discard, giveUp, settle } from './outcome.ts'
import { withOutcome } from './return-url.ts'
import { type CallbackRequest, type RefusedCallback, refusedCallback, takeFlow } from './take-flow.ts'

/** How an authorization ended at the callback, where there is nothing to confirm. */
export type Ending =
  | { readonly kind: 'connected'; readonly missing: readonly MissingResource[] }
  | { readonly kind: 'denied' }
  | { readonly kind: 'user_changed' }
  /** The application disconnected or deleted the account, or changed its OAuth app, while the user was consenting. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'provider_error'; readonly error: CallbackError }
  | { readonly kind: 'exchange_failed'; readonly failure: OAuthFailureKind }

/** What comes of a callback. Nothing was exchanged or taken for a {@link RefusedCallback}. */
export type CallbackOutcome =
  | { readonly kind: 'to_application'; readonly url: string; readonly cookieName: string }
  | {
      readonly kind: 'ended'
      readonly ending: Ending
      readonly connector: string
      readonly connectionName: string
      /** With the outcome in its parameters; null where the application gave none. */
      readonly returnUrl: string | null
      readonly cookieName: string
    }
  | RefusedCallback

/**
 * Takes the browser back from the provider: checks that the answer belongs to an authorization of this OAuth app and
 * this browser, takes the authorization out (one atomic statement, so that of any number of identical callbacks one
 * goes on), exchanges the code, and leaves the sealed tokens for the application to confirm. Without a confirmation URL
 * the account turns ACTIVE here.
 */
export async function finishAuthorization(
  context: AuthorizationContext,
  request: CallbackRequest,
): Promise<CallbackOutcome> {
  const parameters = readCallbackParameters(request.query)
  if (!parameters) return refusedCallback('malformed')
  const taken = await takeFlow(context, request, parameters)
  if ('kind' in taken) return taken
  const { flow, now } = taken
  const opened = await openOAuthClient(context, flow.environmentId, flow.oauthAppId)
  if (!opened) return refusedCallback('unknown')
  const { app } = opened
  const end = (ending: Ending, status: AccountStatus | null, error: string | null): CallbackOutcome => ({
    kind: 'ended',
    ending,
    connector: app.connector,
    connectionName: app.connectionName,
    returnUrl:
      flow.returnUrl === null || status === null
        ? null
        : withOutcome(flow.returnUrl, flow.applicationState, {
            status,
            error,
            missing: ending.kind === 'connected' ? ending.missing : [],
          }),
    cookieName: taken.cookieName,
  })

  if (parameters.kind === 'error') {
    const { error } = parameters
    const denied = error === 'access_denied'
    const status = await abandon(context, flow, denied ? 'AUTHORIZATION_DENIED' : 'AUTHORIZATION_FAILED')
    return end(denied ? { kind: 'denied' } : { kind: 'provider_error', error }, status, error)
  }

  const { provider, client } = opened
  let exchanged: Awaited<ReturnType<typeof provider.exchangeCode>>
  try {
    exchanged = await provider.exchangeCode(client, {
      code: parameters.code,
      redirectUri: redirectUri(context.publicUrl, app.id),
      codeVerifier: taken.codeVerifier,
    })
  } catch (err) {
    if (!(err instanceof OAuthFailure)) throw err
    const { kind: failure, status: httpStatus, code, requestId } = err
    context.log.warn(
      { failure, httpStatus, code, requestId, oauthApp: app.id },
      'an authorization code was not exchanged',
    )
    const status = await abandon(context, flow, 'AUTHORIZATION_FAILED')
    return end({ kind: 'exchange_failed', failure }, status, 'exchange_failed')
  }
  const { owner, tokens } = exchanged
  const { expiresInSeconds } = tokens
  const { capabilities } = app
  const [missingResources, deniedCapabilities] = await Promise.all([
    findMissing(context, flow, {
      byId: async (ids) => (await provider.visibleResources?.(client, tokens.accessToken, ids)) ?? new Set(ids),
      byTitle: async (names) => (await provider.visibleTitles?.(client, tokens.accessToken, names)) ?? new Set(names),
    }),
    provider.deniedCapabilities?.(client, tokens.accessToken, { capabilities, owner }) ?? [],
  ])
  if (deniedCapabilities.length > 0) {
    context.log.warn({ deniedCapabilities, oauthApp: app.id }, 'the provider refuses capabilities of an OAuth app')
  }
  const granted: Flow = { ...flow, missingResources }
  const pending: PendingGrant = {
    tokens,
    issuedAt: now,
    expiresAt: expiresInSeconds === null ? null : new Date(now.getTime() + expiresInSeconds * 1000),
    capabilities,
    deniedCapabilities,
    requestedScopes: app.scopes,
    scopes: tokens.scopes ?? app.scopes,
    owner,
  }
  try {
    if (app.confirmationUrl !== null) {
      const url = await awaitConfirmation(context, granted, pending, app.confirmationUrl)
      return { kind: 'to_application', url, cookieName: taken.cookieName }
    }
    if (await activateNow(context, app, granted, pending)) {
      return end({ kind: 'connected', missing: missingResources }, 'ACTIVE', null)
    }
    return end({ kind: 'user_changed' }, await accountStatus(context.db, flow), 'user_changed')
  } catch (error) {
    // Not revoked here and now: a commit whose answer got lost has kept the tokens, and the queue looks before it sends.
    const giveBack = context.db.transaction().execute((trx) => giveUp(context, trx, granted, pending))
    await giveBack.catch((err: unknown) => {
      context.log.error({ err, oauthApp: app.id }, 'tokens were neither stored nor queued for revocation')
    })
    if (error instanceof FlowGoneError) return end({ kind: 'withdrawn' }, null, null)
    throw error
  }
}

/** Removes the flow and gives the status that its account has now; null when the account is gone. */
async function abandon(
  context: AuthorizationContext,
  flow: Flow,
  reason: 'AUTHORIZATION_DENIED' | 'AUTHORIZATION_FAILED',
): Promise<AccountStatus | null> {
  const event = await context.db.transaction().execute(async (trx) => {
    await trx
      .deleteFrom('authorization_flows')
      .where('environment_id', '=', flow.environmentId)
      .where('id', '=', flow.id)
      .execute()
    return settle(trx, flow, reason)
  })
  if (event) context.events.publish([event])
  return accountStatus(context.db, flow)
}

/** The flow went away while its code was being exchanged: its account was deleted or disconnected, or its app changed. */
class FlowGoneError extends Error {
  override readonly name = 'FlowGoneError'
}

async function awaitConfirmation(
  context: AuthorizationContext,
  flow: Flow,
  pending: PendingGrant,
  confirmationUrl: string,
): Promise<string> {
  const flowId = newOneTimeText()
  const sealed = await sealPending(context.vault, flow, pending)
  const event = await context.db.transaction().execute(async (trx) => {
    const updated = await trx
      .updateTable('authorization_flows')
      .set({
        stage: 'awaiting_confirmation',
        confirmation_hash: hashOneTimeText(flowId),
        pending_tokens: sealed,
        missing_resources: JSON.stringify(flow.missingResources),
        expires_at: sql`clock_timestamp() + make_interval(secs => ${lifetimeSeconds(context)})`,
      })
      .where('environment_id', '=', flow.environmentId)
      .where('id', '=', flow.id)
      .where('stage', '=', 'exchanging')
      .returning('id')
      .executeTakeFirst()
    if (!updated) throw new FlowGoneError('The authorization ended while its code was being exchanged.')
    // Older tokens of this user that are still to be revoked could take the new ones along.
    await holdRevocations(trx, { ...flow, ...pending.owner }, 2 * lifetimeSeconds(context))
    return changeStatus(trx, {
      environmentId: flow.environmentId,
      accountId: flow.accountId,
      from: ['PENDING', 'PENDING_CONFIRMATION', 'EXPIRED', 'REVOKED', 'DISCONNECTED'],
      to: 'PENDING_CONFIRMATION',
      reason: 'AWAITING_CONFIRMATION',
    })
  })
  if (event) context.events.publish([event])
  const url = new URL(confirmationUrl)
  url.searchParams.set('flow_id', flowId)
  if (flow.applicationState !== null) url.searchParams.set('state', flow.applicationState)
  return url.href
}

/** For OAuth apps without a confirmation URL. Gives false when another user of the provider came than the one before. */
async function activateNow(
  context: AuthorizationContext,
  app: OAuthApp,
  flow: Flow,
  pending: PendingGrant,
): Promise<boolean> {
  const { activated, event } = await context.db
    .transaction()
    .execute(async (trx): Promise<{ activated: boolean; event: AccountEvent | null }> => {
      const removed = await trx
        .deleteFrom('authorization_flows')
        .where('environment_id', '=', app.environmentId)
        .where('id', '=', flow.id)
        .where('stage', '=', 'exchanging')
        .returning('id')
        .executeTakeFirst()
      if (!removed) throw new FlowGoneError('The authorization ended while its code was being exchanged.')
      const result = await activate(context, trx, flow, pending)
      if (result !== 'user_changed') return { activated: true, event: result }
      return { activated: false, event: await discard(context, trx, flow, pending, 'USER_CHANGED') }
    })
  if (event) context.events.publish([event])
  return activated
}

/**
 * Which of the expected resources the consent did not bring: by id where the application knows it, else by title. When
 * the provider cannot be asked nothing is claimed to be missing: the tools will say so with certainty.
 */
async function findMissing(
  context: AuthorizationContext,
  flow: Flow,
  look: {
    readonly byId: (ids: readonly string[]) => Promise<ReadonlySet<string>>
    readonly byTitle: (names: readonly string[]) => Promise<ReadonlySet<string>>
  },
): Promise<readonly MissingResource[]> {
  const expected = flow.expectedResources
  if (expected.length === 0) return []
  const ids = expected.flatMap(({ resourceId }) => (resourceId === null ? [] : [resourceId]))
  const names = expected.flatMap(({ name, resourceId }) => (resourceId === null ? [name] : []))
  try {
    const [visibleIds, visibleNames] = await Promise.all([look.byId(ids), look.byTitle(names)])
    return expected
      .filter(({ name, resourceId }) => (resourceId === null ? !visibleNames.has(name) : !visibleIds.has(resourceId)))
      .map(({ name, resourceId }) => ({ name, resourceId }))
  } catch (err) {
    if (!(err instanceof OAuthFailure)) throw err
    context.log.warn({ failure: err.kind, flow: flow.id }, 'the expected resources could not be looked for')
    return []
  }
}
