/*
 * How requests, pauses and iterators end early: by the caller's signal, or by a time limit.
 */
import { TimeoutError } from './errors.ts'

/** A longer timer ends at once. */
export const maxTimerMs = 2 ** 31 - 1

/**
 * The signal of a request: the caller's, and the time limit, which may be the rest of a longer one. `AbortSignal.any` is missing
 * in Node 18.
 */
export function timeLimit(milliseconds: number, caller: AbortSignal | undefined, wholeMs = milliseconds) {
  const controller = new AbortController()
  const forget = onAbort(caller, (reason) => controller.abort(reason))
  let isOver = false
  let fail: (reason: unknown) => void
  controller.signal.onabort = () => fail?.(controller.signal.reason)
  return {
    signal: controller.signal,
    /**
     * Waits for work until the signal is aborted or the time is over, also where the work ignores the signal. Throws the
     * reason of the caller's signal or a TimeoutError then.
     */
    async within<Result>(work: Promise<Result>): Promise<Result> {
      const timer = setTimeout(
        () => {
          isOver = true
          controller.abort()
        },
        Math.min(milliseconds, maxTimerMs),
      )
      try {
        return await new Promise<Result>((resolve, reject) => {
          fail = reject
          work.then(resolve, reject)
        })
      } catch (error) {
        if (caller?.aborted) throw caller.reason
        throw isOver ? new TimeoutError(`The server did not answer within ${wholeMs} ms.`) : error
      } finally {
        clearTimeout(timer)
      }
    },
    end() {
      forget()
      controller.abort()
    },
  }
}

/** The reason of the signal of an iterator that the program has ended. */
const ended = {}

/**
 * Returns an iterator whose `return` and `throw` end a pending `next` and its request: those of a generator wait for `next`.
 */
export function endable<Item>(
  caller: AbortSignal | undefined,
  start: (signal: AbortSignal) => AsyncGenerator<Item, void, void>,
): AsyncGenerator<Item, void, void> {
  const controller = new AbortController()
  const items = (async function* () {
    const forget = onAbort(caller, (reason) => controller.abort(reason))
    try {
      yield* start(controller.signal)
    } catch (error) {
      if (error !== ended) throw error
    } finally {
      forget()
    }
  })()
  const close = items.return.bind(items)
  const end = () => {
    controller.abort(ended)
    return close()
  }
  return Object.assign(items, {
    return: end,
    async throw(error: unknown) {
      await end()
      throw error
    },
  })
}

/** Resolves after a time, up to that of the longest timer; rejects with the signal's reason. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      forget()
      resolve()
    }
    const timer = setTimeout(end, Math.min(milliseconds, maxTimerMs))
    const forget = onAbort(signal, (reason) => {
      clearTimeout(timer)
      reject(reason)
    })
  })
}

/** Calls a function when a signal is aborted, also if it is already. Returns the function that ends this. */
function onAbort(signal: AbortSignal | undefined, callback: (reason: unknown) => void): () => void {
  const abort = () => callback(signal?.reason)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })
  return () => signal?.removeEventListener('abort', abort)
}
