import { setMaxListeners } from 'node:events'
import type { Clock } from '../clock.ts'

/** The reason of a call's signal when its time is over. */
export class CallDeadlineError extends Error {
  override readonly name = 'CallDeadlineError'

  constructor(milliseconds: number) {
    super(`The call took longer than ${milliseconds} ms.`)
  }
}

/** The time limit of one call. */
export interface CallTimer {
  /** Aborted at the deadline (with a {@link CallDeadlineError}) or by the caller (with the caller's reason). */
  readonly signal: AbortSignal
  /** On the clock's scale, as {@link deadline}. */
  readonly startedAt: number
  readonly deadline: number
  /** From now on the caller cannot end the call: something was sent that may have an effect. */
  detach(): void
  /** Cancels the timer. */
  stop(): void
}

/** Starts a call's time limit. It ends after `milliseconds`, or when `endCalls` is aborted because the process stops. */
export function startCallTimer(
  clock: Clock,
  milliseconds: number,
  caller: AbortSignal | undefined,
  endCalls?: AbortSignal,
): CallTimer {
  const call = new AbortController()
  // One request may run many calls, and one call many requests: Node would warn of a leak at the eleventh listener. Zero
  // also means no limit, but with it fetch creates an internal error for each request.
  const signals = [call.signal, caller, endCalls].filter((signal) => signal !== undefined)
  setMaxListeners(Number.POSITIVE_INFINITY, ...signals)
  const callerLeft = () => call.abort(caller?.reason)
  const detach = () => caller?.removeEventListener('abort', callerLeft)
  if (caller?.aborted) callerLeft()
  else caller?.addEventListener('abort', callerLeft, { once: true })
  const over = () => call.abort(new CallDeadlineError(milliseconds))
  if (endCalls?.aborted) over()
  else endCalls?.addEventListener('abort', over, { once: true })
  const cancel = clock.after(milliseconds, over)
  const startedAt = clock.now()
  return {
    signal: call.signal,
    startedAt,
    deadline: startedAt + milliseconds,
    detach,
    stop: () => {
      detach()
      endCalls?.removeEventListener('abort', over)
      cancel()
    },
  }
}

/** What a call that waited has left for its request at least, in milliseconds, unless it waited for less. */
const minRequestMs = 2_000

/**
 * Whether a request that is sent at `at`, after a wait, would be cut off by the deadline. It may have written by then, so that
 * its caller would not know the outcome, although the length of the wait was known before.
 */
export const comesTooLate = (at: number, deadline: number, waitedMs: number): boolean =>
  deadline - at < Math.min(minRequestMs, waitedMs)

/** Settles as the promise does, or rejects with the signal's reason when that is aborted first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', abort)
      act()
    }
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}
