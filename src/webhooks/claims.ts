import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { inSeconds } from '../db/time.ts'
import { type DeliveryStatus, giveUpAfterDays } from './delivery-store.ts'
import { type WebhookEvent, webhookEventNames } from './events.ts'

/** A delivery of which this process makes the next attempt. */
export interface ClaimedDelivery extends WebhookEvent {
  readonly id: string
  readonly environmentId: string
  readonly endpointId: string
  readonly eventId: string
  /** Identifies this attempt: the result of one that took too long is not stored. */
  readonly lease: string
  /** Including this one. */
  readonly attempts: number
  /** Whether this attempt is the last one. */
  readonly isLast: boolean
  /** The time of the database. */
  readonly now: Date
}

/** What to claim. */
export interface ClaimOptions {
  /** Deliveries that may start now. */
  readonly limit: number
  /** How long the claim excludes others, in seconds. After a crash the delivery is due again by then. */
  readonly leaseSeconds: number
  /** Attempts of one endpoint at the same time, on this node. */
  readonly maxPerEndpoint: number
  /** The types of the connectors' events: nodes of other releases send what this one does not know. */
  readonly providerTypes: readonly string[]
  /** Attempts that are under way on this node, by endpoint. */
  readonly running: ReadonlyMap<string, number>
}

/**
 * The end of a delivery makes the next one about its subject due. A claim at the same moment may still postpone that one,
 * which is why the first one after an attempt that is under way is looked at again soon, and those after it later: when they have
 * waited as long again, so that a long backlog is not written all the time.
 */
const postponed = { nextSeconds: 5, others: { minSeconds: 300, maxSeconds: 6 * 3_600 } }

/**
 * Claims due deliveries, which other nodes then skip. Only the first pending one of each endpoint and subject is claimed, so
 * that they arrive in order; one that is due before its turn is due again after it. Those of a paused endpoint are left as they
 * are. Endpoints with the fewest attempts under way are first: a few that answer slowly and have long backlogs would take all
 * attempts of the node. `examined` is the number of deliveries that were claimed or postponed: zero when nothing is due.
 */
export async function claimDeliveries(
  db: Db,
  { limit, leaseSeconds, maxPerEndpoint, providerTypes, running }: ClaimOptions,
): Promise<{ readonly claimed: readonly ClaimedDelivery[]; readonly examined: number }> {
  // The condition of the index of each endpoint's deliveries. With that of other indexes, Postgres may take the one of what is
  // due at any endpoint, and filter it.
  const isPending = sql`status not in ('DELIVERED', 'FAILED')
    and event_type = any (${[...webhookEventNames, ...providerTypes]}::text[])`
  // One statement: what it reads of other deliveries and what it locks belong together. It finds each endpoint that waits from
  // the one before it, with its earliest delivery, so that a backlog costs no more than a single delivery.
  const { rows } = await sql<{
    id: string
    environment_id: string
    endpoint_id: string
    event_id: string
    event_type: string
    facts: unknown
    occurred_at: Date
    lease: string | null
    attempts: number
    is_last: boolean
    now: Date
  }>`
    with recursive waiting as (
      (
        select endpoint_id, next_attempt_at from webhook_deliveries where ${isPending}
        order by endpoint_id, next_attempt_at limit 1
      )
      union all
      select following.* from waiting cross join lateral (
        select endpoint_id, next_attempt_at from webhook_deliveries where ${isPending} and endpoint_id > waiting.endpoint_id
        order by endpoint_id, next_attempt_at limit 1
      ) following
    ), receivers as (
      select endpoint.environment_id, endpoint.id, ${maxPerEndpoint} - coalesce(running.count, 0) as free
      from waiting join webhook_endpoints endpoint on endpoint.id = waiting.endpoint_id
      left join unnest(${[...running.keys()]}::uuid[], ${[...running.values()]}::int[])
        as running (endpoint_id, count) on running.endpoint_id = waiting.endpoint_id
      where waiting.next_attempt_at <= now() and coalesce(running.count, 0) < ${maxPerEndpoint}
        and (endpoint.paused_until is null or endpoint.paused_until <= now())
      order by coalesce(running.count, 0), waiting.next_attempt_at
    ), due as (
      select receivers.environment_id, receivers.id as endpoint_id, receivers.free, delivery.id, delivery.sequence,
        case
          when earlier.count > 1 then clock_timestamp() + least(
            greatest(
              clock_timestamp() - delivery.give_up_at + make_interval(days => ${giveUpAfterDays}),
              make_interval(secs => ${postponed.others.minSeconds})
            ),
            make_interval(secs => ${postponed.others.maxSeconds})
          )
          when earlier.count > 0 then greatest(
            case when earlier.is_sent then least(earlier.due_at, ${inSeconds(postponed.nextSeconds)}) else earlier.due_at end,
            ${inSeconds(1)}
          )
        end as blocked_until
      from receivers cross join lateral (
        select id, subject, sequence, give_up_at from webhook_deliveries
        where endpoint_id = receivers.id and ${isPending} and next_attempt_at <= now()
        order by next_attempt_at limit ${maxPerEndpoint}
        for update skip locked
      ) delivery cross join lateral (
        select count(*) as count, min(next_attempt_at) as due_at, bool_or(lease is not null) as is_sent from (
          select pending.next_attempt_at, pending.lease from webhook_deliveries pending
          where pending.endpoint_id = receivers.id and pending.subject = delivery.subject
            and pending.status = 'PENDING' and pending.sequence < delivery.sequence
          order by pending.sequence limit 2
        ) pending
      ) earlier
      limit ${limit}
    ), turns as (
      select environment_id, id, blocked_until, blocked_until is null
        and row_number() over (partition by endpoint_id, blocked_until is null order by sequence) <= free as starts
      from due
    )
    update webhook_deliveries set
      lease = case when turns.starts then gen_random_uuid() end,
      attempts = attempts + case when turns.starts then 1 else 0 end,
      last_attempt_at = case when turns.starts then clock_timestamp() else last_attempt_at end,
      next_attempt_at = case when turns.starts then ${inSeconds(leaseSeconds)} else turns.blocked_until end
    from turns where turns.environment_id = webhook_deliveries.environment_id and turns.id = webhook_deliveries.id
      and (turns.starts or turns.blocked_until is not null)
    returning webhook_deliveries.id, webhook_deliveries.environment_id, endpoint_id, event_id, event_type, facts, occurred_at,
      lease, attempts, give_up_at <= clock_timestamp() as is_last, clock_timestamp() as now`.execute(db)
  const claimed = rows.flatMap((row) =>
    row.lease === null
      ? []
      : [
          {
            id: row.id,
            environmentId: row.environment_id,
            endpointId: row.endpoint_id,
            eventId: row.event_id,
            eventType: row.event_type,
            facts: row.facts,
            occurredAt: row.occurred_at,
            lease: row.lease,
            attempts: row.attempts,
            isLast: row.is_last,
            now: row.now,
          },
        ],
  )
  return { claimed, examined: rows.length }
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly status: DeliveryStatus
  /** The status of the response; null without one. */
  readonly statusCode: number | null
  readonly error: string | null
  /** The pause before the next attempt, in seconds, which never starts later than the last one may. Ignored at the end. */
  readonly retrySeconds: number
}

/** Stores the end of an attempt and makes the next delivery about the same subject due, if this one is finished. */
export async function endAttempt(db: Db, { id, lease }: ClaimedDelivery, end: AttemptEnd): Promise<void> {
  const finished = end.status !== 'PENDING'
  await sql`
    with ended as (
      update webhook_deliveries set
        status = ${end.status}, lease = null, last_status_code = ${end.statusCode}, last_error = ${end.error},
        next_attempt_at = least(${inSeconds(end.retrySeconds)}, greatest(give_up_at, clock_timestamp())),
        finished_at = ${finished ? sql`clock_timestamp()` : null}
      where id = ${id} and lease = ${lease}
      returning endpoint_id, subject, sequence
    )
    update webhook_deliveries set next_attempt_at = clock_timestamp()
    where ${finished} and lease is null and id = (
      select next.id from webhook_deliveries next join ended on true
      where next.endpoint_id = ended.endpoint_id and next.subject = ended.subject
        and next.status = 'PENDING' and next.sequence > ended.sequence
      order by next.sequence limit 1
    )`.execute(db)
}

/** Returns an attempt that the stop of this process cut off: it is due at once, and does not count. */
export async function releaseAttempt(db: Db, { id, lease }: ClaimedDelivery): Promise<void> {
  await sql`
    update webhook_deliveries set lease = null, attempts = attempts - 1, next_attempt_at = clock_timestamp()
    where id = ${id} and lease = ${lease}`.execute(db)
}

/** How long after the end of its time the last attempt of a delivery can begin, in seconds. */
const lastAttemptSeconds = 60

/**
 * Ends at most `limit` deliveries as FAILED whose last attempt did not begin in time, because they wait for the end of a pause
 * or for others, and makes the next ones about their subjects due. Returns how many. Leaves out what others have locked, so that
 * it never waits for those who wait for it.
 */
export async function giveUpExpired(db: Db, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    with expired as (
      select id, endpoint_id, subject, sequence from webhook_deliveries
      where status not in ('DELIVERED', 'FAILED') and give_up_at < now() - make_interval(secs => ${lastAttemptSeconds})
        and (lease is null or next_attempt_at <= now())
      order by give_up_at limit ${limit} for update skip locked
    ), following as (
      select next.id from (
        select endpoint_id, subject, max(sequence) as sequence from expired group by endpoint_id, subject
      ) ended cross join lateral (
        select id from webhook_deliveries
        where endpoint_id = ended.endpoint_id and subject = ended.subject and status = 'PENDING' and sequence > ended.sequence
        order by sequence limit 1
      ) next
    ), woken as (
      update webhook_deliveries set next_attempt_at = clock_timestamp()
      where id = any (array (
        select id from webhook_deliveries
        where id = any (array (select id from following)) and lease is null and next_attempt_at > now()
        for update skip locked
      ))
    )
    update webhook_deliveries set
      status = 'FAILED', lease = null, finished_at = clock_timestamp(),
      last_error = coalesce(last_error, ${`It was not attempted within ${giveUpAfterDays} days.`})
    where id = any (array (select id from expired))`.execute(db)
  return Number(numAffectedRows)
}
