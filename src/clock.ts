/** The time and randomness that code works with, so that tests can pass their own. */
export interface Clock {
  /** Milliseconds on a monotonic clock. Only differences have a meaning. */
  now(): number
  /** The time of day. Rows are dated by the database instead. */
  date(): Date
  /** Resolves after the given milliseconds; rejects with the signal's reason when that is aborted first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** Calls `act` after the given milliseconds. Call the result to cancel that. */
  after(milliseconds: number, act: () => void): () => void
  /** A number from 0 up to and without 1. */
  random(): number
}

/**
 * Milliseconds since 1970, by the time of day at the start of the process and a monotonic clock since then: steps of the
 * node's clock change nothing. For the age of what this process has seen; rows are dated by the database.
 */
export const steadyNow = (): number => performance.timeOrigin + performance.now()

/** The clock of the system. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const abort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }, milliseconds)
      signal?.addEventListener('abort', abort, { once: true })
    }),
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}
