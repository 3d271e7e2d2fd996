import type { Id } from './model.ts'

/**
 * The window in which the requests of a connection are counted.
 *
 * @see https://developers.notion.com/reference/request-limits
 */
const windowMs = 60_000

/** Requests are counted per slot, so that memory does not grow with the limit. */
const slotMs = 1000

interface Window {
  /** Requests by slot number, oldest first. */
  readonly slots: Map<number, number>
  total: number
}

/** Counts requests per connection. */
export interface RateLimiter {
  /** Counts a request. Returns undefined when it is allowed, otherwise whole seconds until the next one is allowed. */
  take(grantId: Id, perMinute: number): number | undefined
  clear(): void
}

/** Maximum number of connections. A further connection replaces the oldest one. */
const maxWindows = 10_000

/** Creates a limiter with a sliding window of 60 seconds per connection. Bursts within the limit are allowed. */
export function createRateLimiter(clock: () => Date): RateLimiter {
  const windows = new Map<Id, Window>()

  function windowOf(grantId: Id): Window {
    const known = windows.get(grantId)
    if (known) return known
    for (const oldest of windows.keys()) {
      if (windows.size < maxWindows) break
      windows.delete(oldest)
    }
    const window: Window = { slots: new Map(), total: 0 }
    windows.set(grantId, window)
    return window
  }

  return {
    take(grantId, perMinute) {
      const window = windowOf(grantId)
      const slot = Math.floor(clock().getTime() / slotMs)
      for (const [old, count] of window.slots) {
        if (old > slot - windowMs / slotMs) break
        window.slots.delete(old)
        window.total -= count
      }
      if (window.total >= perMinute) {
        const oldest = window.slots.keys().next().value ?? slot
        return Math.max(1, oldest + windowMs / slotMs - slot)
      }
      window.slots.set(slot, (window.slots.get(slot) ?? 0) + 1)
      window.total += 1
      return undefined
    },
    clear: () => windows.clear(),
  }
}
