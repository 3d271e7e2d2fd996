import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { DatabaseUnusableError, type Db, type ServerLocation, unreachable, useDirectUrl } from './database.ts'

/**
 * How often two sessions are compared. A pooler that is not busy returns the same session to both the first time; on a busy
 * one, a session changes from statement to statement.
 */
const rounds = 5

/** After this time without an answer, a connection is of no use. Milliseconds. */
const answerMs = 10_000

/**
 * Proves that what lasts longer than a transaction works where it is needed: a session stays the same (locks that show that
 * a node is alive), and a session that listens receives what `db` sends, as from another node. Throws a
 * {@link DatabaseUnusableError} that names the setting to change: for a pooler in transaction or statement mode, a
 * `directUrl` to another database, a standby, and a server that cannot be reached.
 *
 * @see https://www.pgbouncer.org/features.html for what a pooler shares between clients in each mode
 */
export async function requireSessions({ url, directUrl = null }: ServerLocation, db: Db): Promise<void> {
  const variable = directUrl === null ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL'
  const sessions = [0, 1].map(() => {
    const client = new pg.Client({
      connectionString: directUrl ?? url,
      connectionTimeoutMillis: 5_000,
      query_timeout: answerMs,
      application_name: 'valetkey start',
    })
    // A connection that breaks fails its next query.
    client.on('error', () => {})
    return client
  }) as [pg.Client, pg.Client]
  const connecting = sessions.map((session) => session.connect())
  try {
    await Promise.all(connecting)
    if (await sharesSessions(sessions)) {
      throw new DatabaseUnusableError(
        `${variable} leads to a connection pooler in transaction mode, through which notifications (LISTEN) and session locks do not work. ${
          directUrl === null ? useDirectUrl : 'It must lead to the server itself, or to a pooler in session mode.'
        }`,
      )
    }
    if (directUrl !== null) await requireTransactions(db)
    await requireNotifications(sessions[0], db, variable)
  } catch (error) {
    throw error instanceof DatabaseUnusableError ? error : unreachable(variable, error)
  } finally {
    await Promise.allSettled(connecting)
    await Promise.allSettled(sessions.map((session) => session.end()))
  }
}

/** Whether two connections have had one session of the server, or one connection several. */
async function sharesSessions(sessions: readonly pg.Client[]): Promise<boolean> {
  const seen = sessions.map(() => new Set<number>())
  for (let round = 0; round < rounds; round++) {
    for (const [at, session] of sessions.entries()) {
      const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid')
      for (const { pid } of rows) seen[at]?.add(pid)
    }
  }
  const all = seen.flatMap((pids) => [...pids])
  return all.length > sessions.length || new Set(all).size < all.length
}

async function requireTransactions(db: Db): Promise<void> {
  try {
    await db.transaction().execute((trx) => sql`select`.execute(trx))
  } catch (error) {
    const { message } = error as Error
    throw new DatabaseUnusableError(
      `A transaction at DATABASE_URL failed (${message}). If it leads to a connection pooler, set its mode to transaction or session.`,
    )
  }
}

async function requireNotifications(session: pg.Client, db: Db, variable: string): Promise<void> {
  const { rows } = await session.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
  if (rows[0]?.standby)
    throw new DatabaseUnusableError(`${variable} leads to a standby. It must lead to the primary server.`)
  const channel = `valetkey_start_${randomBytes(16).toString('hex')}`
  let received = false
  session.on('notification', (notification) => {
    received ||= notification.channel === channel
  })
  await session.query(`listen ${channel}`)
  await sql`select pg_notify(${channel}, '')`.execute(db)
  // The server sends the notifications of earlier commits before it answers.
  await session.query('select')
  if (received) return
  const identity = `select system_identifier::text || ' ' || oid as name from pg_control_system(), pg_database
    where datname = current_database()`
  const here = (await session.query<{ name: string }>(identity)).rows[0]?.name
  const there = (await sql.raw<{ name: string }>(identity).execute(db)).rows[0]?.name
  throw new DatabaseUnusableError(
    here === there
      ? `A connection to ${variable} did not receive a notification (LISTEN) that another one sent. ${useDirectUrl}`
      : 'DATABASE_DIRECT_URL and DATABASE_URL lead to different databases. Both must lead to the same database of the same server.',
  )
}
