import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import { v7 as uuidv7 } from 'uuid'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Clock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { isRefusedRow } from '../db/errors.ts'
import { givenRows } from '../db/given-rows.ts'
import { type LaggingReads, primaryReads } from '../db/replica.ts'
import { currentTime, databaseNow, inSeconds } from '../db/time.ts'
import type { Log } from '../log.ts'
import { countExecutions, type ExecutionStatistics } from './execution-statistics.ts'
import {
  type ExecutionEnd,
  type ExecutionFilter,
  type ExecutionStart,
  findExecutionsById,
  finishedExecution,
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

/** How long reading the journal waits for the entries that wait here, and a stop for the rest, in milliseconds. */
const maxFlushWaitMs = 1_000
const maxCloseMs = 5_000

/** How often the database's clock is compared with this process's monotonic one, in milliseconds. */
const compareClocksMs = 5 * 60_000

/** After this time an entry of any node is in the database, in milliseconds. */
const settledMs = 1_000

/** The journal of finished calls that wrote nothing. Their entries are written in batches. */
export interface ReadJournal {
  /** Resolves when the time of the database is known, or could not be asked. */
  readonly ready: Promise<void>
  /** Records a call that ended now and took `tookMs`. Its entry is valid at once. */
  record(start: ExecutionStart, end: ExecutionEnd, tookMs: number): ToolExecution
  /** Records that the provider has just accepted the access token of an account's grant, at most once a minute. */
  prove(account: ConnectedAccount): void
  /** As {@link findExecutionsById}, including the entries that wait here, and those that another node is about to write. */
  byId(environmentId: string, ids: readonly string[]): Promise<readonly ToolExecution[]>
  /** As {@link listExecutions}, including the entries that wait here, unless a replica answers. */
  list(
    environmentId: string,
    filter: ExecutionFilter,
    page: { readonly limit: number; readonly before: number | null },
  ): Promise<readonly ToolExecution[]>
  /** As {@link countExecutions}, including the entries that wait here, unless a replica answers. */
  count(
    environmentId: string,
    filter: ExecutionFilter,
    period: { readonly hours: number; readonly intervals: number },
  ): Promise<ExecutionStatistics>
  /**
   * Writes the entries that wait here, except those of accounts that others have locked. They are written later, as all are
   * after a failure, which is logged.
   */
  flush(): Promise<void>
  /** Writes all entries, for up to 5 s. Call it when no call runs any more. */
  close(): Promise<void>
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

/** Creates the journal of one process. Pages of all users' calls are read with `lists`. */
export function createReadJournal(
  db: Db,
  clock: Clock,
  log: Pick<Log, 'error'>,
  lists: Pick<LaggingReads, 'read'> = primaryReads(db),
): ReadJournal {
  let waiting: Waiting[] = []
  let proofs: Proof[] = []
  // The option `max` would allocate the memory for all of them now.
  const proven = new LRUCache<string, true>({ maxSize: 50_000, sizeCalculation: () => 1, ttl: proofIntervalMs })
  let cancelFlush: (() => void) | undefined
  let writing: Promise<void> = Promise.resolve()
  let closed = false
  /** The time of the database minus this process's monotonic clock, in milliseconds. Null: it was never asked. */
  let offsetMs: number | null = null
  let comparedAt = Number.NEGATIVE_INFINITY

  const compareClocks = async (): Promise<void> => {
    if (clock.now() - comparedAt < compareClocksMs) return
    comparedAt = clock.now()
    try {
      const asked = clock.now()
      const now = (await databaseNow(db)).getTime()
      const answered = clock.now()
      // The longer an answer took, the less certain is the moment at which the database made it.
      if (answered - asked < maxFlushWaitMs) offsetMs = now - (asked + answered) / 2
      else comparedAt = Number.NEGATIVE_INFINITY
    } catch {
      comparedAt = Number.NEGATIVE_INFINITY
    }
  }
  const ready = compareClocks()
  /** The time of the database; of this node, as long as the database could not be asked. */
  const timeNow = () => (offsetMs === null ? clock.date().getTime() : Math.floor(clock.now() + offsetMs))

  const schedule = (afterMs: number) => {
    if (closed) return
    cancelFlush ??= clock.after(afterMs, () => {
      cancelFlush = undefined
      void flush()
    })
  }

  /**
   * Writes entries, and returns those whose account is locked. Where the database refuses one, all others are written. Throws
   * when it cannot be asked.
   */
  const writeEach = async (entries: readonly Waiting[]): Promise<readonly Waiting[]> => {
    try {
      return await writeCalls(db, entries)
    } catch (error) {
      if (!isRefusedRow(error)) throw error
      if (entries.length <= 1) {
        log.error({ err: error, execution: entries[0]?.execution.id }, 'the database refused a tool call')
        return []
      }
      const middle = Math.ceil(entries.length / 2)
      return [...(await writeEach(entries.slice(0, middle))), ...(await writeEach(entries.slice(middle)))]
    }
  }

  const writeWaiting = async () => {
    // An account may stay locked for long: its entries are tried once and hold up no others.
    let locked = new Set<Waiting>()
    const nextBatch = () =>
      (locked.size === 0 ? waiting : waiting.filter((entry) => !locked.has(entry))).slice(0, maxBatch)
    for (let batch = nextBatch(); batch.length + proofs.length > 0; batch = nextBatch()) {
      const proofBatch = proofs.slice(0, maxBatch)
      try {
        if (batch.length > 0) {
          locked = new Set([...locked, ...(await writeEach(batch))])
          const written = new Set(batch.filter((entry) => !locked.has(entry)))
          waiting = waiting.filter((entry) => !written.has(entry))
          await writeLastUse(db, batch)
        }
        if (proofBatch.length > 0) await writeProofs(db, proofBatch)
        proofs = proofs.slice(proofBatch.length)
      } catch (error) {
        log.error({ err: error, waiting: waiting.length }, 'writing tool calls to the journal failed')
        schedule(retryMs)
        return
      }
    }
    if (waiting.length > 0) schedule(retryMs)
    await compareClocks()
  }

  const flush = (): Promise<void> => {
    writing = writing.then(writeWaiting)
    return writing
  }

  const flushForReader = () => {
    if (waiting.length === 0) return
    const stop = new AbortController()
    const late = clock.sleep(maxFlushWaitMs, stop.signal).catch(() => {})
    return Promise.race([flush(), late]).finally(() => stop.abort())
  }

  return {
    ready,
    flush,
    record(start, end, tookMs) {
      const now = new Date(timeNow())
      const execution = { ...finishedExecution(start, end, tookMs, now), id: uuidv7({ msecs: now.getTime() }) }
      if (waiting.length >= maxWaiting) {
        waiting.shift()
        log.error({ waiting: waiting.length }, 'the journal is full: an entry was dropped')
      }
      waiting.push({ start, execution })
      schedule(lagMs)
      return execution
    },
    async close() {
      const deadline = clock.now() + maxCloseMs
      await flush()
      while (waiting.length > 0 && clock.now() < deadline) {
        await clock.sleep(lagMs)
        await flush()
      }
      closed = true
      cancelFlush?.()
      if (waiting.length > 0) log.error({ lost: waiting.length }, 'tool calls are missing in the journal')
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
      await flushForReader()
      const here = waiting.flatMap(({ execution }) =>
        execution.environmentId === environmentId && ids.includes(execution.id) ? [execution] : [],
      )
      const found = [...here, ...(await findExecutionsById(db, environmentId, ids))]
      const missing = ids.filter((id) => !found.some((execution) => execution.id === id))
      const now = timeNow()
      if (!missing.some((id) => Math.abs(now - timeOf(id)) < settledMs)) return found
      await clock.sleep(2 * lagMs)
      return [...found, ...(await findExecutionsById(db, environmentId, missing))]
    },
    async list(environmentId, filter, page) {
      await flushForReader()
      const list = (from: Db) => listExecutions(from, environmentId, filter, page)
      return filter.identifier == null ? lists.read(list) : list(db)
    },
    async count(environmentId, filter, period) {
      await flushForReader()
      return lists.read((from) => countExecutions(from, environmentId, filter, period))
    },
  }
}

/** The time in a UUID of version 7 (RFC 9562 section 5.7), in milliseconds since 1970. Anything for other UUIDs. */
const timeOf = (id: string) => Number.parseInt(id.replace('-', '').slice(0, 12), 16)

const callColumns = {
  id: 'uuid',
  environment_id: 'uuid',
  account_id: 'uuid',
  tool_name: 'text',
  status: 'text',
  error_type: 'text',
  input_hash: 'text',
  provider_request_ids: 'text[]',
  started_at: 'timestamptz',
  deadline_at: 'timestamptz',
  finished_at: 'timestamptz',
} as const

/**
 * Writes entries. Returns those whose account another transaction has locked: an insert would wait for it, and with it the
 * entries of all other accounts. Entries of accounts that were deleted meanwhile are left out.
 */
async function writeCalls(db: Db, batch: readonly Waiting[]): Promise<readonly Waiting[]> {
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
  const { rows } = await sql<{ id: string }>`
    with calls as (
      select * from ${givenRows('call', calls, callColumns)}
    ), held as (
      select calls.id, account.oauth_app_id
      from calls join connected_accounts account
        on account.environment_id = calls.environment_id and account.id = calls.account_id
      for key share of account skip locked
    ), written as (
      insert into tool_executions (
        id, environment_id, oauth_app_id, account_id, tool_name, status, error_type, writes, input_hash,
        provider_request_ids, started_at, deadline_at, finished_at
      )
      select calls.id, calls.environment_id, held.oauth_app_id, calls.account_id, calls.tool_name, calls.status,
        calls.error_type, false, calls.input_hash, calls.provider_request_ids, calls.started_at, calls.deadline_at,
        calls.finished_at
      from calls join held using (id)
      -- The answer to an earlier attempt may have been lost.
      on conflict (environment_id, id) do nothing
    )
    select calls.id
    from calls join connected_accounts account
      on account.environment_id = calls.environment_id and account.id = calls.account_id
    where not exists (select from held where held.id = calls.id)
  `.execute(db)
  const locked = new Set(rows.map(({ id }) => id))
  return batch.filter(({ execution }) => locked.has(execution.id))
}

/**
 * Records that the accounts of entries were used, at most once a second. Rows that others have locked are skipped. Not in the
 * statement of {@link writeCalls}, which could not lock a row any more that it has changed.
 */
async function writeLastUse(db: Db, batch: readonly Waiting[]): Promise<void> {
  const keys = new Map(batch.map(({ execution: { environmentId, accountId } }) => [accountId, environmentId]))
  const used = [...keys].map(([account_id, environment_id]) => ({ environment_id, account_id }))
  await sql`
    update connected_accounts set last_used_at = ${currentTime}
    where (environment_id, id) in (
      select environment_id, id from connected_accounts account
      where (account.environment_id, account.id) in (
          select environment_id, account_id
          from ${givenRows('used', used, { environment_id: 'uuid', account_id: 'uuid' })}
        )
        and coalesce(last_used_at, '-infinity') < ${inSeconds(-1)}
      for no key update skip locked
    )
  `.execute(db)
}

/** Writes proofs. Grants that others have locked are skipped. */
async function writeProofs(db: Db, proofs: readonly Proof[]): Promise<void> {
  await sql`
    update grants set last_verified_at = ${currentTime}, refusals = 0, refused_since = null
    where (environment_id, id) in (
      select environment_id, id from grants proven
      where (proven.environment_id, proven.id, proven.version) in (
          select environment_id, grant_id, version
          from ${givenRows('proof', proofs, { environment_id: 'uuid', grant_id: 'uuid', version: 'int' })}
        )
        and status = 'active'
      for no key update skip locked
    )
  `.execute(db)
}
