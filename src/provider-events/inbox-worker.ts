import { sql } from 'kysely'
import type { AccountsContext } from '../accounts/context.ts'
import { type Loop, startLoop, unmeasured } from '../background.ts'
import { fullJitter } from '../backoff.ts'
import { noteChanges } from '../content-index/index-rows.ts'
import { deleteInBatches } from '../db/batches.ts'
import type { Db, Trx } from '../db/database.ts'
import type { Notifications } from '../db/notifications.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { type ProviderEventFacts, type ProviderEvents, publicEventType, type ReportedEvent } from './provider-event.ts'
import { providerEventContext } from './receive.ts'
import { accountsOf, accountsOfGrant, queueForEndpoints } from './routing.ts'

/** The pauses of the inbox. */
export interface InboxTiming {
  /** The pause between two looks at the inbox, in milliseconds. New events are reported earlier. */
  readonly everyMs: number
  /** The pauses after failures: the doubling bound of a random pause. */
  readonly backoff: { readonly firstMs: number; readonly maxMs: number }
}

/** The values for production. */
export const defaultInboxTiming: InboxTiming = { everyMs: 5_000, backoff: { firstMs: 1_000, maxMs: 600_000 } }

/** Events that one run processes, so that a stop waits for a bounded time. */
const maxPerRun = 500

/** An event that cannot be processed is given up after this many attempts. */
const maxAttempts = 12

/** How long events are stored, in days: longer than a provider repeats one. */
export const retentionDays = 7

/** What became of an event: for an account or more, for none, tried again later, or given up. */
export type InboxOutcome = 'routed' | 'unmatched' | 'retried' | 'failed'

type Context = Pick<AccountsContext, 'db' | 'vault' | 'bindingKey' | 'log' | 'measure'>

/** What processes the inbox. */
export interface InboxOptions {
  readonly connectors: readonly { readonly slug: string; readonly events?: ProviderEvents }[]
  readonly notifications: Notifications
  readonly timing: InboxTiming
  /** Returns a number from 0 up to and without 1. */
  readonly random: () => number
  /** Called with what became of each event, after the commit. */
  readonly observe: (connector: string, outcome: InboxOutcome) => void
}

/**
 * Starts processing the events in the inbox, and deleting old ones. Each event is processed in one transaction, which other
 * nodes skip (`FOR UPDATE SKIP LOCKED`): it finds the accounts, queues the deliveries and has changed content indexed again, or
 * nothing has happened.
 */
export async function startInboxWorker(context: Context, options: InboxOptions): Promise<Pick<Loop<unknown>, 'stop'>> {
  const { db, log, measure = unmeasured } = context
  const { timing, random } = options
  let stopped: Promise<void> | undefined
  const loop: Loop<void> = startLoop({
    name: 'processing events of providers',
    everyMs: timing.everyMs,
    jitter: 0.1,
    immediately: true,
    random,
    log,
    async run(signal) {
      for (let count = 0; count < maxPerRun; count++) {
        // Each event is a trace of its own: a run has up to hundreds.
        const next = () => processNext(context, options)
        if (signal.aborted || !(await measure('processing an event of a provider', next))) return
      }
      loop.wake()
    },
  })
  const sweeper = startLoop({
    name: 'deleting old events of providers',
    everyMs: 60_000,
    jitter: 0.25,
    immediately: true,
    random,
    log,
    measure,
    run: (signal) => deleteOldEvents(db, signal),
  })
  // The trigger of the migration notifies of new events.
  const stopListening = await options.notifications.listen('valetkey_provider_inbox', {
    onMessage: loop.wake,
    onGap: loop.wake,
  })
  return {
    stop() {
      stopped ??= Promise.all([stopListening(), loop.stop(), sweeper.stop()]).then(() => {})
      return stopped
    },
  }
}

/** Processes the next event. Returns false when none is due. */
async function processNext(context: Context, options: InboxOptions): Promise<boolean> {
  let claimed: { readonly id: string; readonly connector: string; readonly attempts: number } | undefined
  try {
    const outcome = await context.db.transaction().execute(async (trx) => {
      const row = await trx
        .selectFrom('provider_events')
        .innerJoin('oauth_apps', 'oauth_apps.id', 'provider_events.oauth_app_id')
        .select(['provider_events.id', 'provider_events.environment_id', 'oauth_app_id', 'connector', 'sealed_payload'])
        .select(['grant_id', 'event_id', 'event_type', 'occurred_at', 'facts', 'attempts'])
        .where(isWaiting)
        // Not with clock_timestamp(), which no index can be searched for.
        .where('next_attempt_at', '<=', sql<Date>`now()`)
        .orderBy('next_attempt_at')
        .orderBy('sequence')
        .limit(1)
        .forUpdate('provider_events')
        .skipLocked()
        .executeTakeFirst()
      if (!row) return null
      claimed = row
      const app = { environmentId: row.environment_id, oauthAppId: row.oauth_app_id }
      const events = requireEvents(options.connectors, row.connector)
      const { event, accounts } =
        row.grant_id === null
          ? await openReceived(context, trx, events, app, row)
          : { event: polledEvent(row), accounts: await accountsOfGrant(context, trx, app, row.grant_id) }
      await trx
        .updateTable('provider_events')
        .set({
          state: accounts.length > 0 ? 'ROUTED' : 'UNMATCHED',
          sealed_payload: null,
          facts: JSON.stringify(event.facts),
          account_ids: accounts.map(({ id }) => id),
          finished_at: currentTime,
        })
        .where('id', '=', row.id)
        .execute()
      const grantIds = accounts.flatMap(({ grant }) => grant?.id ?? [])
      await noteChanges(trx, { environmentId: app.environmentId, grantIds }, events.changedContent?.(event) ?? [])
      const publicType = publicEventType(row.connector, events, event.type)
      if (accounts.length > 0) await queueForEndpoints(trx, app.environmentId, accounts, publicType, event)
      return accounts.length > 0 ? 'routed' : 'unmatched'
    })
    if (outcome !== null) options.observe(claimed?.connector ?? '', outcome)
    return outcome !== null
  } catch (error) {
    if (!claimed) throw error
    await postpone(context, options, claimed, error)
    return true
  }
}

/** Events that were not processed yet; `provider_events_due` has their order. */
const isWaiting = sql<boolean>`state in ('PENDING', 'POLLED')`

function requireEvents(connectors: InboxOptions['connectors'], slug: string): ProviderEvents {
  const events = connectors.find((connector) => connector.slug === slug)?.events
  if (!events) throw new Error(`The connector ${slug} has no events.`)
  return events
}

/** Reads an event of a webhook, and finds the accounts that it names. */
async function openReceived(
  context: Context,
  trx: Trx,
  events: ProviderEvents,
  app: { readonly environmentId: string; readonly oauthAppId: string },
  row: { readonly id: string; readonly sealed_payload: string | null },
) {
  const sealedFor = providerEventContext(app.environmentId, row.id)
  const payload = await context.vault.open(row.sealed_payload ?? '', sealedFor)
  const event = events.readEvent(JSON.parse(payload.reveal()))
  if (!event) throw new Error('The connector does not read this event.')
  const reported: ReportedEvent = { ...event, source: 'WEBHOOK' }
  return { event: reported, accounts: await accountsOf(context, trx, app, event) }
}

const polledEvent = (row: {
  readonly event_id: string
  readonly event_type: string
  readonly occurred_at: Date
  readonly facts: unknown
}): ReportedEvent => ({
  id: row.event_id,
  type: row.event_type,
  occurredAt: row.occurred_at,
  source: 'POLL',
  // Only this server writes them.
  facts: row.facts as ProviderEventFacts,
})

/** Has a failed event tried again later, or ends it as FAILED. */
async function postpone(
  { db, log }: Context,
  { timing, random, observe }: InboxOptions,
  event: { readonly id: string; readonly connector: string; readonly attempts: number },
  err: unknown,
): Promise<void> {
  const attempts = event.attempts + 1
  const isLast = attempts >= maxAttempts
  log.error({ err, event: event.id, attempts }, 'processing an event of a provider failed')
  await db
    .updateTable('provider_events')
    .set({
      attempts,
      next_attempt_at: inSeconds(fullJitter(timing.backoff, attempts, random) / 1000),
      ...(isLast && { state: 'FAILED', sealed_payload: null, finished_at: currentTime }),
    })
    .where('id', '=', event.id)
    .where(isWaiting)
    .execute()
  observe(event.connector, isLast ? 'failed' : 'retried')
}

/** Deletes events that were received long ago, in batches. */
async function deleteOldEvents(db: Db, signal: AbortSignal): Promise<void> {
  const old = db
    .selectFrom('provider_events')
    .select('id')
    .where('received_at', '<', sql<Date>`now() - make_interval(days => ${retentionDays})`)
    .orderBy('received_at')
  await deleteInBatches(db, 'provider_events', 'id', old, signal)
}
