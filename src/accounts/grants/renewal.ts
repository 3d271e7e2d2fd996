import { setTimeout as sleep } from 'node:timers/promises'
import { AccountNotActiveError } from '../../errors.ts'
import { requireActive, requireSameProvider, rereadAccount } from '../account-store.ts'
import type { ConnectedAccount, GrantKey } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { inBackground, type RenewalOutcome, type RenewedToken, slotOf } from '../node-state.ts'
import { findOAuthAppsById, type OpenedOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure, type TokenSet } from '../provider.ts'
import { acceptOAuthApp } from '../rejected-app.ts'
import {
  backoffAfter,
  endUnexplained,
  handleRefreshFailure,
  handleRefusalWithoutRefreshToken,
  toAccountError,
  unavailable,
} from './failed-renewal.ts'
import { type OpenGrantClient, openingGrantClients } from './grant-client.ts'
import { claimRenewal, type Lease, readGrant, releaseLease } from './lease.ts'
import { openAccessToken, openToken } from './open-account.ts'
import { adoptNewerGrant } from './pending-grant.ts'
import { askAboutTokens, countRefusal, weigh } from './refusal-evidence.ts'
import { queueRevocation } from './revocation-outbox.ts'
import { observeRefusedAge } from './token-lifetime.ts'
import { sealPair, tokenContext } from './token-pair.ts'

/*
 * How a refused access token is replaced, from the caller down to the database:
 *
 *   renewAccessToken       for an account, with the errors that callers meet
 *   renewGrant             one attempt for all callers of this process
 *   attemptRenewal         one attempt for all nodes: claims the lease, or waits for the node that has it
 *   runRenewal             sends the refresh token to the provider
 *   storeRenewedPair       stores the new pair, or serves it from memory until the database accepts it
 *   handleRefreshFailure   decides what a failed refresh means for the grant (`failed-renewal.ts`)
 */

/** Options of a renewal. */
export interface RenewalOptions {
  /** Asks the provider although earlier failures require a pause or the OAuth app is paused: an operator asked for it. */
  readonly ignoreBackoff?: boolean
}

/**
 * Returns a working access token after the provider refused the one of `refusedVersion` (HTTP 401). One renewal is made
 * for all callers on all nodes; callers that are late or lose the race get its result. Waits at most 15 s for another
 * node, not at all for one that is gone, and 10 s for the provider.
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
  const { environmentId, grant } = requireActive(context, account)
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
    } else if (grant.leaseMs === 0) {
      if (grant.backoffMs > 0 && !ignoreBackoff) return unavailable(grant.backoffMs)
      const claim = { nodeId: node.nodeId, leaseMs: timing.leaseMs, ignoreBackoff }
      const lease = await claimRenewal(context.db, { ...key, version: grant.version }, claim)
      if (lease) return runRenewal(context, lease, { cause: 'refused' })
    } else if (grant.holderGone) {
      // The lease itself holds: a node that has lost its connection for a moment counts as gone, and may hold the only valid
      // tokens of the grant. A provider that detects reuse would end the grant if its refresh token were presented again.
      return unavailable(grant.leaseMs)
    }
    if (performance.now() >= deadline) return unavailable(1_000)
    await sleep(pauseMs * (0.5 + timing.random() / 2))
  }
}

/** One renewal with a lease. */
interface RenewalRun {
  /** Whether the provider refused the access token. */
  readonly cause: 'refused' | 'scheduled'
  /** For grants that were claimed together. */
  readonly openClient?: OpenGrantClient
}

/**
 * Renews a grant with a lease that this node holds: sends the refresh token to the provider and stores the pair that comes
 * back. Ends the lease in every case but the death of the process. Throws only for failures of the database or the vault.
 */
export async function runRenewal(context: AccountsContext, lease: Lease, run: RenewalRun): Promise<RenewalOutcome> {
  const outcome = await renewWithLease(context, lease, run)
  context.observeRenewal?.(outcome.kind)
  return outcome
}

async function renewWithLease(context: AccountsContext, lease: Lease, run: RenewalRun): Promise<RenewalOutcome> {
  const { timing } = context
  const { cause, openClient = openingGrantClients(context) } = run
  const giveUp = async (unknown: boolean) => {
    await releaseLease(context.db, lease, { unknown, backoffMs: backoffAfter(timing, lease.failCount) }).catch(() => {})
  }
  const open = async () =>
    Promise.all([
      openClient(lease),
      context.vault.open(lease.sealedRefreshToken, tokenContext(lease, 'refresh_token', lease.version)),
    ])
  const [opened, refreshToken] = await open().catch(async (error: unknown) => {
    await giveUp(lease.wasSending)
    throw error
  })
  if (!opened) return { kind: 'ended' }

  let tokens: TokenSet
  try {
    tokens = await opened.provider.refresh(opened.client, refreshToken)
  } catch (error) {
    if (!(error instanceof OAuthFailure)) {
      await giveUp(true)
      throw error
    }
    if (error.kind === 'grant_refused' && (await adoptNewerGrant(context, lease))) {
      const claim = { nodeId: context.node.nodeId, leaseMs: timing.leaseMs, ignoreBackoff: true }
      const next = await claimRenewal(context.db, { ...lease, version: lease.version + 1 }, claim)
      return next ? renewWithLease(context, next, { cause }) : unavailable(timing.backoff.firstMs)
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
    const stored = await context.storePair({
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
