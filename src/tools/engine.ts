import type { AccountName } from '../accounts/account-store.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Actor } from '../audit/audit-log.ts'
import type { MeasureWork } from '../background.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { LaggingReads } from '../db/replica.ts'
import type { Viewer } from '../environments/viewer.ts'
import { admit, requiresApproval } from './admission.ts'
import { requireApproval, requireOther, resultOfDecided } from './approval-decision.ts'
import { requestApproval, writeWithoutApproval } from './approval-request.ts'
import { type Approvals, createApprovals } from './approvals.ts'
import { prepareApproved } from './approved-call.ts'
import { createBackgroundPermits } from './background-permits.ts'
import { checkCapabilities } from './capability-check.ts'
import { startCallTimer } from './deadline.ts'
import { type ExecutionContext, executeRead, executeWrite } from './execution.ts'
import type { ToolExecution } from './journal.ts'
import { defaultToolLimits, type ToolLimits } from './limits.ts'
import { type OpenToolAccount, openToolAccount, type ToolRequest } from './open-tool-account.ts'
import { createRateBudget } from './rate-budget.ts'
import { createRateWindow, type PermitSource } from './rate-window.ts'
import { createReadJournal, type ReadJournal } from './read-journal.ts'
import { type CappedResult, capResult } from './result-cap.ts'
import type { PreparedCall } from './run-tool.ts'
import { createSender } from './send.ts'
import { startExecutionSweeper } from './sweeper.ts'
import type { AnyTool, OutputFormat, ToolCall, ToolCatalogue } from './tool.ts'
import { createWriteJournal } from './write-journal.ts'

/** What the pipeline works with; created once by the composition root. */
export interface ToolEngineOptions extends Omit<ExecutionContext, 'budget' | 'clock' | 'limits' | 'reads' | 'writes'> {
  readonly catalogue: ToolCatalogue
  readonly openAccount: OpenToolAccount
  /** Returns the viewer of an API key that requested a call before; null when the key is no longer accepted. */
  readonly requesterOf: (environmentId: string, apiKeyId: string) => Promise<Viewer | null>
  /** Counts requests; by default in the database, for all nodes. */
  readonly rateWindow?: PermitSource
  /** Reads pages of the journal; by default from the database. */
  readonly lists?: LaggingReads
  readonly limits?: Partial<ToolLimits>
  /** Called with the seconds that a call waited for the rate budget of its grant, if it waited. */
  readonly observeBudgetWait?: (seconds: number) => void
  readonly clock?: Clock
  /** Ends the time of all calls when it is aborted: the process has waited for them as long as it can. */
  readonly endCalls?: AbortSignal
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

/** The result of an approval: that of the call, in RAW. */
export interface ApprovedOutcome {
  readonly data: unknown
  readonly execution: ToolExecution
  /** Null: the call was run by an earlier approval. */
  readonly account: ConnectedAccount | null
}

/** The one pipeline that every tool call goes through. */
export interface ToolEngine {
  readonly catalogue: ToolCatalogue
  /** Resolves when the engine knows the time of the database, or could not ask for it. */
  readonly ready: Promise<void>
  /**
   * Runs a tool for one account of the viewer's environment. `signal` is the caller's: it ends the call as long as nothing
   * was sent that may write; after that the call runs to its end.
   *
   * Throws a ToolError of `errors.ts` (with its `executionId` set once the call is in the journal), an
   * InsufficientScopeError or a NarrowedCredentialError (`admission.ts`), or the signal's reason. Any other error is a bug.
   */
  executeTool(viewer: Viewer, request: ToolRequest, signal?: AbortSignal): Promise<ToolOutcome>
  /**
   * Approves a pending call for the viewer, and runs it as its requester would: with exactly the stored input, and with what
   * the policies, the requester's API key and the account permit now. Approving it again returns the stored result.
   *
   * Throws an ApprovalNotFoundError, an OwnApprovalError, what the call ends with, and as {@link ToolEngine.executeTool}
   * does.
   */
  approve(viewer: Viewer, approvalId: string, decidedBy: Actor): Promise<ApprovedOutcome>
  /** Calls that need an approval. */
  readonly approvals: Approvals
  /** The journal of calls, as clients read it. `flush` writes the entries that wait in this process. */
  readonly executions: Pick<ReadJournal, 'byId' | 'list' | 'count' | 'flush'>
  /**
   * Opens an account for reads in the background, which use what calls leave of the provider's limit, as
   * `background-permits.ts` describes. Null when the account is not ACTIVE. `signal` ends the reads, and so does `milliseconds`. Throws as `openAccount` does.
   */
  openReader(
    environmentId: string,
    name: AccountName & { readonly connector: string },
    limit: { readonly milliseconds: number; readonly signal: AbortSignal },
  ): Promise<BackgroundReader | null>
  /** Waits up to 1 s for calls that have lost their caller, and writes what waits for the journal. */
  close(): Promise<void>
  /** Starts to settle the calls of crashed nodes and to delete old entries; see `sweeper.ts`. */
  startSweeper(measure?: MeasureWork): { stop(): Promise<void> }
}

/** Reads for an account in the background. */
export interface BackgroundReader {
  readonly call: ToolCall
  /** Cancels the timer. */
  stop(): void
}

/** How long a stop waits for calls whose connections are closed already, in milliseconds. */
const lastCallsMs = 1_000

/** Creates the pipeline. */
export function createToolEngine(options: ToolEngineOptions): ToolEngine {
  const { catalogue, db, log, clock = systemClock, rateWindow = createRateWindow(db, clock) } = options
  const limits: ToolLimits = { ...defaultToolLimits, ...options.limits }
  const budget = createRateBudget({
    source: rateWindow,
    clock,
    waitingPerGrant: limits.waitingPerGrant,
    observeWait: options.observeBudgetWait,
  })
  // With queues of its own: in those of calls, one that waits for the lower limit would hold up the others.
  const backgroundBudget = createRateBudget({
    source: createBackgroundPermits(rateWindow, clock),
    clock,
    waitingPerGrant: limits.waitingPerGrant,
  })
  const reads = createReadJournal(db, clock, log, options.lists)
  const writes = createWriteJournal(db, clock)
  const context: ExecutionContext = { ...options, clock, limits, budget, reads, writes }

  const running = new Set<Promise<unknown>>()

  async function run(viewer: Viewer, request: ToolRequest, signal: AbortSignal | undefined): Promise<ToolOutcome> {
    const { tool, input, idempotencyKey } = admit(catalogue, viewer, request)
    const opened = await openToolAccount(options, viewer, tool, request)
    checkCapabilities(tool, opened.account)
    const timer = startCallTimer(clock, limits.callMs, signal, options.endCalls)
    const call: PreparedCall = { tool, input, idempotencyKey, opened, timer }
    try {
      timer.signal.throwIfAborted()
      const { body, account, execution } = await (requiresApproval(viewer, tool, opened.account.appToolPolicy)
        ? requestApproval(context, viewer, call, request.toolInput)
        : tool.readOnly
          ? executeRead(context, call)
          : writeWithoutApproval(context, viewer, call))
      const result = shapeResult(context, call, request.outputFormat, body)
      return { ...result, input: input.value, tool, account, execution }
    } finally {
      timer.stop()
    }
  }

  async function approve(viewer: Viewer, id: string, decidedBy: Actor): Promise<ApprovedOutcome> {
    const approval = await requireApproval(db, viewer, id)
    requireOther(viewer, approval)
    // Not with the caller's signal: an approval is used up by its call, also when the browser that approved it leaves.
    const timer = startCallTimer(clock, limits.callMs, undefined, options.endCalls)
    try {
      if (approval.status !== 'PENDING') {
        const { body, execution } = await resultOfDecided(context, approval, timer)
        const tool = catalogue.find(approval.toolName)
        if (!tool) return { data: body, execution, account: null }
        // Cut to the beginning of its text: the input, from which a cursor for the rest is made, is erased.
        const { list: _, ...whole } = tool
        const { data } = capResult(whole, 'RAW', body, null, limits.resultBytes)
        return { data, execution, account: null }
      }
      const prepared = await prepareApproved(options, approval)
      timer.signal.throwIfAborted()
      const call: PreparedCall = { ...prepared, timer, approval: { id, decidedBy } }
      // Also for a tool that reads: its requester gets the stored result.
      const { body, account, execution } = await executeWrite(context, call)
      return { data: shapeResult(context, call, 'RAW', body).data, account, execution }
    } finally {
      timer.stop()
    }
  }

  /** Lets the end of the process wait for a call. */
  function whileRunning<T>(call: Promise<T>): Promise<T> {
    running.add(call)
    const over = () => running.delete(call)
    call.then(over, over)
    return call
  }

  return {
    catalogue,
    approvals: createApprovals(context, catalogue),
    approve: (...args) => whileRunning(approve(...args)),
    ready: reads.ready,
    executions: reads,
    startSweeper: (measure) =>
      startExecutionSweeper({ db, log, measure, random: clock.random, journalMs: limits.journalMs }),
    async openReader(environmentId, { connector, ...name }, { milliseconds, signal }) {
      const { account, accessToken } = await options.openAccount(environmentId, name, connector)
      if (accessToken === null) return null
      const timer = startCallTimer(clock, milliseconds, signal, options.endCalls)
      const rate = options.ratePolicy(connector)
      const { send } = createSender({
        opened: { account, accessToken },
        renewAccessToken: options.renewAccessToken,
        budget: backgroundBudget,
        ratePolicy: rate,
        clock,
        timer,
        mayWrite: false,
      })
      const apiUrl = options.providerApiUrl(account)
      return { call: { account, apiUrl, rate, signal: timer.signal, send }, stop: timer.stop }
    },
    executeTool: (viewer, request, signal) => whileRunning(run(viewer, request, signal)),
    async close() {
      const late = new AbortController()
      const calls = Promise.allSettled(running).then(() => late.abort())
      await Promise.race([calls, clock.sleep(lastCallsMs, late.signal).catch(() => {})])
      await reads.close()
    },
  }
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
