import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Clock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { isForeignKeyViolation } from '../db/errors.ts'
import { AccountNotFoundError, MissingCapabilityError, OutcomeUnknownError, ToolError } from '../errors.ts'
import type { Vault } from '../vault/vault.ts'
import { claimApproved } from './claim-approved.ts'
import { recordDeniedCapability } from './grant-evidence.ts'
import { type Claim, claimKey, ownerOf, sealResult, sealUnknownOutcome } from './idempotency.ts'
import {
  beginExecution,
  type ExecutionEnd,
  type ExecutionStart,
  finishedExecution,
  type KeyEnd,
  type ToolExecution,
} from './journal.ts'
import type { ToolLimits } from './limits.ts'
import type { RateBudget } from './rate-budget.ts'
import type { ReadJournal } from './read-journal.ts'
import { executionEnd, type PreparedCall, type Run, type RunContext, runTool } from './run-tool.ts'
import { createSender, type RenewAccessToken, type Sender } from './send.ts'
import type { WriteJournal } from './write-journal.ts'

/** What executing a call works with. */
export interface ExecutionContext extends RunContext {
  readonly db: Db
  readonly vault: Vault
  readonly clock: Clock
  readonly limits: ToolLimits
  readonly budget: RateBudget
  readonly reads: ReadJournal
  readonly writes: WriteJournal
  readonly renewAccessToken: RenewAccessToken
  /** Called after a call has changed what is recorded of a grant. */
  readonly forgetGrant?: (grantId: string) => void
  /** The id under which this process shows that it is alive ({@link Database.nodeId}); null: it does not show it. */
  readonly nodeId: number | null
  /** Called after every call that ran, with the tool's name, `SUCCEEDED` or the error's name, and the duration. */
  readonly observe?: (toolName: string, outcome: string, seconds: number) => void
}

/** A call that succeeded, with the account as it was used last. */
export interface Executed {
  readonly body: unknown
  readonly account: ConnectedAccount
  readonly execution: ToolExecution
}

/** Pauses in milliseconds before the end of a write is written to the journal again. */
const journalRetryPausesMs = [100, 1_000]

/** Runs a tool that reads. Its journal entry is written after its end. */
export async function executeRead(context: ExecutionContext, call: PreparedCall): Promise<Executed> {
  const { clock } = context
  const start = startOf(context, call)
  const startedAt = clock.now()
  const sender = senderOf(context, call)
  const run = await runTool(context, call, sender)
  const end = executionEnd(run, sender, call.timer)
  const tookMs = clock.now() - startedAt
  return finish(context, run, sender, context.reads.record(start, end, tookMs))
}

/** Runs a tool that writes. It is in the journal before anything is sent; with an idempotency key it runs once. */
export async function executeWrite(context: ExecutionContext, call: PreparedCall): Promise<Executed> {
  const { writes, clock } = context
  const start = startOf(context, call)
  const claim = await beginWrite(context, call, start)
  if (claim.kind === 'done') return { body: claim.body, account: call.opened.account, execution: claim.execution }
  const running = claim.execution
  const startedAt = clock.now()
  const sender = senderOf(context, call)
  const run = await runTool(context, call, sender)
  const end = executionEnd(run, sender, call.timer)
  const recorded = await persist(context, start, async () => {
    const key = call.idempotencyKey === null ? null : await keyEndOf(context.vault, running, run, end)
    return writes.end(running, end, key)
  })
  const { id, sequence } = running
  const unrecorded = () => {
    const tookMs = clock.now() - startedAt
    return finishedExecution(start, end, tookMs, new Date(running.startedAt.getTime() + tookMs))
  }
  return finish(context, run, sender, recorded ?? { ...unrecorded(), id, sequence })
}

function startOf({ limits, nodeId }: ExecutionContext, { tool, input, opened }: PreparedCall): ExecutionStart {
  const { id: accountId, environmentId, oauthAppId } = opened.account
  const [toolName, inputHash] = [tool.name, input.hash]
  return { environmentId, oauthAppId, accountId, toolName, inputHash, callMs: limits.callMs, nodeId }
}

function senderOf(context: ExecutionContext, { tool, opened, timer }: PreparedCall): Sender {
  const { budget, clock, renewAccessToken, ratePolicy } = context
  const mayWrite = !tool.readOnly
  return createSender({
    opened,
    renewAccessToken,
    budget,
    ratePolicy: ratePolicy(tool.connector),
    clock,
    timer,
    mayWrite,
  })
}

async function beginWrite(context: ExecutionContext, call: PreparedCall, start: ExecutionStart): Promise<Claim> {
  const { idempotencyKey, timer } = call
  try {
    if (idempotencyKey === null) return { kind: 'ours', execution: await beginExecution(context.db, start) }
    const { deadline, signal } = timer
    const { grant } = call.opened.account
    if (grant === null) throw new Error('An opened account has no grant.')
    const key = { key: idempotencyKey, owner: ownerOf(grant) }
    const wait = { deadline, signal, keepMs: context.limits.idempotencyMs }
    return await (call.approval === undefined
      ? claimKey(context, key, start, wait)
      : claimApproved(context, call.approval, key, start, wait))
  } catch (error) {
    const { connectionName, identifier } = call.opened.account
    throw isForeignKeyViolation(error) ? new AccountNotFoundError(connectionName, identifier) : error
  }
}

async function keyEndOf(vault: Vault, running: ToolExecution, run: Run, end: ExecutionEnd): Promise<KeyEnd> {
  if ('body' in run) return { kind: 'done', sealedResult: await sealResult(vault, running, run.body) }
  if (end.status === 'OUTCOME_UNKNOWN' && run.error instanceof OutcomeUnknownError) {
    return { kind: 'outcome_unknown', sealedResult: await sealUnknownOutcome(vault, running, run.error) }
  }
  return { kind: 'free' }
}

/**
 * Writes the end of a call to the journal, and tries again after each pause. A journal that cannot be written must not
 * turn a call that was carried out into a failure: its caller would repeat it. Returns null when the end could not be
 * written; the sweeper then sets a write to OUTCOME_UNKNOWN.
 */
async function persist(
  context: ExecutionContext,
  { toolName }: ExecutionStart,
  write: () => Promise<ToolExecution | null>,
): Promise<ToolExecution | null> {
  for (const pauseMs of [...journalRetryPausesMs, null]) {
    try {
      return await write()
    } catch (error) {
      context.log.error({ err: error, toolName }, 'writing the end of a tool call to the journal failed')
      if (pauseMs !== null) await context.clock.sleep(pauseMs)
    }
  }
  return null
}

async function finish(
  context: ExecutionContext,
  run: Run,
  sender: Sender,
  execution: ToolExecution,
): Promise<Executed> {
  const account = sender.account()
  const { startedAt, finishedAt } = execution
  const seconds = ((finishedAt ?? startedAt).getTime() - startedAt.getTime()) / 1_000
  context.observe?.(execution.toolName, execution.errorType ?? execution.status, seconds)
  await recordEvidence(context, run, account, sender)
  if ('body' in run) return { body: run.body, account, execution }
  if (run.error instanceof ToolError) run.error.executionId = execution.id
  throw run.error
}

/** Records what the call showed about its grant. A failure here never fails the call. */
async function recordEvidence(
  { db, reads, log, forgetGrant }: ExecutionContext,
  run: Run,
  account: ConnectedAccount,
  sender: Sender,
): Promise<void> {
  try {
    if ('body' in run) {
      if (sender.requestIds.length > 0) reads.prove(account)
    } else if (run.error instanceof MissingCapabilityError) {
      await recordDeniedCapability(db, account, run.error.capability)
      if (account.grant) forgetGrant?.(account.grant.id)
    }
  } catch (error) {
    log.warn({ err: error }, 'recording what a tool call showed about its grant failed')
  }
}
