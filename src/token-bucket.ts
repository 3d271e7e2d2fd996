/** A rate limit within one process. */
export interface TokenBucket {
  /** Takes up to `wanted` permits. Returns how many were granted; 0 when the bucket is empty. */
  take(wanted: number): number
  /** Returns permits that were taken and not used. */
  giveBack(unused: number): void
  /** Milliseconds until the bucket holds a permit again; 0 when it holds one. Rounded up. */
  waitMs(): number
}

/** Sums of fractions fall a little short of the true level. */
const rounding = 1e-6

/**
 * Creates a full token bucket: `ratePerSecond` permits per second on average, and at most `burst` at once (by default
 * one second's worth). `clock` is monotonic, in milliseconds.
 */
export function tokenBucket(
  ratePerSecond: number,
  clock: { now(): number },
  burst: number = ratePerSecond,
): TokenBucket {
  let level = burst
  let filledAt = clock.now()
  const fill = () => {
    const now = clock.now()
    level = Math.min(burst, level + ((now - filledAt) / 1000) * ratePerSecond)
    filledAt = now
  }
  return {
    take(wanted) {
      fill()
      const granted = Math.max(0, Math.min(wanted, Math.floor(level + rounding)))
      level = Math.max(0, level - granted)
      return granted
    },
    giveBack(unused) {
      level = Math.min(burst, level + unused)
    },
    waitMs() {
      fill()
      const lacking = 1 - level
      return lacking < rounding ? 0 : Math.max(1, Math.ceil((lacking / ratePerSecond) * 1000 - rounding))
    },
  }
}
