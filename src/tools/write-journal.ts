import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Clock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { isConflict, isRefusedRow } from '../db/errors.ts'
import { givenRows } from '../db/given-rows.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { together } from '../db/together.ts'
import { type OwnedKey, scopedKey, type TryClaim, tryClaim } from './idempotency.ts'
import {
  type ExecutionEnd,
  type ExecutionRow,
  type ExecutionStart,
  endExecution,
  executionColumns,
  type KeyEnd,
  type ToolExecution,
  toExecution,
} from './journal.ts'

/**
 * The journal of calls that write. Starts under an idempotency key that come at the same time share a statement, and so do
 * ends. An entry that a statement for many cannot take, or that makes it fail, has a statement of its own.
 */
export interface WriteJournal {
  /** As {@link tryClaim}. Resolves after the commit. */
  readonly claim: TryClaim
  /** As {@link endExecution}. */
  end(execution: EndedCall, end: ExecutionEnd, key: KeyEnd | null): Promise<ToolExecution | null>
}

type EndedCall = Pick<ToolExecution, 'id' | 'environmentId' | 'accountId'>

/** The entry was not written, and must be written in a statement of its own. */
const alone = Symbol('alone')

type Together = ToolExecution | typeof alone

/** A stored result above this length has a statement of its own, so that one for many stays small. In characters. */
const maxSharedResult = 64 * 1024

/** Creates the journal of one process. */
export function createWriteJournal(db: Db, clock: Pick<Clock, 'sleep'>): WriteJournal {
  const claim = together<Claiming, Together>(clock, (entries) => orAlone(entries, () => claimTogether(db, entries)))
  const end = together<Ending, Together>(clock, (entries) => orAlone(entries, () => endTogether(db, entries)))
  return {
    async claim(owned, start, keepMs) {
      const claimed = await claim({ owned, start, keepMs })
      return claimed === alone ? tryClaim(db, owned, start, keepMs) : claimed
    },
    async end(execution, ended, key) {
      const isLarge = key !== null && key.kind !== 'free' && key.sealedResult.length > maxSharedResult
      const recorded = isLarge ? alone : await end({ execution, end: ended, key })
      return recorded === alone ? endExecution(db, execution, ended, key) : recorded
    },
  }
}

/**
 * Returns what `write` does. When the database refused one of the entries, nothing was written, and each must be written
 * alone. Any other error is that of all entries: the statement may have been committed, and a claim must not be repeated.
 */
async function orAlone(
  entries: readonly unknown[],
  write: () => Promise<readonly Together[]>,
): Promise<readonly Together[]> {
  try {
    return await write()
  } catch (error) {
    if (!isRefusedRow(error) && !isConflict(error)) throw error
    return entries.map(() => alone)
  }
}

interface Claiming {
  readonly owned: OwnedKey
  readonly start: ExecutionStart
  readonly keepMs: number
}

/**
 * Claims keys that no row has, and journals their writes as RUNNING. Returns `alone` for a call whose key has a row or was
 * claimed in the meantime, also by a call in the same statement, and for one whose account is locked or was deleted. Claims
 * in the order of the keys: two nodes that claim the same ones wait for each other and cannot deadlock. It waits for
 * nothing else: a claim of a key that has a row waits for that row, which is then locked before the account.
 */
async function claimTogether(db: Db, entries: readonly Claiming[]): Promise<readonly Together[]> {
  const wanted = entries.map(wantedOf)
  const { rows } = await sql<ExecutionRow>`
    with wanted as (
      select call.execution_id, call.environment_id, call.oauth_app_id, call.account_id, call.tool_name, call.key,
        call.owner, call.input_hash, call.keep_seconds, call.call_seconds, call.node_id
      from ${givenRows('call', wanted, claimedColumns)}
      join connected_accounts account on account.environment_id = call.environment_id and account.id = call.account_id
      where not exists (
        select from idempotency_keys used
        where used.environment_id = call.environment_id and used.account_id = call.account_id
          and used.key in (call.key, call.scoped_key)
      )
      for key share of account skip locked
    ), claimed as (
      insert into idempotency_keys (
        environment_id, account_id, key, owner, input_hash, execution_id, state, expires_at
      )
      select environment_id, account_id, key, owner, input_hash, execution_id, 'running',
        ${currentTime} + make_interval(secs => keep_seconds)
      from wanted order by account_id, key
      on conflict do nothing
      returning execution_id
    )
    insert into tool_executions (
      id, environment_id, oauth_app_id, account_id, tool_name, status, writes, input_hash, deadline_at, node_id
    )
    select execution_id, environment_id, oauth_app_id, account_id, tool_name, 'RUNNING', true, input_hash,
      ${currentTime} + make_interval(secs => call_seconds), node_id
    from wanted join claimed using (execution_id)
    returning ${returned}
  `.execute(db)
  const claimed = new Map(rows.map((row) => [row.id, toExecution(row)]))
  return wanted.map(({ execution_id }) => claimed.get(execution_id) ?? alone)
}

const claimedColumns = {
  execution_id: 'uuid',
  environment_id: 'uuid',
  oauth_app_id: 'uuid',
  account_id: 'uuid',
  tool_name: 'text',
  key: 'text',
  scoped_key: 'text',
  owner: 'text',
  input_hash: 'text',
  keep_seconds: 'float8',
  call_seconds: 'float8',
  node_id: 'int',
} as const

const wantedOf = ({ owned, start, keepMs }: Claiming) => ({
  execution_id: uuidv7(),
  environment_id: start.environmentId,
  oauth_app_id: start.oauthAppId,
  account_id: start.accountId,
  tool_name: start.toolName,
  key: owned.key,
  scoped_key: scopedKey(owned),
  owner: owned.owner,
  input_hash: start.inputHash,
  keep_seconds: keepMs / 1000,
  call_seconds: start.callMs / 1000,
  node_id: start.nodeId,
})

const endedColumns = {
  id: 'uuid',
  environment_id: 'uuid',
  account_id: 'uuid',
  status: 'text',
  error_type: 'text',
  provider_request_ids: 'text[]',
  key_end: 'text',
  sealed_result: 'text',
} as const

interface Ending {
  readonly execution: EndedCall
  readonly end: ExecutionEnd
  readonly key: KeyEnd | null
}

/**
 * Records ends. Returns `alone` for a call that was deleted, and for one whose row or key is locked. Waits for no lock, so
 * that it cannot deadlock with those who lock the keys of an account.
 */
async function endTogether(db: Db, entries: readonly Ending[]): Promise<readonly Together[]> {
  const ended = entries.map(({ execution, end, key }) => ({
    id: execution.id,
    environment_id: execution.environmentId,
    account_id: execution.accountId,
    status: end.status,
    error_type: end.errorType,
    provider_request_ids: end.providerRequestIds,
    key_end: key?.kind ?? null,
    sealed_result: key === null || key.kind === 'free' ? null : key.sealedResult,
  }))
  const { rows } = await sql<ExecutionRow>`
    with calls as (
      select ended.id, ended.environment_id, ended.account_id, ended.status, ended.error_type,
        ended.provider_request_ids, ended.key_end, ended.sealed_result
      from ${givenRows('ended', ended, endedColumns)}
      join tool_executions call on call.environment_id = ended.environment_id and call.id = ended.id
      for no key update of call skip locked
    ), locked as (
      select used.execution_id
      from calls join idempotency_keys used on used.environment_id = calls.environment_id and used.execution_id = calls.id
      for update of used skip locked
    ), ready as (
      select calls.id, calls.environment_id, calls.account_id, calls.status, calls.error_type,
        calls.provider_request_ids, calls.key_end, calls.sealed_result
      from calls left join locked on locked.execution_id = calls.id
      where locked.execution_id is not null
        or not exists (
          select from idempotency_keys used
          where used.environment_id = calls.environment_id and used.execution_id = calls.id
        )
    ), freed as (
      delete from idempotency_keys used using ready
      where used.environment_id = ready.environment_id and used.execution_id = ready.id and ready.key_end = 'free'
    ), settled as (
      update idempotency_keys used set
        state = ready.key_end,
        sealed_result = case when not used.erased and exists (
          select from connected_accounts account
          where account.environment_id = used.environment_id and account.id = used.account_id
            and account.status <> 'DISCONNECTED'
        ) then ready.sealed_result end
      from ready
      where used.environment_id = ready.environment_id and used.execution_id = ready.id
        and ready.key_end in ('done', 'outcome_unknown')
    ), used_accounts as (
      update connected_accounts set last_used_at = ${currentTime}
      where (environment_id, id) in (
        select account.environment_id, account.id from connected_accounts account
        where (account.environment_id, account.id) in (select environment_id, account_id from ready)
          and coalesce(account.last_used_at, '-infinity') < ${inSeconds(-1)}
        for no key update skip locked
      )
    )
    update tool_executions set
      status = ready.status, error_type = ready.error_type, provider_request_ids = ready.provider_request_ids,
      finished_at = ${currentTime}
    from ready
    where tool_executions.environment_id = ready.environment_id and tool_executions.id = ready.id
    returning ${returned}
  `.execute(db)
  const recorded = new Map(rows.map((row) => [row.id, toExecution(row)]))
  return entries.map(({ execution }) => recorded.get(execution.id) ?? alone)
}

/** By name, so that the statements can be prepared. */
const returned = sql.join(executionColumns.map((column) => sql.ref(`tool_executions.${column}`)))
