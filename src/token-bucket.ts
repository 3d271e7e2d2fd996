/** A rate limit within one process. */
export interface TokenBucket {
  /** Takes up to `wanted` permits; returns how many were granted, 0 when the bucket is empty. */
  take(wanted: number): number
  /** Returns permits that were taken and not used. */
  giveBack(unused: number): void
}

/** A token bucket: `ratePerSecond` permits on average, and at most one second's worth at once. */
export function tokenBucket(ratePerSecond: number, clock: { now(): number }): TokenBucket {
  let level = ratePerSecond
  let filledAt = clock.now()
  return {
    take(wanted) {
      const now = clock.now()
      level = Math.min(ratePerSecond, level + ((now - filledAt) / 1000) * ratePerSecond)
      filledAt = now
      const granted = Math.max(0, Math.min(wanted, Math.floor(level)))
      level -= granted
      return granted
    },
    giveBack(unused) {
      level = Math.min(ratePerSecond, level + unused)
    },
  }
}
