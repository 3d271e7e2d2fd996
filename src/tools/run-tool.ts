import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Actor } from '../audit/audit-log.ts'
import { InvalidToolInputError, OutcomeUnknownError, ProviderError, ToolError } from '../errors.ts'
import type { Log } from '../log.ts'
import { CallDeadlineError, type CallTimer } from './deadline.ts'
import { type CheckedInput, withinInput } from './input.ts'
import type { ExecutionEnd } from './journal.ts'
import type { OpenAccount, Sender } from './send.ts'
import type { AnyTool, RatePolicy } from './tool.ts'

/** A call that has passed all checks and whose account is open. */
export interface PreparedCall {
  readonly tool: AnyTool
  readonly input: CheckedInput
  /** Null for tools that read. */
  readonly idempotencyKey: string | null
  readonly opened: OpenAccount
  readonly timer: CallTimer
  /** Set for a call that a person has just approved. It runs if this approval is still pending. */
  readonly approval?: { readonly id: string; readonly decidedBy: Actor }
}

/** What running a tool works with. */
export interface RunContext {
  /** The base of the provider's API for an account, without a final slash. */
  readonly providerApiUrl: (account: ConnectedAccount) => string
  /** Returns the rate limit that a connector's provider sets for each grant. */
  readonly ratePolicy: (connector: string) => RatePolicy
  readonly log: Log
}

/** How a tool ended. */
export type Run = { readonly body: unknown } | { readonly error: unknown }

/** Runs the tool. Never throws: a failure is part of the result, as the journal records it too. */
export async function runTool(context: RunContext, call: PreparedCall, sender: Sender): Promise<Run> {
  const { tool, input, timer } = call
  const { account } = call.opened
  const apiUrl = context.providerApiUrl(account)
  try {
    const rate = context.ratePolicy(tool.connector)
    const body: unknown = await tool.run(
      { account, apiUrl, rate, signal: timer.signal, send: sender.send },
      input.value,
    )
    return { body }
  } catch (error) {
    if (error instanceof InvalidToolInputError) {
      return { error: new InvalidToolInputError(withinInput(error.issues, input.normalized), error.hint) }
    }
    if (error instanceof ToolError) return { error }
    // A bug, the deadline or a caller that left, after something may have been written.
    if (sender.mayHaveWritten()) {
      context.log.error({ err: error, toolName: tool.name }, 'a tool was interrupted after it had started to write')
      return { error: new OutcomeUnknownError('The call was interrupted after it had started to write.') }
    }
    if (error instanceof CallDeadlineError) {
      const details = { status: null, code: null, retryable: true }
      return { error: new ProviderError('The call did not finish in time.', details) }
    }
    return { error }
  }
}

/** Returns what the journal records about the end of a call. */
export function executionEnd(run: Run, sender: Sender, timer: CallTimer): ExecutionEnd {
  const providerRequestIds = [...sender.requestIds]
  if ('body' in run) return { status: 'SUCCEEDED', errorType: null, providerRequestIds }
  const { error } = run
  if (error instanceof OutcomeUnknownError) {
    return { status: 'OUTCOME_UNKNOWN', errorType: error.name, providerRequestIds }
  }
  if (error instanceof ToolError) return { status: 'FAILED', errorType: error.name, providerRequestIds }
  const cancelled = timer.signal.aborted && error === timer.signal.reason
  return { status: 'FAILED', errorType: cancelled ? 'Cancelled' : 'InternalError', providerRequestIds }
}
