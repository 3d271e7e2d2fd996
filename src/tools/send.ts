import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { fullJitter } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import {
  OAuthAppRejectedError,
  OutcomeUnknownError,
  ProviderError,
  ProviderUnavailableError,
  RateLimitedError,
  ToolError,
} from '../errors.ts'
import type { Secret } from '../vault/secret.ts'
import { CallDeadlineError, type CallTimer, comesTooLate, orAborted, startCallTimer } from './deadline.ts'
import type { RateBudget } from './rate-budget.ts'
import type { GrantBudget } from './rate-window.ts'
import {
  AccessTokenRefused,
  type ProviderAnswer,
  type RatePolicy,
  type ReadLimit,
  Retryable,
  type ToolCall,
} from './tool.ts'

/** An active account with its access token. */
export interface OpenAccount {
  readonly account: ConnectedAccount
  readonly accessToken: Secret
}

/**
 * Returns an access token of a newer version than the refused one, renewed by this call or another. Throws a ToolError,
 * a ProviderUnavailableError or an OAuthAppRejectedError.
 */
export type RenewAccessToken = (
  account: ConnectedAccount,
  refusedVersion: number,
) => Promise<{ readonly accessToken: Secret; readonly grantId: string; readonly version: number }>

/** What a sender works with. */
export interface SenderOptions {
  readonly opened: OpenAccount
  readonly renewAccessToken: RenewAccessToken
  readonly budget: RateBudget
  readonly ratePolicy: RatePolicy
  readonly clock: Clock
  readonly timer: CallTimer
  /** Whether the tool is declared as one that writes. */
  readonly mayWrite: boolean
}

/** Sends the requests of one call to the provider. */
export interface Sender {
  readonly send: ToolCall['send']
  /** The account, with the version of its grant that was used last. */
  account(): ConnectedAccount
  /** The provider's ids of all requests so far. */
  readonly requestIds: string[]
  /** Whether anything may have been written: a write was answered, or its outcome is unknown. */
  mayHaveWritten(): boolean
}

/**
 * How often one request is sent while the provider cannot serve it, and while it refuses it for its rate limit. An early
 * failure is worth more to a caller than another attempt.
 */
const maxAttempts = 4
const maxRateAttempts = 6

/**
 * How long one request that reads may take, in milliseconds: a third of a call, so that a request that hangs can be
 * repeated. A write may take the whole call, as it is never repeated.
 */
const maxReadMs = 20_000

/** Request ids of the provider that one execution stores. */
const maxRequestIds = 100

/** Pauses before a request is repeated. */
const pauses = { firstMs: 250, maxMs: 8_000 }

/**
 * Creates {@link ToolCall.send} for one call. A write that may have been carried out is never sent twice: reads are
 * repeated after every {@link Retryable} failure until the deadline, writes only after failures that prove that nothing
 * was written. A refused access token (RFC 6750 `invalid_token`) proves that too; it is renewed once.
 */
export function createSender(options: SenderOptions): Sender {
  const { renewAccessToken, budget, clock, timer, mayWrite } = options
  const requestIds: string[] = []
  let { account, accessToken } = options.opened
  let answered = 0
  /** Writes that were sent and may have been carried out. */
  let inDoubt = 0

  const recordId = (requestId: string | null) => {
    if (requestId !== null && requestIds.length < maxRequestIds) requestIds.push(requestId)
  }

  const grantBudget = (): GrantBudget => {
    if (account.grant === null) throw new Error('An opened account has no grant.')
    return { environmentId: account.environmentId, grantId: account.grant.id, policy: options.ratePolicy }
  }

  /** Sends once. A write counts as in doubt until an answer or a failure settles it. */
  async function sendOnce<T>(
    kind: 'read' | 'write',
    request: (accessToken: Secret, signal: AbortSignal) => Promise<ProviderAnswer<T>>,
    limit: CallTimer,
  ): Promise<T> {
    await budget.acquire(grantBudget(), account.id, limit)
    limit.signal.throwIfAborted()
    if (kind === 'read') {
      const answer = await withinReadTime((signal) => request(accessToken, signal), limit)
      recordId(answer.requestId)
      return answer.body
    }
    // What the call waited for may have no length that was known before: the holder of its idempotency key, a renewal, a lock.
    const now = clock.now()
    if (answered + inDoubt === 0 && comesTooLate(now, timer.deadline, now - timer.startedAt)) throw tooLittleTime()
    timer.detach()
    inDoubt += 1
    try {
      const answer = await orAborted(request(accessToken, timer.signal), timer.signal)
      recordId(answer.requestId)
      inDoubt -= 1
      answered += 1
      return answer.body
    } catch (error) {
      if (provesNothingWritten(error)) inDoubt -= 1
      throw error
    }
  }

  async function withinReadTime<T>(request: (signal: AbortSignal) => Promise<T>, limit: CallTimer): Promise<T> {
    const attempt = startCallTimer(clock, maxReadMs, limit.signal)
    try {
      return await orAborted(request(attempt.signal), attempt.signal)
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason
      if (attempt.signal.aborted) throw readTimedOut()
      throw error
    } finally {
      attempt.stop()
    }
  }

  async function sendUntilDone<T>(
    kind: 'read' | 'write',
    request: (accessToken: Secret, signal: AbortSignal) => Promise<ProviderAnswer<T>>,
    limit: CallTimer,
  ): Promise<T> {
    let renewed = false
    for (let attempt = 0; ; attempt++) {
      const used = account.grant?.version ?? 0
      try {
        return await sendOnce(kind, request, limit)
      } catch (error) {
        if (error instanceof AccessTokenRefused) {
          recordId(error.requestId)
          if (renewed) throw refusedAgain(error)
          renewed = true
          // Another request of this call may have renewed it in the meantime; then its token is used.
          if ((account.grant?.version ?? 0) === used) await renewToken(used)
          continue
        }
        if (error instanceof Retryable || error instanceof ProviderError) recordId(error.requestId)
        if (!(error instanceof Retryable)) throw error
        if (kind === 'write' && error.mayHaveWritten) throw outcomeUnknown(error)
        const pauseMs = pauseAfter(error, attempt, clock)
        if (error.rateLimited) await budget.refuse(grantBudget(), pauseMs)
        const attempts = error.rateLimited ? maxRateAttempts : maxAttempts
        if (attempt + 1 >= attempts || comesTooLate(clock.now() + pauseMs, limit.deadline, pauseMs))
          throw finalError(error, pauseMs)
        // After a refusal for its rate the budget makes the whole grant wait, in order.
        if (!error.rateLimited) await clock.sleep(pauseMs, limit.signal)
      }
    }
  }

  async function renewToken(refusedVersion: number): Promise<void> {
    const renewal = await orAborted(renewAccessToken(account, refusedVersion), timer.signal).catch((error: unknown) => {
      throw asToolError(error)
    })
    // The account has been connected again meanwhile, perhaps by another user of the provider, to whom the key of this call
    // and what it has written so far do not belong.
    if (mayWrite && renewal.grantId !== account.grant?.id) throw connectedAgain()
    accessToken = renewal.accessToken
    if (account.grant !== null) {
      account = { ...account, grant: { ...account.grant, id: renewal.grantId, version: renewal.version } }
    }
  }

  async function send<T>(
    kind: 'read' | 'write',
    request: (accessToken: Secret, signal: AbortSignal) => Promise<ProviderAnswer<T>>,
    within?: ReadLimit,
  ): Promise<T> {
    if (kind === 'write' && !mayWrite) throw new Error('A tool that is declared as read-only sent a write.')
    if (kind === 'write' || within === undefined) return sendWithin(kind, request, timer)
    const limit = startCallTimer(
      clock,
      within.milliseconds,
      within.signal === undefined ? timer.signal : AbortSignal.any([timer.signal, within.signal]),
    )
    try {
      return await sendWithin(kind, request, { ...limit, deadline: Math.min(limit.deadline, timer.deadline) })
    } finally {
      limit.stop()
    }
  }

  async function sendWithin<T>(
    kind: 'read' | 'write',
    request: (accessToken: Secret, signal: AbortSignal) => Promise<ProviderAnswer<T>>,
    limit: CallTimer,
  ): Promise<T> {
    try {
      return await sendUntilDone(kind, request, limit)
    } catch (error) {
      if (limit.signal.aborted && error === limit.signal.reason) throw abortError(kind, error)
      throw error
    }
  }

  /** The error of a call whose time is over or whose caller left. A write in flight may have been carried out. */
  function abortError(kind: 'read' | 'write', reason: unknown): unknown {
    if (kind === 'write' && inDoubt > 0) {
      return new OutcomeUnknownError('The provider did not answer in time; whether it wrote is not known.')
    }
    if (!(reason instanceof CallDeadlineError)) return reason
    return new ProviderError('The provider did not answer in time.', { status: null, code: null, retryable: true })
  }

  return {
    send,
    requestIds,
    account: () => account,
    mayHaveWritten: () => answered + inDoubt > 0,
  }
}

const readTimedOut = () =>
  new Retryable('The provider did not answer in time.', {
    status: null,
    code: 'timeout',
    requestId: null,
    retryAfterMs: null,
    rateLimited: false,
    mayHaveWritten: false,
  })

/** Whether the provider or the network proves that a request had no effect. */
function provesNothingWritten(error: unknown): boolean {
  if (error instanceof AccessTokenRefused) return true
  if (error instanceof Retryable) return !error.mayHaveWritten
  return error instanceof ToolError && !(error instanceof OutcomeUnknownError)
}

/**
 * Returns the pause that the provider asked for plus jitter, or jitter alone. After a refusal for its rate the budget
 * admits the waiting calls one by one, so that no jitter is needed on top.
 */
function pauseAfter(error: Retryable, attempt: number, clock: Clock): number {
  const jitter = fullJitter(pauses, attempt, clock.random)
  if (error.retryAfterMs === null) return jitter
  return error.rateLimited ? Math.max(error.retryAfterMs, jitter) : error.retryAfterMs + jitter
}

function outcomeUnknown(error: Retryable): OutcomeUnknownError {
  return new OutcomeUnknownError(`${error.message.replace(/(?<![.\s])[.\s]*$/, '.')} Whether it wrote is not known.`)
}

function finalError(error: Retryable, pauseMs: number): ToolError {
  if (error.rateLimited) return new RateLimitedError(Math.max(pauseMs, 1_000))
  return new ProviderError(error.message, {
    status: error.status,
    code: error.code,
    requestId: error.requestId,
    retryable: true,
    retryAfterMs: error.retryAfterMs,
    ...(error.hint !== undefined && { hint: error.hint }),
  })
}

/** The failure of a renewal as an error of a tool call. Nothing was written, as the token was refused. */
function asToolError(error: unknown): unknown {
  if (error instanceof ProviderUnavailableError) {
    const { message, retryAfterMs } = error
    return new ProviderError(message, { status: null, code: null, retryable: true, retryAfterMs })
  }
  if (error instanceof OAuthAppRejectedError) {
    const message = `The provider rejects the client id or secret of the connection "${error.connectionName}".`
    return new ProviderError(message, {
      status: 401,
      code: 'invalid_client',
      retryable: false,
      hint: "Tell the user that the operator must correct the connection's client id and secret.",
    })
  }
  return error
}

const tooLittleTime = () =>
  new ProviderError('The call waited until too little of its time was left for a write, and has written nothing.', {
    status: null,
    code: null,
    retryable: true,
  })

const connectedAgain = () =>
  new ProviderError('The account was connected again during the call.', { status: null, code: null, retryable: true })

function refusedAgain(error: AccessTokenRefused): ProviderError {
  return new ProviderError('The provider refuses an access token that was just renewed.', {
    status: 401,
    code: 'unauthorized',
    requestId: error.requestId,
    retryable: true,
    hint: 'Repeat the call in a moment. If it fails again, ask the user to connect the account again.',
  })
}
