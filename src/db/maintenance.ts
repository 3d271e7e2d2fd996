import { sql } from 'kysely'
import { type Loop, type LoopOptions, startLoop } from '../background.ts'
import type { Database, Db } from './database.ts'

/*
 * PGlite is a single process. What the background processes of a Postgres server do is done here: without statistics each
 * page of a list reads whole tables, without vacuum tables grow, and without checkpoints the log grows until the database is closed.
 *
 * A server does so itself, but its autovacuum needs a minute to see a table that grows from nothing, and may be off. Tables that
 * have outgrown their statistics are analyzed there as well.
 */

/** Pause between two runs, in milliseconds. */
const everyMs = 20_000

/** What the log of the embedded database may grow by before a checkpoint, in bytes. A start reads it again after a crash. */
const maxLogBytes = 32 * 1024 * 1024

/** Rows that have changed before a table is analyzed, as a share of those that Postgres knows of. Autovacuum has 0.1. */
const changedShares = { embedded: 0.1, server: 1 }

/** What a run has done. */
export interface Maintenance {
  /** The tables that were vacuumed or analyzed. */
  readonly tables: readonly string[]
  readonly checkpoint: boolean
}

/** What is to be done with a table. */
interface Due {
  readonly name: string
  readonly vacuum: boolean
  readonly analyze: boolean
}

/**
 * The tables to vacuum or analyze, by autovacuum's thresholds and scale factors
 * (https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM). In the embedded database also those of the
 * catalogue, where statistics are, and those of long values, whose rows are replaced more often than the rows that have them.
 */
async function dueTables(db: Db, kind: Database['kind']): Promise<readonly Due[]> {
  const isEmbedded = kind === 'embedded'
  const { rows } = await sql<Due>`
    with used as (
      select relid::regclass::text as name, relkind <> 't' as has_statistics,
        ${isEmbedded}::boolean and (
          n_dead_tup > 50 + 0.2 * reltuples or n_ins_since_vacuum > 1000 + 0.2 * reltuples
        ) as vacuum,
        n_mod_since_analyze > 50 + ${changedShares[kind]}::float8 * reltuples as changed
      from pg_stat_all_tables join pg_class on pg_class.oid = relid
      where ${isEmbedded}::boolean or relnamespace = current_schema()::regnamespace
    )
    select name, vacuum, has_statistics and (vacuum or changed) as "analyze"
    from used where vacuum or has_statistics and changed order by name`.execute(db)
  return rows
}

/** Bytes that were written to the log since the last checkpoint began. */
export async function logBytes(db: Db): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select (pg_current_wal_lsn() - redo_lsn)::float8 as bytes from pg_control_checkpoint()`.execute(db)
  return rows[0]?.bytes ?? 0
}

/**
 * Updates the planner's statistics where that is due. In the embedded database, it also frees the space of old rows, and makes a
 * checkpoint when the log has grown; calls wait for one statement at a time. Ends before the next one when the signal is aborted.
 */
export async function maintain(
  { db, kind }: Pick<Database, 'db' | 'kind'>,
  signal?: AbortSignal,
): Promise<Maintenance> {
  const tables: string[] = []
  for (const { name, vacuum, analyze } of await dueTables(db, kind)) {
    if (signal?.aborted) return { tables, checkpoint: false }
    if (vacuum) await sql.raw(`vacuum ${name}`).execute(db)
    // Another node, or autovacuum, may be analyzing it.
    if (analyze) await sql.raw(`analyze (skip_locked) ${name}`).execute(db)
    tables.push(name)
  }
  const checkpoint = kind === 'embedded' && signal?.aborted !== true && (await logBytes(db)) > maxLogBytes
  if (checkpoint) await sql`checkpoint`.execute(db)
  return { tables, checkpoint }
}

/** Repeats {@link maintain} about every 20 s. Several nodes may do it at once. */
export function startMaintenance(
  database: Pick<Database, 'db' | 'kind'>,
  options: Pick<LoopOptions<Maintenance>, 'log' | 'measure'> & { readonly everyMs?: number },
): Pick<Loop<Maintenance>, 'stop'> {
  return startLoop<Maintenance>({
    name: 'maintaining the database',
    everyMs,
    jitter: 0.25,
    ...options,
    acted: ({ tables, checkpoint }) => tables.length > 0 || checkpoint,
    run: (signal) => maintain(database, signal),
  })
}
