import { setTimeout as wait } from 'node:timers/promises'

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
  sleep: async (milliseconds, signal) => {
    try {
      await wait(milliseconds, undefined, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
  random: Math.random,
}
