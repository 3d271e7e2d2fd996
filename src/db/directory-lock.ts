import { createHash, randomUUID } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { access, mkdir, realpath, rm, stat } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pid } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Another process uses the data directory. */
export class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError'

  constructor(directory: string, holder: string) {
    super(
      `The data directory ${directory} is in use by another process${holder}. Only one process can use it: ` +
        'stop the other one, or set VALETKEY_DATA_DIR to another directory. To run several processes, use a Postgres server (DATABASE_URL).',
    )
  }
}

/** The data directory cannot be created or written to. */
export class DirectoryUnusableError extends Error {
  override readonly name = 'DirectoryUnusableError'

  constructor(directory: string, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException
    super(
      `The data directory ${directory} cannot be used (${code ?? message}). Set VALETKEY_DATA_DIR to a directory that this user can write to.`,
      { cause },
    )
  }
}

/**
 * Locks a directory for this process, until the result is called or the process ends in any way. PGlite has no lock of
 * its own, and two writers destroy its files.
 *
 * The lock is a listening Unix socket: the kernel releases it with the process, so that there are no stale locks. Creates
 * the directory when it does not exist. Throws a {@link DirectoryLockedError} or a {@link DirectoryUnusableError}.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  try {
    return await lock(directory)
  } catch (error) {
    throw error instanceof DirectoryLockedError ? error : new DirectoryUnusableError(directory, error)
  }
}

/** Returns the process ID of the process that has locked a directory, '' when it does not answer, null when none has. */
export async function lockHolder(directory: string): Promise<string | null> {
  if (!existsSync(directory)) return null
  const holder = await ask(await socketPath(directory))
  return holder === null ? null : (holder.split(' ')[0] ?? '')
}

async function lock(directory: string): Promise<() => Promise<void>> {
  await makeDirectory(resolve(directory))
  await access(directory, constants.W_OK | constants.X_OK)
  const path = await socketPath(directory)
  const self = `${pid} ${randomUUID()}`
  for (let attempt = 0; attempt < 5; attempt++) {
    const server = await listen(path, self)
    if (server) {
      // Another process may have removed the socket of a dead one at the same moment as we did, and ours with it.
      await sleep(30)
      if ((await ask(path)) === self) {
        server.unref()
        return () => new Promise((resolve) => server.close(() => resolve()))
      }
      await new Promise((resolve) => server.close(resolve))
      continue
    }
    const holder = await ask(path)
    if (holder !== null) {
      const [otherPid] = holder.split(' ')
      throw new DirectoryLockedError(directory, otherPid ? ` (pid ${otherPid})` : '')
    }
    await rm(path, { force: true })
  }
  throw new DirectoryLockedError(directory, '')
}

/** Like `mkdir` with `recursive`, which never returns where the system does not allow directories, as in /proc. */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return
    if (code !== 'ENOENT' || existsSync(dirname(directory))) throw error
    await makeDirectory(dirname(directory))
    await makeDirectory(directory)
  }
}

async function socketPath(directory: string): Promise<string> {
  const real = await realpath(directory)
  const path = join(real, 'lock.sock')
  // The kernel truncates socket paths at about 100 bytes (sockaddr_un).
  if (Buffer.byteLength(path) < 100) return path
  return join(tmpdir(), `valetkey-${createHash('sha256').update(real).digest('hex').slice(0, 32)}.sock`)
}

function listen(path: string, self: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(self)
    })
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    )
    server.listen(path, () => resolve(server))
  })
}

/** Asks the holder of the socket for its name. Returns '' when it does not answer, null when no process listens. */
function ask(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(path)
    const silent = setTimeout(() => {
      socket.destroy()
      resolve('')
    }, 1_000)
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('error', () => {
      clearTimeout(silent)
      resolve(null)
    })
    socket.on('end', () => {
      clearTimeout(silent)
      resolve(answer)
    })
  })
}
