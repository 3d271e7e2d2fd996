import { sql } from 'kysely'
import { type Loop, startLoop, unmeasured } from '../background.ts'
import { fullJitter } from '../backoff.ts'
import { deleteInBatches, inBatches } from '../db/batches.ts'
import type { Db } from '../db/database.ts'
import type { Notifications } from '../db/notifications.ts'
import {
  type AttemptEnd,
  type ClaimedDelivery,
  claimDeliveries,
  endAttempt,
  giveUpExpired,
  releaseAttempt,
} from './claims.ts'
import type { WebhooksContext } from './context.ts'
import {
  disableWebhookEndpoint,
  erasePreviousSecrets,
  openWebhookEndpoint,
  pauseWebhookEndpoint,
} from './endpoint-store.ts'
import { type Attempt, sendWebhook } from './send.ts'

/** The pauses and limits of deliveries. */
export interface DeliveryTiming {
  /** The pause between two looks at the outbox, in milliseconds. New events are reported earlier. */
  readonly everyMs: number
  /** How long a receiver may take to respond, in milliseconds. */
  readonly attemptMs: number
  /** How long an attempt excludes other nodes, in milliseconds: the time until it is repeated after a crash. */
  readonly leaseMs: number
  /** The pauses between attempts: the doubling bound of a random pause, and its minimum. */
  readonly backoff: { readonly firstMs: number; readonly maxMs: number; readonly minMs: number }
  /** The longest pause that a receiver can ask for, in milliseconds. */
  readonly maxPauseMs: number
  /** How long a stop waits for attempts before it cuts them off, in milliseconds. */
  readonly stopMs: number
}

/** The values for production: 30 to 40 attempts in three days. */
export const defaultDeliveryTiming: DeliveryTiming = {
  everyMs: 5_000,
  attemptMs: 15_000,
  leaseMs: 30_000,
  backoff: { firstMs: 10_000, maxMs: 6 * 3_600_000, minMs: 5_000 },
  maxPauseMs: 3_600_000,
  stopMs: 3_000,
}

/** Attempts at the same time, on one node: in all, and for one endpoint, so that a slow receiver leaves room for others. */
const concurrency = { all: 32, endpoint: 8 }

/** How long finished deliveries are stored, in days. */
const retentionDays = 14

/** Counts attempts by outcome, and what was given up without one. */
type ObserveDeliveries = (outcome: 'delivered' | 'retried' | 'failed', count?: number) => void

/** The background work on webhooks of one node. Several nodes share it. */
export interface DeliveryWorker {
  /**
   * Starts nothing more, waits for attempts that are under way, and returns those that take too long to the outbox. A
   * second call returns the same promise.
   */
  stop(): Promise<void>
}

/**
 * Starts sending what is queued, giving up what is past its time, and deleting what finished long ago. `observe` is called after
 * each attempt, and with the number of deliveries that were given up without one. Deliveries are claimed in batches that other
 * nodes skip (`FOR UPDATE SKIP LOCKED`). No connection to the database is held while a receiver is awaited.
 */
export async function startDeliveryWorker(
  context: WebhooksContext,
  options: {
    readonly notifications: Notifications
    readonly timing: DeliveryTiming
    readonly observe: ObserveDeliveries
  },
): Promise<DeliveryWorker> {
  const { db, log, random, measure = unmeasured } = context
  const { timing, observe } = options
  const running = new Set<Promise<void>>()
  const perEndpoint = new Map<string, number>()
  /** One for each attempt: Node warns of many listeners on one signal. */
  const attempts = new Set<AbortController>()
  let isCut = false

  const start = (delivery: ClaimedDelivery) => {
    const { endpointId } = delivery
    perEndpoint.set(endpointId, (perEndpoint.get(endpointId) ?? 0) + 1)
    const ending = new AbortController()
    attempts.add(ending)
    // Claimed while the stop cut off the others.
    if (isCut) ending.abort()
    // A trace of its own: its receiver gets the ID, and other deliveries of the run are for other tenants.
    const attempt = measure('delivering a webhook', () =>
      deliver(context, timing, delivery, { ending, isCut: () => isCut }),
    )
      .then(
        (outcome) => {
          if (outcome) observe(outcome)
        },
        (err: unknown) => log.error({ err, delivery: delivery.id }, 'webhook delivery failed'),
      )
      .finally(() => {
        running.delete(attempt)
        attempts.delete(ending)
        const left = (perEndpoint.get(endpointId) ?? 1) - 1
        if (left > 0) perEndpoint.set(endpointId, left)
        else perEndpoint.delete(endpointId)
        loop.wake()
      })
    running.add(attempt)
  }

  const loop: Loop<void> = startLoop({
    name: 'sending webhooks',
    everyMs: timing.everyMs,
    jitter: 0.1,
    immediately: true,
    random,
    log,
    measure,
    async run(signal) {
      while (!signal.aborted && running.size < concurrency.all) {
        const { claimed, examined } = await claimDeliveries(db, {
          limit: concurrency.all - running.size,
          leaseSeconds: timing.leaseMs / 1000,
          maxPerEndpoint: concurrency.endpoint,
          providerTypes: Object.keys(context.providerEventTypes),
          running: perEndpoint,
        })
        claimed.forEach(start)
        if (examined === 0) return
      }
    },
  })
  const sweeper = startLoop({
    name: 'sweeping webhook deliveries',
    everyMs: 60_000,
    jitter: 0.25,
    immediately: true,
    random,
    log,
    measure,
    run: (signal) => sweepDeliveries(db, observe, signal),
  })
  let stopped: Promise<void> | undefined
  // The trigger of the migration notifies of new deliveries.
  const stopListening = await options.notifications.listen('valetkey_webhook_deliveries', {
    onMessage: loop.wake,
    onGap: loop.wake,
  })
  const stop = async () => {
    const timer = setTimeout(() => {
      isCut = true
      for (const ending of attempts) ending.abort()
    }, timing.stopMs)
    await Promise.all([stopListening(), loop.stop(), sweeper.stop()])
    await Promise.all(running)
    clearTimeout(timer)
  }
  return {
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

/** Makes one attempt and stores its end. Returns what became of it; null when a stop cut it off. */
async function deliver(
  context: WebhooksContext,
  timing: DeliveryTiming,
  delivery: ClaimedDelivery,
  cut: { readonly ending: AbortController; readonly isCut: () => boolean },
): Promise<'delivered' | 'retried' | 'failed' | null> {
  const { db, log } = context
  const { environmentId, endpointId } = delivery
  const end = (
    status: AttemptEnd['status'],
    { statusCode, error }: Pick<Attempt, 'statusCode' | 'error'>,
    retryMs = 0,
  ) => endAttempt(db, delivery, { status, statusCode, error, retrySeconds: retryMs / 1000 })

  const endpoint = await openWebhookEndpoint(context, environmentId, endpointId)
  // Its deliveries were deleted with it.
  if (!endpoint) return null
  if (endpoint.disabled) {
    await end('FAILED', { statusCode: null, error: 'The endpoint is disabled.' })
    return 'failed'
  }
  const timer = setTimeout(() => cut.ending.abort(), timing.attemptMs)
  let attempt: Attempt
  try {
    attempt = await sendWebhook(context, delivery, endpoint, cut.ending.signal)
  } finally {
    clearTimeout(timer)
  }
  if (cut.isCut() && attempt.statusCode === null) {
    await releaseAttempt(db, delivery)
    return null
  }
  if (attempt.delivered) {
    await end('DELIVERED', attempt)
    return 'delivered'
  }
  if (attempt.statusCode === 410) {
    await disableWebhookEndpoint(db, environmentId, endpointId, 'The receiver returned the status 410 (gone).')
    log.warn({ endpoint: endpointId, environment: environmentId }, 'disabled a webhook endpoint that is gone')
  }
  if (attempt.statusCode === 410 || delivery.isLast) {
    await end('FAILED', attempt)
    return 'failed'
  }
  const pauseMs = attempt.pauseMs === null ? 0 : Math.min(attempt.pauseMs, timing.maxPauseMs)
  if (pauseMs > 0) await pauseWebhookEndpoint(db, environmentId, endpointId, pauseMs)
  const { backoff } = timing
  const retryMs = Math.max(backoff.minMs, pauseMs, fullJitter(backoff, delivery.attempts - 1, context.random))
  await end('PENDING', attempt, retryMs)
  return 'retried'
}

/** Ends deliveries that are past their time, and deletes those that finished long ago, and secrets that were replaced. */
async function sweepDeliveries(db: Db, observe: ObserveDeliveries, signal: AbortSignal): Promise<void> {
  await inBatches(async (limit) => {
    const count = await giveUpExpired(db, limit)
    observe('failed', count)
    return count
  }, signal)
  await erasePreviousSecrets(db)
  const old = db
    .selectFrom('webhook_deliveries')
    .select('id')
    .where('status', '<>', 'PENDING')
    // Not with clock_timestamp(), which no index can be searched for.
    .where('finished_at', '<', sql<Date>`now() - make_interval(days => ${retentionDays})`)
    .orderBy('finished_at')
  await deleteInBatches(db, 'webhook_deliveries', 'id', old, signal)
}
