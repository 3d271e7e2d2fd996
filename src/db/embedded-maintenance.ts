import { sql } from 'kysely'
import { type Loop, type LoopOptions, startLoop } from '../background.ts'
import type { Db } from './database.ts'

/*
 * PGlite is a single process. What the background processes of a Postgres server do is done here: without statistics each
 * page of a list reads whole tables, without vacuum tables grow, and without checkpoints the log grows until the database is closed.
 */

/**
 * Pause between two looks, in milliseconds. That of autovacuum is a minute, but a new database grows from nothing, and nothing
 * else updates its statistics.
 */
const everyMs = 20_000

/** What the log may grow by before a checkpoint, in bytes. It is what a start reads again after a crash. */
const maxLogBytes = 32 * 1024 * 1024

/** What a run has done. */
export interface Maintenance {
  /** How many tables were analyzed, and vacuumed where that was due. */
  readonly tables: number
  readonly checkpoint: boolean
}

/** What is to be done with a table. */
interface Due {
  readonly name: string
  /** Otherwise it is only analyzed. */
  readonly vacuum: boolean
}

/**
 * The tables that autovacuum would vacuum or analyze, by its default thresholds and scale factors
 * (https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM).
 */
async function dueTables(db: Db): Promise<readonly Due[]> {
  const { rows } = await sql<Due>`
    with used as (
      select relid::regclass::text as name,
        n_dead_tup > 50 + 0.2 * reltuples or n_ins_since_vacuum > 1000 + 0.2 * reltuples as vacuum,
        n_mod_since_analyze > 50 + 0.1 * reltuples as changed
      from pg_stat_user_tables join pg_class on pg_class.oid = relid
    )
    select name, vacuum from used where vacuum or changed order by name`.execute(db)
  return rows
}

/** Bytes that were written to the log since the last checkpoint began. */
export async function logBytes(db: Db): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select (pg_current_wal_lsn() - redo_lsn)::float8 as bytes from pg_control_checkpoint()`.execute(db)
  return rows[0]?.bytes ?? 0
}

/**
 * Frees the space of old rows and updates the planner's statistics, where that is due, and makes a checkpoint when the log has
 * grown. Calls wait for one statement at a time. Ends before the next one when the signal is aborted.
 */
export async function maintainEmbedded(db: Db, signal?: AbortSignal): Promise<Maintenance> {
  let tables = 0
  for (const { name, vacuum } of await dueTables(db)) {
    if (signal?.aborted) return { tables, checkpoint: false }
    if (vacuum) await sql.raw(`vacuum ${name}`).execute(db)
    await sql.raw(`analyze ${name}`).execute(db)
    tables += 1
  }
  const checkpoint = signal?.aborted !== true && (await logBytes(db)) > maxLogBytes
  if (checkpoint) await sql`checkpoint`.execute(db)
  return { tables, checkpoint }
}

/** Repeats {@link maintainEmbedded} every 20 s. */
export function startEmbeddedMaintenance(
  db: Db,
  options: Pick<LoopOptions<Maintenance>, 'log' | 'measure'> & { readonly everyMs?: number },
): Pick<Loop<Maintenance>, 'stop'> {
  return startLoop<Maintenance>({
    name: 'maintaining the embedded database',
    everyMs,
    ...options,
    acted: ({ tables, checkpoint }) => tables > 0 || checkpoint,
    run: (signal) => maintainEmbedded(db, signal),
  })
}
