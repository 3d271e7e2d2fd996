import type { AccountsContext } from '../accounts/context.ts'
import { type Loop, startLoop, unmeasured } from '../background.ts'
import { type ClaimedIndex, claimIndexes, deleteIndex, releaseIndex } from '../content-index/claims.ts'
import { IndexLeaseLostError, type IndexLimits } from '../content-index/index-rows.ts'
import type { PassTiming } from '../content-index/passes.ts'
import { startIndexSweeper } from '../content-index/sweep-indexes.ts'
import type { Db } from '../db/database.ts'
import type { Notifications } from '../db/notifications.ts'
import type { ContentSource } from '../tools/content-source.ts'
import type { ToolEngine } from '../tools/engine.ts'
import { type GrantSlice, workForGrant } from '../tools/grant-slice.ts'
import { crawlSlice } from './crawl-slice.ts'
import { createProgressReports, type ProgressReports } from './progress-reports.ts'

/** The pauses and bounds of the crawler. */
export interface CrawlTiming extends PassTiming {
  /** The pause between two looks for indexes that are due, in milliseconds. Changes are reported earlier. */
  readonly everyMs: number
  /** How long a node works on one index before others have their turn, in milliseconds. */
  readonly sliceMs: number
  /** How long a claimed index excludes other nodes without a sign of life: longer than a slice and a request. */
  readonly leaseMs: number
  /** The pause between two looks for indexes that are missing or erased, in milliseconds. */
  readonly sweepEveryMs: number
  /** The shortest pause between two reports of the numbers of one index, in milliseconds. */
  readonly reportEveryMs: number
  /** The pauses after failures: the doubling bound of a random pause. */
  readonly backoff: { readonly firstMs: number; readonly maxMs: number }
}

/** The values for production. */
export const defaultCrawlTiming: CrawlTiming = {
  everyMs: 5_000,
  sliceMs: 20_000,
  leaseMs: 120_000,
  recentEveryMs: 120_000,
  fullEveryMs: 600_000,
  sweepEveryMs: 60_000,
  reportEveryMs: 3_000,
  backoff: { firstMs: 10_000, maxMs: 3_600_000 },
}

/** Indexes that a node works on at a time. */
const concurrency = 16

type Context = Pick<AccountsContext, 'db' | 'vault' | 'events' | 'log' | 'measure' | 'node'>

/** What the crawler works with. */
export interface CrawlerOptions {
  /** The sources of the connectors that have one, by the connectors' slugs. */
  readonly sources: ReadonlyMap<string, ContentSource>
  readonly engine: Pick<ToolEngine, 'openReader'>
  readonly notifications: Notifications
  readonly timing: CrawlTiming
  readonly limits: IndexLimits
  /** Returns a number from 0 up to and without 1. */
  readonly random: () => number
}

/**
 * Starts to build and to update the indexes of all grants that have one. Each is worked on by one node at a time, by a lease;
 * whatever a node has stored is not read again when another one goes on.
 */
export async function startCrawler(context: Context, options: CrawlerOptions): Promise<Pick<Loop<unknown>, 'stop'>> {
  const { db, log, measure = unmeasured } = context
  const { timing, random } = options
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  const reports = createProgressReports(context, timing.reportEveryMs)
  let changes = 0
  let stopped: Promise<void> | undefined
  const crawl = async (index: ClaimedIndex) => {
    try {
      const work = { reports, changeCount: () => changes, signal: stopping.signal }
      await measure('indexing content', () => crawlIndex(context, options, index, work))
    } catch (err) {
      if (!(err instanceof IndexLeaseLostError)) log.error({ err, grant: index.grantId }, 'crawling an index failed')
    }
  }
  const loop: Loop<void> = startLoop({
    name: 'looking for content to index',
    everyMs: timing.everyMs,
    jitter: 0.1,
    immediately: true,
    random,
    log,
    measure,
    async run(signal) {
      const free = concurrency - running.size
      if (free <= 0 || signal.aborted) return
      const claim = { nodeId: context.node.nodeId, leaseMs: timing.leaseMs }
      for (const index of await claimIndexes(db, free, claim)) {
        // When it ends, it may have left work, and others may wait for its place.
        const tracked: Promise<void> = crawl(index).finally(() => {
          running.delete(tracked)
          loop.wake()
        })
        running.add(tracked)
      }
    },
  })
  const onChange = () => {
    changes += 1
    loop.wake()
  }
  const sweeper = await startIndexSweeper(db, {
    ...{ notifications: options.notifications, log, measure },
    everyMs: timing.sweepEveryMs,
  })
  // The trigger of the migration notifies of changes.
  const stopListening = await options.notifications.listen('valetkey_content_changes', {
    onMessage: onChange,
    onGap: onChange,
  })
  return {
    stop() {
      stopped ??= (async () => {
        stopping.abort(new Error('The process stops.'))
        await Promise.all([stopListening(), loop.stop(), sweeper.stop()])
        await Promise.all(running)
        reports.stop()
      })()
      return stopped
    },
  }
}

interface Work {
  readonly reports: ProgressReports
  readonly changeCount: () => number
  readonly signal: AbortSignal
}

/** Works on a claimed index for one slice, and releases it. */
async function crawlIndex(
  context: Context,
  { sources, engine, timing, limits, random }: CrawlerOptions,
  index: ClaimedIndex,
  { reports, changeCount, signal }: Work,
): Promise<void> {
  const { db, vault, log } = context
  const { environmentId, grantId, failures } = index
  const slice: GrantSlice<ContentSource> = {
    ...{ environmentId, grantId, failures },
    async find() {
      const account = await findAccountOf(db, index)
      const source = account && sources.get(account.connector)
      return source ? { account, source } : null
    },
    name: 'indexing the content of a grant',
    isLost: (error) => error instanceof IndexLeaseLostError,
    retry: (pausedMs, failed) => releaseIndex(db, index, { inMs: 0, pausedMs, failed }),
  }
  await workForGrant({ engine, timing, random, log, signal }, slice, async (call, source, isOver) => {
    if (!call.account.appContentSearch) {
      // This node may not know yet that it was switched on: it is right when it looks again.
      return failures > 0
        ? await deleteIndex(db, index)
        : await releaseIndex(db, index, { inMs: 0, pausedMs: timing.backoff.firstMs, failed: true })
    }
    const isDone = await crawlSlice(
      {
        ...{ db, vault, source, limits, changeCount, call, isOver },
        passes: timing,
        sliceMs: timing.sliceMs,
        onProgress: (mayHaveStatus) => reports.changed(index, mayHaveStatus),
      },
      index,
    )
    await releaseIndex(db, index, { inMs: isDone ? timing.recentEveryMs : 0, pausedMs: 0, failed: false })
  })
}

/** Returns an active account of the grant of an index: all of them read as the same user of the provider. */
async function findAccountOf(db: Db, { environmentId, grantId }: ClaimedIndex) {
  const row = await db
    .selectFrom('connected_accounts')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'connected_accounts.oauth_app_id')
    .select(['connection_name', 'identifier', 'connector'])
    .where('connected_accounts.environment_id', '=', environmentId)
    .where('connected_accounts.grant_id', '=', grantId)
    .where('connected_accounts.status', '=', 'ACTIVE')
    .orderBy('connected_accounts.id')
    .limit(1)
    .executeTakeFirst()
  return row ? { connectionName: row.connection_name, identifier: row.identifier, connector: row.connector } : null
}
