import type { AccountName } from '../accounts/account-store.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { LaggingReads } from '../db/replica.ts'
import type { Viewer } from '../environments/viewer.ts'
import { AccountNotActiveError, AccountNotFoundError, WrongConnectionError } from '../errors.ts'
import type { Secret } from '../vault/secret.ts'
import { admit } from './admission.ts'
import { checkCapabilities } from './capability-check.ts'
import { startCallTimer } from './deadline.ts'
import { type ExecutionContext, executeRead, executeWrite } from './execution.ts'
import type { ToolExecution } from './journal.ts'
import { defaultToolLimits, type ToolLimits } from './limits.ts'
import { createRateBudget } from './rate-budget.ts'
import { createRateWindow, type PermitSource } from './rate-window.ts'
import { createReadJournal, type ReadJournal } from './read-journal.ts'
import { type CappedResult, capResult } from './result-cap.ts'
import type { PreparedCall } from './run-tool.ts'
import type { OpenAccount } from './send.ts'
import { startExecutionSweeper } from './sweeper.ts'
import type { AnyTool, OutputFormat, ToolCatalogue } from './tool.ts'

/** What the pipeline works with; created once by the composition root. */
export interface ToolEngineOptions extends Omit<ExecutionContext, 'budget' | 'clock' | 'limits' | 'reads'> {
  readonly catalogue: ToolCatalogue
  /**
   * Returns the account of a name with its access token, null when it is not ACTIVE. Throws AccountNotFoundError, and
   * WrongConnectionError before a token is opened when the account belongs to another connector than this one.
   */
  readonly openAccount: (
    environmentId: string,
    name: AccountName,
    connector: string,
  ) => Promise<{ readonly account: ConnectedAccount; readonly accessToken: Secret | null }>
  /** Counts requests; by default in the database, for all nodes. */
  readonly rateWindow?: PermitSource
  /** Reads pages of the journal; by default from the database. */
  readonly lists?: LaggingReads
  readonly limits?: Partial<ToolLimits>
  readonly clock?: Clock
  /** Ends the time of all calls when it is aborted: the process has waited for them as long as it can. */
  readonly endCalls?: AbortSignal
}

/** One call of a tool, as every entrance (GraphQL, MCP) makes it. */
export interface ToolRequest {
  /** Null: the connection named as the tool's connector. */
  readonly connectionName: string | null
  readonly identifier: string
  readonly toolName: string
  /** What the model passed, unchecked. */
  readonly toolInput: unknown
  /** Makes a write happen once; see `idempotency.ts`. No effect on tools that read. */
  readonly idempotencyKey: string | null
  readonly outputFormat: OutputFormat
}

/** The result of a call. */
export interface ToolOutcome {
  /** The result in the requested format. */
  readonly data: unknown
  /** The provider's body, as `toResult` of the tool takes it. Cut to whole rows when it was over the limit. */
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
   * Runs a tool for one account of the viewer's environment. `signal` is the caller's: it ends the call as long as nothing
   * was sent that may write; after that the call runs to its end.
   *
   * Throws a ToolError of `errors.ts` (with its `executionId` set once the call is in the journal), an
   * InsufficientScopeError (`admission.ts`), or the signal's reason. Any other error is a bug.
   */
  executeTool(viewer: Viewer, request: ToolRequest, signal?: AbortSignal): Promise<ToolOutcome>
  /** The journal of calls, as clients read it. `flush` writes the entries that wait in this process. */
  readonly executions: Pick<ReadJournal, 'byId' | 'list' | 'flush'>
  /** Waits up to 1 s for calls that have lost their caller, and writes what waits for the journal. */
  close(): Promise<void>
  /** Starts to settle the calls of crashed nodes and to delete old entries; see `sweeper.ts`. */
  startSweeper(): { stop(): Promise<void> }
}

/** How long a stop waits for calls whose connections are closed already, in milliseconds. */
const lastCallsMs = 1_000

/** Creates the pipeline. */
export function createToolEngine(options: ToolEngineOptions): ToolEngine {
  const { catalogue, db, log, clock = systemClock, rateWindow = createRateWindow(db, clock) } = options
  const limits: ToolLimits = { ...defaultToolLimits, ...options.limits }
  const budget = createRateBudget({ source: rateWindow, clock, waitingPerGrant: limits.waitingPerGrant })
  const reads = createReadJournal(db, clock, log, options.lists)
  const context: ExecutionContext = { ...options, clock, limits, budget, reads }

  const running = new Set<Promise<unknown>>()

  async function run(viewer: Viewer, request: ToolRequest, signal: AbortSignal | undefined): Promise<ToolOutcome> {
    const { tool, input, idempotencyKey } = admit(catalogue, viewer, request)
    const opened = await openToolAccount(options, viewer, tool, request)
    checkCapabilities(tool, opened.account)
    const timer = startCallTimer(clock, limits.callMs, signal, options.endCalls)
    const call: PreparedCall = { tool, input, idempotencyKey, opened, timer }
    try {
      timer.signal.throwIfAborted()
      const execute = tool.readOnly ? executeRead : executeWrite
      const { body, account, execution } = await execute(context, call)
      const result = shapeResult(context, call, request.outputFormat, body)
      return { ...result, input: input.value, tool, account, execution }
    } finally {
      timer.stop()
    }
  }

  return {
    catalogue,
    executions: reads,
    startSweeper: () => startExecutionSweeper({ db, log, random: clock.random, journalMs: limits.journalMs }),
    executeTool(viewer, request, signal) {
      const call = run(viewer, request, signal)
      running.add(call)
      const over = () => running.delete(call)
      call.then(over, over)
      return call
    },
    async close() {
      const late = new AbortController()
      const calls = Promise.allSettled(running).then(() => late.abort())
      await Promise.race([calls, clock.sleep(lastCallsMs, late.signal).catch(() => {})])
      await reads.close()
    },
  }
}

/** Opens the account of a request. Throws an AccountNotFoundError, AccountNotActiveError or WrongConnectionError. */
async function openToolAccount(
  options: ToolEngineOptions,
  viewer: Viewer,
  tool: AnyTool,
  request: ToolRequest,
): Promise<OpenAccount> {
  const { identifier } = request
  const connectionName = request.connectionName ?? tool.connector
  // A user session sees only its own account. Postgres refuses strings with NUL, so that no account has such a name.
  const visible = viewer.identifier === null || viewer.identifier === identifier
  if (!visible || `${connectionName}${identifier}`.includes('\0')) {
    throw new AccountNotFoundError(connectionName, identifier)
  }
  const name = { connectionName, identifier }
  const { account, accessToken } = await options.openAccount(viewer.environmentId, name, tool.connector)
  // A second check: a tool sends the token to its own provider, so it must be a token of that provider.
  if (account.connector !== tool.connector) {
    throw new WrongConnectionError(connectionName, account.connector, tool.connector)
  }
  if (accessToken === null) throw new AccountNotActiveError(account)
  return { account, accessToken }
}

/** Falls back to RAW after a write: if it failed here, the caller would write again. */
function shapeResult(context: ExecutionContext, call: PreparedCall, format: OutputFormat, body: unknown): CappedResult {
  const { tool, input } = call
  const { resultBytes } = context.limits
  try {
    return capResult(tool, format, body, input.value, resultBytes)
  } catch (error) {
    if (tool.readOnly) throw error
    context.log.error({ err: error, toolName: tool.name }, 'formatting the result of a write failed')
    return capResult(tool, 'RAW', body, input.value, resultBytes)
  }
}
