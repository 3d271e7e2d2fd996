import { type Actor, publicId, recordAudit } from '../audit/audit-log.ts'
import type { Db } from '../db/database.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { mayActOn, type Viewer } from '../environments/viewer.ts'
import { ApprovalNotFoundError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Vault } from '../vault/vault.ts'
import { type ApprovalCall, openApprovalCall } from './approval-call.ts'
import { keyOfApproval, whyWithoutResult } from './approval-request.ts'
import { decidedForHours, findApprovalsById, isPending, type StoredApproval } from './approval-store.ts'
import { type EarlierResult, earlierResult, type IdempotencyContext } from './idempotency.ts'

/** The credential requested the call itself, and must not approve it. Entrances report it in their own form. */
export class OwnApprovalError extends Error {
  override readonly name = 'OwnApprovalError'

  constructor() {
    super('An API key without the scope ADMIN must not approve the calls that it made itself.')
  }
}

/** Returns an approval that the viewer may decide about. Throws an ApprovalNotFoundError. */
export async function requireApproval(db: Db, viewer: Viewer, id: string): Promise<StoredApproval> {
  const [approval] = await findApprovalsById(db, viewer.environmentId, [id])
  if (!approval || !mayActOn(viewer, approval)) throw new ApprovalNotFoundError()
  return approval
}

/** Throws an {@link OwnApprovalError} when an API key other than an ADMIN's decides about a call that it made. */
export function requireOther({ credential, scopes }: Viewer, { requesterKeyId }: StoredApproval): void {
  if (credential.kind === 'api_key' && credential.id === requesterKeyId && !scopes.has('ADMIN'))
    throw new OwnApprovalError()
}

/**
 * Returns the call of a pending approval; null when it does not open, because another program changed its row. Logs an error
 * then.
 */
export async function openPending(
  { vault, log }: { readonly vault: Vault; readonly log: Pick<Log, 'error'> },
  { id, row, sealedCall }: StoredApproval,
): Promise<ApprovalCall | null> {
  if (sealedCall === null) return null
  try {
    return await openApprovalCall(vault, sealedCall, row)
  } catch (err) {
    log.error({ err, approvalId: publicId(`ToolApproval:${id}`) }, 'refused a tool approval')
    return null
  }
}

/** Returns the result of a call that was approved before. Throws what it ended with, or an ApprovalNotFoundError. */
export async function resultOfDecided(
  context: IdempotencyContext,
  approval: StoredApproval,
  wait: { readonly deadline: number; readonly signal: AbortSignal },
): Promise<EarlierResult> {
  const { environmentId, accountId, status, row } = approval
  if (status === 'EXPIRED') throw new ApprovalNotFoundError('The approval has expired. The call was not run.')
  if (status === 'APPROVED') {
    const owned = { key: row.idempotency_key ?? keyOfApproval(approval.id), owner: row.owner }
    const earlier = await earlierResult(context, owned, { environmentId, accountId, inputHash: row.input_hash }, wait)
    if (earlier) return earlier
  }
  throw await whyWithoutResult(context.db, approval)
}

/**
 * Rejects a pending call, and erases its input. Rejecting it again changes nothing. Throws an ApprovalNotFoundError, also for
 * a call that was approved.
 */
export async function rejectApproval(
  db: Db,
  viewer: Viewer,
  id: string,
  { reason, decidedBy }: { readonly reason: string | null; readonly decidedBy: Actor },
): Promise<StoredApproval> {
  const approval = await requireApproval(db, viewer, id)
  const { environmentId } = viewer
  await db.transaction().execute(async (trx) => {
    const rejected = await trx
      .updateTable('tool_approvals')
      .set({
        state: 'rejected',
        sealed_call: null,
        rejection_reason: reason,
        decided_by: decidedBy.name,
        decided_at: currentTime,
        purge_at: inSeconds(decidedForHours * 3_600),
      })
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .where(isPending)
      .returning('id')
      .executeTakeFirst()
    // Another process has decided, or the time is over: the row as it is now states which.
    if (!rejected) return
    await recordAudit(trx, decidedBy, {
      environmentId,
      action: 'tool_approval.rejected',
      target: `ToolApproval:${id}`,
      after: { toolName: approval.toolName },
    })
  })
  const decided = await requireApproval(db, viewer, id)
  if (decided.status === 'REJECTED') return decided
  throw new ApprovalNotFoundError('The call was approved already, or the approval has expired.')
}
