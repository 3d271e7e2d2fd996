import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { startPostgresServer } from '../support/postgres-server.ts'
import type { Run } from './run.ts'

/** The Postgres server of a run. */
export interface Postgres {
  /** Creates an empty database and returns its URL. */
  newDatabase(): Promise<string>
  /**
   * Writes the duration of each statement of a database to the server's log while `work` runs, and returns them. Null on
   * a server that is not the run's own.
   */
  loggingStatements(databaseUrl: string, work: () => Promise<void>): Promise<readonly LoggedStatement[] | null>
}

/** A statement in the server's log. */
export interface LoggedStatement {
  readonly ms: number
  readonly text: string
}

/**
 * Starts a Postgres with the defaults of Postgres, or uses the server at this URL: databases are created in it and
 * dropped at the end.
 */
export async function openPostgres(run: Run, given: string | null): Promise<Postgres> {
  if (given !== null) {
    return {
      newDatabase: () => createDatabase(run, given),
      async loggingStatements(_url, work) {
        await work()
        return null
      },
    }
  }
  const starting = startPostgresServer({ durable: true })
  run.atEnd(async () => (await starting.catch(() => null))?.stop())
  const server = await starting
  const url = server.url('postgres')
  const logs = join(run.directory, 'postgres-log')
  await mkdir(logs)
  // Postgres may run as another user than the bench.
  await chmod(run.directory, 0o711)
  await chmod(logs, 0o777)
  for (const setting of [`logging_collector = on`, `log_directory = '${logs}'`, `log_line_prefix = '[%d] '`])
    await query(url, `alter system set ${setting}`)
  // The collector of the log can only be switched on at a start.
  await server.kill()
  await server.start()
  return {
    newDatabase: () => createDatabase(run, url),
    async loggingStatements(databaseUrl, work) {
      const name = new URL(databaseUrl).pathname.slice(1)
      await query(url, 'alter system set log_min_duration_statement = 0')
      await query(url, 'select pg_reload_conf()')
      await work()
      await query(url, 'alter system reset log_min_duration_statement')
      await query(url, 'select pg_reload_conf()')
      return loggedStatements(logs, name)
    },
  }
}

async function createDatabase(run: Run, server: string): Promise<string> {
  const name = `valetkey_bench_${randomUUID().replaceAll('-', '')}`
  await query(server, `create database ${name}`)
  run.atEnd(() => query(server, `drop database if exists ${name} with (force)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function loggedStatements(directory: string, database: string): Promise<readonly LoggedStatement[]> {
  const files = await readdir(directory)
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')))
  // A statement may have several lines; the next entry begins with the prefix.
  return texts
    .flatMap((text) => text.split(/^(?=\[)/m))
    .filter((entry) => entry.startsWith(`[${database}]`))
    .flatMap((entry) => {
      const found = /duration: ([\d.]+) ms\s+(?:execute [^:]*|statement): ([\s\S]*)/.exec(entry)
      return found ? [{ ms: Number(found[1]), text: found[2] ?? '' }] : []
    })
}
