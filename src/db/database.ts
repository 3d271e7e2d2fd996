import { Kysely, PostgresDialect, type PostgresPool, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { isRefusedSetting } from './errors.ts'
import { type Notifications, notificationsOfServer } from './notifications.ts'
import { preparing, withinTransactions } from './pool.ts'
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
  /**
   * Runs work on a connection that is one session of the server, also where {@link Database.db} goes through a pooler: for
   * what lasts longer than a transaction, such as a migration.
   */
  withSession<Result>(work: (db: Db) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/** Adds something to each statement of a pool, such as a measurement. */
export type WrapPool = (pool: PostgresPool) => PostgresPool

const unwrapped: WrapPool = (pool) => pool

/** The database cannot be opened, does not answer, cannot be written to, or is too old. */
export class DatabaseUnusableError extends Error {
  override readonly name: string = 'DatabaseUnusableError'
}

/** The database does not exist, or has nothing of Valetkey. */
export class DatabaseAbsentError extends DatabaseUnusableError {
  override readonly name = 'DatabaseAbsentError'
}

/**
 * Throws a {@link DatabaseUnusableError} that names what to check when the server does not answer, when it cannot be written
 * to, or when its major version of Postgres is below `minVersion`.
 */
export async function requireUsable(db: Db, minVersion = 15): Promise<void> {
  let version: number
  let state: { readonly isReadOnly: boolean; readonly isStandby: boolean } | undefined
  try {
    const { rows } = await sql<{ version: number; isReadOnly: boolean; isStandby: boolean }>`
      select current_setting('server_version_num')::int as version,
        current_setting('transaction_read_only')::boolean as "isReadOnly", pg_is_in_recovery() as "isStandby"`.execute(
      db,
    )
    state = rows[0]
    version = Math.floor((rows[0]?.version ?? 0) / 10_000)
  } catch (error) {
    throw unreachable('DATABASE_URL', error)
  }
  if (version < minVersion) {
    throw new DatabaseUnusableError(
      `The database at DATABASE_URL is Postgres ${version}; ${minVersion} or newer is required.`,
    )
  }
  if (state?.isReadOnly)
    throw new DatabaseUnusableError(
      state.isStandby
        ? 'The database at DATABASE_URL is a standby, which cannot be written to. Set DATABASE_URL to the primary server.'
        : 'The database at DATABASE_URL is read-only. Remove default_transaction_read_only from the options of the URL, and from the settings of the user and of the database.',
    )
}

/** What to do where DATABASE_URL leads to a pooler that does not hold sessions. */
export const useDirectUrl =
  'Set DATABASE_DIRECT_URL to a URL of the same database that does not lead through the pooler. DATABASE_URL can stay as it is.'

/** Describes why a server cannot be used, by the variable that has its URL. */
export function unreachable(variable: string, error: unknown): DatabaseUnusableError {
  const { message, code } = error as Error & { code?: string }
  const reason = message || code
  if (!isRefusedSetting(error)) {
    return new DatabaseUnusableError(
      `The database at ${variable} cannot be reached (${reason}). ${connectionAdvice(error)}`,
    )
  }
  const fix = /options/.test(message) ? 'Remove the options from the URL.' : useDirectUrl
  return new DatabaseUnusableError(
    `${variable} leads to a connection pooler that refuses the settings of a session (${reason}). ${fix}`,
  )
}

/** Codes for a certificate that is not signed by an authority which this machine, or the URL, trusts. */
const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Returns what to do where a server cannot be connected to, in one sentence. */
export function connectionAdvice(error: unknown): string {
  const { message, code = '', syscall } = error as NodeJS.ErrnoException
  if (untrusted.has(code))
    return 'Set sslrootcert in the URL to a file with the certificate of the authority that signed that of the server, as in ?sslmode=verify-full&sslrootcert=/etc/ssl/database-ca.pem.'
  if (code === 'CERT_HAS_EXPIRED') return 'Renew the certificate of the server.'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'Set the host in the URL to a name that the certificate of the server has.'
  if (code === 'EISDIR' || syscall === 'open')
    return 'Check the files that sslrootcert, sslcert and sslkey in the URL name.'
  if (message.startsWith('no pg_hba.conf entry') && message.endsWith('no encryption'))
    return 'Add sslmode=verify-full to the URL: the server may accept only encrypted connections.'
  if (/does not support SSL/.test(message)) return 'Set sslmode=disable in the URL, or configure the server for TLS.'
  return 'Check that it runs, and that host, name and password are correct.'
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
export type DatabaseLocation = ServerLocation | { readonly kind: 'embedded'; readonly directory: string | undefined }

/** Where a server is. */
export interface ServerLocation {
  readonly kind: 'server'
  /** With a `directUrl`, a pooler may be on the way, also one that shares the server's sessions between transactions. */
  readonly url: string
  /** The way to the same database without a pooler; absent or null: `url` is that. */
  readonly directUrl?: string | null
  readonly maxConnections: number
  /** Whether statements may run for any time, of a process that reads whole tables. Not through a pooler. Default: false. */
  readonly unlimited?: boolean
}

/**
 * Opens the database without changing its content; call {@link migrate} next. Throws a {@link DatabaseUnusableError} when
 * the embedded one cannot be opened; a server is connected to at the first query. `onBackgroundError` is called for
 * connections that break while idle: without a listener pg would end the process when the server restarts.
 */
export async function openDatabase(
  location: DatabaseLocation,
  onBackgroundError: (error: unknown) => void,
  wrapPool: WrapPool = unwrapped,
): Promise<Database> {
  const nodeId = newNodeId()
  if (location.kind === 'embedded') {
    const { directory } = location
    // PGlite is loaded only where it is used.
    const { openEmbeddedPool } = await import('./embedded-pool.ts')
    const pool = await openEmbeddedPool({ directory }).catch((error: unknown) => {
      throw new DatabaseUnusableError(
        `The embedded database ${directory ?? 'in memory'} cannot be opened (${reasonOf(error)}). Check that this user may read and write all of it. If it is damaged, restore a backup, or move it away to start with an empty one.`,
      )
    })
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: wrapPool(pool) }) })
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
      withSession: (work) => work(db),
      close: () => db.destroy(),
    }
  }
  const { url, directUrl = null, maxConnections, unlimited = false } = location
  const options = { connectionString: url, max: maxConnections, pooled: directUrl !== null }
  const db = connectServer({ ...options, ...(unlimited && noLimits), wrapPool }, onBackgroundError)
  return {
    db,
    kind: 'server',
    nodeId,
    notifications: notificationsOfServer(directUrl ?? url, presenceOf(nodeId), onBackgroundError),
    async withSession(work) {
      if (directUrl === null) return work(db)
      // A pooler in session mode would refuse the limits.
      const direct = connectServer({ connectionString: directUrl, max: 1, ...noLimits }, onBackgroundError)
      try {
        return await work(direct)
      } finally {
        await direct.destroy()
      }
    },
    close: () => db.destroy(),
  }
}

/** Connections without {@link limitMs}. */
const noLimits = { statement_timeout: 0, idle_in_transaction_session_timeout: 0 }

/** How long a statement may run, and a transaction be idle, in milliseconds. */
const limitMs = 30_000

/**
 * After this time a query through a pooler that has no answer has failed, in milliseconds. Longer than {@link limitMs}, so
 * that the server ends the statements of transactions first.
 */
const pooledAnswerMs = 35_000

/** How values of columns are read. Sequences and counts are numbers: they are far below 2^53. */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

/**
 * Returns a handle with a pool of connections to a server. It connects at the first query. `pooled`: a pooler may be on the
 * way that shares the server's sessions between transactions. Then nothing that belongs to a session is used: settings at
 * the start of a connection, which poolers refuse, and prepared statements, which the next session does not have.
 */
export function connectServer(
  {
    pooled = false,
    wrapPool = unwrapped,
    ...options
  }: pg.PoolConfig & { readonly pooled?: boolean; readonly wrapPool?: WrapPool },
  onBackgroundError: (error: unknown) => void,
): Db {
  const pool = new pg.Pool({
    connectionTimeoutMillis: 5_000,
    ...(pooled
      ? { query_timeout: pooledAnswerMs }
      : { idle_in_transaction_session_timeout: limitMs, statement_timeout: limitMs }),
    keepAlive: true,
    application_name: 'valetkey',
    types: columnTypes,
    ...options,
  })
  pool.on('error', onBackgroundError)
  // A connection that breaks between two queries of a transaction emits the error itself, and without a listener that
  // would end the process too.
  pool.on('connect', (client) => client.on('error', onBackgroundError))
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: wrapPool(pooled ? withinTransactions(pool, limitMs) : preparing(pool)) }),
  })
}
