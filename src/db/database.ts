import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { type Notifications, notificationsOfServer } from './notifications.ts'
import { preparing } from './prepared-statements.ts'
import { newNodeId, presenceOf } from './presence.ts'
import type { Tables } from './tables.ts'

/** The handle that stores take. A {@link Trx} is also a Db. */
export type Db = Kysely<Tables>

/** A transaction, for stores that lock rows: a plain {@link Db} does not compile there. */
export type Trx = Transaction<Tables>

/** An open database, embedded or on a server. `close` ends every connection and flushes the embedded one's files. */
export interface Database {
  readonly db: Db
  readonly kind: 'embedded' | 'server'
  readonly notifications: Notifications
  /** Identifies this process among all that share the database. Others see that it is alive while it listens; see `presence.ts`. */
  readonly nodeId: number
  close(): Promise<void>
}

/** The database cannot be opened, does not answer, or is too old. */
export class DatabaseUnusableError extends Error {
  override readonly name = 'DatabaseUnusableError'
}

/**
 * Throws a {@link DatabaseUnusableError} that names what to check when the server does not answer, or when its major
 * version of Postgres is below `minVersion`.
 */
export async function requireUsable(db: Db, minVersion = 15): Promise<void> {
  let version: number
  try {
    const { rows } = await sql<{
      version: number
    }>`select current_setting('server_version_num')::int as version`.execute(db)
    version = Math.floor((rows[0]?.version ?? 0) / 10_000)
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    throw new DatabaseUnusableError(
      `The database at DATABASE_URL cannot be reached (${message || code}). Check that it runs, and that host, name and password are correct.`,
    )
  }
  if (version < minVersion) {
    throw new DatabaseUnusableError(
      `The database at DATABASE_URL is Postgres ${version}; ${minVersion} or newer is required.`,
    )
  }
}

/** Describes a failure to open PGlite, which may be an error of its file system with a number (of WASI) and no message. */
function reasonOf(error: unknown): string {
  const { code, message, errno } = error as { code?: string; message?: string; errno?: number }
  return code ?? message ?? `file system error ${errno ?? 'without a number'}`
}

/** Whether the database can be written to now. After a failover, connections may lead to a server that is read-only. */
export async function isWritable(db: Db): Promise<boolean> {
  const setting = sql<{ on: boolean }>`select current_setting('transaction_read_only')::boolean as on`
  return setting.execute(db).then(
    ({ rows }) => rows[0]?.on === false,
    () => false,
  )
}

/** Returns how many connections the server permits in all, to any database. */
export async function permittedConnections(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as count
  `.execute(db)
  return rows[0]?.count ?? 0
}

/** Where the database is: the URL of a server, or the directory of the embedded one (undefined: in memory). */
export type DatabaseLocation =
  | { readonly kind: 'server'; readonly url: string; readonly maxConnections: number }
  | { readonly kind: 'embedded'; readonly directory: string | undefined }

/**
 * Opens the database without changing its content; call {@link migrate} next. Throws a {@link DatabaseUnusableError} when
 * the embedded one cannot be opened; a server is connected to at the first query. `onBackgroundError` is called for
 * connections that break while idle: without a listener pg would end the process when the server restarts.
 */
export async function openDatabase(
  location: DatabaseLocation,
  onBackgroundError: (error: unknown) => void,
): Promise<Database> {
  const nodeId = newNodeId()
  if (location.kind === 'embedded') {
    const { directory } = location
    // PGlite is loaded only where it is used.
    const { openEmbeddedPool } = await import('./embedded-pool.ts')
    const pool = await openEmbeddedPool({ directory }).catch((error: unknown) => {
      throw new DatabaseUnusableError(
        `The embedded database ${directory ?? 'in memory'} cannot be opened (${reasonOf(error)}). Check that this user may read and write all of it. If it is damaged, move it away to start with an empty one.`,
      )
    })
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
    return {
      db,
      kind: 'embedded',
      nodeId,
      notifications: {
        async listen(channel, listener) {
          await sql.raw(presenceOf(nodeId)).execute(db)
          return pool.listen(channel, listener.onMessage)
        },
      },
      close: () => db.destroy(),
    }
  }
  const db = connectServer({ connectionString: location.url, max: location.maxConnections }, onBackgroundError)
  return {
    db,
    kind: 'server',
    nodeId,
    notifications: notificationsOfServer(location.url, presenceOf(nodeId), onBackgroundError),
    close: () => db.destroy(),
  }
}

/** Returns a handle with a pool of connections to a server. It connects at the first query. */
export function connectServer(options: pg.PoolConfig, onBackgroundError: (error: unknown) => void): Db {
  // Sequences and counts are far below 2^53.
  const types = {
    getTypeParser: ((oid: number, format?: 'text') =>
      oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
  }
  const pool = new pg.Pool({
    connectionTimeoutMillis: 5_000,
    idle_in_transaction_session_timeout: 30_000,
    statement_timeout: 30_000,
    keepAlive: true,
    application_name: 'valetkey',
    types,
    ...options,
  })
  pool.on('error', onBackgroundError)
  // A connection that breaks between two queries of a transaction emits the error itself, and without a listener that
  // would end the process too.
  pool.on('connect', (client) => client.on('error', onBackgroundError))
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: preparing(pool) }) })
}
