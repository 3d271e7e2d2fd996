import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { publicId } from '../audit/audit-log.ts'
import type { Db, Trx } from '../db/database.ts'
import { inSeconds } from '../db/time.ts'
import type { Viewer } from '../environments/viewer.ts'
import {
  AccountNotActiveError,
  ApprovalRequiredError,
  IdempotencyConflictError,
  InvalidToolInputError,
  OutcomeUnknownError,
  ProviderError,
  type ToolError,
  ToolNotAllowedError,
} from '../errors.ts'
import type { Vault } from '../vault/vault.ts'
import { approvalCallOf, sealApprovalCall, summaryOf } from './approval-call.ts'
import { collect, findRequestedApproval, isPending, type RequestedCall, type StoredApproval } from './approval-store.ts'
import { countRule } from './bounds.ts'
import { type Executed, type ExecutionContext, executeWrite } from './execution.ts'
import { earlierResult, ownerOf } from './idempotency.ts'
import { findExecutionsById } from './journal.ts'
import type { PreparedCall } from './run-tool.ts'

/** The largest input that a person can be asked to approve: the JSON of the checked input, in UTF-16 code units. */
const maxInputLength = 256 * 1024

/** The idempotency key of the call of an approval whose requester passed none. */
export const keyOfApproval = (approvalId: string) => `approval:${approvalId}`

/**
 * Serves a call that needs the approval of a person. Returns the result of the call if it was approved and has run before.
 * Otherwise stores the call, unless it waits already, and throws an ApprovalRequiredError.
 *
 * Sends nothing. Throws what the approved call failed with as a ProviderError or OutcomeUnknownError, a ToolNotAllowedError
 * for a call that was rejected, or if too many wait, and as `claimKey` does.
 */
export async function requestApproval(
  context: ExecutionContext,
  viewer: Viewer,
  call: PreparedCall,
  passed: unknown,
): Promise<Executed> {
  const requested = requestedCall(viewer, call)
  // Before approvals are asked about: the call may have run when it needed none.
  if (requested.idempotencyKey !== null) {
    const earlier = await resultUnder(context, call, requested, requested.idempotencyKey)
    if (earlier) return earlier
  }
  const known = await findRequestedApproval(context.db, requested)
  const approval = known ?? (await storeRequest(context, call, requested, passed))
  if (approval.row.input_hash !== requested.inputHash)
    throw new IdempotencyConflictError(requested.idempotencyKey ?? '')
  if (approval.status === 'PENDING') throw approvalRequired(call, approval, passed)
  const outcome = await outcomeOf(context, call, requested, approval)
  return outcome ?? requestApproval(context, viewer, call, passed)
}

/**
 * Runs a call that writes and needs no approval. One without an idempotency key may have asked for an approval while a policy
 * required it: its repetition returns the outcome of the approved call, or runs under the key of that approval, so that
 * approving it later writes nothing twice. Throws as {@link requestApproval} and `executeWrite` do.
 */
export async function writeWithoutApproval(
  context: ExecutionContext,
  viewer: Viewer,
  call: PreparedCall,
): Promise<Executed> {
  if (call.idempotencyKey !== null) return executeWrite(context, call)
  const requested = requestedCall(viewer, call)
  const asked = await findRequestedApproval(context.db, requested)
  if (asked === null) return executeWrite(context, call)
  if (asked.status !== 'PENDING')
    return (await outcomeOf(context, call, requested, asked)) ?? writeWithoutApproval(context, viewer, call)
  // Once: the next call with this input is a new one.
  const isFirst = await collect(context.db, asked)
  return executeWrite(context, isFirst ? { ...call, idempotencyKey: keyOfApproval(asked.id) } : call)
}

function requestedCall(viewer: Viewer, { tool, input, idempotencyKey, opened }: PreparedCall): RequestedCall {
  const { id: accountId, environmentId, grant } = opened.account
  if (grant === null) throw new Error('An opened account has no grant.')
  return {
    environmentId,
    accountId,
    requesterKeyId: viewer.credential.apiKeyId,
    owner: ownerOf(grant),
    toolName: tool.name,
    idempotencyKey,
    inputHash: input.hash,
  }
}

async function resultUnder(
  context: ExecutionContext,
  { opened, timer }: PreparedCall,
  requested: RequestedCall,
  key: string,
): Promise<Executed | null> {
  const { deadline, signal } = timer
  const earlier = await earlierResult(context, { key, owner: requested.owner }, requested, { deadline, signal })
  return earlier && { body: earlier.body, account: opened.account, execution: earlier.execution }
}

const approvalRequired = (
  { tool, input }: PreparedCall,
  { id, expiresAt, row, hasPage }: StoredApproval,
  passed: unknown,
) =>
  new ApprovalRequiredError(tool.name, {
    id,
    publicId: publicId(`ToolApproval:${id}`),
    // The call has the input that was stored: its hash is the same.
    summary: summaryOf(tool, approvalCallOf(passed, input)),
    expiresAt,
    withKey: row.idempotency_key !== null,
    hasPage,
  })

/** Stores a call as pending, or returns the one that another process has stored meanwhile. */
async function storeRequest(
  context: ExecutionContext,
  call: PreparedCall,
  requested: RequestedCall,
  passed: unknown,
): Promise<StoredApproval> {
  const { limits, vault, db } = context
  const stored = approvalCallOf(passed, call.input)
  if (stored.value.length > maxInputLength) {
    const rule = countRule(stored.value.length, { max: maxInputLength }, ['character of JSON', 'characters of JSON'])
    const message = `${rule}: a person must approve the call`
    throw new InvalidToolInputError([{ path: '', message }], 'Split the input into several calls.')
  }
  await db.transaction().execute(async (trx) => {
    // Calls for one account take turns, so that the same call is stored once and the limit holds.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`tool_approvals ${requested.accountId}`}, 0))`.execute(
      trx,
    )
    if (await findRequestedApproval(trx, requested)) return
    await requireRoom(trx, requested, limits.pendingApprovals)
    await insertRequest(trx, vault, call, requested, { stored, approvalMs: limits.approvalMs })
  })
  const approval = await findRequestedApproval(db, requested)
  // It was erased since, with its account.
  if (!approval) throw disconnected(call.opened.account)
  return approval
}

const disconnected = (account: ConnectedAccount) =>
  new AccountNotActiveError({ ...account, status: 'DISCONNECTED', statusReason: 'DISCONNECTED_BY_APPLICATION' })

async function requireRoom(
  trx: Trx,
  { environmentId, accountId, toolName }: RequestedCall,
  max: number,
): Promise<void> {
  const { count } = await trx
    .selectFrom('tool_approvals')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('environment_id', '=', environmentId)
    .where('account_id', '=', accountId)
    .where(isPending)
    .executeTakeFirstOrThrow()
  if (count < max) return
  throw new ToolNotAllowedError(toolName, 'maxPendingApprovals', {
    message: `${max} calls of this account wait for an approval already.`,
    hint: 'Ask the user to approve or reject the calls that wait, then make the call again.',
  })
}

async function insertRequest(
  trx: Trx,
  vault: Vault,
  { opened }: PreparedCall,
  requested: RequestedCall,
  { stored, approvalMs }: { readonly stored: ReturnType<typeof approvalCallOf>; readonly approvalMs: number },
): Promise<void> {
  // The account is locked against a disconnection, which erases what waits; one that was disconnected stores nothing.
  const account = await trx
    .selectFrom('connected_accounts')
    .select(inSeconds(approvalMs / 1000).as('expires_at'))
    .where('environment_id', '=', requested.environmentId)
    .where('id', '=', requested.accountId)
    .where('status', '=', 'ACTIVE')
    .forKeyShare()
    .executeTakeFirst()
  if (!account) throw disconnected(opened.account)
  const row = {
    id: randomUUID(),
    environment_id: requested.environmentId,
    account_id: requested.accountId,
    requester_key_id: requested.requesterKeyId,
    owner: requested.owner,
    tool_name: requested.toolName,
    idempotency_key: requested.idempotencyKey,
    input_hash: requested.inputHash,
    expires_at: account.expires_at,
  }
  const sealed = await sealApprovalCall(vault, stored, row)
  await trx
    .insertInto('tool_approvals')
    .values({ ...row, sealed_call: sealed, purge_at: row.expires_at })
    .execute()
}

/** Returns or throws what a decided approval has led to; null when another caller has got it, and the call is a new one. */
async function outcomeOf(
  context: ExecutionContext,
  call: PreparedCall,
  requested: RequestedCall,
  approval: StoredApproval,
): Promise<Executed | null> {
  const withoutKey = requested.idempotencyKey === null
  const key = requested.idempotencyKey ?? keyOfApproval(approval.id)
  const result = approval.status === 'REJECTED' ? null : await resultUnder(context, call, requested, key)
  // A requester without a key gets the outcome once: its next call with this input is a new one.
  if (withoutKey && !(await collect(context.db, approval))) return null
  if (result) return result
  throw await whyWithoutResult(context.db, approval)
}

/** Returns the error for a decided approval whose call has no stored result. */
export async function whyWithoutResult(db: Db, approval: StoredApproval): Promise<ToolError> {
  const { status, toolName, environmentId, executionId, rejectionReason } = approval
  if (status === 'REJECTED') {
    return new ToolNotAllowedError(toolName, 'approval', {
      message: `A person rejected the call of ${toolName}${rejectionReason ? `: ${rejectionReason}` : '.'}`,
      hint: 'Do not make the same call again. Ask the user what to do instead.',
    })
  }
  const [execution] = executionId === null ? [] : await findExecutionsById(db, environmentId, [executionId])
  const error =
    execution?.status === 'FAILED'
      ? new ProviderError(`The call was approved, and failed with ${execution.errorType}. Nothing was written.`, {
          status: null,
          code: null,
          retryable: false,
          hint: `An approval is for one call. To request the call again, make it ${approval.row.idempotency_key === null ? 'again' : 'with another idempotency key'}.`,
        })
      : new OutcomeUnknownError('The call was approved and carried out. Its result is no longer stored.')
  error.executionId = execution?.id ?? null
  return error
}
