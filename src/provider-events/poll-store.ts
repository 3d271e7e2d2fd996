import { hash } from 'node:crypto'
import { type ExpressionBuilder, type RawBuilder, sql } from 'kysely'
import type { AccountName } from '../accounts/account-store.ts'
import type { Db } from '../db/database.ts'
import type { Tables } from '../db/tables.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import type { PolledEvent } from './provider-event.ts'

/** The types of events that polls of a connector can find, with its slug. */
export interface PolledTypes {
  readonly connector: string
  readonly types: readonly string[]
}

/** The right to poll a grant until it ends or another node takes it over. */
export interface PollLease {
  readonly environmentId: string
  readonly grantId: string
  readonly fence: number
  readonly leaseMs: number
}

/** How far a grant was polled. Times are the provider's. */
export interface PollState {
  /** Everything that was edited until then was reported. Null: the first poll sets it. */
  readonly through: Date | null
  /** Where the pass in progress goes on; null at its beginning. */
  readonly cursor: string | null
  /** Lists that it has read. */
  readonly lists: number
  /** When it began; null between two passes. */
  readonly passAt: Date | null
}

/** A grant to poll, and the account to read with. */
export interface ClaimedPoll extends PollLease {
  readonly reader: AccountName & { readonly connector: string }
  readonly state: PollState
  readonly failures: number
}

/** Another node has taken over, or the grant is not to be polled any more. Nothing was written. */
export class PollLeaseLostError extends Error {
  override readonly name = 'PollLeaseLostError'

  constructor() {
    super('The poll was taken over by another node, or its grant is not polled any more.')
  }
}

/** Grants that one statement begins to poll. */
const maxBegun = 1_000

/** What polls can find, as columns of SQL: each type with its connector. */
const columnsOf = (polled: readonly PolledTypes[]) => {
  const pairs = polled.flatMap(({ connector, types }) => types.map((type) => ({ connector, type })))
  return {
    connectors: sql`${pairs.map(({ connector }) => connector)}::text[]`,
    types: sql`${pairs.map(({ type }) => type)}::text[]`,
  }
}

/**
 * Restricts `account` with its OAuth app `app` to those whose events someone listens to, and whose provider does not send them
 * itself, and joins its `grants`. `is_stored`: an endpoint listens, which gets later what it does not get now. Each part is
 * found by an index, however many listen.
 */
const whoseEventsAreHeard = (polled: readonly PolledTypes[]): RawBuilder<unknown> => {
  const { connectors, types } = columnsOf(polled)
  const stream = (condition: RawBuilder<unknown>) => sql`exists (
    select from event_listeners listener
    where listener.environment_id = account.environment_id and listener.connector = app.connector
      and listener.connection_name in ('', app.connection_name) and ${condition}
  )`
  return sql`
    join grants on grants.environment_id = account.environment_id and grants.id = account.grant_id
      and grants.oauth_app_id = app.id and grants.status = 'active'
    cross join lateral (
      select exists (
        select from webhook_endpoints endpoint
        join unnest(${connectors}, ${types}) as found (connector, type) on found.type = any (endpoint.events)
        where endpoint.environment_id = account.environment_id and endpoint.disabled_at is null
          and found.connector = app.connector
      ) as is_stored
    ) stored
    where account.status = 'ACTIVE' and app.connector = any (${connectors})
      and not exists (
        select from provider_webhook_tokens token
        where token.environment_id = app.environment_id and token.oauth_app_id = app.id and token.state = 'active'
      )
      and (is_stored
        or ${stream(sql`listener.identifiers = 'one' and listener.identifier = account.identifier`)}
        or ${stream(sql`listener.identifiers = 'any'`)}
        or ${stream(sql`listener.identifiers = 'prefix' and starts_with(account.identifier, listener.identifier)`)})`
}

/**
 * Begins to poll grants that someone listens to and that are not polled yet. One node at a time does so; returns whether
 * there may be more.
 */
export async function beginPolls(db: Db, polled: readonly PolledTypes[]): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_xact_lock(hashtextextended('begin polls', 0)) as locked`.execute(trx)
    if (rows[0]?.locked !== true) return false
    const insert = async (candidates: RawBuilder<unknown>) => {
      const { numAffectedRows } = await sql`
        insert into event_polls (environment_id, grant_id, oauth_app_id)
        select distinct account.environment_id, account.grant_id, account.oauth_app_id
        from ${candidates}
        join oauth_apps app on app.environment_id = account.environment_id and app.id = account.oauth_app_id
        ${whoseEventsAreHeard(polled)} and not exists (
          select from event_polls poll
          where poll.environment_id = account.environment_id and poll.grant_id = account.grant_id
        )
        limit ${maxBegun}
        on conflict do nothing`.execute(trx)
      return Number(numAffectedRows)
    }
    // Two statements, and one look-up for each name: the planner would read all accounts of an environment for one.
    const named = await insert(sql`event_listeners heard
      join oauth_apps theirs on theirs.environment_id = heard.environment_id and theirs.connector = heard.connector
        and heard.identifiers = 'one'
      cross join lateral (
        select * from connected_accounts
        where environment_id = theirs.environment_id and oauth_app_id = theirs.id and identifier = heard.identifier limit 1
      ) account`)
    const all = await insert(sql`(
        select environment_id from webhook_endpoints where disabled_at is null and events && ${columnsOf(polled).types}
        union select environment_id from event_listeners where identifiers in ('any', 'prefix')
      ) environment
      join connected_accounts account on account.environment_id = environment.environment_id`)
    return Math.max(named, all) === maxBegun
  })
}

/**
 * Claims grants whose poll is due. Nodes that claim at the same time get different ones; the caller ends each lease. Those
 * that no one listens to any more, or whose accounts or OAuth apps are not polled any more, are not claimed but ended.
 * A poll that paused for longer than `maxGapMs` begins again without what happened meanwhile.
 */
export async function claimPolls(
  db: Db,
  polled: readonly PolledTypes[],
  claim: {
    readonly limit: number
    readonly nodeId: string
    readonly leaseMs: number
    readonly maxGapMs: { readonly stream: number; readonly endpoint: number }
  },
): Promise<readonly ClaimedPoll[]> {
  const { limit, nodeId, leaseMs, maxGapMs } = claim
  const { rows: due } = await sql<{ environment_id: string; grant_id: string; fence: number }>`
    update event_polls set lease_owner = ${nodeId}, lease_until = ${inSeconds(leaseMs / 1000)},
      next_at = ${inSeconds(leaseMs / 1000)}, fence = fence + 1
    where (environment_id, grant_id) in (
      select environment_id, grant_id from event_polls
      where next_at <= now() and (lease_until is null or lease_until < ${currentTime})
      order by next_at limit ${limit}
      for update skip locked
    )
    returning environment_id, grant_id, fence`.execute(db)
  if (due.length === 0) return []
  const column = (name: keyof (typeof due)[number]) => due.map((row) => row[name])
  const claimed = sql`unnest(${column('environment_id')}::uuid[], ${column('grant_id')}::uuid[], ${column('fence')}::bigint[])
    as claimed (environment_id, grant_id, fence)`
  const { rows } = await sql<{
    readonly environment_id: string
    readonly grant_id: string
    readonly fence: number
    readonly connector: string
    readonly connection_name: string
    readonly identifier: string
    readonly edited_through: Date | null
    readonly cursor: string | null
    readonly lists: number
    readonly pass_at: Date | null
    readonly failures: number
    readonly is_late: boolean
  }>`
    select distinct on (poll.environment_id, poll.grant_id) poll.*, app.connector, app.connection_name, account.identifier,
      coalesce(poll.passed_at < clock_timestamp() - make_interval(
        secs => case when is_stored then ${maxGapMs.endpoint / 1000}::float else ${maxGapMs.stream / 1000}::float end
      ), false) as is_late
    from ${claimed}
    join event_polls poll on poll.environment_id = claimed.environment_id and poll.grant_id = claimed.grant_id
      and poll.fence = claimed.fence
    join connected_accounts account on account.grant_id = poll.grant_id and account.environment_id = poll.environment_id
    join oauth_apps app on app.environment_id = account.environment_id and app.id = account.oauth_app_id
    ${whoseEventsAreHeard(polled)}
    order by poll.environment_id, poll.grant_id, is_stored desc, account.id`.execute(db)
  if (rows.length < due.length) {
    const claimedIds = rows.map(({ grant_id }) => grant_id)
    // What others have locked is ended by the next claim: to wait for several rows could be a deadlock.
    await sql`
      delete from event_polls where (environment_id, grant_id) in (
        select poll.environment_id, poll.grant_id from event_polls poll
        join ${claimed} on claimed.environment_id = poll.environment_id and claimed.grant_id = poll.grant_id
          and claimed.fence = poll.fence
        where poll.grant_id <> all (${claimedIds}::uuid[])
        for update of poll skip locked
      )`.execute(db)
  }
  return rows.map((row) => ({
    environmentId: row.environment_id,
    grantId: row.grant_id,
    fence: row.fence,
    leaseMs,
    reader: { connector: row.connector, connectionName: row.connection_name, identifier: row.identifier },
    state: row.is_late
      ? { through: null, cursor: null, lists: 0, passAt: null }
      : { through: row.edited_through, cursor: row.cursor, lists: row.lists, passAt: row.pass_at },
    failures: row.failures,
  }))
}

/**
 * Stores how far a grant was polled, and the events that were found, each once: its ID is made from the grant, the object, the
 * type and the time. Each is processed by the inbox, from `inMs` on. With `nextInMs`, the lease ends. Returns how
 * many were new. Throws {@link PollLeaseLostError} when this holder must not write any more.
 */
export async function storePolled(
  db: Db,
  lease: PollLease,
  state: PollState,
  found: readonly { readonly event: PolledEvent; readonly inMs: number }[],
  nextInMs: number | null,
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const poll = await trx
      .updateTable('event_polls')
      .set({
        edited_through: state.through,
        cursor: state.cursor,
        lists: state.lists,
        pass_at: state.passAt,
        failures: 0,
        ...(state.passAt === null && { passed_at: currentTime }),
        ...(nextInMs === null ? { lease_until: inSeconds(lease.leaseMs / 1000) } : ended(nextInMs)),
      })
      .where(heldBy(lease))
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('provider_webhook_tokens')
              .select('id')
              .whereRef('provider_webhook_tokens.environment_id', '=', 'event_polls.environment_id')
              .whereRef('provider_webhook_tokens.oauth_app_id', '=', 'event_polls.oauth_app_id')
              .where('state', '=', 'active'),
          ),
        ),
      )
      .returning('oauth_app_id')
      .executeTakeFirst()
    if (!poll) throw new PollLeaseLostError()
    if (found.length === 0) return 0
    // Accounts get events in the order of their rows.
    const inOrder = [...found].sort((one, other) => one.event.occurredAt.getTime() - other.event.occurredAt.getTime())
    const inserted = await trx
      .insertInto('provider_events')
      .values(
        inOrder.map(({ event, inMs }) => ({
          id: sql<string>`gen_random_uuid()`,
          environment_id: lease.environmentId,
          oauth_app_id: poll.oauth_app_id,
          grant_id: lease.grantId,
          event_id: polledEventId(lease.grantId, event),
          event_type: event.type,
          occurred_at: event.occurredAt,
          state: 'POLLED' as const,
          facts: JSON.stringify(event.facts),
          next_attempt_at: inSeconds(inMs / 1000),
        })),
      )
      .onConflict((conflict) => conflict.columns(['environment_id', 'oauth_app_id', 'event_id']).doNothing())
      .returning('id')
      .execute()
    return inserted.length
  })
}

/** Ends the lease without a result, if this holder still has it. `failed`: the pass begins again. */
export async function releasePoll(
  db: Db,
  lease: PollLease,
  { inMs, failed }: { readonly inMs: number; readonly failed: boolean },
): Promise<void> {
  await db
    .updateTable('event_polls')
    .set((eb) => ({
      ...ended(inMs),
      ...(failed && { failures: eb('failures', '+', 1), cursor: null, lists: 0, pass_at: null }),
    }))
    .where(heldBy(lease))
    .execute()
}

const ended = (nextInMs: number) => ({
  lease_owner: null,
  lease_until: null,
  next_at: inSeconds(nextInMs / 1000),
})

const heldBy = (lease: PollLease) => (eb: ExpressionBuilder<Tables, 'event_polls'>) =>
  eb.and([
    eb('event_polls.environment_id', '=', lease.environmentId),
    eb('event_polls.grant_id', '=', lease.grantId),
    eb('event_polls.fence', '=', lease.fence),
  ])

/** Returns the ID of an event: the same for each poll that finds it. A UUID of the version for values of one's own (RFC 9562). */
function polledEventId(grantId: string, { type, occurredAt, facts }: PolledEvent): string {
  const named = JSON.stringify(['polled event', grantId, facts.entity?.id, type, occurredAt.getTime()])
  const hex = hash('sha256', named).slice(0, 32)
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
