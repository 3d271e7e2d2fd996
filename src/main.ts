import { setTimeout as sleep } from 'node:timers/promises'
import { type App, createApp } from './app.ts'
import { ConfigError, readConfig } from './config.ts'
import { DatabaseUnusableError } from './db/database.ts'
import { DirectoryLockedError, DirectoryUnusableError } from './db/directory-lock.ts'
import { MigrationFailedError } from './db/migrate.ts'
import { ListenError } from './http/server.ts'
import { VaultError } from './vault/vault-error.ts'
import { welcome } from './welcome.ts'

/** Failures at start that the operator can mend: told in a sentence, without a stack trace. */
const mendable = [
  ConfigError,
  DatabaseUnusableError,
  DirectoryLockedError,
  DirectoryUnusableError,
  ListenError,
  MigrationFailedError,
  VaultError,
]

/** How long a stop waits for a start that is under way, in milliseconds. Nothing is served yet that could be cut off. */
const startGraceMs = 5_000

/**
 * A signal that comes again within these milliseconds is the same one: a terminal sends it to the whole process group,
 * and npm hands its own on to the server.
 */
const sameSignalMs = 1_000

/** The process: configuration in, signals, exit code. */
async function main(): Promise<void> {
  const config = readConfig(process.env)
  let app: App | undefined
  let stopAskedAt: number | undefined

  const start = async () => {
    app = await createApp(config)
    return stopAskedAt === undefined ? app.listen() : null
  }
  const starting = start()
  const stop = async () => {
    await Promise.race([starting.catch(() => {}), sleep(startGraceMs)])
    await app?.stop()
  }
  const onSignal = () => {
    if (stopAskedAt !== undefined) {
      // Whoever asks again will not wait.
      if (performance.now() - stopAskedAt > sameSignalMs) process.exit(1)
      return
    }
    stopAskedAt = performance.now()
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)

  const started = await starting
  if (started) process.stderr.write(welcome(config, started))
}

main().catch((error: unknown) => {
  const message = mendable.some((kind) => error instanceof kind) ? (error as Error).message : describe(error)
  process.stderr.write(`valetkey: ${message}\n`)
  process.exit(1)
})

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, path } = error as NodeJS.ErrnoException
  if (
    path !== undefined &&
    ['EEXIST', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'ENOENT'].includes(code ?? '')
  ) {
    return `${path} cannot be used (${code}): set VALETKEY_DATA_DIR to a directory that can be written.`
  }
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND')
    return `The database at DATABASE_URL does not answer: ${error.message || code}`
  return error.stack ?? error.message
}
