/** The bounds of the pipeline. */
export interface ToolLimits {
  /** How long one tool call may take, its waiting for the rate budget included. Milliseconds. */
  readonly callMs: number
  /** The longest result in bytes of UTF-8 JSON; longer ones are cut. */
  readonly resultBytes: number
  /** Calls of one grant that may wait for its budget at a time on one node. */
  readonly waitingPerGrant: number
  /** How long an idempotency key keeps its result. Milliseconds. */
  readonly idempotencyMs: number
  /** How long the journal keeps a finished execution. Milliseconds. */
  readonly journalMs: number
}

/** 60 s a call, 100 KB a result. */
export const defaultToolLimits: ToolLimits = {
  callMs: 60_000,
  resultBytes: 100 * 1024,
  waitingPerGrant: 500,
  idempotencyMs: 24 * 60 * 60_000,
  journalMs: 90 * 24 * 60 * 60_000,
}
