import { sql } from 'kysely'
import { startLoop } from '../background.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import { connectServer, type Db, type WrapPool } from './database.ts'

/** Reads whose result may lack the changes of the last seconds. */
export interface LaggingReads {
  /** Runs a query that only reads; when it fails on a replica, again on the primary. */
  read<Result>(query: (db: Db) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/** A result from a replica contains every change that is older than this. Milliseconds. */
const maxLagMs = 5_000

/** The pause between two checks of a replica, in milliseconds. */
const checkEveryMs = 500

/** How long a replica may take to answer before the primary is asked, in milliseconds. */
const answerMs = 5_000

/** How long a stop waits for a replica that does not answer, in milliseconds. */
const closeMs = 500

/** Reads everything from the primary. */
export const primaryReads = (primary: Db): LaggingReads => ({
  read: (query) => query(primary),
  close: async () => {},
})

/**
 * Reads from a standby of the primary while it is at most 5 seconds behind and answers; otherwise from the primary, and
 * logs a warning once.
 *
 * The lag is measured with positions in the write-ahead log: a replica that has replayed the position that the primary had
 * at a moment shows every commit before that moment. The time of the last replayed transaction would not do: it is old on an
 * idle system, and on a replica that has lost its primary nothing shows that.
 */
export function openReplica(
  url: string,
  options: {
    readonly primary: Db
    readonly maxConnections: number
    /** Whether a pooler may be on the way. */
    readonly pooled?: boolean
    readonly wrapPool?: WrapPool | undefined
    readonly log: Pick<Log, 'info' | 'warn' | 'error'>
    readonly clock?: Clock
  },
): LaggingReads {
  const { primary, maxConnections, pooled = false, wrapPool, log, clock = systemClock } = options
  const replica = connectServer(
    { connectionString: url, max: maxConnections, pooled, query_timeout: answerMs, ...(wrapPool && { wrapPool }) },
    // A broken connection fails the next check, which is logged.
    () => {},
  )
  let positions: { readonly moment: number; readonly position: bigint }[] = []
  /** The replica shows every commit before this moment. */
  let currentAt = Number.NEGATIVE_INFINITY
  const openedAt = clock.now()
  let reportedAs: 'unused' | 'used' | null = null

  const isCurrent = () => clock.now() - currentAt < maxLagMs
  const refuse = (reason: string) => {
    currentAt = Number.NEGATIVE_INFINITY
    if (reportedAs === 'unused') return
    reportedAs = 'unused'
    log.warn({ reason }, 'lists are read from the primary database')
  }
  const check = async () => {
    const moment = clock.now()
    const now = await stateOf(primary).catch(() => null)
    // Without the primary no request is served at all.
    if (!now) return
    positions = [...positions.filter((one) => moment - one.moment < maxLagMs), { moment, position: now.position }]
    const shown = await stateOf(replica).catch((error: Error) => error)
    if (shown instanceof Error) return refuse(`DATABASE_REPLICA_URL does not answer: ${shown.message}`)
    if (!shown.isStandby || shown.system !== now.system)
      return refuse('DATABASE_REPLICA_URL is not a standby of the database at DATABASE_URL')
    const replayed = positions.findLast(({ position }) => position <= shown.position)
    if (replayed) currentAt = Math.max(currentAt, replayed.moment)
    if (!isCurrent()) {
      if (clock.now() - openedAt >= maxLagMs) refuse(`the replica is more than ${maxLagMs / 1_000} s behind`)
    } else if (reportedAs !== 'used') {
      reportedAs = 'used'
      log.info('lists are read from the replica')
    }
  }
  const loop = startLoop({ name: 'check of the replica', everyMs: checkEveryMs, immediately: true, log, run: check })
  return {
    async read(query) {
      if (!isCurrent()) return query(primary)
      try {
        return await query(replica)
      } catch {
        // Whether the replica is usable is for the next check to find out.
        currentAt = Number.NEGATIVE_INFINITY
        return query(primary)
      }
    },
    async close() {
      await Promise.race([Promise.all([loop.stop(), replica.destroy()]), clock.sleep(closeMs)])
    },
  }
}

/** Returns the identity of a database, and how far its write-ahead log is written, or on a standby replayed, in bytes. */
export async function stateOf(db: Db) {
  const { rows } = await sql<{ system: string; isStandby: boolean; position: string | null }>`
    select system_identifier::text || ' ' || current_database() as system, pg_is_in_recovery() as "isStandby",
      (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end - '0/0')::text as position
    from pg_control_system()`.execute(db)
  const [row] = rows
  return { system: row?.system, isStandby: row?.isStandby === true, position: BigInt(row?.position ?? -1) }
}
