/** A share of a provider's capacity that background work keeps to, so that callers' requests find room. */
export interface ProviderBudget {
  /** Takes up to `wanted` requests that may be sent now; 0 when the budget is used up. */
  take(wanted: number): number
  /** Returns requests that were taken and turned out not to be needed. */
  giveBack(unused: number): void
}

/** A token bucket: `perSecond` requests on average, and a second's worth at once. `now` is in milliseconds. */
export function tokenBucket(perSecond: number, now: () => number): ProviderBudget {
  let level = perSecond
  let filledAt = now()
  return {
    take(wanted) {
      const time = now()
      level = Math.min(perSecond, level + ((time - filledAt) / 1000) * perSecond)
      filledAt = time
      const granted = Math.max(0, Math.min(wanted, Math.floor(level)))
      level -= granted
      return granted
    },
    giveBack(unused) {
      level = Math.min(perSecond, level + unused)
    },
  }
}
