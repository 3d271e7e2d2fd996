import { type Selectable, sql } from 'kysely'
import { idsNamed } from '../accounts/account-store.ts'
import type { Db } from '../db/database.ts'
import { anyOf, inEnvironment } from '../db/found-by-id.ts'
import type { ToolApprovalsTable } from '../db/tables.ts'
import { currentTime } from '../db/time.ts'
import { identifierCondition, type Narrowing, namedIdentifiers, permits } from '../environments/narrowing.ts'
import type { SealedApprovalRow } from './approval-call.ts'

/** The status of an approval, with what each value means. The GraphQL enum is made from this. */
export const approvalStatuses = {
  PENDING: 'Waiting for the decision of a person.',
  APPROVED: 'Approved. The call was run; see the execution.',
  REJECTED: 'Rejected. The call was not run.',
  EXPIRED: 'Not decided in time. The call was not run.',
} as const

export type ApprovalStatus = keyof typeof approvalStatuses

/** A call that needs or needed an approval, without its input. */
export interface StoredApproval {
  readonly id: string
  readonly environmentId: string
  readonly accountId: string
  readonly connectionName: string
  /** Whether the user can decide on a page: the application has a confirmation URL. */
  readonly hasPage: boolean
  readonly identifier: string
  readonly toolName: string
  readonly status: ApprovalStatus
  /** The API key that requested it. */
  readonly requesterKeyId: string
  /** The call that an approval ran; null: none was run by it. */
  readonly executionId: string | null
  /** Who decided, as `Actor.name`. */
  readonly decidedBy: string | null
  readonly rejectionReason: string | null
  readonly createdAt: Date
  readonly expiresAt: Date
  /** Milliseconds until then, by the database's clock when it was read. */
  readonly expiresInMs: number
  readonly decidedAt: Date | null
  /** The row that binds {@link StoredApproval.sealedCall}. */
  readonly row: SealedApprovalRow
  /** Null once it is decided. */
  readonly sealedCall: string | null
}

/** How long a decided approval is stored: as long as the result of its call. */
export const decidedForHours = 24

/** An SQL condition: whether an approval waits and has not expired. */
export const isPending = sql<boolean>`(tool_approvals.state = 'pending' and tool_approvals.expires_at > ${currentTime})`

const expiresInMs = sql<number>`extract(epoch from tool_approvals.expires_at - ${currentTime})::float8 * 1000`

/** The approvals of all environments: each use must restrict them to that of the caller. */
const selectApprovals = (db: Db) =>
  db
    .selectFrom('tool_approvals')
    // One look-up for each: for a join, Postgres may read all accounts of an environment that is larger than it expects.
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('connected_accounts')
          .select(['identifier', 'oauth_app_id'])
          .whereRef('connected_accounts.environment_id', '=', 'tool_approvals.environment_id')
          .whereRef('connected_accounts.id', '=', 'tool_approvals.account_id')
          .limit(1)
          .as('account'),
      (join) => join.onTrue(),
    )
    .innerJoin('oauth_apps', 'oauth_apps.id', 'account.oauth_app_id')
    .selectAll('tool_approvals')
    .select([
      'account.identifier',
      'oauth_apps.connection_name',
      'oauth_apps.confirmation_url',
      isPending.as('is_pending'),
      expiresInMs.as('expires_in_ms'),
    ])

/** Which approvals to list; an absent field does not restrict. */
export interface ApprovalFilter {
  readonly connectionName?: string | null | undefined
  readonly identifier?: string | null | undefined
  /** The caller's narrowing. */
  readonly within: Narrowing
}

/** Returns the approvals that wait, oldest first, at most `limit`. */
export async function listPendingApprovals(
  db: Db,
  environmentId: string,
  { connectionName, identifier, within }: ApprovalFilter,
  limit: number,
): Promise<readonly StoredApproval[]> {
  let query = selectApprovals(db).where('tool_approvals.environment_id', '=', environmentId).where(isPending)
  if (connectionName != null) query = query.where('oauth_apps.connection_name', '=', connectionName)
  if (within.connectionNames) query = query.where('oauth_apps.connection_name', 'in', within.connectionNames)
  if (within.toolNames) query = query.where('tool_approvals.tool_name', 'in', within.toolNames)
  const identifiers = namedIdentifiers(identifier, within)
  if (identifiers !== null)
    query = query.where(sql<boolean>`tool_approvals.account_id = any (${idsNamed(db, environmentId, identifiers)})`)
  const permitted = identifierCondition(within, sql.ref('account.identifier'))
  if (permitted) query = query.where(permitted)
  const rows = await query.orderBy('tool_approvals.created_at').orderBy('tool_approvals.id').limit(limit).execute()
  return rows.map(toApproval).filter((approval) => permits(within, approval))
}

/** Returns the environment's approvals with these ids, decided ones too, in no particular order. */
export async function findApprovalsById(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly StoredApproval[]> {
  if (ids.length === 0) return []
  const rows = await selectApprovals(db)
    .where(inEnvironment('tool_approvals.environment_id', environmentId))
    .where('tool_approvals.id', '=', anyOf('uuid', ids))
    .execute()
  return rows.map(toApproval)
}

/** Names an approval as its requester does: by an idempotency key, or by the same input without one. */
export interface RequestedCall {
  readonly environmentId: string
  readonly accountId: string
  readonly requesterKeyId: string
  readonly owner: string
  readonly toolName: string
  readonly idempotencyKey: string | null
  readonly inputHash: string
}

/**
 * Returns the newest approval of a call that is pending, or decided and of use to its requester. One without an idempotency
 * key is of use until its outcome has been collected.
 */
export async function findRequestedApproval(db: Db, call: RequestedCall): Promise<StoredApproval | null> {
  let query = selectApprovals(db)
    .where('tool_approvals.environment_id', '=', call.environmentId)
    .where('tool_approvals.account_id', '=', call.accountId)
    .where('tool_approvals.requester_key_id', '=', call.requesterKeyId)
    .where('tool_approvals.owner', '=', call.owner)
    .where(
      sql<boolean>`(${isPending} or (tool_approvals.state <> 'pending' and tool_approvals.purge_at > ${currentTime}))`,
    )
  query =
    call.idempotencyKey === null
      ? query
          .where('tool_approvals.input_hash', '=', call.inputHash)
          .where('tool_approvals.idempotency_key', 'is', null)
          .where('tool_approvals.collected_at', 'is', null)
      : query.where('tool_approvals.idempotency_key', '=', call.idempotencyKey)
  const row = await query.orderBy('tool_approvals.created_at', 'desc').limit(1).executeTakeFirst()
  return row ? toApproval(row) : null
}

/**
 * Notes that the requester of a call without an idempotency key has got its outcome. Returns false if it was noted before:
 * of two callers one gets it.
 */
export async function collect(db: Db, { environmentId, id }: StoredApproval): Promise<boolean> {
  const collected = await db
    .updateTable('tool_approvals')
    .set({ collected_at: currentTime })
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .where('collected_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return collected !== undefined
}

function toApproval(
  row: Selectable<ToolApprovalsTable> & {
    readonly identifier: string
    readonly connection_name: string
    readonly confirmation_url: string | null
    readonly is_pending: boolean
    readonly expires_in_ms: number
  },
): StoredApproval {
  const undecided = row.is_pending ? 'PENDING' : 'EXPIRED'
  return {
    id: row.id,
    environmentId: row.environment_id,
    accountId: row.account_id,
    connectionName: row.connection_name,
    hasPage: row.confirmation_url !== null,
    identifier: row.identifier,
    toolName: row.tool_name,
    status: row.state === 'pending' ? undecided : row.state === 'approved' ? 'APPROVED' : 'REJECTED',
    requesterKeyId: row.requester_key_id,
    executionId: row.execution_id,
    decidedBy: row.decided_by,
    rejectionReason: row.rejection_reason,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    expiresInMs: row.expires_in_ms,
    decidedAt: row.decided_at,
    row: {
      id: row.id,
      environment_id: row.environment_id,
      account_id: row.account_id,
      requester_key_id: row.requester_key_id,
      owner: row.owner,
      tool_name: row.tool_name,
      idempotency_key: row.idempotency_key,
      input_hash: row.input_hash,
      expires_at: row.expires_at,
    },
    sealedCall: row.sealed_call,
  }
}
