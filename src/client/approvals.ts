import { ofAccount } from './accounts.ts'
import { inputErrorFields, mutate, runTool } from './mutation.ts'
import type { Transport } from './transport.ts'
import type { Cancellable, ToolApproval, ToolResult } from './types.ts'

const approvalFields =
  'id status tool{name title}connectedAccount{connectionName identifier}summary approvalUrl input expiresAt'

/** Decisions about tool calls that need the approval of a person. They require the scope TOOLS_APPROVE, or a user session. */
export class Approvals {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Lists the calls that wait, oldest first. */
  pending(
    options: { connectionName?: string; identifier?: string } & Cancellable = {},
  ): Promise<readonly ToolApproval[]> {
    const { signal, ...variables } = options
    return this.#transport.request(
      ofAccount('query Pending', 'pendingApprovals', approvalFields, 'String', 'String'),
      variables,
      { signal },
    )
  }

  /** Approves a call and returns its result. Approving it again returns the stored result. Throws a ToolError. */
  approve<Data = unknown>(approvalId: string, options?: Cancellable): Promise<ToolResult<Data>> {
    return runTool(this.#transport, 'approveToolExecution', { approvalId }, options)
  }

  /** Rejects a call. The agent that made it gets the reason. Throws a ToolError. */
  async reject(approvalId: string, { reason, signal }: { reason?: string } & Cancellable = {}): Promise<void> {
    await mutate(this.#transport, 'rejectToolExecution', { approvalId, reason }, 'toolApproval{id}', {
      failure: inputErrorFields,
      signal,
    })
  }
}
