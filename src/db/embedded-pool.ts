import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { PGlite, type Results, types } from '@electric-sql/pglite'
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'

/**
 * Postgres' cache of pages. PGlite writes to all of it at each start, so that it is resident from then on. Its own default
 * is 128 MB; the operating system caches the files as well.
 */
const sharedBuffers = '16MB'

/** What a checkpoint leaves of the log, instead of 1 GB. `maintenance.ts` makes the checkpoints. */
const logSize = '64MB'

/**
 * How many bytes of a WebAssembly function V8 runs before it optimizes the function. With V8's own 1.8 million (13 million
 * in newer ones) it optimizes hundreds of functions for the start alone: half of the start's processor time. Queries are
 * as fast either way.
 */
const tieringBudget = 200_000_000

interface Waiting {
  readonly admit: () => void
  readonly timer: NodeJS.Timeout
}

/** The only connection of the embedded database was not free in time. A likely cause is a query outside an open transaction. */
export class EmbeddedPoolTimeoutError extends Error {
  override readonly name = 'EmbeddedPoolTimeoutError'
}

/** A pool of one connection over an embedded Postgres, with LISTEN for events. */
export interface EmbeddedPool extends PostgresPool {
  listen(channel: string, onMessage: (payload: string) => void): Promise<() => Promise<void>>
}

/**
 * Whether a directory has files but not PG_VERSION, the first file that the creation of a database writes. PGlite would take it
 * for an empty one, and create a database over the files of another.
 */
function isIncomplete(directory: string): boolean {
  if (!existsSync(directory) || existsSync(join(directory, 'PG_VERSION'))) return false
  return readdirSync(directory, { recursive: true, withFileTypes: true }).some((entry) => entry.isFile())
}

/**
 * Opens PGlite with the interface of `pg.Pool` that Kysely uses, so that one dialect serves both databases. With
 * `directory` undefined everything stays in memory. The connection is used exclusively and in order: otherwise a query
 * would run in the open transaction of another caller. A caller that waits for longer than `acquireTimeoutMs` gets an
 * {@link EmbeddedPoolTimeoutError} instead of a deadlock. Rejects for a directory with parts of a database.
 */
export async function openEmbeddedPool(options: {
  readonly directory: string | undefined
  readonly acquireTimeoutMs?: number
}): Promise<EmbeddedPool> {
  const { directory, acquireTimeoutMs = 10_000 } = options
  if (directory !== undefined && isIncomplete(directory))
    throw new Error('the file PG_VERSION is missing next to other files of a database')
  setFlagsFromString(`--wasm-tiering-budget=${tieringBudget}`)
  const database = await PGlite.create(directory, {
    startParams: [
      ...PGlite.defaultStartParams,
      ...['-c', `shared_buffers=${sharedBuffers}`, '-c', `min_wal_size=${logSize}`, '-c', `max_wal_size=${logSize}`],
    ],
    // As with pg: sequences and counts are far below 2^53.
    parsers: { [types.INT8]: Number },
  })
  const waiting: Waiting[] = []
  let taken = false

  const run = async (sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<unknown>> => {
    let result: Results | undefined
    try {
      // Without parameters pg accepts several statements in one string; PGlite does so only through exec.
      result = parameters.length > 0 ? await database.query(sql, [...parameters]) : (await database.exec(sql)).at(-1)
    } catch (error) {
      // PGlite's errors have the bound parameters as enumerable fields, which a logger would print.
      if (error instanceof Error)
        for (const field of ['params', 'query', 'queryOptions']) Reflect.deleteProperty(error, field)
      throw error
    }
    return {
      command: (result?.command ?? '') as 'SELECT',
      rowCount: result?.rowCount ?? result?.affectedRows ?? 0,
      rows: (result?.rows ?? []) as unknown[],
    }
  }

  const release = () => {
    const next = waiting.shift()
    if (!next) {
      taken = false
      return
    }
    clearTimeout(next.timer)
    next.admit()
  }

  // Always the same client object: Kysely stores state by client and would otherwise run its connection hooks each time.
  const client: PostgresPoolClient = {
    query: ((sql: string, parameters: readonly unknown[] = []) => run(sql, parameters)) as PostgresPoolClient['query'],
    release,
  }

  return {
    connect: () =>
      new Promise((resolve, reject) => {
        if (!taken) {
          taken = true
          resolve(client)
          return
        }
        const entry: Waiting = {
          admit: () => resolve(client),
          timer: setTimeout(() => {
            waiting.splice(waiting.indexOf(entry), 1)
            reject(
              new EmbeddedPoolTimeoutError(
                `The embedded database was busy for ${acquireTimeoutMs} ms. Use a Postgres server (DATABASE_URL) for this load.`,
              ),
            )
          }, acquireTimeoutMs),
        }
        waiting.push(entry)
      }),
    end: () => database.close(),
    listen: (channel, onMessage) => database.listen(channel, onMessage),
  }
}
