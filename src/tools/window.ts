import type { Clock } from '../clock.ts'
import type { PermitSource } from './budget.ts'

/** A request counts for sixty seconds (https://developers.notion.com/reference/request-limits). */
const windowMs = 60_000

/** Requests are counted in slots, so that a grant's window takes a few numbers whatever its limit is. */
const slotMs = 5_000

/** A refusal lowers the limit only when at least this many requests were sent: otherwise somebody else used it up. */
const fewestToLearnFrom = 60

/** Nor when it asks for a shorter pause than this: then the provider itself does not mean the whole minute. Milliseconds. */
const shortestToLearnFrom = 5_000

/** How long a limit that a refusal taught is kept, in milliseconds. */
const learnedForMs = 10 * 60_000

interface Window {
  slots: { readonly slot: number; count: number }[]
  pausedUntil: number
  learnedLimit: number
  learnedUntil: number
}

/** Grants that are counted at once; the ones that were used least recently are forgotten first. */
const mostWindows = 10_000

/** Counts the requests of each grant in this process: for the embedded database, which has one process. */
export function createWindow(clock: Clock, perMinute: number): PermitSource {
  const windows = new Map<string, Window>()

  const windowOf = (grantId: string): Window => {
    const window = windows.get(grantId) ?? { slots: [], pausedUntil: 0, learnedLimit: perMinute, learnedUntil: 0 }
    windows.delete(grantId)
    windows.set(grantId, window)
    for (const oldest of windows.keys()) {
      if (windows.size <= mostWindows) break
      windows.delete(oldest)
    }
    // A slot counts until sixty seconds after its end: a little too long, never too short.
    const now = clock.now()
    window.slots = window.slots.filter(({ slot }) => (slot + 1) * slotMs + windowMs > now)
    return window
  }
  const used = (window: Window) => window.slots.reduce((sum, { count }) => sum + count, 0)

  return {
    batch: 1,
    take(key, wanted) {
      const window = windowOf(key.grantId)
      const now = clock.now()
      if (window.pausedUntil > now) return Promise.resolve({ granted: 0, waitMs: Math.ceil(window.pausedUntil - now) })
      const limit = window.learnedUntil > now ? Math.min(perMinute, window.learnedLimit) : perMinute
      const granted = Math.max(0, Math.min(wanted, limit - used(window)))
      const slot = Math.floor(now / slotMs)
      if (granted === 0) {
        const oldest = window.slots[0]?.slot ?? slot
        return Promise.resolve({ granted, waitMs: Math.ceil((oldest + 1) * slotMs + windowMs - now) })
      }
      const last = window.slots.at(-1)
      if (last?.slot === slot) last.count += granted
      else window.slots.push({ slot, count: granted })
      return Promise.resolve({ granted, waitMs: 0 })
    },
    refuse(key, retryAfterMs) {
      const window = windowOf(key.grantId)
      const now = clock.now()
      window.pausedUntil = Math.max(window.pausedUntil, now + retryAfterMs)
      if (used(window) >= fewestToLearnFrom && retryAfterMs >= shortestToLearnFrom) {
        window.learnedLimit = Math.min(perMinute, used(window))
        window.learnedUntil = now + learnedForMs
      }
      return Promise.resolve()
    },
  }
}
