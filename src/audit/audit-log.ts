import { sql } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Db, Trx } from '../db/database.ts'
import { anyOf, inEnvironment } from '../db/found-by-id.ts'

/** Who acts, and from where. */
export interface Actor {
  /**
   * `ApiKey:<id>` or `UserSession:<id>` for a credential, `user` for a browser on a page of this server, `cli` for an
   * operator's command, `system` for the server itself.
   */
  readonly name: string
  /** The address of the client; null without a request. */
  readonly sourceAddress: string | null
  /** The `x-request-id` of the response; null without a request. */
  readonly requestId: string | null
}

const withoutRequest = (name: string): Actor => ({ name, sourceAddress: null, requestId: null })

/** The server: its start, its background work, and what tool calls find out. */
export const systemActor = withoutRequest('system')
/** A user's browser on a page of this server. */
export const browserActor = withoutRequest('user')
/** An operator who runs a command. */
export const operatorActor = withoutRequest('cli')

/** Returns the context for the acts of an actor. The rest is shared, including getters, whose values change after the start. */
export const actingAs = <Context extends { readonly actor: Actor }>(context: Context, actor: Actor): Context =>
  Object.create(context, { actor: { value: actor } }) as Context

/** What the names of actors mean to callers, as `publicId` returns them. */
export const actorDescription =
  "ID of the API key or of the user session, `cli` for an operator's command, `user` for the user's browser on a page of this server, or `system` for the server itself."

/** The actions of the audit log, with what each means. */
export const auditActions = {
  'environment.created': 'Environment was created.',
  'environment.deletion_started': 'Deletion of an environment began with its API keys.',
  'environment.deleted': 'Environment was deleted with everything in it.',
  'api_key.created': 'API key was created.',
  'api_key.narrowed': 'API key was narrowed.',
  'api_key.revoked': 'API key was revoked.',
  'user_session.created': 'User session was created.',
  'user_session.revoked': 'User session was revoked.',
  'user_sessions.revoked': 'All user sessions of an identifier were revoked.',
  'tool_policy.changed': 'Tool policy of an environment or an OAuth app was set.',
  'tool_approval.approved': 'Tool call was approved, and was run.',
  'tool_approval.rejected': 'Tool call was rejected.',
  'oauth_app.registered': 'OAuth app was registered.',
  'oauth_app.updated': 'OAuth app was registered again.',
  'oauth_app.webhook_token_read': "Token of the provider's webhooks was read, for the first time.",
  'oauth_app.webhook_activated': "The provider's webhooks became active with the first event that verified.",
  'oauth_app.webhook_reset': "Tokens of the provider's webhooks were erased, and a new one is awaited.",
  'authorization.started': 'Authorization link was created.',
  'authorization.confirmed': 'Authorization was confirmed: the account became ACTIVE.',
  'authorization.refused': 'Authorization was discarded at its confirmation.',
  'account.imported': 'Tokens were imported.',
  'account.updated': 'Metadata of an account was set or replaced.',
  'account.disconnected': 'Account was disconnected.',
  'account.deleted': 'Account was deleted.',
  'accounts.mass_disconnect_started': 'Command that disconnects all accounts began.',
  'accounts.mass_disconnect_ended': 'Command that disconnects all accounts ended.',
  'webhook_endpoint.created': 'Webhook endpoint was created.',
  'webhook_endpoint.updated': 'Webhook endpoint was changed, enabled or disabled.',
  'webhook_endpoint.secret_rotated': 'Signing secret of a webhook endpoint was replaced.',
  'webhook_endpoint.deleted': 'Webhook endpoint was deleted with its deliveries.',
  'vault_key.added': 'Data key was added to the vault.',
  'vault_key.promoted': 'Data key became the primary key of the vault.',
  'vault_key.retired': 'Data key was retired and erased.',
} as const

export type AuditAction = keyof typeof auditActions

/** Fields of a target without its secrets. */
export type AuditFields = Readonly<Record<string, unknown>>

/** An act to record. */
export interface AuditEntry {
  /** Null: an act on the server itself. */
  readonly environmentId: string | null
  readonly action: AuditAction
  /** `<GraphQL type>:<id>`; null: the server itself, or several objects that the fields name. */
  readonly target: string | null
  /** Absent: nothing existed before. */
  readonly before?: AuditFields
  /** Absent: nothing exists any more. */
  readonly after?: AuditFields
}

/** A recorded act. */
export interface AuditEvent {
  readonly id: string
  readonly at: Date
  readonly environmentId: string | null
  readonly actor: string
  readonly sourceAddress: string | null
  readonly action: string
  readonly target: string | null
  readonly before: AuditFields | null
  readonly after: AuditFields | null
  readonly requestId: string | null
}

/** The environment of acts on the server itself: the nil UUID (RFC 9562 section 5.9), because keys of tables lead with it. */
const serverEnvironmentId = '00000000-0000-0000-0000-000000000000'

/** Records acts within the transaction that carries them out. The database sets their time and their ids. */
export async function recordAudit(trx: Trx, actor: Actor, ...entries: readonly AuditEntry[]): Promise<void> {
  await trx
    .insertInto('audit_events')
    .values(entries.map((entry) => auditRow(actor, entry)))
    .execute()
}

/** Returns the row of an act, for a statement that also carries it out. */
export function auditRow(actor: Actor, { environmentId, action, target, before, after }: AuditEntry) {
  const json = (fields: AuditFields | undefined) => (fields === undefined ? null : JSON.stringify(fields))
  return {
    environment_id: environmentId ?? serverEnvironmentId,
    actor: actor.name,
    source_address: actor.sourceAddress,
    action,
    target,
    before: json(before),
    after: json(after),
    request_id: actor.requestId,
  }
}

/** Returns the ID of an actor or a target as GraphQL shows it; names such as `cli` unchanged. */
export const publicId = (name: string) => (name.includes(':') ? Buffer.from(name).toString('base64') : name)

/** Which events to list; an absent field does not restrict. */
export interface AuditFilter {
  readonly actor?: string | null | undefined
  readonly target?: string | null | undefined
  readonly action?: readonly string[] | null | undefined
  /** Events at this time or later, to the millisecond. */
  readonly since?: Date | null | undefined
  /** Events before this time. */
  readonly until?: Date | null | undefined
}

/** A page of events: at most `limit`, after the event `after` in this order. */
export interface AuditPage {
  readonly limit: number
  readonly after: string | null
  readonly order: 'newest' | 'oldest'
}

/** Returns a page of events: of an environment, or with null of all environments and the server. */
export async function listAuditEvents(
  db: Db,
  environmentId: string | null,
  { actor, target, action, since, until }: AuditFilter,
  { limit, after, order }: AuditPage,
): Promise<readonly AuditEvent[]> {
  let query = selectEvents(db)
  if (environmentId !== null) query = query.where('environment_id', '=', environmentId)
  if (actor != null) query = query.where('actor', '=', actor)
  if (target != null) query = query.where('target', '=', target)
  if (action != null) query = query.where('action', '=', sql<string>`any (${action}::text[])`)
  if (since != null) query = query.where('id', '>=', lowestIdAt(since))
  if (until != null) query = query.where('id', '<', lowestIdAt(until))
  query = query.where('id', order === 'newest' ? '<' : '>', after ?? (order === 'newest' ? maxId : minId))
  const rows = await query
    .orderBy('id', order === 'newest' ? 'desc' : 'asc')
    .limit(limit)
    .execute()
  return rows.map(toEvent)
}

/** The pause between two looks at the transactions that record acts, in milliseconds. */
const settlePollMs = 100

/**
 * Waits until every transaction that has recorded an act before the call has ended. Returns a time after these acts, by the
 * clock of the database: no act from before it is added any more. An act is dated when it is recorded and listed when its
 * transaction commits, which may be after later acts.
 */
export async function settledTime(db: Db, { sleep }: Pick<Clock, 'sleep'>): Promise<Date> {
  // Lists are restricted to the millisecond: the current one is over first.
  const { rows } = await sql<{ time: Date }>`
    select date_trunc('milliseconds', statement_timestamp()) + interval '1 ms' as time, pg_sleep(0.001)`.execute(db)
  // An insert holds this lock from before the act is dated until its transaction has ended.
  const writers = async () => {
    const locks = await sql<{ name: string }>`
      select virtualtransaction as name from pg_locks
      where relation = 'audit_events'::regclass and mode = 'RowExclusiveLock'
        and database = (select oid from pg_database where datname = current_database())`.execute(db)
    return new Set(locks.rows.map(({ name }) => name))
  }
  const before = await writers()
  for (let now = before; [...now].some((writer) => before.has(writer)); now = await writers()) await sleep(settlePollMs)
  return (rows as [{ time: Date }])[0].time
}

/** Returns the environment's events with these ids, in no particular order. */
export async function findAuditEventsById(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly AuditEvent[]> {
  if (ids.length === 0) return []
  const rows = await selectEvents(db)
    .where(inEnvironment('environment_id', environmentId))
    .where('id', '=', anyOf('uuid', ids))
    .execute()
  return rows.map(toEvent)
}

/** Beyond every id, so that the first page uses the index as the others do. */
const [minId, maxId] = ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']

/** The lowest id of an event at this time: the first 48 bits are its milliseconds. */
function lowestIdAt(time: Date): string {
  const hex = Math.min(Math.max(0, time.getTime()), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}

const selectEvents = (db: Db) => db.selectFrom('audit_events').selectAll()

type EventRow = Awaited<ReturnType<ReturnType<typeof selectEvents>['executeTakeFirstOrThrow']>>

const toEvent = (row: EventRow): AuditEvent => ({
  id: row.id,
  at: row.at,
  environmentId: row.environment_id === serverEnvironmentId ? null : row.environment_id,
  actor: row.actor,
  sourceAddress: row.source_address,
  action: row.action,
  target: row.target,
  before: row.before as AuditFields | null,
  after: row.after as AuditFields | null,
  requestId: row.request_id,
})
