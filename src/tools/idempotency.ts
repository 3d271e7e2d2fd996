import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import * as z from 'zod'
import type { GrantSummary } from '../accounts/connected-account.ts'
import type { Clock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { IdempotencyConflictError, OutcomeUnknownError } from '../errors.ts'
import { Secret } from '../vault/secret.ts'
import type { SealingContext, Vault } from '../vault/vault.ts'
import { isAbandoned, settleAbandoned } from './abandoned.ts'
import { CallDeadlineError } from './deadline.ts'
import {
  type ExecutionStart,
  executionColumns,
  findExecutionsById,
  type ToolExecution,
  toExecution,
} from './journal.ts'

/** What the store of idempotency keys works with. */
export interface IdempotencyContext {
  readonly db: Db
  readonly vault: Vault
  readonly clock: Clock
}

/** Either this call is the one that writes (`ours`), or an earlier call with the same key has written (`done`). */
export type Claim = { readonly kind: 'ours'; readonly execution: ToolExecution } | EarlierResult

/** The result of the earlier call. */
export interface EarlierResult {
  readonly kind: 'done'
  readonly execution: ToolExecution
  readonly body: unknown
}

/** What a key is looked up by. */
type KeyedCall = Pick<ExecutionStart, 'environmentId' | 'accountId' | 'inputHash'>

/** What is stored, sealed, for a call that succeeded. */
const storedResult = z.object({ body: z.json() })

/** What is stored, sealed, for a call whose outcome is unknown. */
const storedUnknownOutcome = z.object({ message: z.string(), committedIds: z.array(z.string()) })

/** A key as its caller uses it: it belongs to one account, and there to one user of the provider. */
export interface OwnedKey {
  readonly key: string
  /** {@link ownerOf} the account's grant. */
  readonly owner: string
}

/** Identifies the provider's user and workspace behind a grant. It stays the same when that user connects again. */
export function ownerOf(grant: Pick<GrantSummary, 'workspaceId' | 'providerUserId'>): string {
  return createHash('sha256').update(`${grant.workspaceId}\n${grant.providerUserId}`).digest('hex')
}

/** {@link tryClaim}, on a database of its own. */
export type TryClaim = (owned: OwnedKey, start: ExecutionStart, keepMs: number) => Promise<ToolExecution | null>

/** Pauses between looks at the call that has the key. */
const polls = { firstMs: 25, maxMs: 500 }

/**
 * Claims an idempotency key for a write and journals the write as RUNNING, in one statement: of all callers on all nodes
 * exactly one gets `ours`. The others wait for the end of that call and get its result; a key that was freed by a failure
 * is claimed again. Two users of the provider who are connected to an account one after the other never meet: each has the
 * key. Throws
 * - {@link IdempotencyConflictError} when the key belongs to another tool or input;
 * - {@link OutcomeUnknownError} when the outcome of the first call is unknown, its result was erased, or the call does not
 *   end before `deadline`;
 * - a foreign key violation when the account was deleted.
 */
export async function claimKey(
  context: IdempotencyContext & { readonly writes: { readonly claim: TryClaim } },
  owned: OwnedKey,
  start: ExecutionStart,
  wait: { readonly deadline: number; readonly keepMs: number; readonly signal: AbortSignal },
): Promise<Claim> {
  for (;;) {
    const execution = await context.writes.claim(owned, start, wait.keepMs)
    if (execution) return { kind: 'ours', execution }
    // Null when the key was freed or expired after the claim failed: then the claim is tried again.
    const earlier = await earlierResult(context, owned, start, wait)
    if (earlier) return earlier
  }
}

/**
 * Returns the result of the call that holds a key, after its end; null when the key is free. Writes nothing. Throws as
 * {@link claimKey} does.
 */
export async function earlierResult(
  context: IdempotencyContext,
  owned: OwnedKey,
  start: KeyedCall,
  wait: { readonly deadline: number; readonly signal: AbortSignal },
): Promise<EarlierResult | null> {
  for (let attempt = 0; ; attempt++) {
    const holder = await readKey(context.db, start, owned)
    if (holder === null) return null
    if (holder.inputHash !== start.inputHash) throw new IdempotencyConflictError(owned.key)
    if (holder.state === 'done') return resultOf(context, start, holder)
    if (holder.abandoned) await settleAbandoned(context.db)
    if (holder.state === 'outcome_unknown' || holder.abandoned) throw await unknownOutcome(context, start, holder)
    const left = wait.deadline - context.clock.now()
    if (left <= 0) throw stillRunning(holder)
    try {
      await context.clock.sleep(Math.min(left, pollMs(attempt, context.clock)), wait.signal)
    } catch (error) {
      throw error instanceof CallDeadlineError ? stillRunning(holder) : error
    }
  }
}

/** Seals a call's result for storage with its key. */
export function sealResult(vault: Vault, execution: ToolExecution, body: unknown): Promise<string> {
  return vault.seal(
    new Secret(JSON.stringify({ body })),
    idempotentResultContext(execution.environmentId, execution.id),
  )
}

/** Seals what is known about a call whose outcome is unknown. */
export function sealUnknownOutcome(
  vault: Vault,
  execution: ToolExecution,
  error: Pick<OutcomeUnknownError, 'message' | 'committedIds'>,
): Promise<string> {
  const outcome = { message: error.message, committedIds: error.committedIds }
  return vault.seal(new Secret(JSON.stringify(outcome)), idempotentResultContext(execution.environmentId, execution.id))
}

/** The sealing context of a stored result, which opens for its execution only. */
export function idempotentResultContext(environmentId: string, executionId: string): SealingContext {
  return { environmentId, subject: executionId, field: 'idempotent_result', version: 1 }
}

/** The name of a key in the table where another owner's row has the key itself. */
export const scopedKey = ({ key, owner }: OwnedKey) => `${owner}:${key}`

/** An SQL condition: whether a row holds its key. An expired one is free, unless its call still runs and may yet write. */
const isHeld = sql<boolean>`(idempotency_keys.state = 'running' or idempotency_keys.expires_at >= ${currentTime})`

/** The rows of an account that hold a key, for any owner. */
const holdersOf = (db: Db, { environmentId, accountId }: KeyedCall, keys: readonly string[]) =>
  db
    .selectFrom('idempotency_keys')
    .where('idempotency_keys.environment_id', '=', environmentId)
    .where('idempotency_keys.account_id', '=', accountId)
    .where('idempotency_keys.key', 'in', keys)
    .where(isHeld)

/**
 * Claims a key and journals the write as RUNNING, in one statement. Returns null when the key is held. See
 * {@link claimKey}.
 */
export async function tryClaim(
  db: Db,
  owned: OwnedKey,
  start: ExecutionStart,
  keepMs: number,
): Promise<ToolExecution | null> {
  const { key, owner } = owned
  const scoped = scopedKey(owned)
  const ofOthers = holdersOf(db, start, [key]).where('owner', '<>', owner).select('owner')
  const claim = {
    owner: sql<string>`${owner}::text`,
    input_hash: sql<string>`${start.inputHash}::text`,
    execution_id: sql<string>`gen_random_uuid()`,
    state: sql<'running'>`'running'`,
    expires_at: inSeconds(keepMs / 1000),
  }
  const row = await db
    .with('wanted', (cte) =>
      cte
        .selectNoFrom(sql<string>`case when exists (${ofOthers}) then ${scoped}::text else ${key}::text end`.as('key'))
        .where(sql<boolean>`not exists (${holdersOf(db, start, [scoped]).select('owner')})`),
    )
    // An expired key is free. One whose call still runs is not, so that it cannot lead to a second write.
    .with('freed', (cte) =>
      cte
        .updateTable('idempotency_keys')
        .set({ ...claim, erased: false, sealed_result: null, created_at: currentTime })
        .where('environment_id', '=', start.environmentId)
        .where('account_id', '=', start.accountId)
        .where('key', '=', (select) => select.selectFrom('wanted').select('wanted.key'))
        .where(sql<boolean>`not ${isHeld}`)
        .returning('execution_id'),
    )
    // Without a target: during an upgrade two constraints hold a key, and a conflict with the other one would be an error.
    .with('inserted', (cte) =>
      cte
        .insertInto('idempotency_keys')
        .columns(['environment_id', 'account_id', 'key', 'owner', 'input_hash', 'execution_id', 'state', 'expires_at'])
        .expression((select) =>
          select
            .selectFrom('wanted')
            .select([
              sql<string>`${start.environmentId}::uuid`.as('environment_id'),
              sql<string>`${start.accountId}::uuid`.as('account_id'),
              'wanted.key',
              claim.owner.as('owner'),
              claim.input_hash.as('input_hash'),
              claim.execution_id.as('execution_id'),
              claim.state.as('state'),
              claim.expires_at.as('expires_at'),
            ])
            .where(({ not, exists, selectFrom }) => not(exists(selectFrom('freed').select('freed.execution_id')))),
        )
        .onConflict((conflict) => conflict.doNothing())
        .returning('execution_id'),
    )
    .with('claimed', (cte) =>
      cte
        .selectFrom('freed')
        .select('freed.execution_id')
        .unionAll((select) => select.selectFrom('inserted').select('inserted.execution_id')),
    )
    .insertInto('tool_executions')
    .columns([
      'id',
      'environment_id',
      'oauth_app_id',
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
          sql<string>`${start.oauthAppId}::uuid`.as('oauth_app_id'),
          sql<string>`${start.accountId}::uuid`.as('account_id'),
          sql<string>`${start.toolName}::text`.as('tool_name'),
          sql<'RUNNING'>`'RUNNING'`.as('status'),
          sql<boolean>`true`.as('writes'),
          sql<string>`${start.inputHash}::text`.as('input_hash'),
          inSeconds(start.callMs / 1000).as('deadline_at'),
          sql<number | null>`${start.nodeId}::integer`.as('node_id'),
        ]),
    )
    .returning(executionColumns)
    .executeTakeFirst()
  return row ? toExecution(row) : null
}

interface KeyHolder {
  readonly inputHash: string
  readonly executionId: string
  readonly state: 'running' | 'done' | 'outcome_unknown'
  readonly sealedResult: string | null
  /** No process runs its call any more. */
  readonly abandoned: boolean
}

async function readKey(db: Db, of: KeyedCall, owned: OwnedKey): Promise<KeyHolder | null> {
  const row = await holdersOf(db, of, [owned.key, scopedKey(owned)])
    .innerJoin('tool_executions', 'tool_executions.id', 'idempotency_keys.execution_id')
    .where((where) =>
      where.or([where('idempotency_keys.owner', '=', owned.owner), where('idempotency_keys.owner', 'is', null)]),
    )
    .orderBy('idempotency_keys.owner')
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

async function resultOf(context: IdempotencyContext, start: KeyedCall, holder: KeyHolder): Promise<EarlierResult> {
  const [execution] = await findExecutionsById(context.db, start.environmentId, [holder.executionId])
  const stored = await openStored(context.vault, start.environmentId, holder, storedResult)
  if (execution === undefined || stored === null) throw erasedResult(holder)
  return { kind: 'done', execution, body: stored.body }
}

async function unknownOutcome(
  context: IdempotencyContext,
  start: KeyedCall,
  holder: KeyHolder,
): Promise<OutcomeUnknownError> {
  const stored = await openStored(context.vault, start.environmentId, holder, storedUnknownOutcome)
  const error = new OutcomeUnknownError(
    stored?.message ?? 'The call was interrupted when it was made first; whether it wrote is not known.',
    { committedIds: stored?.committedIds ?? [] },
  )
  error.executionId = holder.executionId
  return error
}

/** Results are erased when their account is disconnected. The write is known to be carried out. */
function erasedResult(holder: KeyHolder): OutcomeUnknownError {
  const error = new OutcomeUnknownError(
    'The call was carried out. Its result was erased when the account was disconnected.',
    { hint: 'Do not repeat the call: it has written. Read the target to see the change.' },
  )
  error.executionId = holder.executionId
  return error
}

function stillRunning(holder: KeyHolder): OutcomeUnknownError {
  const error = new OutcomeUnknownError('The same call is still running.', {
    hint: 'Repeat the call, with the same idempotency key if it has one: it returns the result and writes nothing twice.',
  })
  error.executionId = holder.executionId
  return error
}

async function openStored<T>(
  vault: Vault,
  environmentId: string,
  holder: KeyHolder,
  schema: z.ZodType<T>,
): Promise<T | null> {
  if (holder.sealedResult === null) return null
  const opened = await vault.open(holder.sealedResult, idempotentResultContext(environmentId, holder.executionId))
  return schema.parse(JSON.parse(opened.reveal()))
}

/** Starts short and doubles, with half of the pause at random. */
function pollMs(attempt: number, { random }: Clock): number {
  return Math.min(polls.maxMs, polls.firstMs * 2 ** Math.min(attempt, 30)) * (0.5 + random())
}
