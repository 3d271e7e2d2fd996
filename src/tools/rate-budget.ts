import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { RateLimitedError } from '../errors.ts'
import { CallDeadlineError, comesTooLate } from './deadline.ts'
import { createFairQueue, type FairQueue } from './fair-queue.ts'
import type { GrantBudget, Permitting } from './rate-window.ts'

/** How long ago calls of a grant were recent, which shows how many permits it needs next. Milliseconds. */
const recentMs = 2_000

/** The most permits taken at once. */
const maxPermits = 50

/** The shortest time between two requests to the source, in milliseconds. */
const minPauseMs = 10

/** The shortest `retryAfterMs` of a RateLimitedError. */
const minRetryAfterMs = 1_000

/**
 * The longest pause after a refusal, in milliseconds; then one request asks the provider again. Limits count minutes, and
 * a provider that asks for hours by mistake would block an account for that long.
 */
const maxRefusalMs = 15 * 60_000

/** Grants without waiting calls whose permits are remembered; the least recently used is forgotten first. */
const maxIdleLanes = 10_000

/** The rate budgets of all grants on this node. */
export interface RateBudget {
  /**
   * Waits until one request may be sent. Calls of one grant go in order, and its accounts take turns; grants do not affect
   * each other.
   *
   * Throws RateLimitedError as soon as it is known that the call times out at `deadline` (on the clock's scale) before its
   * turn, or so soon after it that its request would be cut off. Also when too many calls wait, in which case the account with
   * the most waiting calls loses its last one. Rejects with the signal's reason when that is aborted.
   */
  acquire(
    budget: GrantBudget,
    accountId: string,
    wait: { readonly deadline: number; readonly signal: AbortSignal },
  ): Promise<void>
  /** Stops all requests of the grant, on all nodes, after the provider refused one for its rate limit. */
  refuse(budget: GrantBudget, retryAfterMs: number): Promise<void>
}

/** A call that waits for its turn. */
interface Waiter {
  readonly since: number
  readonly deadline: number
  readonly admit: () => void
  readonly reject: (error: unknown) => void
}

/** The waiting calls of one grant, and the permits at hand. */
interface Lane {
  readonly queue: FairQueue<Waiter>
  permits: number
  permitsExpireAt: number
  /** Permits used since `takenAt`. */
  used: number
  takenAt: number
  /** When the source is asked again. */
  nextTry: number
  /** Ends the pause until then, because no call waits any more. */
  wake: AbortController
}

/** Creates the queues in front of a source of permits. */
export function createRateBudget(options: {
  readonly source: Permitting
  readonly clock: Clock
  /** Calls of one grant that may wait at a time. */
  readonly waitingPerGrant: number
  /** Called with the seconds that a call waited, whether it was admitted or not. */
  readonly observeWait?: ((seconds: number) => void) | undefined
}): RateBudget {
  const { source, clock, waitingPerGrant } = options
  /** Lanes with waiting calls. */
  const busy = new Map<string, Lane>()
  const idle = new LRUCache<string, Lane>({ max: maxIdleLanes })

  const laneOf = (grantId: string): Lane => {
    const known = busy.get(grantId) ?? idle.get(grantId)
    if (known) return known
    const lane = newLane()
    idle.set(grantId, lane)
    return lane
  }

  const usePermit = (lane: Lane): boolean => {
    if (clock.now() >= lane.permitsExpireAt) lane.permits = 0
    if (lane.permits === 0) return false
    lane.permits -= 1
    lane.used += 1
    return true
  }

  /** One for each waiting call, and as many more as the grant used recently. */
  const permitsWanted = (lane: Lane): number => {
    const recent = clock.now() - lane.takenAt < recentMs ? lane.used : 0
    return Math.min(lane.queue.size + Math.min(recent, source.batch - 1), maxPermits)
  }

  /** Takes permits and admits waiting calls with them. Returns the time after which asking again makes sense. */
  const takePermits = async (budget: GrantBudget, lane: Lane): Promise<number> => {
    const wanted = permitsWanted(lane)
    lane.takenAt = clock.now()
    const { granted, waitMs, validMs } = await source.take(budget, wanted)
    lane.used = Math.min(granted, lane.queue.size)
    lane.permits = granted - lane.used
    lane.permitsExpireAt = lane.takenAt + validMs
    for (let admitted = 0; admitted < lane.used; admitted += 1) lane.queue.next()?.admit()
    return waitMs
  }

  const pause = async (lane: Lane, milliseconds: number): Promise<void> => {
    lane.nextTry = clock.now() + milliseconds
    lane.wake = new AbortController()
    try {
      await clock.sleep(milliseconds, lane.wake.signal)
    } catch (error) {
      if (!lane.wake.signal.aborted) throw error
    }
  }

  /** Admits the waiting calls of a lane until none is left. */
  const serve = async (budget: GrantBudget, lane: Lane): Promise<void> => {
    busy.set(budget.grantId, lane)
    idle.delete(budget.grantId)
    try {
      while (lane.queue.size > 0) {
        const waitMs = await takePermits(budget, lane)
        if (lane.used + lane.permits > 0) continue
        const until = clock.now() + waitMs
        const late = lane.queue.removeWhere(({ since, deadline }) => comesTooLate(until, deadline, until - since))
        for (const waiter of late) waiter.reject(new RateLimitedError(waitMs))
        if (lane.queue.size > 0) await pause(lane, Math.max(waitMs, minPauseMs))
      }
    } catch (error) {
      for (const waiter of lane.queue.removeWhere(() => true)) waiter.reject(error)
    } finally {
      busy.delete(budget.grantId)
      idle.set(budget.grantId, lane)
    }
  }

  const retryAt = (at: number) => new RateLimitedError(Math.max(minRetryAfterMs, Math.ceil(at - clock.now())))

  return {
    async acquire(budget, accountId, { deadline, signal }) {
      signal.throwIfAborted()
      const lane = laneOf(budget.grantId)
      const { queue } = lane
      if (queue.size === 0 && usePermit(lane)) return
      if (queue.size >= waitingPerGrant) {
        const displaced = queue.makeRoomFor(accountId)
        if (!displaced) throw retryAt(deadline)
        displaced.reject(retryAt(displaced.deadline))
      }
      let leave = () => {}
      const since = clock.now()
      try {
        await new Promise<void>((admit, reject) => {
          const waiter: Waiter = { since, deadline, admit, reject }
          leave = () => {
            if (!queue.remove(accountId, waiter)) return
            if (queue.size === 0) lane.wake.abort()
            reject(signal.reason instanceof CallDeadlineError ? retryAt(lane.nextTry) : signal.reason)
          }
          queue.add(accountId, waiter)
          signal.addEventListener('abort', leave, { once: true })
          if (!busy.has(budget.grantId)) void serve(budget, lane)
        })
      } finally {
        signal.removeEventListener('abort', leave)
        options.observeWait?.((clock.now() - since) / 1_000)
      }
    },
    async refuse(budget, retryAfterMs) {
      const lane = busy.get(budget.grantId) ?? idle.get(budget.grantId)
      if (lane) lane.permits = 0
      await source.refuse(budget, Math.min(retryAfterMs, maxRefusalMs))
    },
  }
}

const newLane = (): Lane => ({
  queue: createFairQueue(),
  permits: 0,
  permitsExpireAt: 0,
  used: 0,
  takenAt: Number.NEGATIVE_INFINITY,
  nextTry: 0,
  wake: new AbortController(),
})
