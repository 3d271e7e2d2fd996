import type { Clock } from '../../src/clock.ts'
import type { PermitSource } from '../../src/tools/rate-window.ts'

/**
 * A source of permits on the test's clock, where Postgres has a clock of its own: the policy's requests at once, and all
 * of them again when its time has passed since the first.
 */
export function permitsOn(clock: Pick<Clock, 'now'>): PermitSource {
  const grants = new Map<string, { left: number; refillAt: number; pausedUntil: number }>()
  const stateOf = (grantId: string) => {
    const state = grants.get(grantId) ?? { left: 0, refillAt: 0, pausedUntil: 0 }
    grants.set(grantId, state)
    return state
  }
  const source: PermitSource = {
    batch: 1,
    takeInBackground: async (budget, { whenIdle }) => ({ ...(await source.take(budget, whenIdle)), isIdle: true }),
    async take({ grantId, policy }, wanted) {
      const state = stateOf(grantId)
      const now = clock.now()
      if (state.refillAt <= now) Object.assign(state, { left: policy.requests, refillAt: now + policy.perMs })
      if (state.pausedUntil > now) return { granted: 0, waitMs: state.pausedUntil - now, validMs: 0 }
      const granted = Math.min(wanted, state.left)
      state.left -= granted
      return { granted, waitMs: granted > 0 ? 0 : state.refillAt - now, validMs: 2_000 }
    },
    async refuse({ grantId }, retryAfterMs) {
      stateOf(grantId).pausedUntil = clock.now() + retryAfterMs
    },
  }
  return source
}
