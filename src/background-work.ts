import { startAuthorizationSweeper } from './accounts/authorization/sweep-authorizations.ts'
import type { AccountsContext } from './accounts/context.ts'
import { startRenewalWorker } from './accounts/grants/renewal-worker.ts'
import { startHistorySweeper } from './accounts/sweep-history.ts'
import { startAuditSweeper } from './audit/audit-sweeper.ts'
import type { Closers } from './closers.ts'
import type { Config } from './config.ts'
import { defaultIndexLimits, type IndexLimits } from './content-index/index-rows.ts'
import { type CrawlerOptions, type CrawlTiming, defaultCrawlTiming, startCrawler } from './crawler/crawler.ts'
import type { Database } from './db/database.ts'
import { startMaintenance } from './db/maintenance.ts'
import { startUserSessionSweeper } from './environments/user-sessions.ts'
import {
  defaultPollTiming,
  type PollerOptions,
  type PollTiming,
  startEventPoller,
} from './event-poller/event-poller.ts'
import {
  defaultInboxTiming,
  type InboxOptions,
  type InboxOutcome,
  type InboxTiming,
  startInboxWorker,
} from './provider-events/inbox-worker.ts'
import type { ToolEngine } from './tools/engine.ts'
import type { WebhooksContext } from './webhooks/context.ts'
import { type DeliveryTiming, defaultDeliveryTiming, startDeliveryWorker } from './webhooks/delivery-worker.ts'

/** Other pauses of the background work than those of production, for tests. */
export interface BackgroundTiming {
  /** Other pauses and limits of webhook deliveries than those of `webhooks/delivery-worker.ts`. */
  readonly deliveryTiming?: Partial<DeliveryTiming>
  /** Other pauses of the inbox than those of `provider-events/inbox-worker.ts`; null: this process does not process it. */
  readonly inboxTiming?: Partial<InboxTiming> | null
  /** Other pauses of polls for events than those of `event-poller/event-poller.ts`; null: this process does not poll. */
  readonly pollTiming?: Partial<PollTiming> | null
  /** Other pauses of the crawler than those of `crawler/crawler.ts`; null: this process does not crawl. */
  readonly crawlTiming?: Partial<CrawlTiming> | null
  /** Another pause than that of `db/maintenance.ts`. */
  readonly maintenance?: { readonly everyMs: number }
  /** Other limits of content indexes than those of `content-index/index-rows.ts`. */
  readonly indexLimits?: Partial<IndexLimits>
}

/**
 * Starts what a node does without a request: renewals, deliveries, received events and polls for others, indexes of content,
 * the deletion of what has expired, and the maintenance of the database.
 * All nodes do it at the same time. `closers` stop it; deliveries and events begin to stop when `stopping` is aborted.
 */
export async function startBackgroundWork(
  parts: {
    readonly config: Pick<Config, 'auditRetentionDays' | 'historyDays'>
    readonly accounts: AccountsContext
    readonly tools: Pick<ToolEngine, 'startSweeper' | 'openReader'>
    readonly webhooks: WebhooksContext
    readonly connectors: InboxOptions['connectors']
    readonly contentSources: CrawlerOptions['sources']
    readonly changeSources: PollerOptions['sources']
    readonly database: Pick<Database, 'kind' | 'notifications'>
    readonly observeDelivery: Parameters<typeof startDeliveryWorker>[1]['observe']
    readonly observeEvent: (connector: string, outcome: InboxOutcome | 'polled') => void
  },
  timing: BackgroundTiming,
  closers: Closers,
  stopping: AbortSignal,
): Promise<void> {
  const { config, accounts, tools, webhooks, connectors, database } = parts
  const { notifications } = database
  const { db, log, measure } = accounts
  const loops = [
    startRenewalWorker(accounts),
    startAuthorizationSweeper(accounts),
    startHistorySweeper(accounts, config.historyDays),
    tools.startSweeper(measure),
    startAuditSweeper(db, config.auditRetentionDays, { log, measure }),
    startUserSessionSweeper(db, { log, measure }),
    startMaintenance({ db, kind: database.kind }, { log, measure, ...timing.maintenance }),
  ]
  closers.add(() => Promise.all(loops.map((loop) => loop.stop())))
  const stopEarly = (worker: { stop(): Promise<void> }) => {
    stopping.addEventListener('abort', () => void worker.stop())
    closers.add(() => worker.stop())
  }
  stopEarly(
    await startDeliveryWorker(webhooks, {
      notifications,
      timing: { ...defaultDeliveryTiming, ...timing.deliveryTiming },
      observe: parts.observeDelivery,
    }),
  )
  if (timing.crawlTiming !== null) {
    stopEarly(
      await startCrawler(accounts, {
        sources: parts.contentSources,
        engine: tools,
        notifications,
        timing: { ...defaultCrawlTiming, ...timing.crawlTiming },
        limits: { ...defaultIndexLimits, ...timing.indexLimits },
        random: Math.random,
      }),
    )
  }
  if (timing.pollTiming !== null) {
    stopEarly(
      await startEventPoller(accounts, {
        sources: parts.changeSources,
        engine: tools,
        notifications,
        timing: { ...defaultPollTiming, ...timing.pollTiming },
        random: Math.random,
        observe: parts.observeEvent,
      }),
    )
  }
  if (timing.inboxTiming === null) return
  stopEarly(
    await startInboxWorker(accounts, {
      connectors,
      notifications,
      timing: { ...defaultInboxTiming, ...timing.inboxTiming },
      random: Math.random,
      observe: parts.observeEvent,
    }),
  )
}
