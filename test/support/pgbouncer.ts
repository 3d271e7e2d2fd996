import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { onFreePort, startServer } from './foreign-server.ts'

// Debian installs it where only root looks.
const binary = ['pgbouncer', '/usr/sbin/pgbouncer'].find((path) => spawnSync(path, ['--version']).status === 0)

/** Whether the system has a PgBouncer. */
export const hasPgBouncer = binary !== undefined

if (!hasPgBouncer) process.stderr.write('Not run: databases behind a connection pooler. Install pgbouncer.\n')

/** A PgBouncer of the test's own, on a port of its own. */
export interface PgBouncer {
  /** Its database of the name that the server's URL has. */
  readonly url: string
  /** The same database through the pooler. */
  through(databaseUrl: string): string
  /** Resolves once the process is gone. */
  stop(): Promise<void>
}

/** A database's URL with the address of a pooler. */
export const throughPooler = (databaseUrl: string, poolerUrl: string): string =>
  Object.assign(new URL(databaseUrl), { host: new URL(poolerUrl).host }).href

/** Starts a pooler in front of the server that a database URL names. `settings` are lines of its configuration. */
export async function startPgBouncer(
  serverUrl: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PgBouncer> {
  if (binary === undefined) throw new Error('PgBouncer is not installed.')
  const home = await mkdtemp(join(tmpdir(), 'valetkey-pgbouncer-'))
  await chmod(home, 0o755)
  const file = join(home, 'pgbouncer.ini')
  const { hostname, port: serverPort, username, password } = new URL(serverUrl)
  // With auth_type any, all clients are one user of the server.
  const server = `host=${hostname} port=${serverPort || 5432} user=${username || 'postgres'} password=${password || 'none'}`
  // It refuses to run as root.
  const identity = userInfo().uid === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const { child, url } = await onFreePort(async (port) => {
    const configuration = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'any',
      pool_mode: 'transaction',
      max_client_conn: 1_000,
      ...settings,
    }
    const lines = Object.entries(configuration).map((pair) => pair.join(' = '))
    await writeFile(file, ['[databases]', `* = ${server}`, '[pgbouncer]', ...lines, ''].join('\n'))
    const url = Object.assign(new URL(serverUrl), { host: `127.0.0.1:${port}` }).href
    const child = await startServer(binary, ['-q', file], { ...identity, cwd: home }, async () => {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
      client.on('error', () => {})
      try {
        await client.connect()
      } finally {
        await client.end()
      }
    })
    return { child, url }
  })
  return {
    url,
    through: (databaseUrl) => throughPooler(databaseUrl, url),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await rm(home, { recursive: true, force: true })
    },
  }
}
