/** Time and chance as the pipeline uses them; tests pass their own. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. Differences mean something, the value itself does not. */
  now(): number
  /** The time of day. Only for what people read: rows are dated by the database. */
  date(): Date
  /** Resolves after the given milliseconds; rejects with the signal's reason when that is aborted first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** At least 0 and below 1. */
  random(): number
}

/** The real one. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  // Every call has a timer for its deadline, which is given up when the call ends: the one of node:timers/promises would
  // make an error with a stack each time.
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const giveUp = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      }, milliseconds)
      signal?.addEventListener('abort', giveUp, { once: true })
    }),
  random: Math.random,
}
