import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { openEmbeddedPool } from './embedded-pool.ts'
import { listenOnServer, type Notifications } from './notifications.ts'
import { newNodeId, presenceOf } from './presence.ts'
import type { Tables } from './tables.ts'

/** The handle that stores take. A {@link Trx} is one too. */
export type Db = Kysely<Tables>

/** What stores that lock take: a plain {@link Db} does not compile there. */
export type Trx = Transaction<Tables>

/** A Postgres, embedded or served. `close` ends every connection and, embedded, flushes the files. */
export interface Database {
  readonly db: Db
  readonly kind: 'embedded' | 'server'
  readonly notifications: Notifications
  /** This process among all that share the database. While it listens, the others see that it lives; see `presence.ts`. */
  readonly nodeId: number
  close(): Promise<void>
}

/** The database at DATABASE_URL does not answer, or is too old. */
export class DatabaseUnusableError extends Error {
  override readonly name = 'DatabaseUnusableError'
}

/**
 * Fails with a {@link DatabaseUnusableError} that says what to look at, unless a server answers that is `oldest` or newer:
 * a major version of Postgres.
 */
export async function requireUsable(db: Db, oldest = 15): Promise<void> {
  let version: number
  try {
    const { rows } = await sql<{
      version: number
    }>`select current_setting('server_version_num')::int as version`.execute(db)
    version = Math.floor((rows[0]?.version ?? 0) / 10_000)
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    throw new DatabaseUnusableError(
      `The database at DATABASE_URL cannot be reached (${message || code}): see that it runs, and that host, name and password are right.`,
    )
  }
  if (version < oldest) {
    throw new DatabaseUnusableError(
      `The database at DATABASE_URL is Postgres ${version}: ${oldest} or newer is needed.`,
    )
  }
}

/** What is said of a failure to open PGlite, which may be an error of its file system with a number (WASI's) and no text. */
function reasonOf(error: unknown): string {
  const { code, message, errno } = error as { code?: string; message?: string; errno?: number }
  return code ?? message ?? `file system error ${errno ?? 'of an unknown kind'}`
}

/** Whether the database answers a query now. */
export async function isReachable(db: Db): Promise<boolean> {
  return sql`select 1`.execute(db).then(
    () => true,
    () => false,
  )
}

/** Where the database is: a connection URL, or a directory for the embedded one (undefined: in memory). */
export type DatabaseLocation =
  | { readonly kind: 'server'; readonly url: string; readonly maxConnections: number }
  | { readonly kind: 'embedded'; readonly directory: string | undefined }

/**
 * Opens the database without touching its contents; {@link migrate} comes next. Fails with a
 * {@link DatabaseUnusableError} when the embedded one cannot be opened; a served one is asked at its first query.
 * `onBackgroundError` hears of connections that broke while idle. Without a listener pg would end the process when the
 * server restarts.
 */
export async function openDatabase(
  location: DatabaseLocation,
  onBackgroundError: (error: unknown) => void,
): Promise<Database> {
  const nodeId = newNodeId()
  if (location.kind === 'embedded') {
    const { directory } = location
    const pool = await openEmbeddedPool({ directory }).catch((error: unknown) => {
      throw new DatabaseUnusableError(
        `The embedded database ${directory ?? 'in memory'} cannot be opened (${reasonOf(error)}): see that this user may read and write all of it. If it is damaged, move it away to begin with an empty one.`,
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
  const types = {
    getTypeParser: ((oid: number, format?: 'text') =>
      oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
  }
  const pool = new pg.Pool({
    connectionString: location.url,
    max: location.maxConnections,
    connectionTimeoutMillis: 5_000,
    idle_in_transaction_session_timeout: 30_000,
    statement_timeout: 30_000,
    keepAlive: true,
    application_name: 'valetkey',
    types,
  })
  pool.on('error', onBackgroundError)
  // A connection that breaks between two queries of a transaction tells only itself, and without a listener that ends
  // the process as well.
  pool.on('connect', (client) => client.on('error', onBackgroundError))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    db,
    kind: 'server',
    nodeId,
    notifications: {
      listen: (channel, listener) =>
        listenOnServer(location.url, channel, listener, presenceOf(nodeId), onBackgroundError),
    },
    close: () => db.destroy(),
  }
}
