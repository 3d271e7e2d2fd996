import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import { v7 as uuidv7 } from 'uuid'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Clock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { currentTime, databaseNow, inSeconds } from '../db/time.ts'
import type { Log } from '../log.ts'
import {
  type ExecutionEnd,
  type ExecutionFilter,
  type ExecutionStart,
  findExecutionsById,
  listExecutions,
  type ToolExecution,
} from './journal.ts'

/** How long an entry stays in memory before it is written, in milliseconds. A crash loses at most this much. */
const lagMs = 200

/** The pause after entries could not be written, in milliseconds. */
const retryMs = 1_000

/** Entries written with one statement. */
const maxBatch = 500

/** Entries that wait while the database does not accept them. */
const maxWaiting = 20_000

/** After this time an entry of any node is in the database, in milliseconds. */
const settledMs = 1_000

/** The journal of finished calls that wrote nothing. Their entries are written in batches. */
export interface ReadJournal {
  /** Records a call that ended now and took `tookMs`. Its entry is valid at once. */
  record(start: ExecutionStart, end: ExecutionEnd, tookMs: number): Promise<ToolExecution>
  /** Records that the provider has just accepted the access token of an account's grant, at most once a minute. */
  prove(account: ConnectedAccount): void
  /** As {@link findExecutionsById}, including the entries that wait here, and those that another node is about to write. */
  byId(environmentId: string, ids: readonly string[]): Promise<readonly ToolExecution[]>
  /** As {@link listExecutions}, including the entries that wait here. */
  list(
    environmentId: string,
    filter: ExecutionFilter,
    page: { readonly limit: number; readonly before: number | null },
  ): Promise<readonly ToolExecution[]>
  /** Writes the entries that wait here. Failures are logged. */
  flush(): Promise<void>
}

interface Waiting {
  readonly start: ExecutionStart
  readonly execution: ToolExecution
}

/** A version of a grant whose access token the provider accepted. */
interface Proof {
  readonly environment_id: string
  readonly grant_id: string
  readonly version: number
}

/** Almost every call proves that its grant works; a node records it at most this often. Milliseconds. */
const proofIntervalMs = 60_000

/** Creates the journal of one process. */
export function createReadJournal(db: Db, clock: Clock, log: Pick<Log, 'error'>): ReadJournal {
  let waiting: Waiting[] = []
  let proofs: Proof[] = []
  const proven = new LRUCache<string, true>({ max: 50_000, ttl: proofIntervalMs })
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  /** How far the database's clock is ahead of this process's, in milliseconds. */
  let offset: Promise<number> | undefined

  const measureOffset = async (): Promise<number> => {
    const asked = clock.date().getTime()
    const now = (await databaseNow(db)).getTime()
    return now - (asked + clock.date().getTime()) / 2
  }

  const ahead = async (): Promise<number> => {
    offset ??= measureOffset()
    return offset.catch(() => {
      offset = undefined
      return 0
    })
  }

  const schedule = (afterMs: number) => {
    timer ??= setTimeout(() => {
      timer = undefined
      void flush()
    }, afterMs)
    timer.unref()
  }

  const writeWaiting = async () => {
    while (waiting.length + proofs.length > 0) {
      const batch = waiting.slice(0, maxBatch)
      const proofBatch = proofs.slice(0, maxBatch)
      try {
        await write(db, batch, proofBatch)
        waiting = waiting.slice(batch.length)
        proofs = proofs.slice(proofBatch.length)
      } catch (error) {
        const dropped = Math.max(0, waiting.length - maxWaiting)
        waiting = waiting.slice(dropped)
        proofs = []
        log.error({ err: error, waiting: waiting.length, dropped }, 'writing tool calls to the journal failed')
        schedule(retryMs)
        return
      }
    }
  }

  const flush = (): Promise<void> => {
    writing = writing.then(writeWaiting)
    return writing
  }

  return {
    flush,
    async record(start, end, tookMs) {
      const finished = clock.date().getTime() + (await ahead())
      const execution: ToolExecution = {
        id: uuidv7({ msecs: Math.floor(finished) }),
        sequence: 0,
        environmentId: start.environmentId,
        accountId: start.accountId,
        toolName: start.toolName,
        status: end.status,
        errorType: end.errorType,
        providerRequestIds: end.providerRequestIds,
        startedAt: new Date(finished - tookMs),
        finishedAt: new Date(finished),
      }
      waiting.push({ start, execution })
      schedule(lagMs)
      return execution
    },
    prove({ environmentId, grant }) {
      if (grant === null) return
      const { id, version } = grant
      const key = `${id} ${version}`
      if (proven.has(key)) return
      proven.set(key, true)
      proofs.push({ environment_id: environmentId, grant_id: id, version })
      schedule(lagMs)
    },
    async byId(environmentId, ids) {
      await flush()
      const found = await findExecutionsById(db, environmentId, ids)
      const missing = ids.filter((id) => !found.some((execution) => execution.id === id))
      const now = clock.date().getTime() + (await ahead())
      if (!missing.some((id) => Math.abs(now - timeOf(id)) < settledMs)) return found
      await clock.sleep(2 * lagMs)
      return [...found, ...(await findExecutionsById(db, environmentId, missing))]
    },
    async list(environmentId, filter, page) {
      await flush()
      return listExecutions(db, environmentId, filter, page)
    },
  }
}

/** The time in a UUID of version 7 (RFC 9562 section 5.7), in milliseconds since 1970. Anything for other UUIDs. */
const timeOf = (id: string) => Number.parseInt(id.replace('-', '').slice(0, 12), 16)

/**
 * Writes entries, the last use of their accounts, and proofs, in one statement. Entries of accounts that were deleted
 * meanwhile are left out. `last_used_at` is set at most once a second; rows that others have locked are skipped.
 */
async function write(db: Db, batch: readonly Waiting[], proofs: readonly Proof[]): Promise<void> {
  const calls = batch.map(({ start, execution }) => ({
    id: execution.id,
    environment_id: execution.environmentId,
    account_id: execution.accountId,
    tool_name: execution.toolName,
    status: execution.status,
    error_type: execution.errorType,
    input_hash: start.inputHash,
    provider_request_ids: execution.providerRequestIds,
    started_at: execution.startedAt,
    deadline_at: new Date(execution.startedAt.getTime() + start.callMs),
    finished_at: execution.finishedAt,
  }))
  await sql`
    with calls as (
      select * from json_to_recordset(${JSON.stringify(calls)}::json) as call (
        id uuid, environment_id uuid, account_id uuid, tool_name text, status text, error_type text, input_hash text,
        provider_request_ids text[], started_at timestamptz, deadline_at timestamptz, finished_at timestamptz
      )
    ), used as (
      update connected_accounts set last_used_at = ${currentTime}
      where id in (
        select id from connected_accounts account
        where (account.environment_id, account.id) in (select environment_id, account_id from calls)
          and coalesce(last_used_at, '-infinity') < ${inSeconds(-1)}
        for no key update skip locked
      )
    ), proven as (
      update grants set last_verified_at = ${currentTime}
      where id in (
        select id from grants proven
        where (proven.environment_id, proven.id, proven.version) in (
            select environment_id, grant_id, version
            from json_to_recordset(${JSON.stringify(proofs)}::json) as proof (environment_id uuid, grant_id uuid, version int)
          )
          and status = 'active'
        for no key update skip locked
      )
    )
    insert into tool_executions (
      id, environment_id, account_id, tool_name, status, error_type, writes, input_hash, provider_request_ids,
      started_at, deadline_at, finished_at
    )
    select calls.id, calls.environment_id, calls.account_id, calls.tool_name, calls.status, calls.error_type, false,
      calls.input_hash, calls.provider_request_ids, calls.started_at, calls.deadline_at, calls.finished_at
    from calls join connected_accounts account
      on account.environment_id = calls.environment_id and account.id = calls.account_id
  `.execute(db)
}
