import { setMaxListeners } from 'node:events'
import type { Clock } from '../clock.ts'

/** Why a call's signal was aborted: its time is over. */
export class CallDeadlineError extends Error {
  override readonly name = 'CallDeadlineError'

  constructor(milliseconds: number) {
    super(`The call took longer than ${milliseconds} ms.`)
  }
}

/** The time of one call. */
export interface CallTimer {
  /** Aborted at the deadline (with a {@link CallDeadlineError}) or by the caller (with the caller's reason). */
  readonly signal: AbortSignal
  /** On the clock's scale. */
  readonly deadline: number
  /** From now on the caller cannot end the call any more: something was sent that may have an effect. */
  detach(): void
  /** Ends the timer. */
  stop(): void
}

/** Why a timer is given up. One for all: nobody reads it, and each error of its own would cost every call a stack. */
const callOver = new Error('The call is over.')

/** Starts a call's time. It is over after the milliseconds, or once `ending` is aborted: the process is about to stop. */
export function startCallTimer(
  clock: Clock,
  milliseconds: number,
  caller: AbortSignal | undefined,
  ending?: AbortSignal,
): CallTimer {
  const call = new AbortController()
  // One request may run many calls, and one call many requests: Node would warn of a leak at the eleventh. Zero means the
  // same as infinity, but fetch trips over it inside and makes an error for each request.
  setMaxListeners(Number.POSITIVE_INFINITY, call.signal, ...(caller ? [caller] : []), ...(ending ? [ending] : []))
  const timer = new AbortController()
  const callerLeft = () => call.abort(caller?.reason)
  const detach = () => caller?.removeEventListener('abort', callerLeft)
  if (caller?.aborted) callerLeft()
  else caller?.addEventListener('abort', callerLeft, { once: true })
  const over = () => call.abort(new CallDeadlineError(milliseconds))
  if (ending?.aborted) over()
  else ending?.addEventListener('abort', over, { once: true })
  clock.sleep(milliseconds, timer.signal).then(over, () => {})
  return {
    signal: call.signal,
    deadline: clock.now() + milliseconds,
    detach,
    stop: () => {
      detach()
      ending?.removeEventListener('abort', over)
      timer.abort(callOver)
    },
  }
}

/** The promise's end, or the signal's reason where that comes first. What the promise does afterwards is ignored. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
