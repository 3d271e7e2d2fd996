import type { AccountName } from '../accounts/account-store.ts'
import { fullJitter } from '../backoff.ts'
import { AccountNotActiveError, AccountNotFoundError, RateLimitedError, WrongConnectionError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ToolEngine } from './engine.ts'
import type { ToolCall } from './tool.ts'

/** How a node works for grants in the background, one slice of time after the other. */
export interface GrantSliceContext {
  readonly engine: Pick<ToolEngine, 'openReader'>
  readonly timing: {
    /** How long a node works for one grant before others have their turn, in milliseconds. */
    readonly sliceMs: number
    /** The pauses after failures: the doubling bound of a random pause. */
    readonly backoff: { readonly firstMs: number; readonly maxMs: number }
  }
  /** Returns a number from 0 up to and without 1. */
  readonly random: () => number
  readonly log: Pick<Log, 'warn'>
  /** Aborts when the process stops. */
  readonly signal: AbortSignal
}

/** The grant that a slice is for, of which the caller holds the lease. */
export interface GrantSlice<Source> {
  readonly environmentId: string
  readonly grantId: string
  /** Finds an active account of the grant to read with, and what its connector reads; null where there is none. */
  find(): Promise<{ readonly account: AccountName & { readonly connector: string }; readonly source: Source } | null>
  /** Slices in a row that failed before this one. */
  readonly failures: number
  /** Names the work in the log, such as `indexing the content of a grant`. */
  readonly name: string
  /** Whether an error means that another node has taken over: it is thrown, and nothing is written. */
  readonly isLost: (error: unknown) => boolean
  /** Ends the lease without a result, and has the grant worked on again after `pausedMs`. */
  retry(pausedMs: number, failed: boolean): Promise<void>
}

/** The time of one slice's requests beyond the slice itself, in milliseconds. */
const requestMs = 60_000

/** The longest pause after the provider's limit was used up, in milliseconds. */
const maxRatePauseMs = 60_000

/**
 * Runs `work` with a reader of the grant; it ends the lease when it is done. Whatever else happens ends in a retry: at once
 * after a stop, when the provider permits it after its limit was used up, and otherwise after a pause that doubles. An account
 * that has ended, or has another grant by now, is not worth a line in the log.
 */
export async function workForGrant<Source>(
  { engine, timing, random, log, signal }: GrantSliceContext,
  { environmentId, grantId, find, failures, name, isLost, retry }: GrantSlice<Source>,
  work: (call: ToolCall, source: Source, isOver: () => boolean) => Promise<void>,
): Promise<void> {
  const retryLater = () => retry(fullJitter(timing.backoff, failures + 1, random), true)
  try {
    const limit = { milliseconds: timing.sliceMs + requestMs, signal }
    const found = await find()
    const reader = found && (await engine.openReader(environmentId, found.account, limit))
    if (found === null || reader === null) return await retryLater()
    try {
      if (reader.call.account.grant?.id !== grantId) return await retryLater()
      const endAt = performance.now() + timing.sliceMs
      await work(reader.call, found.source, () => signal.aborted || performance.now() >= endAt)
    } finally {
      reader.stop()
    }
  } catch (error) {
    if (isLost(error)) throw error
    if (signal.aborted) return await retry(0, false)
    if (error instanceof RateLimitedError) return await retry(Math.min(error.retryAfterMs ?? 0, maxRatePauseMs), false)
    const isGone =
      error instanceof AccountNotFoundError ||
      error instanceof AccountNotActiveError ||
      error instanceof WrongConnectionError
    if (!isGone) log.warn({ err: error, grant: grantId }, `${name} failed`)
    await retryLater()
  }
}
