import { sql } from 'kysely'
import { idsNamed } from '../accounts/account-store.ts'
import type { Db } from '../db/database.ts'
import { inEnvironment } from '../db/found-by-id.ts'
import { databaseNow } from '../db/time.ts'
import { identifierCondition, namedIdentifiers, notNarrowed } from '../environments/narrowing.ts'
import type { ExecutionFilter, ExecutionStatus } from './journal.ts'

/** Calls that are counted at most, the newest ones. A count reads each of them. */
export const maxCounted = 100_000

/** Calls of one tool that ended in the same way. */
export interface ExecutionCount {
  readonly toolName: string
  readonly status: ExecutionStatus
  readonly errorType: string | null
  readonly count: number
}

/** Calls that started in one part of the period. */
export interface ExecutionInterval {
  readonly startsAt: Date
  readonly counts: Readonly<Record<ExecutionStatus, number>>
}

/** Counts of tool calls. */
export interface ExecutionStatistics {
  readonly since: Date
  readonly until: Date
  /** Whether every call of the period is counted, rather than the newest {@link maxCounted}. */
  readonly complete: boolean
  /** The largest count first. */
  readonly counts: readonly ExecutionCount[]
  /** Parts of the same length that make up the period, oldest first. */
  readonly intervals: readonly ExecutionInterval[]
}

/**
 * Counts the calls of an environment that started within the last `hours`, by the clock of the database: by tool and
 * outcome, and for each of `intervals` parts of that time. Calls of deleted accounts are not counted.
 */
export async function countExecutions(
  db: Db,
  environmentId: string,
  { connectionName, identifier, toolName, status, errorType, within = notNarrowed }: ExecutionFilter,
  { hours, intervals }: { readonly hours: number; readonly intervals: number },
): Promise<ExecutionStatistics> {
  const until = await databaseNow(db)
  const since = new Date(until.getTime() - hours * 3_600_000)
  const lengthMs = (until.getTime() - since.getTime()) / intervals

  let newest = db
    .selectFrom('tool_executions')
    .innerJoin('connected_accounts', 'connected_accounts.id', 'tool_executions.account_id')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'connected_accounts.oauth_app_id')
    .select(['tool_executions.started_at', 'tool_executions.tool_name', 'tool_executions.error_type'])
    .select('tool_executions.status')
    .where('tool_executions.environment_id', '=', environmentId)
    .where(inEnvironment('connected_accounts.environment_id', environmentId))
    .where('tool_executions.started_at', '>=', since)
    .where('tool_executions.started_at', '<=', until)
    .orderBy('tool_executions.started_at', 'desc')
    .limit(maxCounted + 1)
  if (connectionName != null) newest = newest.where('connection_name', '=', connectionName)
  if (within.connectionNames !== null) newest = newest.where('connection_name', 'in', within.connectionNames)
  const identifiers = namedIdentifiers(identifier, within)
  if (identifiers !== null)
    newest = newest.where(sql<boolean>`tool_executions.account_id = any (${idsNamed(db, environmentId, identifiers)})`)
  const permitted = identifierCondition(within, sql.ref('connected_accounts.identifier'))
  if (permitted !== null) newest = newest.where(permitted)
  if (toolName != null) newest = newest.where('tool_name', '=', toolName)
  if (within.toolNames !== null) newest = newest.where('tool_name', 'in', within.toolNames)
  if (errorType != null) newest = newest.where('error_type', '=', errorType)
  if (status != null)
    newest = newest.where('tool_executions.status', '=', sql<ExecutionStatus>`any (${status}::text[])`)

  const position = sql<number>`least(${intervals} - 1, floor(
    extract(epoch from newest.started_at - ${since}::timestamptz) * 1000 / ${lengthMs}::double precision
  ))::int`
  const rows = await db
    .selectFrom(newest.as('newest'))
    .select(['tool_name', 'status', 'error_type', position.as('position'), sql<number>`count(*)::int`.as('count')])
    .groupBy(['tool_name', 'status', 'error_type', 'position'])
    .execute()

  const byOutcome = new Map<string, ExecutionCount>()
  const parts = Array.from({ length: intervals }, () => ({ RUNNING: 0, SUCCEEDED: 0, FAILED: 0, OUTCOME_UNKNOWN: 0 }))
  for (const { tool_name, status, error_type, position, count } of rows) {
    const key = JSON.stringify([tool_name, status, error_type])
    const known = byOutcome.get(key)?.count ?? 0
    byOutcome.set(key, { toolName: tool_name, status, errorType: error_type, count: known + count })
    const part = parts[position]
    if (part) part[status] += count
  }
  return {
    since,
    until,
    complete: rows.reduce((sum, { count }) => sum + count, 0) <= maxCounted,
    counts: [...byOutcome.values()].sort((a, b) => b.count - a.count || (a.toolName < b.toolName ? -1 : 1)),
    intervals: parts.map((counts, index) => ({ startsAt: new Date(since.getTime() + index * lengthMs), counts })),
  }
}
