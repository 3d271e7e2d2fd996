import { recordAudit } from '../audit/audit-log.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { ApprovalNotFoundError } from '../errors.ts'
import { decidedForHours, isPending } from './approval-store.ts'
import { type Claim, earlierResult, type IdempotencyContext, type OwnedKey, tryClaim } from './idempotency.ts'
import type { ExecutionStart } from './journal.ts'
import type { PreparedCall } from './run-tool.ts'

/**
 * Approves a pending call and journals it as RUNNING with its idempotency key, in one transaction: of all that approve it, on
 * all nodes, exactly one gets `ours`. A process that ends before the commit leaves the call pending; one that ends afterwards
 * leaves a call in the journal, which the sweeper sets to OUTCOME_UNKNOWN. The others get the result of the call. The input
 * is erased, so that the row cannot be made to run again.
 *
 * Throws an ApprovalNotFoundError when the call was rejected, has expired, was erased, or has failed since; and as
 * `claimKey` does.
 */
export async function claimApproved(
  context: IdempotencyContext,
  { id, decidedBy }: NonNullable<PreparedCall['approval']>,
  owned: OwnedKey,
  start: ExecutionStart,
  wait: { readonly deadline: number; readonly keepMs: number; readonly signal: AbortSignal },
): Promise<Claim> {
  const { environmentId, toolName } = start
  const claimed = await context.db.transaction().execute(async (trx) => {
    const found = await trx
      .selectFrom('tool_approvals')
      .select('id')
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .where(isPending)
      .forUpdate()
      .executeTakeFirst()
    if (!found) return null
    // Null: an earlier call has the key. Its result is that of this call, which is approved all the same.
    const execution = await tryClaim(trx, owned, start, wait.keepMs)
    await trx
      .updateTable('tool_approvals')
      .set({
        state: 'approved',
        sealed_call: null,
        execution_id: execution?.id ?? null,
        decided_by: decidedBy.name,
        decided_at: currentTime,
        purge_at: inSeconds(decidedForHours * 3_600),
      })
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .execute()
    await recordAudit(trx, decidedBy, {
      environmentId,
      action: 'tool_approval.approved',
      target: `ToolApproval:${id}`,
      after: { toolName, toolExecutionId: execution?.id ?? null },
    })
    return execution
  })
  if (claimed) return { kind: 'ours', execution: claimed }
  const earlier = await earlierResult(context, owned, start, wait)
  if (earlier) return earlier
  throw new ApprovalNotFoundError('The call was decided meanwhile, or has expired.')
}
