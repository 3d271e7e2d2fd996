import type { ConnectedAccount } from '../accounts/connected-account.ts'
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
import { CallDeadlineError, type CallTimer, orAborted, startCallTimer } from './deadline.ts'
import type { RateBudget } from './rate-budget.ts'
import type { RatePolicy } from './connector.ts'
import type { GrantBudget } from './rate-window.ts'
import { AccessTokenRefused, type ProviderAnswer, Retryable, type ToolCall } from './tool.ts'

/** An account whose tokens may be used, with its access token. */
export interface OpenAccount {
  readonly account: ConnectedAccount
  readonly accessToken: Secret
}

/**
 * Gives an access token of a newer version than the refused one, whoever renewed it. Fails with a ToolError, a
 * ProviderUnavailableError or an OAuthAppRejectedError.
 */
export type RenewAccessToken = (
  account: ConnectedAccount,
  refusedVersion: number,
) => Promise<{ readonly accessToken: Secret; readonly grantId: string; readonly version: number }>

/** What one call's requests go through. */
export interface SenderOptions {
  readonly opened: OpenAccount
  readonly renew: RenewAccessToken
  readonly budget: RateBudget
  readonly ratePolicy: RatePolicy
  readonly clock: Clock
  readonly timer: CallTimer
  /** Whether the tool was declared as one that writes. */
  readonly mayWrite: boolean
}

/** The way to the provider for one call, and what it did there. */
export interface Sender {
  readonly send: ToolCall['send']
  /** The account, with the version of its grant that was used last. */
  account(): ConnectedAccount
  /** The provider's ids of all requests so far. */
  readonly requestIds: string[]
  /** Whether anything was sent that may have written: an answered write, or one of which nobody knows what became of it. */
  mayHaveWritten(): boolean
}

/**
 * How often one request is sent at the most while the provider cannot serve it, and while it refuses for its rate: an
 * answer that says so soon is worth more to a caller than one more try.
 */
const mostAttempts = 4
const mostRateAttempts = 6

/**
 * How long one request that reads may take, in milliseconds: a third of a call, so that one that hangs leaves time to ask
 * again. A write has the whole call, as nobody could ask again for it.
 */
const longestReadMs = 20_000

/** The provider's request ids that one execution keeps. */
const mostRequestIds = 100

/** The first pause before a read is repeated, and the longest, in milliseconds; the real one is random up to that. */
const firstPauseMs = 250
const longestPauseMs = 8_000

/**
 * Makes {@link ToolCall.send} for one call. A request that the provider has not proven unharmed is never sent twice:
 * reads are repeated after every {@link Retryable} failure until the deadline, writes only after those that wrote
 * nothing for certain. A refused access token (RFC 6750 `invalid_token`) proves that, too: it is renewed once.
 */
export function createSender(options: SenderOptions): Sender {
  const { renew, budget, clock, timer, mayWrite } = options
  const requestIds: string[] = []
  let { account, accessToken } = options.opened
  let answered = 0
  let inDoubt = 0

  const note = (requestId: string | null) => {
    if (requestId !== null && requestIds.length < mostRequestIds) requestIds.push(requestId)
  }

  const grantBudget = (): GrantBudget => {
    if (account.grant === null) throw new Error('An opened account has no grant.')
    return { environmentId: account.environmentId, grantId: account.grant.id, policy: options.ratePolicy }
  }

  /** Sends once. A write counts as doubtful from here until an answer proves the contrary. */
  async function sendOnce<T>(
    kind: 'read' | 'write',
    request: (accessToken: Secret, signal: AbortSignal) => Promise<ProviderAnswer<T>>,
  ): Promise<T> {
    await budget.acquire(grantBudget(), account.id, timer)
    timer.signal.throwIfAborted()
    if (kind === 'read') {
      const answer = await withinReadTime((signal) => request(accessToken, signal))
      note(answer.requestId)
      return answer.body
    }
    timer.detach()
    inDoubt += 1
    try {
      const answer = await orAborted(request(accessToken, timer.signal), timer.signal)
      note(answer.requestId)
      inDoubt -= 1
      answered += 1
      return answer.body
    } catch (error) {
      if (provesNothingWritten(error)) inDoubt -= 1
      throw error
    }
  }

  async function withinReadTime<T>(request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const attempt = startCallTimer(clock, longestReadMs, timer.signal)
    try {
      return await orAborted(request(attempt.signal), attempt.signal)
    } catch (error) {
      if (timer.signal.aborted) throw timer.signal.reason
      if (attempt.signal.aborted) throw hanging()
      throw error
    } finally {
      attempt.stop()
    }
  }

  async function sendUntilDone<T>(
    kind: 'read' | 'write',
    request: (accessToken: Secret, signal: AbortSignal) => Promise<ProviderAnswer<T>>,
  ): Promise<T> {
    let renewed = false
    for (let attempt = 0; ; attempt++) {
      const used = account.grant?.version ?? 0
      try {
        return await sendOnce(kind, request)
      } catch (error) {
        if (error instanceof AccessTokenRefused) {
          note(error.requestId)
          if (renewed) throw refusedAgain(error)
          renewed = true
          // Another request of this call may have renewed it meanwhile: then the newer token is tried as it is.
          if ((account.grant?.version ?? 0) === used) await renewToken(used)
          continue
        }
        if (error instanceof Retryable || error instanceof ProviderError) note(error.requestId)
        if (!(error instanceof Retryable)) throw error
        if (kind === 'write' && error.mayHaveWritten) throw doubtful(error)
        const pauseMs = pauseAfter(error, attempt, clock)
        if (error.rateLimited) await budget.refuse(grantBudget(), pauseMs)
        const attempts = error.rateLimited ? mostRateAttempts : mostAttempts
        if (attempt + 1 >= attempts || clock.now() + pauseMs >= timer.deadline) throw givenUp(error, pauseMs)
        // After a refusal for its rate the budget keeps the whole grant waiting, in order.
        if (!error.rateLimited) await clock.sleep(pauseMs, timer.signal)
      }
    }
  }

  async function renewToken(refusedVersion: number): Promise<void> {
    const renewal = await orAborted(renew(account, refusedVersion), timer.signal).catch((error: unknown) => {
      throw asToolError(error)
    })
    accessToken = renewal.accessToken
    if (account.grant !== null) {
      account = { ...account, grant: { ...account.grant, id: renewal.grantId, version: renewal.version } }
    }
  }

  async function send<T>(
    kind: 'read' | 'write',
    request: (accessToken: Secret, signal: AbortSignal) => Promise<ProviderAnswer<T>>,
  ): Promise<T> {
    if (kind === 'write' && !mayWrite) throw new Error('A tool that is declared as read-only sent a write.')
    try {
      return await sendUntilDone(kind, request)
    } catch (error) {
      if (timer.signal.aborted && error === timer.signal.reason) throw ended(kind, error)
      throw error
    }
  }

  /** The call's time is over, or its caller left. A write that was in flight may have been carried out. */
  function ended(kind: 'read' | 'write', reason: unknown): unknown {
    if (kind === 'write' && inDoubt > 0) {
      return new OutcomeUnknownError('The provider did not answer in time; whether it wrote is not known.')
    }
    if (isCallers(reason)) return reason
    return new ProviderError('The provider did not answer in time.', { status: null, code: null, retryable: true })
  }

  return {
    send,
    requestIds,
    account: () => account,
    mayHaveWritten: () => answered + inDoubt > 0,
  }
}

const isCallers = (reason: unknown) => !(reason instanceof CallDeadlineError)

const hanging = () =>
  new Retryable('The provider did not answer in time.', {
    status: null,
    code: 'timeout',
    requestId: null,
    retryAfterMs: null,
    rateLimited: false,
    mayHaveWritten: false,
  })

/** Refusals of which the provider or the network proves that they had no effect. */
function provesNothingWritten(error: unknown): boolean {
  if (error instanceof AccessTokenRefused) return true
  if (error instanceof Retryable) return !error.mayHaveWritten
  return error instanceof ToolError && !(error instanceof OutcomeUnknownError)
}

/**
 * What the provider asked for, and where it would have all who failed together return together, or at once, a random
 * time more. After a refusal for its rate the budget lets them return one by one.
 */
function pauseAfter(error: Retryable, attempt: number, clock: Clock): number {
  const jitter = backoff(attempt, clock)
  if (error.retryAfterMs === null) return jitter
  return error.rateLimited ? Math.max(error.retryAfterMs, jitter) : error.retryAfterMs + jitter
}

/** Full jitter: a random pause below a bound that doubles, so that callers who failed together do not return together. */
function backoff(attempt: number, clock: Clock): number {
  return Math.ceil(Math.min(longestPauseMs, firstPauseMs * 2 ** attempt) * clock.random())
}

function doubtful(error: Retryable): OutcomeUnknownError {
  return new OutcomeUnknownError(`${error.message.replace(/[.\s]*$/, '.')} Whether it wrote is not known.`)
}

function givenUp(error: Retryable, pauseMs: number): ToolError {
  if (error.rateLimited) return new RateLimitedError(Math.max(pauseMs, 1_000))
  return new ProviderError(error.message, {
    status: error.status,
    code: error.code,
    requestId: error.requestId,
    retryable: true,
    retryAfterMs: error.retryAfterMs,
  })
}

/** Why the access could not be renewed, in terms of a tool call. Nothing has been written: the token was refused. */
function asToolError(error: unknown): unknown {
  if (error instanceof ProviderUnavailableError) {
    const { message, retryAfterMs } = error
    return new ProviderError(message, { status: null, code: null, retryable: true, retryAfterMs })
  }
  if (error instanceof OAuthAppRejectedError) {
    return new ProviderError(error.message, {
      status: 401,
      code: 'invalid_client',
      retryable: false,
      hint: "Tell the user that the operator has to correct the connection's client id and secret.",
    })
  }
  return error
}

function refusedAgain(error: AccessTokenRefused): ProviderError {
  return new ProviderError('The provider refuses the access token although it has just been renewed.', {
    status: 401,
    code: 'unauthorized',
    requestId: error.requestId,
    retryable: true,
    hint: 'Make the same call again in a moment; if it fails again, ask the user to connect the account anew.',
  })
}
