import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { type TokenBucket, tokenBucket } from '../token-bucket.ts'
import type { PermitSource, Permitting } from './rate-window.ts'

/** The share of what a provider allows a grant that work in the background uses while there are calls. */
const busyShare = 0.3

/** Requests that are taken together: one statement for each of so many. */
const together = 3

/** Grants whose use is known. One that was not used for a window has all of its share again, as an unknown one has. */
const maxGrants = 10_000

interface Buckets {
  /** Spreads requests over the window: while it is full of them, a part of the limit becomes free each second. */
  readonly pace: TokenBucket
  readonly share: TokenBucket
}

/**
 * Returns the permits of work in the background. While no call of any node has used the limit of a grant in the last window,
 * it uses all but a reserve of it, evenly: calls find the reserve and what becomes free, and the first one is noticed with
 * the next permits. While there are calls, it uses 30 % of the limit, counted by each node for itself, and nothing while all
 * nodes together use 80 %. So it takes nothing while calls wait.
 */
export function createBackgroundPermits(source: PermitSource, clock: Pick<Clock, 'now'>): Permitting {
  const grants = new LRUCache<string, Buckets>({ max: maxGrants })
  return {
    batch: source.batch,
    async take(budget, wanted) {
      const { grantId, policy } = budget
      const burst = Math.max(1, Math.floor(policy.requests * busyShare))
      let buckets = grants.get(grantId)
      if (buckets === undefined) {
        const perSecond = 1_000 / policy.perMs
        buckets = {
          pace: tokenBucket(policy.requests * perSecond, clock, Math.max(together, policy.requests * perSecond)),
          share: tokenBucket(burst * perSecond, clock, burst),
        }
        grants.set(grantId, buckets)
      }
      const { pace, share } = buckets
      const size = Math.max(wanted, together)
      const whenIdle = pace.take(size)
      if (whenIdle < Math.min(size, together)) {
        pace.giveBack(whenIdle)
        const waitMs = Math.ceil((policy.perMs * (together - whenIdle)) / policy.requests)
        return { granted: 0, waitMs, validMs: 0 }
      }
      const whenBusy = share.take(size)
      const permits = await source.takeInBackground(budget, { whenIdle, whenBusy })
      pace.giveBack(Math.max(0, whenIdle - permits.granted))
      // What is used without calls counts as well, so that the share does not begin in full when they come.
      share.giveBack(Math.max(0, whenBusy - permits.granted))
      share.take(Math.max(0, permits.granted - whenBusy))
      if (permits.granted > 0 || permits.isIdle || whenBusy > 0) return permits
      return { ...permits, waitMs: Math.min(permits.waitMs, Math.ceil((policy.perMs * together) / burst)) }
    },
    refuse: source.refuse,
  }
}
