/** The limits of the pipeline. */
export interface ToolLimits {
  /** How long one tool call may take, including its wait for the rate budget. Milliseconds. */
  readonly callMs: number
  /** The maximum size of a result in bytes of UTF-8 JSON; larger ones are cut. */
  readonly resultBytes: number
  /** Calls of one grant that may wait for its rate budget at a time on one node. */
  readonly waitingPerGrant: number
  /** How long a result is stored under its idempotency key. Milliseconds. */
  readonly idempotencyMs: number
  /** How long the journal stores a finished execution. Milliseconds. */
  readonly journalMs: number
  /** How long a call waits for the approval of a person. Milliseconds. */
  readonly approvalMs: number
  /** Calls of one account that may wait for an approval at a time. */
  readonly pendingApprovals: number
}

/** 60 seconds per call, 100 KB per result, an hour to approve a call. */
export const defaultToolLimits: ToolLimits = {
  callMs: 60_000,
  resultBytes: 100 * 1024,
  waitingPerGrant: 500,
  idempotencyMs: 24 * 60 * 60_000,
  journalMs: 90 * 24 * 60 * 60_000,
  approvalMs: 60 * 60_000,
  pendingApprovals: 20,
}
