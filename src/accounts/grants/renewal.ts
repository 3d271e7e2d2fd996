import { setTimeout as sleep } from 'node:timers/promises'
import { fullJitter } from '../../backoff.ts'
import { AccountNotActiveError, OAuthAppRejectedError, ProviderUnavailableError } from '../../errors.ts'
import { requireActive, requireSameProvider, rereadAccount } from '../account-store.ts'
import { checkClient } from '../client-check.ts'
import type { ConnectedAccount, GrantKey } from '../connected-account.ts'
import type { AccountsContext, RenewalTiming } from '../context.ts'
import { inBackground, type RenewalOutcome, type RenewedToken, slotOf } from '../node-state.ts'
import { findOAuthAppsById, type OpenedOAuthClient, openOAuthClient, redirectUri } from '../oauth-app-store.ts'
import { OAuthFailure, type TokenSet } from '../provider.ts'
import { acceptOAuthApp, rejectOAuthApp } from '../rejected-app.ts'
import { accessTokenWorks } from './access-token-works.ts'
import { endRefusedGrant, type GrantEnd } from './end-grant.ts'
import { claimRenewal, dropRefreshToken, type GrantSnapshot, type Lease, readGrant, releaseLease } from './lease.ts'
import { openAccessToken, openToken } from './open-account.ts'
import { adoptNewerGrant } from './pending-grant.ts'
import { askAboutTokens, countRefusal, type Word, weigh } from './refusal-evidence.ts'
import { queueRevocation } from './revocation-outbox.ts'
import { observeRefusedAge } from './token-lifetime.ts'
import { sealPair, storePair, tokenContext } from './token-pair.ts'

/*
 * How a refused access token is replaced, from the caller down to the database:
 *
 *   renewAccessToken       for an account, with the errors that callers meet
 *   renewGrant             one attempt for all callers of this process
 *   attemptRenewal         one attempt for all nodes: claims the lease, or waits for the node that has it
 *   runRenewal             sends the refresh token to the provider
 *   storeRenewedPair       stores the new pair, or serves it from memory until the database accepts it
 *   handleRefreshFailure   decides what a failed refresh means for the grant
 */

/** Options of a renewal. */
export interface RenewalOptions {
  /** Asks the provider although earlier failures require a pause or the OAuth app is paused: an operator asked for it. */
  readonly ignoreBackoff?: boolean
}

/**
 * Returns a working access token after the provider refused the one of `refusedVersion` (HTTP 401). One renewal is made
 * for all callers on all nodes; callers that are late or lose the race get its result. Waits at most 15 s for another
 * node and 10 s for the provider.
 *
 * Throws AccountNotActiveError when the account is no longer ACTIVE (this call may have found that out),
 * ProviderUnavailableError when the provider cannot be asked now (nothing has changed), OAuthAppRejectedError when it
 * rejects the OAuth app itself, and AccountNotFoundError when the account was deleted.
 */
export async function renewAccessToken(
  context: AccountsContext,
  account: ConnectedAccount,
  refusedVersion: number,
  options: RenewalOptions = {},
): Promise<RenewedToken> {
  const { environmentId, grant } = requireActive(account)
  const outcome = await renewGrant(context, { environmentId, grantId: grant.id }, refusedVersion, options)
  if (outcome.kind === 'token') return outcome.token
  if (outcome.kind !== 'ended') throw toAccountError(outcome, account.connectionName)
  const current = await rereadAccount(context, account)
  if (current.status === 'ACTIVE' && current.grant && current.grant.id !== grant.id)
    return openAccessToken(context, requireSameProvider(account, current))
  throw new AccountNotActiveError(current)
}

/** {@link renewAccessToken} for a grant. All callers of this process share one attempt. */
export async function renewGrant(
  context: AccountsContext,
  key: GrantKey,
  refusedVersion: number,
  options: RenewalOptions = {},
): Promise<RenewalOutcome> {
  const { inFlight } = context.node
  const slot = slotOf(key)
  for (;;) {
    const running = inFlight.get(slot)
    if (!running) break
    const outcome = await running
    // The attempt in progress may have been about an older version, which does not answer this caller.
    if (outcome.kind !== 'token' || outcome.token.version > refusedVersion) return outcome
  }
  const attempt = attemptRenewal(context, key, refusedVersion, options).finally(() => inFlight.delete(slot))
  inFlight.set(slot, attempt)
  return attempt
}

/** Claims the lease and renews, or waits for the node that holds it. */
async function attemptRenewal(
  context: AccountsContext,
  key: GrantKey,
  refusedVersion: number,
  { ignoreBackoff = false }: RenewalOptions,
): Promise<RenewalOutcome> {
  const { node, timing } = context
  let refused = refusedVersion
  const deadline = performance.now() + timing.waitMs
  for (let pauseMs = timing.poll.firstMs; ; pauseMs = Math.min(pauseMs * 2, timing.poll.maxMs)) {
    const local = node.unpersisted.get(slotOf(key))
    if (local) return local.version > refused ? { kind: 'token', token: local } : unavailable(1_000)
    const grant = await readGrant(context.db, key)
    if (!grant?.active || grant.sealedAccessToken === null) return { kind: 'ended' }
    if (grant.version > refused)
      return { kind: 'token', token: await openToken(context, key, grant.version, grant.sealedAccessToken) }
    if (grant.appPausedMs > 0 && !ignoreBackoff) return { kind: 'client_refused' }
    if (!grant.renewable) {
      if (!(await adoptNewerGrant(context, grant)))
        return handleRefusalWithoutRefreshToken(context, grant, grant.sealedAccessToken)
      // The newer pair has not been tried yet: it is renewed at once, as after a refused refresh.
      refused = grant.version + 1
    } else if (!grant.leased) {
      if (grant.backoffMs > 0 && !ignoreBackoff) return unavailable(grant.backoffMs)
      const claim = { nodeId: node.nodeId, leaseMs: timing.leaseMs, ignoreBackoff }
      const lease = await claimRenewal(context.db, { ...key, version: grant.version }, claim)
      if (lease) return runRenewal(context, lease, 'refused')
    }
    if (performance.now() >= deadline) return unavailable(1_000)
    await sleep(pauseMs * (0.5 + timing.random() / 2))
  }
}

/**
 * Renews a grant with a lease that this node holds: sends the refresh token to the provider and stores the pair that comes
 * back. Ends the lease in every case but the death of the process. `cause` is `refused` when the provider refused the
 * access token, and `scheduled` otherwise. Throws only for failures of the database or the vault.
 */
export async function runRenewal(
  context: AccountsContext,
  lease: Lease,
  cause: 'refused' | 'scheduled',
): Promise<RenewalOutcome> {
  const { timing } = context
  const giveUp = async (unknown: boolean) => {
    await releaseLease(context.db, lease, { unknown, backoffMs: backoffAfter(timing, lease.failCount) }).catch(() => {})
  }
  const [opened, refreshToken] = await Promise.all([
    openOAuthClient(context, lease.environmentId, lease.oauthAppId),
    context.vault.open(lease.sealedRefreshToken, tokenContext(lease, 'refresh_token', lease.version)),
  ]).catch(async (error: unknown) => {
    await giveUp(lease.wasSending)
    throw error
  })
  if (!opened) return { kind: 'ended' }

  let tokens: TokenSet
  try {
    ;({ tokens } = await opened.provider.refresh(opened.client, refreshToken))
  } catch (error) {
    if (!(error instanceof OAuthFailure)) {
      await giveUp(true)
      throw error
    }
    if (error.kind === 'grant_refused' && (await adoptNewerGrant(context, lease))) {
      const claim = { nodeId: context.node.nodeId, leaseMs: timing.leaseMs, ignoreBackoff: true }
      const next = await claimRenewal(context.db, { ...lease, version: lease.version + 1 }, claim)
      return next ? runRenewal(context, next, cause) : unavailable(timing.backoff.firstMs)
    }
    return handleRefreshFailure(context, { lease, failure: error, cause, opened })
  }
  inBackground(context, 'recording that an OAuth app is accepted', acceptOAuthApp(context, opened))
  // A response without a refresh token leaves the previous one valid (RFC 6749 section 6).
  const pair = { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken }
  const outcome = await storeRenewedPair(context, lease, pair, cause)
  if (cause === 'scheduled' || outcome.kind !== 'token') return outcome
  return doubtRenewedToken(context, opened, lease, outcome).catch(() => outcome)
}

/**
 * Stores a pair that the provider has just issued. At a provider that rotates refresh tokens this process now holds the
 * only valid tokens of the grant. When the database does not accept them, they are served from memory and stored again
 * and again for up to `timing.persistMs`, and the process does not stop before.
 */
async function storeRenewedPair(
  context: AccountsContext,
  lease: Lease,
  pair: TokenSet,
  cause: 'refused' | 'scheduled',
): Promise<RenewalOutcome> {
  const { node, log } = context
  const attempt = pairStorage(context, lease, pair)
  try {
    const outcome = await attempt()
    // The first refusal of a token that no renewal was attempted for: its age is an upper bound of the lifetime.
    if (cause === 'refused' && !lease.wasSending && !lease.expiryKnown) {
      inBackground(context, 'learning a token lifetime', observeRefusedAge(context.db, lease, lease.ageSeconds))
    }
    return outcome
  } catch (err) {
    log.error(
      { event: 'token_unpersisted', grant: lease.grantId, environment: lease.environmentId, err },
      'storing a renewed token pair failed, serving it from memory',
    )
  }
  const token: RenewedToken = { accessToken: pair.accessToken, grantId: lease.grantId, version: lease.version + 1 }
  node.unpersisted.set(slotOf(lease), token)
  inBackground(context, 'storing a renewed token pair', keepStoring(context, lease, attempt))
  return { kind: 'token', token }
}

/**
 * Counts the refusal that led to a renewal; every proof that a token works resets the count. Where refusals add up, the API
 * refuses each token that the token endpoint issues: the new one is asked about, and the grant may have ended all the same.
 */
async function doubtRenewedToken(
  context: AccountsContext,
  opened: OpenedOAuthClient,
  lease: Lease,
  outcome: Extract<RenewalOutcome, { kind: 'token' }>,
): Promise<RenewalOutcome> {
  const { version, accessToken } = outcome.token
  const renewed = { environmentId: lease.environmentId, grantId: lease.grantId, version }
  const counted = await countRefusal(context.db, renewed)
  if (counted.refusals < context.timing.endAfter.confirmed.refusals) return outcome
  const words = await askAboutTokens(opened, { accessToken, refreshToken: null })
  if (weigh({ ...words, ...counted }, context.timing) !== 'ended') return outcome
  return endUnexplained(context, renewed, counted.refusals)
}

async function keepStoring(
  { node, log, timing }: AccountsContext,
  lease: Lease,
  attempt: () => Promise<RenewalOutcome>,
): Promise<void> {
  const about = { grant: lease.grantId, environment: lease.environmentId }
  const giveUpAt = performance.now() + timing.persistMs
  try {
    for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2_000)) {
      await sleep(pauseMs)
      try {
        await attempt()
        log.info({ event: 'token_persisted', ...about }, 'stored the renewed token pair')
        return
      } catch (err) {
        if (performance.now() < giveUpAt) continue
        log.fatal({ event: 'token_lost', ...about, err }, 'lost a renewed token pair that could not be stored')
        return
      }
    }
  } finally {
    node.unpersisted.delete(slotOf(lease))
  }
}

/** One attempt to store the pair. It can be repeated: it recognizes the result of an attempt whose response was lost. */
function pairStorage(context: AccountsContext, lease: Lease, pair: TokenSet): () => Promise<RenewalOutcome> {
  const version = lease.version + 1
  const token: RenewedToken = { accessToken: pair.accessToken, grantId: lease.grantId, version }
  const written = new Set<string>()
  return async () => {
    // Sealed for each attempt: the data key may have been rotated away since the last one.
    const sealed = await sealPair(context.vault, lease, version, pair)
    written.add(sealed.access_token)
    const stored = await storePair(context, context.db, {
      environmentId: lease.environmentId,
      grantId: lease.grantId,
      status: 'active',
      version: lease.version,
      sealed,
      issuedAt: null,
      expiresInSeconds: pair.expiresInSeconds,
      learnedLifetimeSeconds: lease.learnedLifetimeSeconds,
    })
    context.openAccounts.forget(lease.grantId)
    if (stored) return { kind: 'token', token }
    const grant = await readGrant(context.db, lease)
    if (grant?.active && grant.sealedAccessToken !== null) {
      if (grant.version === version && written.has(grant.sealedAccessToken)) return { kind: 'token', token }
      // A new consent or another node was faster. The stored pair is newer, and revoking this one could end it too.
      context.log.info({ grant: lease.grantId, version }, 'dropped a renewed token pair that was superseded')
      return { kind: 'token', token: await openToken(context, lease, grant.version, grant.sealedAccessToken) }
    }
    // Disconnected in the meantime, without this pair; or deleted with its whole environment.
    const [app] = await findOAuthAppsById(context.db, lease.environmentId, [lease.oauthAppId])
    if (app) await queueRevocation(context, context.db, lease, pair)
    return { kind: 'ended' }
  }
}

/** A provider's Retry-After is followed up to this. */
const maxRetryAfterMs = 15 * 60_000

interface FailedRefresh {
  readonly lease: Lease
  readonly failure: OAuthFailure
  readonly cause: 'refused' | 'scheduled'
  readonly opened: OpenedOAuthClient
}

/**
 * Decides what follows from a failed refresh. Only the provider's explicit refusal ends a grant. Every other failure
 * leaves it unchanged, with a pause before the next attempt and, where the provider may have acted on the request, with
 * the mark that it was sent.
 */
async function handleRefreshFailure(context: AccountsContext, failed: FailedRefresh): Promise<RenewalOutcome> {
  const { lease, failure } = failed
  const { timing } = context
  switch (failure.kind) {
    case 'grant_refused':
      return handleRefusedGrant(context, failed)
    case 'client_refused':
      await releaseLease(context.db, lease, { unknown: lease.wasSending, backoffMs: null })
      await rejectOAuthApp(context, failed.opened, failure)
      return { kind: 'client_refused' }
    case 'rejected':
    case 'unauthorized':
      return handleUnexplainedRefusal(context, failed)
    case 'not_sent':
    case 'rate_limited':
    case 'ambiguous': {
      const waitMs = Math.min(failure.retryAfterMs ?? 0, maxRetryAfterMs)
      const backoffMs = backoffAfter(timing, lease.failCount, waitMs)
      const unknown = lease.wasSending || failure.kind === 'ambiguous'
      return retryLater(context, failed, { unknown, backoffMs })
    }
  }
}

async function retryLater(
  { db, log }: AccountsContext,
  { lease, failure }: FailedRefresh,
  { unknown, backoffMs }: { readonly unknown: boolean; readonly backoffMs: number },
): Promise<RenewalOutcome> {
  await releaseLease(db, lease, { unknown, backoffMs })
  log.warn(
    {
      grant: lease.grantId,
      environment: lease.environmentId,
      kind: failure.kind,
      status: failure.status,
      code: failure.code,
      backoffMs,
    },
    'token refresh failed, will be retried',
  )
  return unavailable(backoffMs)
}

/**
 * The provider refused the refresh token and did not say why. What it reports elsewhere, and how often and how long it has
 * refused, decides: see `refusal-evidence.ts`.
 */
async function handleUnexplainedRefusal(context: AccountsContext, failed: FailedRefresh): Promise<RenewalOutcome> {
  const { lease, failure, cause, opened } = failed
  const [accessToken, refreshToken] = await Promise.all([
    context.vault.open(lease.sealedAccessToken, tokenContext(lease, 'access_token', lease.version)),
    context.vault.open(lease.sealedRefreshToken, tokenContext(lease, 'refresh_token', lease.version)),
  ])
  const [words, counted] = await Promise.all([
    askAboutTokens(opened, { accessToken, refreshToken }),
    countRefusal(context.db, lease),
  ])
  // The call that asked for this renewal has heard it from the API.
  const api = words.api === 'silent' && cause === 'refused' ? 'refused' : words.api
  const verdict = weigh({ ...words, ...counted, api }, context.timing)
  if (verdict === 'client_refused' || (await isAboutClient(context, failed, words.introspection))) {
    await releaseLease(context.db, lease, { unknown: lease.wasSending, backoffMs: null })
    await rejectOAuthApp(context, opened, failure)
    return { kind: 'client_refused' }
  }
  if (verdict === 'ended') return endUnexplained(context, lease, counted.refusals)
  // It does not report what became of the refresh token.
  return retryLater(context, failed, { unknown: true, backoffMs: backoffAfter(context.timing, lease.failCount) })
}

/** Whether a 401 without a code refuses our client. Where introspection does not show it, a code that cannot exist does. */
async function isAboutClient(
  { publicUrl }: AccountsContext,
  { failure, opened: { app, client, provider } }: FailedRefresh,
  introspection: Word,
): Promise<boolean> {
  if (failure.kind !== 'unauthorized' || introspection !== 'silent') return false
  return (await checkClient(provider, client, redirectUri(publicUrl, app.id))).verdict === 'refused'
}

async function endUnexplained(
  context: AccountsContext,
  grant: GrantKey & { readonly version: number },
  refusals: number,
): Promise<RenewalOutcome> {
  const end: GrantEnd = { status: 'EXPIRED', reason: 'CREDENTIALS_REFUSED' }
  if (!(await endRefusedGrant(context, grant, end))) return reloadOutcome(context, grant)
  const about = { grant: grant.grantId, environment: grant.environmentId, refusals }
  context.log.warn(about, 'ended a grant that the provider refused repeatedly without a reason')
  return { kind: 'ended' }
}

async function handleRefusedGrant(context: AccountsContext, failed: FailedRefresh): Promise<RenewalOutcome> {
  const { lease, cause, opened } = failed
  const { timing } = context
  if (cause === 'scheduled') {
    // A refresh token can become invalid alone, for example when the user authorizes the same client elsewhere. The account
    // works while its access token does. Without an answer it counts as working; its next refusal decides.
    const accessToken = await context.vault.open(
      lease.sealedAccessToken,
      tokenContext(lease, 'access_token', lease.version),
    )
    const works = await accessTokenWorks(opened, accessToken).catch((error: unknown) => {
      if (error instanceof OAuthFailure) return null
      throw error
    })
    if (works !== false) {
      // Without an answer it is verified again soon: the grant may well be gone.
      await dropRefreshToken(context.db, lease, works ? null : timing.backoff.maxMs)
      context.log.warn({ grant: lease.grantId }, 'provider refused a refresh token, its access token still works')
      return unavailable(timing.backoff.firstMs)
    }
  }
  // After an interrupted attempt we may have caused the refusal: the token was used and its successor never arrived.
  const end: GrantEnd = lease.wasSending
    ? { status: 'EXPIRED', reason: 'RENEWAL_INTERRUPTED' }
    : { status: 'REVOKED', reason: 'REVOKED_AT_PROVIDER' }
  return (await endRefusedGrant(context, lease, end)) ? { kind: 'ended' } : reloadOutcome(context, lease)
}

/**
 * The access token was refused and there is no refresh token. Asks the provider for the reason: REVOKED if the token is
 * gone before its time, EXPIRED if its time was up or the provider cannot say.
 */
async function handleRefusalWithoutRefreshToken(
  context: AccountsContext,
  grant: GrantSnapshot,
  sealedAccessToken: string,
): Promise<RenewalOutcome> {
  const { timing } = context
  const end = async (as: GrantEnd): Promise<RenewalOutcome> =>
    (await endRefusedGrant(context, grant, as)) ? { kind: 'ended' } : reloadOutcome(context, grant)
  if (grant.expired) return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
  const opened = await openOAuthClient(context, grant.environmentId, grant.oauthAppId)
  if (!opened) return { kind: 'ended' }
  const { accessToken } = await openToken(context, grant, grant.version, sealedAccessToken)
  try {
    if (!opened.provider.introspect) return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
    const { active } = await opened.provider.introspect(opened.client, accessToken)
    if (!active) return end({ status: 'REVOKED', reason: 'REVOKED_AT_PROVIDER' })
    // Introspection and the API contradict each other.
    const counted = await countRefusal(context.db, grant)
    const verdict = weigh({ introspection: 'accepted', api: 'refused', ...counted }, timing)
    return verdict === 'ended'
      ? end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
      : unavailable(timing.backoff.firstMs)
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    if (error.kind === 'client_refused') {
      await rejectOAuthApp(context, opened, error)
      return { kind: 'client_refused' }
    }
    if (error.kind === 'rejected' || error.kind === 'unauthorized' || error.kind === 'grant_refused')
      return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
    return unavailable(error.retryAfterMs ?? timing.backoff.firstMs)
  }
}

/** The grant changed in the meantime: its new state is the outcome. */
async function reloadOutcome(
  context: AccountsContext,
  seen: GrantKey & { readonly version: number },
): Promise<RenewalOutcome> {
  const grant = await readGrant(context.db, seen)
  if (!grant?.active || grant.sealedAccessToken === null) return { kind: 'ended' }
  if (grant.version === seen.version) return unavailable(1_000)
  return { kind: 'token', token: await openToken(context, seen, grant.version, grant.sealedAccessToken) }
}

/** Nothing has changed and nothing is known; worth another attempt after this time. */
export const unavailable = (retryAfterMs: number): RenewalOutcome => ({
  kind: 'unavailable',
  retryAfterMs: Math.max(1, Math.round(retryAfterMs)),
})

/** The error for a caller whose credentials could be neither renewed nor verified. */
export function toAccountError(
  outcome: Extract<RenewalOutcome, { kind: 'unavailable' | 'client_refused' }>,
  connectionName: string,
): OAuthAppRejectedError | ProviderUnavailableError {
  if (outcome.kind === 'client_refused') return new OAuthAppRejectedError(connectionName)
  return new ProviderUnavailableError(
    `The provider could not renew or verify the credentials. The account has not changed. Try again in ${Math.ceil(outcome.retryAfterMs / 1000)} s.`,
    outcome.retryAfterMs,
  )
}

/** The pause after this many failures, at least `minMs` and never above the maximum. */
function backoffAfter({ backoff, random }: RenewalTiming, failures: number, minMs = 0): number {
  return Math.min(backoff.maxMs, Math.max(minMs, fullJitter(backoff, failures, random)))
}
