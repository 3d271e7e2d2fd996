import type { Clock } from '../clock.ts'
import { countersOf, type MetricsSnapshot, sumOfMetrics, textOf } from '../http/metrics.ts'

/** A worker, as far as its metrics need it. */
export interface MeasuredWorker {
  /** Sends `collect`. */
  ask(id: number): void
}

/** The metrics of all workers of a node. */
export interface MetricsOfWorkers {
  add(worker: MeasuredWorker): void
  /** Takes the answer of a worker to `collect`. */
  receive(worker: MeasuredWorker, id: number, metrics: MetricsSnapshot): void
  /** Removes a worker that has ended. */
  remove(worker: MeasuredWorker): void
  /** Asks all workers and returns the sum in Prometheus' text format. */
  sum(): Promise<string>
}

/** A worker that does not answer in this time counts with its last answer. Milliseconds. */
const answerMs = 2_000

/**
 * Adds up the metrics of workers. What a worker has counted is part of the sum after its end, as far as an earlier sum
 * contained it: Prometheus takes a counter that decreases for one that was reset, and would count the whole sum again.
 */
export function createMetricsOfWorkers(clock: Clock): MetricsOfWorkers {
  const workers = new Map<MeasuredWorker, { latest: MetricsSnapshot; readonly waiting: Map<number, () => void> }>()
  let ended: Promise<MetricsSnapshot> = Promise.resolve([])
  let lastId = 0
  return {
    add: (worker) => void workers.set(worker, { latest: [], waiting: new Map() }),
    receive(worker, id, metrics) {
      const entry = workers.get(worker)
      if (!entry) return
      entry.latest = metrics
      entry.waiting.get(id)?.()
    },
    remove(worker) {
      const entry = workers.get(worker)
      workers.delete(worker)
      if (!entry) return
      for (const answered of entry.waiting.values()) answered()
      ended = ended.then(async (before) => countersOf(await sumOfMetrics([before, entry.latest])))
    },
    async sum() {
      const id = ++lastId
      const answers = [...workers].map(
        ([worker, { waiting }]) =>
          new Promise<void>((resolve) => {
            waiting.set(id, () => {
              waiting.delete(id)
              resolve()
            })
            worker.ask(id)
          }),
      )
      const timeUp = new AbortController()
      await Promise.race([Promise.all(answers), clock.sleep(answerMs, timeUp.signal).catch(() => {})])
      timeUp.abort()
      for (const { waiting } of workers.values()) waiting.delete(id)
      // Read at the same moment: a worker that ends is in one of the two.
      const [before, live] = [ended, [...workers.values()].map(({ latest }) => latest)]
      return textOf(await sumOfMetrics([await before, ...live]))
    },
  }
}
