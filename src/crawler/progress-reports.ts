import { LRUCache } from 'lru-cache'
import type { AccountsContext } from '../accounts/context.ts'
import type { ClaimedIndex } from '../content-index/claims.ts'
import { type IndexFacts, readProgress } from '../content-index/index-status.ts'

/** Reports what indexes hold to the subscribers of their accounts, on all nodes. */
export interface ProgressReports {
  /**
   * Called after a change of an index was committed. Another status is reported at once, if it `mayHaveStatus` changed;
   * everything else at most once in the interval, also after the last change. Never throws.
   */
  changed(index: Pick<ClaimedIndex, 'indexId' | 'environmentId'>, mayHaveStatus: boolean): Promise<void>
  stop(): void
}

/** What was reported of an index last. */
interface Reported {
  facts: IndexFacts | null
  at: number
  timer: NodeJS.Timeout | undefined
}

/** Creates the reports of a node, whose leases let one node at a time work on an index. `everyMs` is the interval. */
export function createProgressReports(
  { db, events, log }: Pick<AccountsContext, 'db' | 'events' | 'log'>,
  everyMs: number,
): ProgressReports {
  const indexes = new LRUCache<string, Reported>({ max: 10_000, dispose: ({ timer }) => clearTimeout(timer) })
  let isStopped = false

  /** Reports what differs from the last report. Numbers wait for the end of the interval. */
  async function report(index: Parameters<ProgressReports['changed']>[0], reported: Reported): Promise<void> {
    try {
      const progress = await readProgress(db, index)
      if (progress === null || isStopped) return
      const { facts, accountIds } = progress
      const { facts: before } = reported
      if (JSON.stringify(facts) === JSON.stringify(before)) return
      if (before?.status === facts.status && waitMs(reported) > 0) return later(index, reported)
      reported.facts = facts
      reported.at = performance.now()
      const { environmentId } = index
      events.publish(accountIds.map((accountId) => ({ environmentId, accountId, transitionId: null })))
    } catch (err) {
      log.warn({ err, index: index.indexId }, 'reporting the progress of an index failed')
    }
  }

  const waitMs = ({ at }: Reported) => at + everyMs - performance.now()

  function later(index: Parameters<ProgressReports['changed']>[0], reported: Reported): void {
    reported.timer ??= setTimeout(
      () => {
        reported.timer = undefined
        void report(index, reported)
      },
      Math.max(0, waitMs(reported)) + 1,
    ).unref()
  }

  return {
    async changed(index, mayHaveStatus) {
      if (isStopped) return
      const reported = indexes.get(index.indexId) ?? { facts: null, at: Number.NEGATIVE_INFINITY, timer: undefined }
      indexes.set(index.indexId, reported, { noDisposeOnSet: true })
      if (mayHaveStatus || waitMs(reported) <= 0) await report(index, reported)
      else later(index, reported)
    },
    stop() {
      isStopped = true
      indexes.clear()
    },
  }
}
