import type { Clock } from '../clock.ts'
import { RateLimitedError } from '../errors.ts'
import { CallDeadlineError } from './deadline.ts'

/** Whose requests the provider counts together: one grant. */
export interface BudgetKey {
  readonly environmentId: string
  readonly grantId: string
}

/** Where permits come from: this process alone (`window.ts`) or all nodes of a database (`shared-window.ts`). */
export interface PermitSource {
  /**
   * How many permits it is worth taking at once. Those beyond the waiting calls are taken for calls that are expected, as
   * what is not used within {@link leaseMs} is lost to all nodes.
   */
  readonly batch: number
  /** Takes up to `wanted` permits. `waitMs` is zero where some were granted, otherwise when to ask again. */
  take(key: BudgetKey, wanted: number): Promise<{ readonly granted: number; readonly waitMs: number }>
  /** The provider refused for its rate limit: nothing is granted for `retryAfterMs`, and the limit may be lower than thought. */
  refuse(key: BudgetKey, retryAfterMs: number): Promise<void>
}

/** How long permits that were taken in a batch stay good: they were counted when they were taken. Milliseconds. */
export const leaseMs = 2_000

/** The most that one taking asks for. */
const mostPermits = 50

/**
 * A grant stands still no longer than this after a refusal, in milliseconds; then one request asks the provider again. A
 * limit counts minutes, and a provider that names hours by mistake would silence an account for as long.
 */
const longestRefusalMs = 15 * 60_000

/** The rate budgets of all grants. */
export interface RateBudget {
  /**
   * Waits for its turn to send one request. Calls of one grant go in order, the accounts that rest on it in turn; other
   * grants are not touched. Fails with a RateLimitedError as soon as the turn cannot come before `deadline` (on the
   * clock's scale) or too many wait already, and with the signal's reason. Where too many wait, the account that has the
   * most of them gives way.
   */
  acquire(
    key: BudgetKey,
    accountId: string,
    wait: { readonly deadline: number; readonly signal: AbortSignal },
  ): Promise<void>
  /** Tells all callers of the grant that the provider refused a request for its rate limit. */
  refuse(key: BudgetKey, retryAfterMs: number): Promise<void>
}

interface Waiter {
  readonly deadline: number
  readonly admit: () => void
  readonly reject: (error: unknown) => void
}

/** One grant's queue. */
interface Lane {
  /** Waiting calls by account, the account whose turn is next first. */
  readonly turns: Map<string, Waiter[]>
  waiting: number
  permits: number
  permitsGoodUntil: number
  /** Permits that were used since the last taking, which was at `takenAt`. */
  used: number
  takenAt: number
  pumping: boolean
  /** When the source is asked again. */
  nextTry: number
  /** Ends the pause before that: nobody waits any more. */
  wake: AbortController
}

/** Lanes that are kept at once; the oldest idle ones go first. */
const mostLanes = 10_000

/** Makes the queues in front of a source of permits. */
export function createRateBudget(options: {
  readonly source: PermitSource
  readonly clock: Clock
  /** Calls of one grant that may wait at a time. */
  readonly waitingPerGrant: number
}): RateBudget {
  const { source, clock, waitingPerGrant } = options
  const lanes = new Map<string, Lane>()

  const laneOf = (grantId: string): Lane => {
    const known = lanes.get(grantId)
    if (known) return known
    if (lanes.size >= mostLanes) {
      for (const [id, lane] of lanes) {
        if (lanes.size < mostLanes) break
        if (lane.waiting === 0 && !lane.pumping) lanes.delete(id)
      }
    }
    const lane: Lane = {
      turns: new Map(),
      waiting: 0,
      permits: 0,
      permitsGoodUntil: 0,
      used: 0,
      takenAt: Number.NEGATIVE_INFINITY,
      pumping: false,
      nextTry: 0,
      wake: new AbortController(),
    }
    lanes.set(grantId, lane)
    return lane
  }

  const usePermit = (lane: Lane): boolean => {
    if (lane.permits === 0) return false
    if (clock.now() >= lane.permitsGoodUntil) {
      lane.permits = 0
      return false
    }
    lane.permits -= 1
    lane.used += 1
    return true
  }

  const remove = (lane: Lane, accountId: string, waiter: Waiter): boolean => {
    const queue = lane.turns.get(accountId)
    const at = queue?.indexOf(waiter) ?? -1
    if (!queue || at < 0) return false
    queue.splice(at, 1)
    lane.waiting -= 1
    if (queue.length === 0) lane.turns.delete(accountId)
    if (lane.waiting === 0) lane.wake.abort()
    return true
  }

  const admitNext = (lane: Lane): void => {
    const [turn] = lane.turns
    if (!turn) return
    const [accountId, queue] = turn
    const waiter = queue.shift()
    lane.waiting -= 1
    // To the end of the round, so that an account with many calls does not keep the others of its grant waiting.
    lane.turns.delete(accountId)
    if (queue.length > 0) lane.turns.set(accountId, queue)
    waiter?.admit()
  }

  const rejectWhoCannotWait = (lane: Lane, waitMs: number): void => {
    const until = clock.now() + waitMs
    for (const [accountId, queue] of [...lane.turns]) {
      for (const waiter of [...queue]) {
        if (waiter.deadline < until && remove(lane, accountId, waiter)) waiter.reject(new RateLimitedError(waitMs))
      }
    }
  }

  /** For who waits, and for as many more as the grant has just used up within the time that permits stay good. */
  const permitsFor = (lane: Lane): number => {
    const expected = clock.now() - lane.takenAt < leaseMs ? Math.min(lane.used, source.batch - 1) : 0
    return Math.min(lane.waiting + expected, mostPermits)
  }

  /** Makes room for a call of the account by taking the last one away from whoever has the most; false where that is itself. */
  const makeRoom = (lane: Lane, accountId: string): boolean => {
    const [busiest] = [...lane.turns].sort(([, a], [, b]) => b.length - a.length)
    const last = busiest?.[1].at(-1)
    if (!busiest || !last || busiest[1].length <= (lane.turns.get(accountId)?.length ?? 0) + 1) return false
    remove(lane, busiest[0], last)
    last.reject(tooManyWait(last.deadline))
    return true
  }

  const tooManyWait = (deadline: number) => new RateLimitedError(Math.max(1_000, Math.ceil(deadline - clock.now())))

  const pause = async (lane: Lane, milliseconds: number): Promise<void> => {
    lane.nextTry = clock.now() + milliseconds
    lane.wake = new AbortController()
    try {
      await clock.sleep(milliseconds, lane.wake.signal)
    } catch (error) {
      if (!lane.wake.signal.aborted) throw error
    }
  }

  const pump = async (key: BudgetKey, lane: Lane): Promise<void> => {
    if (lane.pumping) return
    lane.pumping = true
    try {
      while (lane.waiting > 0) {
        if (usePermit(lane)) {
          admitNext(lane)
          continue
        }
        const wanted = permitsFor(lane)
        lane.used = 0
        lane.takenAt = clock.now()
        const { granted, waitMs } = await source.take(key, wanted)
        if (granted > 0) {
          lane.permits = granted
          lane.permitsGoodUntil = clock.now() + leaseMs
          continue
        }
        rejectWhoCannotWait(lane, waitMs)
        if (lane.waiting > 0) await pause(lane, Math.max(waitMs, 10))
      }
    } catch (error) {
      for (const queue of lane.turns.values()) for (const waiter of queue) waiter.reject(error)
      lane.turns.clear()
      lane.waiting = 0
    } finally {
      lane.pumping = false
    }
  }

  return {
    async acquire(key, accountId, { deadline, signal }) {
      signal.throwIfAborted()
      const lane = laneOf(key.grantId)
      if (lane.waiting === 0 && usePermit(lane)) return
      if (lane.waiting >= waitingPerGrant && !makeRoom(lane, accountId)) throw tooManyWait(deadline)
      const { promise, resolve, reject } = deferred()
      const waiter: Waiter = { deadline, admit: resolve, reject }
      const giveUp = () => {
        if (!remove(lane, accountId, waiter)) return
        const late = signal.reason instanceof CallDeadlineError
        reject(late ? new RateLimitedError(Math.max(1_000, Math.ceil(lane.nextTry - clock.now()))) : signal.reason)
      }
      lane.turns.set(accountId, [...(lane.turns.get(accountId) ?? []), waiter])
      lane.waiting += 1
      signal.addEventListener('abort', giveUp, { once: true })
      void pump(key, lane)
      try {
        await promise
      } finally {
        signal.removeEventListener('abort', giveUp)
      }
    },
    async refuse(key, retryAfterMs) {
      const lane = lanes.get(key.grantId)
      if (lane) lane.permits = 0
      await source.refuse(key, Math.min(retryAfterMs, longestRefusalMs))
    },
  }
}

function deferred() {
  let resolve: () => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((onDone, onFailed) => {
    resolve = onDone
    reject = onFailed
  })
  return { promise, resolve, reject }
}
