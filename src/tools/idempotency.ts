import { sql } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { IdempotencyConflictError, OutcomeUnknownError } from '../errors.ts'
import { Secret } from '../vault/secret.ts'
import type { SealingContext, Vault } from '../vault/vault.ts'
import { isAbandoned, settleAbandoned } from './abandoned.ts'
import { CallDeadlineError } from './deadline.ts'
import { type ExecutionStart, findExecutionsById, type ToolExecution, toExecution } from './journal.ts'

/** What the store of keys works with. */
export interface IdempotencyContext {
  readonly db: Db
  readonly vault: Vault
  readonly clock: Clock
}

/** Either this call is the one that writes, or an earlier one under the same key has written and this is its answer. */
export type Claim =
  | { readonly kind: 'ours'; readonly execution: ToolExecution }
  | { readonly kind: 'done'; readonly execution: ToolExecution; readonly body: unknown }

/** What is kept, sealed, of a call whose outcome is unknown. */
interface UnknownOutcome {
  readonly message: string
  readonly committedIds: readonly string[]
}

/**
 * Claims an idempotency key for a write and journals it as RUNNING, in one statement: of any number of callers on any
 * number of nodes exactly one gets `ours`. The others wait for that one's end and get its answer; a key that was freed by
 * a failure is claimed anew. Fails with
 * - {@link IdempotencyConflictError}: the key belongs to another tool or input;
 * - {@link OutcomeUnknownError}: nobody knows what the first call did, or it has not ended before `deadline`;
 * - a foreign key violation when the account is gone.
 */
export async function claimKey(
  context: IdempotencyContext,
  key: string,
  start: ExecutionStart,
  wait: { readonly deadline: number; readonly keepMs: number; readonly signal: AbortSignal },
): Promise<Claim> {
  let holder: KeyHolder | null = null
  for (let pauseMs = 25; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    if (holder === null) {
      const execution = await tryClaim(context.db, key, start, wait.keepMs)
      if (execution) return { kind: 'ours', execution }
    }
    // Null where the key was freed, or had expired, since it could not be claimed: then the claim is tried again.
    holder = await readKey(context.db, start, key)
    if (holder === null) continue
    if (holder.inputHash !== start.inputHash) throw new IdempotencyConflictError(key)
    if (holder.state === 'done') return answerOf(context, start, holder)
    if (holder.abandoned) await settleAbandoned(context.db)
    if (holder.state === 'outcome_unknown' || holder.abandoned) throw await unknownOutcome(context, start, holder)
    const left = wait.deadline - context.clock.now()
    if (left <= 0) throw stillRunning(holder)
    try {
      await context.clock.sleep(Math.min(left, pauseMs * (0.5 + context.clock.random())), wait.signal)
    } catch (error) {
      throw error instanceof CallDeadlineError ? stillRunning(holder) : error
    }
  }
}

/** Seals a call's result to be kept under its key. */
export function sealResult(vault: Vault, execution: ToolExecution, body: unknown): Promise<string> {
  return vault.seal(
    new Secret(JSON.stringify({ body })),
    idempotentResultContext(execution.environmentId, execution.id),
  )
}

/** Seals what is known of a call whose outcome is unknown. */
export function sealUnknownOutcome(
  vault: Vault,
  execution: ToolExecution,
  error: Pick<OutcomeUnknownError, 'message' | 'committedIds'>,
): Promise<string> {
  const outcome: UnknownOutcome = { message: error.message, committedIds: error.committedIds }
  return vault.seal(new Secret(JSON.stringify(outcome)), idempotentResultContext(execution.environmentId, execution.id))
}

/** What the result of a call with an idempotency key is sealed for: its one execution. */
export function idempotentResultContext(environmentId: string, executionId: string): SealingContext {
  return { environmentId, subject: executionId, field: 'idempotent_result', version: 1 }
}

async function tryClaim(db: Db, key: string, start: ExecutionStart, keepMs: number): Promise<ToolExecution | null> {
  const row = await db
    .with('claimed', (cte) =>
      cte
        .insertInto('idempotency_keys')
        .values({
          environment_id: start.environmentId,
          account_id: start.accountId,
          key,
          input_hash: start.inputHash,
          execution_id: sql<string>`gen_random_uuid()`,
          state: 'running',
          expires_at: sql<Date>`clock_timestamp() + ${keepMs} * interval '1 millisecond'`,
        })
        .onConflict((conflict) =>
          conflict
            .columns(['account_id', 'key'])
            .doUpdateSet((update) => ({
              input_hash: update.ref('excluded.input_hash'),
              execution_id: update.ref('excluded.execution_id'),
              state: 'running' as const,
              sealed_result: null,
              created_at: sql<Date>`clock_timestamp()`,
              expires_at: update.ref('excluded.expires_at'),
            }))
            // An expired key is as good as none. One that still runs never expires into a second write.
            .where('idempotency_keys.expires_at', '<', sql<Date>`clock_timestamp()`)
            .where('idempotency_keys.state', '<>', 'running'),
        )
        .returning('execution_id'),
    )
    .insertInto('tool_executions')
    .columns([
      'id',
      'environment_id',
      'account_id',
      'tool_name',
      'status',
      'writes',
      'input_hash',
      'deadline_at',
      'node_id',
    ])
    .expression((select) =>
      select
        .selectFrom('claimed')
        .select([
          'claimed.execution_id',
          sql<string>`${start.environmentId}::uuid`.as('environment_id'),
          sql<string>`${start.accountId}::uuid`.as('account_id'),
          sql<string>`${start.toolName}::text`.as('tool_name'),
          sql<'RUNNING'>`'RUNNING'`.as('status'),
          sql<boolean>`true`.as('writes'),
          sql<string>`${start.inputHash}::text`.as('input_hash'),
          sql<Date>`clock_timestamp() + ${start.callMs} * interval '1 millisecond'`.as('deadline_at'),
          sql<number | null>`${start.nodeId}::integer`.as('node_id'),
        ]),
    )
    .returningAll()
    .executeTakeFirst()
  return row ? toExecution(row) : null
}

interface KeyHolder {
  readonly inputHash: string
  readonly executionId: string
  readonly state: 'running' | 'done' | 'outcome_unknown'
  readonly sealedResult: string | null
  /** Whoever ran its call is gone. */
  readonly abandoned: boolean
}

async function readKey(db: Db, of: ExecutionStart, key: string): Promise<KeyHolder | null> {
  const row = await db
    .selectFrom('idempotency_keys')
    .innerJoin('tool_executions', 'tool_executions.id', 'idempotency_keys.execution_id')
    .where('idempotency_keys.environment_id', '=', of.environmentId)
    .where('idempotency_keys.account_id', '=', of.accountId)
    .where('idempotency_keys.key', '=', key)
    .where((where) =>
      where.or([
        where('idempotency_keys.state', '=', 'running'),
        where('idempotency_keys.expires_at', '>=', sql<Date>`clock_timestamp()`),
      ]),
    )
    .select([
      'idempotency_keys.input_hash',
      'idempotency_keys.execution_id',
      'idempotency_keys.state',
      'idempotency_keys.sealed_result',
      sql<boolean>`tool_executions.status = 'RUNNING' and ${isAbandoned()}`.as('abandoned'),
    ])
    .executeTakeFirst()
  return row
    ? {
        inputHash: row.input_hash,
        executionId: row.execution_id,
        state: row.state,
        sealedResult: row.sealed_result,
        abandoned: row.abandoned,
      }
    : null
}

async function answerOf(context: IdempotencyContext, start: ExecutionStart, holder: KeyHolder): Promise<Claim> {
  const [execution] = await findExecutionsById(context.db, start.environmentId, [holder.executionId])
  const stored = await openStored<{ body: unknown }>(context.vault, start.environmentId, holder)
  if (execution === undefined || stored === null) throw new Error('A finished idempotency key has no result.')
  return { kind: 'done', execution, body: stored.body }
}

async function unknownOutcome(
  context: IdempotencyContext,
  start: ExecutionStart,
  holder: KeyHolder,
): Promise<OutcomeUnknownError> {
  const stored = await openStored<UnknownOutcome>(context.vault, start.environmentId, holder)
  const error = new OutcomeUnknownError(
    stored?.message ?? 'An earlier call with this idempotency key was cut off; whether it wrote is not known.',
    { committedIds: stored?.committedIds ?? [] },
  )
  error.executionId = holder.executionId
  return error
}

function stillRunning(holder: KeyHolder): OutcomeUnknownError {
  const error = new OutcomeUnknownError('Another call with this idempotency key is still running.', {
    hint: 'Make the same call again with the same idempotency key: it gives the result and writes nothing twice.',
  })
  error.executionId = holder.executionId
  return error
}

async function openStored<T>(vault: Vault, environmentId: string, holder: KeyHolder): Promise<T | null> {
  if (holder.sealedResult === null) return null
  const opened = await vault.open(holder.sealedResult, idempotentResultContext(environmentId, holder.executionId))
  return JSON.parse(opened.reveal()) as T
}
