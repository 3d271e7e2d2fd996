import type { Id } from './model.ts'

/** The window over which requests of a connection are counted (https://developers.notion.com/reference/request-limits). */
const windowMs = 60_000

/** The window is counted in slots, so that memory does not grow with the limit. */
const slotMs = 1000

interface Window {
  /** Requests by slot number, oldest first. */
  readonly slots: Map<number, number>
  total: number
}

/** Counts requests per connection. */
export interface RateLimiter {
  /** Counts a request. Gives undefined if it may run, otherwise the whole seconds after which the next one may. */
  take(grantId: Id, perMinute: number): number | undefined
  clear(): void
}

/** Connections that are counted at once; the one that has been there longest goes first. */
const mostWindows = 10_000

/** A sliding window of sixty seconds for each connection. Bursts are fine as long as the window has room. */
export function createRateLimiter(clock: () => Date): RateLimiter {
  const windows = new Map<Id, Window>()

  function windowOf(grantId: Id): Window {
    const known = windows.get(grantId)
    if (known) return known
    for (const oldest of windows.keys()) {
      if (windows.size < mostWindows) break
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
