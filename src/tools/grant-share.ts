import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../clock.ts'
import { type TokenBucket, tokenBucket } from '../token-bucket.ts'
import type { RatePolicy, ToolCall } from './tool.ts'

/** A share of the requests that a provider allows each grant, for work that must leave the rest to other calls. */
export interface GrantShare {
  /**
   * Takes one request. Returns 0, or the milliseconds until there is one again. A grant has its share of the provider's window
   * at once, and as much again in each window. Counted by each node for itself.
   */
  take(grantId: string, rate: RatePolicy): number
}

/** Grants whose use is known. One that was not used for a window has all of its requests again, as an unknown one has. */
const maxGrants = 10_000

/** Creates a share, such as 0.3. */
export function createGrantShare(share: number, clock: Pick<Clock, 'now'> = systemClock): GrantShare {
  const buckets = new LRUCache<string, TokenBucket>({ maxSize: maxGrants, sizeCalculation: () => 1 })
  return {
    take(grantId, { requests, perMs }) {
      const burst = Math.max(1, Math.floor(requests * share))
      let bucket = buckets.get(grantId)
      if (bucket === undefined) {
        bucket = tokenBucket((burst / perMs) * 1_000, clock, burst)
        buckets.set(grantId, bucket)
      }
      return bucket.take(1) > 0 ? 0 : bucket.waitMs()
    },
  }
}

/** Returns a call whose requests wait for the share of the provider's limit. */
export const withinShare = (call: ToolCall, grantId: string, share: GrantShare): ToolCall => ({
  ...call,
  async send(kind, request, within) {
    for (let waitMs = share.take(grantId, call.rate); waitMs > 0; waitMs = share.take(grantId, call.rate)) {
      await sleep(waitMs, undefined, { signal: call.signal })
    }
    return call.send(kind, request, within)
  },
})
