import DataLoader from 'dataloader'
import type { Clock } from '../clock.ts'

/** Entries of one statement. */
const maxEntries = 100

/** How long entries wait for the statement before theirs, in milliseconds. */
const maxHoldMs = 50

/**
 * Returns a function that runs entries which come at the same time in one statement: those that come while a statement runs
 * share the next one. `run` returns a result or an error for each entry, in their order; when it fails, each of its entries
 * does. No entry waits longer than 50 ms for a statement that is not its own: a lock may hold that one up.
 */
export function together<Entry, Result>(
  clock: Pick<Clock, 'sleep'>,
  run: (entries: readonly Entry[]) => Promise<readonly (Result | Error)[]>,
): (entry: Entry) => Promise<Result> {
  let running: Promise<void> | null = null
  const loader = new DataLoader<Entry, Result>(
    (entries) => {
      const results = run(entries)
      const ended: Promise<void> = results.then(
        () => undefined,
        () => undefined,
      )
      running = ended
      void ended.then(() => {
        if (running === ended) running = null
      })
      return results
    },
    {
      cache: false,
      maxBatchSize: maxEntries,
      batchScheduleFn: (dispatch) => {
        // After the entries of this moment.
        if (running === null) setImmediate(dispatch)
        else void Promise.race([running, clock.sleep(maxHoldMs)]).then(() => setImmediate(dispatch))
      },
    },
  )
  return (entry) => loader.load(entry)
}
