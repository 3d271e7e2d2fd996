import { setTimeout as sleep } from 'node:timers/promises'
import type { AccountsContext } from '../context.ts'
import { findOAuthAppsById } from '../oauth-app-store.ts'
import type { TokenSet } from '../provider.ts'
import { type Lease, seeGrant, storeRenewal } from './lease.ts'
import { inBackground, nodeState, slotOf } from './node-state.ts'
import { openToken } from './open-account.ts'
import type { Outcome, RenewedToken } from './renewal-outcome.ts'
import { queueRevocation } from './revocation-outbox.ts'
import { sealPair } from './sealed-pair.ts'
import type { RenewalTiming } from './timing.ts'
import { observeRefusedAge, scheduleToken } from './token-lifetime.ts'

/**
 * Puts a pair that the provider has just issued into the database. At a provider that rotates, this process now holds the
 * only living tokens of the grant: when the database does not take them they are served from memory and offered to it
 * again, for as long as `timing.persistMs`, and the process does not stop before.
 */
export async function keepRenewedPair(
  context: AccountsContext,
  lease: Lease,
  pair: TokenSet,
  cause: 'refused' | 'scheduled',
  timing: RenewalTiming,
): Promise<Outcome> {
  const store = pairStore(context, lease, pair, timing)
  const learn = () => {
    // A first refusal of a token that nobody has tried to renew before: its age is the lifetime's upper bound.
    if (cause !== 'refused' || lease.wasSending || lease.expiryKnown) return
    inBackground(context, 'Learning a token lifetime', observeRefusedAge(context.db, lease, lease.ageSeconds))
  }
  try {
    const outcome = await store()
    learn()
    return outcome
  } catch (error) {
    const about = { event: 'token_unpersisted', grant: lease.grantId, environment: lease.environmentId, err: error }
    context.log.error(about, 'A renewed token pair could not be stored; it is kept in memory and offered again.')
  }
  const token: RenewedToken = { accessToken: pair.accessToken, grantId: lease.grantId, version: lease.version + 1 }
  nodeState(context).unpersisted.set(slotOf(lease), token)
  inBackground(context, 'Storing a renewed token pair', storeLater(context, lease, store, timing))
  return { kind: 'token', token }
}

async function storeLater(
  context: AccountsContext,
  lease: Lease,
  store: () => Promise<Outcome>,
  timing: RenewalTiming,
): Promise<void> {
  const about = { grant: lease.grantId, environment: lease.environmentId }
  const { unpersisted } = nodeState(context)
  const giveUpAt = performance.now() + timing.persistMs
  try {
    for (let pause = 100; ; pause = Math.min(pause * 2, 2_000)) {
      await sleep(pause)
      try {
        await store()
        context.log.info({ event: 'token_persisted', ...about }, 'The renewed token pair is stored.')
        return
      } catch (error) {
        if (performance.now() < giveUpAt) continue
        context.log.fatal(
          { event: 'token_lost', ...about, err: error },
          'A renewed token pair could not be stored and is lost.',
        )
        return
      }
    }
  } finally {
    unpersisted.delete(slotOf(lease))
  }
}

/** One try to store the pair, which may be repeated: a try whose answer was lost is recognised by what it wrote. */
function pairStore(
  context: AccountsContext,
  lease: Lease,
  pair: TokenSet,
  timing: RenewalTiming,
): () => Promise<Outcome> {
  const version = lease.version + 1
  const token: RenewedToken = { accessToken: pair.accessToken, grantId: lease.grantId, version }
  const written = new Set<string>()
  return async () => {
    // Sealed anew for each try: the data key may have been rotated away since the last one.
    const sealed = await sealPair(context.vault, lease, version, pair)
    written.add(sealed.access_token)
    const schedule = scheduleToken(timing, {
      renewable: pair.refreshToken !== null,
      expiresInSeconds: pair.expiresInSeconds,
      learnedLifetimeSeconds: lease.learnedLifetimeSeconds,
    })
    const stored = await storeRenewal(context.db, lease, {
      ...sealed,
      ...schedule,
      expiresInSeconds: pair.expiresInSeconds,
    })
    if (stored) return { kind: 'token', token }
    const sight = await seeGrant(context.db, lease)
    if (sight?.active && sight.sealedAccessToken !== null) {
      if (sight.version === version && written.has(sight.sealedAccessToken)) return { kind: 'token', token }
      // Somebody authorized anew, or another node was faster: what stands is newer, and revoking ours could end it too.
      context.log.info({ grant: lease.grantId, version }, 'A renewed token pair was superseded and dropped.')
      return { kind: 'token', token: await openToken(context, lease, sight.version, sight.sealedAccessToken) }
    }
    // Disconnected in the meantime, without knowing of this pair; or deleted with its whole environment.
    const [app] = await findOAuthAppsById(context.db, lease.environmentId, [lease.oauthAppId])
    if (app) await queueRevocation(context, context.db, lease, pair)
    return { kind: 'ended' }
  }
}
