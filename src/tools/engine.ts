import type { AccountName } from '../accounts/account-store.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { isForeignKeyViolation } from '../db/errors.ts'
import type { Viewer } from '../environments/viewer.ts'
import {
  AccountNotActiveError,
  AccountNotFoundError,
  MissingCapabilityError,
  OutcomeUnknownError,
  ProviderError,
  ToolError,
  WrongConnectionError,
} from '../errors.ts'
import type { Log } from '../log.ts'
import type { Secret } from '../vault/secret.ts'
import type { Vault } from '../vault/vault.ts'
import { checkIdempotencyKey, requireScope, requireTool } from './admission.ts'
import { checkCapabilities } from './capability-check.ts'
import { CallDeadlineError, type CallTimer, startCallTimer } from './deadline.ts'
import { rememberDeniedCapability, rememberProof } from './grant-knowledge.ts'
import { claimKey, sealResult, sealUnknownOutcome } from './idempotency.ts'
import { type CheckedInput, checkInput } from './input.ts'
import {
  beginExecution,
  type ExecutionEnd,
  type ExecutionStart,
  endExecution,
  type KeyEnd,
  recordExecution,
  type ToolExecution,
  unrecordedExecution,
} from './journal.ts'
import { defaultToolLimits, type ToolLimits } from './limits.ts'
import { createRateBudget } from './rate-budget.ts'
import type { RatePolicy } from './connector.ts'
import { createRateWindow, type PermitSource } from './rate-window.ts'
import { type CappedResult, capResult } from './result-cap.ts'
import { createSender, type OpenAccount, type RenewAccessToken, type Sender } from './send.ts'
import { startExecutionSweeper } from './sweeper.ts'
import type { AnyTool, OutputFormat, ToolCatalogue } from './tool.ts'

/** What the pipeline works with; made once by the composition root. */
export interface ToolEngineOptions {
  readonly db: Db
  readonly vault: Vault
  readonly catalogue: ToolCatalogue
  /**
   * The account of a name with its access token, null when it is not ACTIVE. Throws AccountNotFoundError, and
   * WrongConnectionError before a token is opened when the account belongs to another connector than this one.
   */
  readonly openAccount: (
    environmentId: string,
    name: AccountName,
    connector: string,
  ) => Promise<{ readonly account: ConnectedAccount; readonly accessToken: Secret | null }>
  readonly renewAccessToken: RenewAccessToken
  /** The base of the provider's API for an account, without a final slash. */
  readonly providerApiUrl: (account: ConnectedAccount) => string
  readonly log: Log
  /** The rate limit that a connector's provider sets for each grant. */
  readonly ratePolicy: (connector: string) => RatePolicy
  /** Counts requests; by default in the database, for all nodes. */
  readonly rateWindow?: PermitSource
  /** The id under which this process shows that it lives ({@link Database.nodeId}); absent: it shows nothing. */
  readonly nodeId?: number
  /** Hears of every call that ran: the tool's name, `SUCCEEDED` or the name of the error, and the time it took. */
  readonly observe?: (toolName: string, outcome: string, seconds: number) => void
  readonly limits?: Partial<ToolLimits>
  readonly clock?: Clock
  /** Ends the time of all calls when it is aborted: a stop has waited for them as long as it can. */
  readonly ending?: AbortSignal
}

/** One call of a tool, as every entrance (GraphQL, MCP) makes it. */
export interface ToolRequest {
  /** Null: the connection named as the tool's connector. */
  readonly connectionName: string | null
  readonly identifier: string
  readonly toolName: string
  /** What the model passed, unchecked. */
  readonly toolInput: unknown
  /** Makes a write happen once; see `idempotency.ts`. Without effect on tools that read. */
  readonly idempotencyKey: string | null
  readonly outputFormat: OutputFormat
}

/** What a call gave. */
export interface ToolOutcome {
  /** The result in the format that was asked for. */
  readonly data: unknown
  /** The provider's body, as `toResult` of the tool takes it. Cut to whole rows where it was over the cap. */
  readonly body: unknown
  /** The input after its check. */
  readonly input: unknown
  readonly tool: AnyTool
  readonly account: ConnectedAccount
  readonly execution: ToolExecution
}

/** The one pipeline that every tool call goes through. */
export interface ToolEngine {
  readonly catalogue: ToolCatalogue
  /**
   * Runs a tool for one account of the viewer's environment. `signal` is the caller's: when it is aborted before anything
   * was sent that may write, the call ends; later it goes on to its end.
   * Fails with the ToolErrors of `errors.ts` (their `executionId` set once the journal knows the call), with an
   * InsufficientScopeError (`admission.ts`), with the signal's reason, or with a bug.
   */
  executeTool(viewer: Viewer, request: ToolRequest, signal?: AbortSignal): Promise<ToolOutcome>
  /** Begins to settle what crashed nodes left behind and to forget what is old; see `sweeper.ts`. */
  startSweeper(): { stop(): Promise<void> }
}

/** A call that has passed all checks. */
interface CheckedCall {
  readonly tool: AnyTool
  readonly input: CheckedInput
  readonly opened: OpenAccount
  readonly start: ExecutionStart
  readonly timer: CallTimer
}

/** How the tool itself ended. */
type Run = { readonly body: unknown } | { readonly error: unknown }

/** Makes the pipeline. */
export function createToolEngine(options: ToolEngineOptions): ToolEngine {
  const { db, vault, catalogue, log, clock = systemClock } = options
  const limits: ToolLimits = { ...defaultToolLimits, ...options.limits }
  const budget = createRateBudget({
    source: options.rateWindow ?? createRateWindow(db),
    clock,
    waitingPerGrant: limits.waitingPerGrant,
  })

  return {
    catalogue,
    startSweeper: () => startExecutionSweeper({ db, clock, log, journalMs: limits.journalMs }),
    async executeTool(viewer, request, signal) {
      const tool = requireTool(catalogue, request.toolName)
      requireScope(viewer, tool)
      const input = checkInput(tool, request.toolInput)
      const key = tool.readOnly || request.idempotencyKey === null ? null : checkIdempotencyKey(request.idempotencyKey)
      const opened = await open(viewer, tool, request)
      checkCapabilities(tool, opened.account)
      const timer = startCallTimer(clock, limits.callMs, signal, options.ending)
      const call: CheckedCall = { tool, input, opened, start: startOf(opened.account, tool, input), timer }
      try {
        timer.signal.throwIfAborted()
        const { body, account, execution } = tool.readOnly ? await read(call) : await write(call, key)
        return { ...shapeResult(call, request.outputFormat, body), input: input.value, tool, account, execution }
      } finally {
        timer.stop()
      }
    },
  }

  async function open(viewer: Viewer, tool: AnyTool, request: ToolRequest): Promise<OpenAccount> {
    const { identifier } = request
    const connectionName = request.connectionName ?? tool.connector
    // A user session sees no other account; and Postgres refuses a text with a NUL, which therefore names nothing.
    const visible = viewer.identifier === null || viewer.identifier === identifier
    if (!visible || `${connectionName}${identifier}`.includes('\0')) {
      throw new AccountNotFoundError(connectionName, identifier)
    }
    const { account, accessToken } = await options.openAccount(
      viewer.environmentId,
      { connectionName, identifier },
      tool.connector,
    )
    // A second wall: a tool sends the token to its own provider, so it must be a token of that provider.
    if (account.connector !== tool.connector)
      throw new WrongConnectionError(connectionName, account.connector, tool.connector)
    if (accessToken === null) throw new AccountNotActiveError(account)
    return { account, accessToken }
  }

  /** Falls back to the provider's own form after a write: a failure here would have its caller write again. */
  function shapeResult({ tool, input }: CheckedCall, format: OutputFormat, body: unknown): CappedResult {
    try {
      return capResult(tool, format, body, input.value, limits.resultBytes)
    } catch (error) {
      if (tool.readOnly) throw error
      log.error({ err: error, toolName: tool.name }, 'the result of a write could not be brought into its form')
      return capResult(tool, 'RAW', body, input.value, limits.resultBytes)
    }
  }

  function startOf(account: ConnectedAccount, tool: AnyTool, input: CheckedInput): ExecutionStart {
    return {
      environmentId: account.environmentId,
      accountId: account.id,
      toolName: tool.name,
      inputHash: input.hash,
      callMs: limits.callMs,
      nodeId: options.nodeId ?? null,
    }
  }

  /** A read leaves its line in the journal when it is over: one statement. */
  async function read(call: CheckedCall) {
    const began = clock.now()
    const sender = senderOf(call)
    const run = await runTool(call, sender)
    const end = endOf(run, sender, call.timer)
    const tookMs = clock.now() - began
    const execution =
      (await persist(call.start, [], () => recordExecution(db, call.start, end, tookMs))) ??
      unrecordedExecution(call.start, end, tookMs, clock.date())
    return finish(run, sender, execution)
  }

  /** A write is in the journal before anything is sent. Under a key it happens once. */
  async function write(call: CheckedCall, key: string | null) {
    const { start, timer } = call
    let running: ToolExecution
    try {
      if (key === null) {
        running = await beginExecution(db, start)
      } else {
        const wait = { deadline: timer.deadline, keepMs: limits.idempotencyMs, signal: timer.signal }
        const claim = await claimKey({ db, vault, clock }, key, start, wait)
        if (claim.kind === 'done') return { body: claim.body, account: call.opened.account, execution: claim.execution }
        running = claim.execution
      }
    } catch (error) {
      const { connectionName, identifier } = call.opened.account
      throw isForeignKeyViolation(error) ? new AccountNotFoundError(connectionName, identifier) : error
    }
    const began = clock.now()
    const sender = senderOf(call)
    const run = await runTool(call, sender)
    const end = endOf(run, sender, call.timer)
    const settle = async () => endExecution(db, running, end, key === null ? null : await keyEndOf(running, run, end))
    const execution = (await persist(start, [100, 1_000], settle)) ?? {
      ...unrecordedExecution(start, end, clock.now() - began, clock.date()),
      id: running.id,
      sequence: running.sequence,
    }
    return finish(run, sender, execution)
  }

  function senderOf(call: CheckedCall): Sender {
    return createSender({
      opened: call.opened,
      renew: options.renewAccessToken,
      budget,
      ratePolicy: options.ratePolicy(call.tool.connector),
      clock,
      timer: call.timer,
      mayWrite: !call.tool.readOnly,
    })
  }

  async function runTool(call: CheckedCall, sender: Sender): Promise<Run> {
    const { account } = call.opened
    try {
      const body: unknown = await call.tool.run(
        { account, apiUrl: options.providerApiUrl(account), signal: call.timer.signal, send: sender.send },
        call.input.value,
      )
      return { body }
    } catch (error) {
      // A bug, or the end of the caller, after something may have been written: what is there now is not known.
      if (!(error instanceof ToolError) && sender.mayHaveWritten()) {
        log.error({ err: error, toolName: call.tool.name }, 'a tool broke off after it had begun to write')
        return { error: new OutcomeUnknownError('The call broke off after it had begun to write.') }
      }
      if (error instanceof CallDeadlineError) {
        const late = { status: null, code: null, retryable: true }
        return { error: new ProviderError('The call could not be finished in time.', late) }
      }
      return { error }
    }
  }

  async function keyEndOf(running: ToolExecution, run: Run, end: ExecutionEnd): Promise<KeyEnd> {
    if ('body' in run) return { kind: 'done', sealedResult: await sealResult(vault, running, run.body) }
    if (end.status === 'OUTCOME_UNKNOWN' && run.error instanceof OutcomeUnknownError) {
      return { kind: 'outcome_unknown', sealedResult: await sealUnknownOutcome(vault, running, run.error) }
    }
    return { kind: 'free' }
  }

  /**
   * Writes the end of a call, and again after each pause should the database be away for a moment. What was done at the
   * provider is done: a journal that cannot be written must not turn it into a failure, whose caller would do it again.
   * Null when it could not be written; the sweeper then calls a write's outcome unknown.
   */
  async function persist(
    start: ExecutionStart,
    pausesMs: readonly number[],
    statement: () => Promise<ToolExecution | null>,
  ): Promise<ToolExecution | null> {
    try {
      return await statement()
    } catch (error) {
      log.error({ err: error, toolName: start.toolName }, 'the end of a tool call could not be written down')
      const [pauseMs, ...later] = pausesMs
      if (pauseMs === undefined) return null
      await clock.sleep(pauseMs)
      return persist(start, later, statement)
    }
  }

  async function finish(run: Run, sender: Sender, execution: ToolExecution) {
    const account = sender.account()
    const seconds = ((execution.finishedAt ?? execution.startedAt).getTime() - execution.startedAt.getTime()) / 1_000
    options.observe?.(execution.toolName, execution.errorType ?? execution.status, seconds)
    await learn(run, account, sender)
    if ('body' in run) return { body: run.body, account, execution }
    if (run.error instanceof ToolError) run.error.executionId = execution.id
    throw run.error
  }

  /** Keeps what the call showed about its grant. Never the reason for a failure of the call. */
  async function learn(run: Run, account: ConnectedAccount, sender: Sender): Promise<void> {
    try {
      if ('error' in run && run.error instanceof MissingCapabilityError) {
        await rememberDeniedCapability(db, account, run.error.capability)
      }
      if ('body' in run && sender.requestIds.length > 0) await rememberProof(db, account, clock.date())
    } catch (error) {
      log.warn({ err: error }, 'what a tool call showed about its grant could not be kept')
    }
  }
}

function endOf(run: Run, sender: Sender, timer: CallTimer): ExecutionEnd {
  const providerRequestIds = [...sender.requestIds]
  if ('body' in run) return { status: 'SUCCEEDED', errorType: null, providerRequestIds }
  const { error } = run
  if (error instanceof OutcomeUnknownError)
    return { status: 'OUTCOME_UNKNOWN', errorType: error.name, providerRequestIds }
  if (error instanceof ToolError) return { status: 'FAILED', errorType: error.name, providerRequestIds }
  const cancelled = timer.signal.aborted && error === timer.signal.reason
  return { status: 'FAILED', errorType: cancelled ? 'Cancelled' : 'InternalError', providerRequestIds }
}
