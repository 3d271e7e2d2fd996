import { type Selectable, sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { anyOf, inEnvironment } from '../db/found-by-id.ts'
import type { WebhookDeliveriesTable } from '../db/tables.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { InvalidInputError, WebhookDeliveryNotFoundError, WebhookEndpointNotFoundError } from '../errors.ts'
import { findWebhookEndpointsById } from './endpoint-store.ts'
import type { WebhookEvent } from './events.ts'

/** The state of a delivery, with what each value means. The GraphQL enum is made from this. */
export const deliveryStatuses = {
  PENDING: 'Waiting for its first or next attempt, or for earlier deliveries about the same account.',
  DELIVERED: 'Accepted by the receiver with a status of 2xx.',
  FAILED: 'Given up: not accepted within 3 days, or the endpoint is disabled. Can be replayed.',
} as const

export type DeliveryStatus = keyof typeof deliveryStatuses

/** How long a delivery is attempted, in days. The migration has the same number. */
export const giveUpAfterDays = 3

/** One event for one endpoint. */
export interface WebhookDelivery extends WebhookEvent {
  readonly id: string
  /** Increases with time; the order of the log and of deliveries about one subject. */
  readonly sequence: number
  readonly environmentId: string
  readonly endpointId: string
  /** The same for all endpoints, attempts and replays: the header `webhook-id`. */
  readonly eventId: string
  readonly status: DeliveryStatus
  /** Since it was queued or replayed. */
  readonly attempts: number
  readonly lastAttemptAt: Date | null
  readonly lastStatusCode: number | null
  readonly lastError: string | null
  /** Null unless it is pending. */
  readonly nextAttemptAt: Date | null
  /** When it was delivered or given up. */
  readonly finishedAt: Date | null
}

/** Which deliveries to list; null does not restrict. */
export interface DeliveryFilter {
  readonly endpointId: string | null
  readonly status: DeliveryStatus | null
}

/**
 * Returns deliveries, newest first, at most `limit`, with a sequence number below `before`. The newest of each accepted
 * status are read from an index and merged, so that the time taken does not depend on the length of the log.
 */
export async function listWebhookDeliveries(
  db: Db,
  environmentId: string,
  { endpointId, status }: DeliveryFilter,
  { limit, before }: { readonly limit: number; readonly before: number | null },
): Promise<readonly WebhookDelivery[]> {
  const accepted = status === null ? Object.keys(deliveryStatuses) : [status]
  let ofStatus = db
    .selectFrom('webhook_deliveries')
    .select('sequence')
    .where('status', '=', sql.ref<DeliveryStatus>('accepted.status'))
    // Only one of them, so that it is searched by its own index; the outer query checks the environment in any case.
    .where(endpointId === null ? 'environment_id' : 'endpoint_id', '=', endpointId ?? environmentId)
  if (before !== null) ofStatus = ofStatus.where('sequence', '<', before)
  const rows = await db
    .selectFrom('webhook_deliveries')
    .select(deliveryColumns)
    .where('environment_id', '=', environmentId)
    .where('id', 'in', (select) =>
      select
        .selectFrom(sql<{ status: DeliveryStatus }>`unnest(${accepted}::text[])`.as<'accepted'>(sql`accepted (status)`))
        .innerJoinLateral(ofStatus.select('id').orderBy('sequence', 'desc').limit(limit).as('newest'), (join) =>
          join.onTrue(),
        )
        .select('newest.id')
        .orderBy('newest.sequence', 'desc')
        .limit(limit),
    )
    .orderBy('sequence', 'desc')
    .execute()
  return rows.map(toDelivery)
}

/** Returns the environment's deliveries with these ids, in no particular order. */
export async function findWebhookDeliveriesById(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly WebhookDelivery[]> {
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('webhook_deliveries')
    .select(deliveryColumns)
    .where(inEnvironment('environment_id', environmentId))
    .where('id', '=', anyOf('uuid', ids))
    .execute()
  return rows.map(toDelivery)
}

/**
 * Sends a delivery again, with the same event ID and a new time limit; a pending one now. It precedes newer pending ones
 * about the same subject. Throws WebhookDeliveryNotFoundError, and InvalidInputError when its endpoint is disabled.
 */
export async function replayWebhookDelivery(db: Db, environmentId: string, id: string): Promise<WebhookDelivery> {
  const [found] = await findWebhookDeliveriesById(db, environmentId, [id])
  if (!found) throw new WebhookDeliveryNotFoundError()
  await requireEnabled(db, environmentId, found.endpointId, 'id')
  await db
    .updateTable('webhook_deliveries')
    .set(replayed)
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    // An attempt that is under way is the replay.
    .where('lease', 'is', null)
    .execute()
  const [current] = await findWebhookDeliveriesById(db, environmentId, [id])
  if (!current) throw new WebhookDeliveryNotFoundError()
  return current
}

/** How many deliveries one call of {@link replayWebhookDeliveries} replays at most, and one statement of it. */
export const maxReplayed = 100_000
const batchSize = 1_000

/**
 * Sends deliveries of an endpoint again that were given up (`FAILED`) or accepted (`DELIVERED`) and occurred at `since` or
 * later, oldest first, at most {@link maxReplayed}. Returns how many. Throws WebhookEndpointNotFoundError, and
 * InvalidInputError when the endpoint is disabled.
 */
export async function replayWebhookDeliveries(
  db: Db,
  environmentId: string,
  filter: { readonly endpointId: string; readonly status: 'FAILED' | 'DELIVERED'; readonly since: Date | null },
): Promise<number> {
  await requireEnabled(db, environmentId, filter.endpointId, 'endpointId')
  let finished = db
    .selectFrom('webhook_deliveries')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where('endpoint_id', '=', filter.endpointId)
    .where('status', '=', filter.status)
  if (filter.since) finished = finished.where('occurred_at', '>=', filter.since)
  let total = 0
  for (let after = 0, more = true; more && total < maxReplayed; ) {
    // Those that were replayed first may be finished again by now.
    const batch = finished.where('sequence', '>', after).orderBy('sequence').limit(batchSize).forUpdate().skipLocked()
    const rows = await db
      .updateTable('webhook_deliveries')
      .set(replayed)
      .where('environment_id', '=', environmentId)
      .where('id', 'in', batch)
      .returning('sequence')
      .execute()
    total += rows.length
    more = rows.length === batchSize
    after = Math.max(after, ...rows.map(({ sequence }) => sequence))
  }
  return total
}

const replayed = {
  status: 'PENDING',
  attempts: 0,
  next_attempt_at: currentTime,
  give_up_at: inSeconds(giveUpAfterDays * 86_400),
  finished_at: null,
} as const

async function requireEnabled(db: Db, environmentId: string, endpointId: string, path: string): Promise<void> {
  const [endpoint] = await findWebhookEndpointsById(db, environmentId, [endpointId])
  if (!endpoint) throw new WebhookEndpointNotFoundError()
  if (endpoint.disabled) {
    throw new InvalidInputError([
      { path, message: 'the endpoint must be enabled. Call updateWebhookEndpoint with enabled: true first' },
    ])
  }
}

/** The state of the outbox over all environments. */
export interface WebhookQueue {
  readonly pending: number
  /** The age of the oldest pending delivery in seconds; 0 without one. */
  readonly oldestSeconds: number
}

/** Counts what waits for delivery. */
export async function readWebhookQueue(db: Db): Promise<WebhookQueue> {
  const { pending, oldest } = await db
    .selectFrom('webhook_deliveries')
    .select((eb) => [
      eb.fn.countAll<number>().as('pending'),
      sql<number>`coalesce(extract(epoch from clock_timestamp() - min(occurred_at)), 0)::float8`.as('oldest'),
    ])
    .where('status', '=', 'PENDING')
    .executeTakeFirstOrThrow()
  return { pending, oldestSeconds: oldest }
}

/** The columns that {@link toDelivery} reads. */
const deliveryColumns = [
  'id',
  'sequence',
  'environment_id',
  'endpoint_id',
  'event_id',
  'event_type',
  'facts',
  'occurred_at',
  'status',
  'attempts',
  'last_attempt_at',
  'last_status_code',
  'last_error',
  'finished_at',
  // A pause of the endpoint is stored with the endpoint alone.
  sql<Date | null>`case when status = 'PENDING' then greatest(next_attempt_at, (
    select paused_until from webhook_endpoints endpoint
    where endpoint.environment_id = webhook_deliveries.environment_id and endpoint.id = webhook_deliveries.endpoint_id
  )) end`.as('next_attempt_at'),
] as const

function toDelivery(
  row: Pick<
    Selectable<WebhookDeliveriesTable>,
    Extract<(typeof deliveryColumns)[number], keyof WebhookDeliveriesTable>
  > & { readonly next_attempt_at: Date | null },
): WebhookDelivery {
  return {
    id: row.id,
    sequence: row.sequence,
    environmentId: row.environment_id,
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    eventType: row.event_type,
    facts: row.facts,
    occurredAt: row.occurred_at,
    status: row.status,
    attempts: row.attempts,
    lastAttemptAt: row.last_attempt_at,
    lastStatusCode: row.last_status_code,
    lastError: row.last_error,
    nextAttemptAt: row.next_attempt_at,
    finishedAt: row.finished_at,
  }
}
