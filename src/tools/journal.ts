import { randomUUID } from 'node:crypto'
import { type Expression, type Selectable, type SqlBool, sql } from 'kysely'
import { accountsNamed } from '../accounts/account-store.ts'
import type { Db } from '../db/database.ts'
import { anyOf, inEnvironment } from '../db/found-by-id.ts'
import type { ToolExecutionsTable } from '../db/tables.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import {
  identifierCondition,
  type Narrowing,
  namedIdentifiers,
  notNarrowed,
  soleConnection,
} from '../environments/narrowing.ts'

/** The status of a tool call, with what each value means. The GraphQL enum is made from this. */
export const executionStatuses = {
  RUNNING: 'A write that has started and not ended.',
  SUCCEEDED: 'Completed.',
  FAILED: 'Failed; nothing was written.',
  OUTCOME_UNKNOWN: 'May have written, wholly or in part. Never repeated automatically.',
} as const

export type ExecutionStatus = keyof typeof executionStatuses

/** One tool call in the journal, without its input and result. */
export interface ToolExecution {
  readonly id: string
  /** Increases with time; the order of the journal. */
  readonly sequence: number
  readonly environmentId: string
  readonly accountId: string
  readonly toolName: string
  readonly status: ExecutionStatus
  /** The error's name, `Cancelled` when the caller left, `InternalError` for a bug; null unless the call failed. */
  readonly errorType: string | null
  /** The provider's ids of the requests that were sent, in order. */
  readonly providerRequestIds: readonly string[]
  readonly startedAt: Date
  readonly finishedAt: Date | null
}

/** A call that starts. */
export interface ExecutionStart {
  readonly environmentId: string
  readonly oauthAppId: string
  readonly accountId: string
  readonly toolName: string
  readonly inputHash: string
  /** How long it may run from now, in milliseconds. */
  readonly callMs: number
  /** The node that runs it, so that others can see when it is gone; null: they rely on the deadline alone. */
  readonly nodeId: number | null
}

/** How a call ended. */
export interface ExecutionEnd {
  readonly status: Exclude<ExecutionStatus, 'RUNNING'>
  readonly errorType: string | null
  readonly providerRequestIds: readonly string[]
}

/** Records a call as RUNNING, before anything is sent. Throws a foreign key violation when the account was deleted. */
export async function beginExecution(db: Db, start: ExecutionStart): Promise<ToolExecution> {
  const row = await db
    .insertInto('tool_executions')
    .values({
      environment_id: start.environmentId,
      oauth_app_id: start.oauthAppId,
      account_id: start.accountId,
      tool_name: start.toolName,
      status: 'RUNNING',
      writes: true,
      input_hash: start.inputHash,
      deadline_at: inSeconds(start.callMs / 1000),
      node_id: start.nodeId,
    })
    .returning(executionColumns)
    .executeTakeFirstOrThrow()
  return toExecution(row)
}

/** How the idempotency key of a call ends, in the same statement. */
export type KeyEnd =
  | { readonly kind: 'free' }
  | { readonly kind: 'done' | 'outcome_unknown'; readonly sealedResult: string }

/**
 * Records the end of a call that {@link beginExecution} recorded, the end of its key, and the account's last use, in one
 * statement. Overwrites what the sweeper recorded, because the caller knows the actual end. Returns null when the account
 * was deleted in the meantime.
 */
export async function endExecution(
  db: Db,
  execution: Pick<ToolExecution, 'id' | 'environmentId' | 'accountId'>,
  end: ExecutionEnd,
  key: KeyEnd | null,
): Promise<ToolExecution | null> {
  const row = await db
    .with('settled_key', (cte) =>
      key === null
        ? cte.selectNoFrom(sql<string>`null`.as('key'))
        : key.kind === 'free'
          ? cte
              .deleteFrom('idempotency_keys')
              .where('environment_id', '=', execution.environmentId)
              .where('execution_id', '=', execution.id)
              .returning('key')
          : cte
              .updateTable('idempotency_keys')
              .set({
                state: key.kind,
                sealed_result: sql<string | null>`case when not erased and exists (
                  select from connected_accounts account where account.id = account_id and account.status <> 'DISCONNECTED'
                ) then ${key.sealedResult} end`,
              })
              .where('environment_id', '=', execution.environmentId)
              .where('execution_id', '=', execution.id)
              .returning('key'),
    )
    .with('used_account', (cte) => touchAccount(cte, execution))
    .updateTable('tool_executions')
    .set({
      status: end.status,
      error_type: end.errorType,
      provider_request_ids: [...end.providerRequestIds],
      finished_at: currentTime,
    })
    .where('environment_id', '=', execution.environmentId)
    .where('id', '=', execution.id)
    .returning(executionColumns)
    .executeTakeFirst()
  return row ? toExecution(row) : null
}

/**
 * Sets `last_used_at`, at most once a second and never waiting for the row's lock, so that simultaneous calls of one
 * account do not wait for each other.
 */
function touchAccount(db: Pick<Db, 'updateTable'>, of: { readonly environmentId: string; readonly accountId: string }) {
  return db
    .updateTable('connected_accounts')
    .set({ last_used_at: currentTime })
    .where('id', 'in', (select) =>
      select
        .selectFrom('connected_accounts')
        .select('id')
        .where('environment_id', '=', of.environmentId)
        .where('id', '=', of.accountId)
        .where(sql<boolean>`coalesce(last_used_at, '-infinity') < ${inSeconds(-1)}`)
        .forNoKeyUpdate()
        .skipLocked(),
    )
    .returning('connected_accounts.id')
}

/** Returns the entry of a call that ended at `now` and took `tookMs`. It is not in the database. */
export function finishedExecution(start: ExecutionStart, end: ExecutionEnd, tookMs: number, now: Date): ToolExecution {
  return {
    id: randomUUID(),
    sequence: 0,
    environmentId: start.environmentId,
    accountId: start.accountId,
    toolName: start.toolName,
    status: end.status,
    errorType: end.errorType,
    providerRequestIds: end.providerRequestIds,
    startedAt: new Date(now.getTime() - tookMs),
    finishedAt: now,
  }
}

/**
 * An SQL condition: the account of an execution was not deleted. Its executions are deleted after it. One value, so that
 * the rows of an index stay in its order: NOT EXISTS would become a join, or read all deleted accounts.
 */
const ofAccount = sql<boolean>`coalesce(
  (select false from deleted_accounts deleted
    where deleted.environment_id = tool_executions.environment_id and deleted.id = tool_executions.account_id), true
)`

/** Returns the executions with these ids in the environment, in no particular order. Unknown ids are left out. */
export async function findExecutionsById(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly ToolExecution[]> {
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('tool_executions')
    .select(executionColumns)
    .where(inEnvironment('environment_id', environmentId))
    .where('id', '=', anyOf('uuid', ids))
    .where(ofAccount)
    .execute()
  return rows.map(toExecution)
}

/** Which executions to list; an absent field does not restrict. */
export interface ExecutionFilter {
  readonly connectionName?: string | null | undefined
  readonly identifier?: string | null | undefined
  readonly toolName?: string | null | undefined
  readonly status?: readonly ExecutionStatus[] | null | undefined
  readonly errorType?: string | null | undefined
  /** The caller's narrowing. */
  readonly within?: Narrowing
}

/**
 * Returns executions, newest first, at most `limit`, with a sequence number below `before`. The newest executions of each
 * accepted status are read from an index and merged, so that the time taken depends neither on the length of the journal
 * nor on how rare a status is.
 */
export async function listExecutions(
  db: Db,
  environmentId: string,
  { identifier, toolName, status, errorType, within = notNarrowed, ...filter }: ExecutionFilter,
  { limit, before }: { readonly limit: number; readonly before: number | null },
): Promise<readonly ToolExecution[]> {
  const accepted = sql<{ status: ExecutionStatus }>`unnest(${status ?? Object.keys(executionStatuses)}::text[])`
  const connectionName = filter.connectionName ?? soleConnection(within)
  const identifiers = namedIdentifiers(identifier, within)
  let apps = db.selectFrom('oauth_apps').select('oauth_apps.id').where('environment_id', '=', environmentId)
  if (connectionName != null) apps = apps.where('connection_name', '=', connectionName)
  else if (within.connectionNames !== null) apps = apps.where('connection_name', 'in', within.connectionNames)
  // The accounts of identifiers are found first, and those of a single connection have an index of their own.
  const accountsWithin = identifiers ? null : permittedAccounts(db, environmentId, within)
  const newest = (condition: Expression<SqlBool>) => {
    let executions = db
      .selectFrom('tool_executions')
      .select(['id', 'sequence'])
      .where('environment_id', '=', environmentId)
      .where('status', '=', sql.ref<ExecutionStatus>('accepted.status'))
      .where(condition)
      .where(ofAccount)
    if (toolName != null) executions = executions.where('tool_name', '=', toolName)
    else if (within.toolNames !== null) executions = executions.where('tool_name', 'in', within.toolNames)
    if (errorType != null) executions = executions.where('error_type', '=', errorType)
    if (accountsWithin) executions = executions.where('account_id', 'in', accountsWithin)
    if (before !== null) executions = executions.where('sequence', '<', before)
    return executions.orderBy('sequence', 'desc').limit(limit).as('newest')
  }
  const newestOfEach = (condition: Expression<SqlBool>) =>
    db
      .selectFrom(accepted.as<'accepted'>(sql`accepted (status)`))
      .innerJoinLateral(newest(condition), (join) => join.onTrue())
      .select(['newest.id', 'newest.sequence'])
  const newestOfAccounts = (ofIdentifiers: readonly string[]) =>
    db
      .selectFrom(accountsNamed(apps, ofIdentifiers).as<'connected_accounts'>(sql`connected_accounts`))
      .innerJoin(accepted.as<'accepted'>(sql`accepted (status)`), (join) => join.onTrue())
      .innerJoinLateral(newest(sql`account_id = connected_accounts.id`), (join) => join.onTrue())
      .select(['newest.id', 'newest.sequence'])
  const newestOfApp = () =>
    newestOfEach(sql`oauth_app_id = (${apps})`).unionAll(
      // Entries of nodes of release 0.1. Not with EXISTS, which could become a join that reads all accounts of the app.
      newestOfEach(sql`oauth_app_id is null and (${apps}) = (
        select connected_accounts.oauth_app_id from connected_accounts where connected_accounts.id = account_id
      )`),
    )
  const found =
    identifiers !== null
      ? newestOfAccounts(identifiers)
      : connectionName != null
        ? newestOfApp()
        : newestOfEach(sql.lit(true))
  const rows = await db
    .selectFrom('tool_executions')
    .select(executionColumns)
    .where(
      'id',
      'in',
      db.selectFrom(found.as('found')).select('found.id').orderBy('found.sequence', 'desc').limit(limit),
    )
    .orderBy('sequence', 'desc')
    .execute()
  return rows.map(toExecution)
}

/** A query for the accounts that a narrowing permits; null: all. */
function permittedAccounts(db: Db, environmentId: string, within: Narrowing) {
  const permitted = identifierCondition(within, sql.ref('connected_accounts.identifier'))
  if (permitted === null && (within.connectionNames === null || soleConnection(within) !== null)) return null
  let accounts = db
    .selectFrom('connected_accounts')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'connected_accounts.oauth_app_id')
    .select('connected_accounts.id')
    .where('connected_accounts.environment_id', '=', environmentId)
    .where('oauth_apps.environment_id', '=', environmentId)
  if (within.connectionNames !== null) accounts = accounts.where('connection_name', 'in', within.connectionNames)
  return permitted === null ? accounts : accounts.where(permitted)
}

/** The columns that {@link toExecution} reads. By name, so that statements with them can be prepared. */
export const executionColumns = [
  'id',
  'sequence',
  'environment_id',
  'account_id',
  'tool_name',
  'status',
  'error_type',
  'provider_request_ids',
  'started_at',
  'finished_at',
] as const satisfies readonly (keyof ToolExecutionsTable)[]

/** A row with the columns of {@link executionColumns}. */
export type ExecutionRow = Pick<Selectable<ToolExecutionsTable>, (typeof executionColumns)[number]>

/** Converts a row. */
export function toExecution(row: ExecutionRow): ToolExecution {
  return {
    id: row.id,
    sequence: row.sequence,
    environmentId: row.environment_id,
    accountId: row.account_id,
    toolName: row.tool_name,
    status: row.status,
    errorType: row.error_type,
    providerRequestIds: row.provider_request_ids,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }
}
