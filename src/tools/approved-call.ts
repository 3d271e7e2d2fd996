import type { Viewer } from '../environments/viewer.ts'
import { ApprovalNotFoundError } from '../errors.ts'
import { type AdmittedRequest, admit, InsufficientScopeError, NarrowedCredentialError } from './admission.ts'
import { isSameCall } from './approval-call.ts'
import { openPending } from './approval-decision.ts'
import { keyOfApproval } from './approval-request.ts'
import type { StoredApproval } from './approval-store.ts'
import { checkCapabilities } from './capability-check.ts'
import { ownerOf } from './idempotency.ts'
import { type OpenToolAccount, openToolAccount } from './open-tool-account.ts'
import type { PreparedCall } from './run-tool.ts'
import type { ToolCatalogue } from './tool.ts'

/** What {@link prepareApproved} works with. */
type ApprovedContext = Parameters<typeof openPending>[0] & {
  readonly catalogue: ToolCatalogue
  readonly openAccount: OpenToolAccount
  readonly requesterOf: (environmentId: string, apiKeyId: string) => Promise<Viewer | null>
}

/**
 * Returns a pending call, ready to run, if everything that it was requested with still holds: its stored input, the rights of
 * its requester, the policies, the tool, the account and its user at the provider. Throws an ApprovalNotFoundError that
 * states what has changed, or what the tool's call would fail with now.
 */
export async function prepareApproved(
  context: ApprovedContext,
  approval: StoredApproval,
): Promise<Omit<PreparedCall, 'timer'>> {
  const { environmentId, requesterKeyId, connectionName, identifier, row } = approval
  const requester = await context.requesterOf(environmentId, requesterKeyId)
  if (!requester) throw new ApprovalNotFoundError('The API key that requested the call is no longer accepted.')
  const stored = await openPending(context, approval)
  if (!stored) throw new ApprovalNotFoundError('The stored call was changed in the database, and is refused.')
  try {
    const admitted = admitStored(context.catalogue, requester, approval, stored)
    const { tool, input } = admitted
    const opened = await openToolAccount(context, requester, tool, { connectionName, identifier })
    const { id, grant } = opened.account
    if (id !== approval.accountId || grant === null || ownerOf(grant) !== row.owner)
      throw new ApprovalNotFoundError('Another user of the provider has connected the account since.')
    checkCapabilities(tool, opened.account)
    return { tool, input, opened, idempotencyKey: row.idempotency_key ?? keyOfApproval(approval.id) }
  } catch (error) {
    if (!(error instanceof InsufficientScopeError || error instanceof NarrowedCredentialError)) throw error
    throw new ApprovalNotFoundError('The API key that requested the call may no longer make it.')
  }
}

function admitStored(
  catalogue: ToolCatalogue,
  requester: Viewer,
  { row }: StoredApproval,
  stored: Parameters<typeof isSameCall>[0],
): AdmittedRequest {
  const { tool_name: toolName, idempotency_key: idempotencyKey } = row
  const admitted = admit(catalogue, requester, { toolName, toolInput: stored.passed, idempotencyKey })
  if (isSameCall(stored, row, admitted.input)) return admitted
  throw new ApprovalNotFoundError('This release reads the input in another way than the one that stored it.')
}
