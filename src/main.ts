import { setTimeout as sleep } from 'node:timers/promises'
import { type App, createApp } from './app.ts'
import { ConfigError, readConfig } from './config.ts'
import { DatabaseUnusableError } from './db/database.ts'
import { DirectoryLockedError, DirectoryUnusableError } from './db/directory-lock.ts'
import { MigrationFailedError } from './db/migrate.ts'
import { ListenError } from './http/server.ts'
import { VaultError } from './vault/vault-error.ts'
import { welcome } from './welcome.ts'

/** Errors at start that an operator can fix. They are printed without a stack trace. */
const operatorErrors = [
  ConfigError,
  DatabaseUnusableError,
  DirectoryLockedError,
  DirectoryUnusableError,
  ListenError,
  MigrationFailedError,
  VaultError,
]

/** Milliseconds that a stop waits for a start in progress. No request is served yet that could be interrupted. */
const startGraceMs = 5_000

/**
 * A signal that is repeated within these milliseconds counts once: a terminal sends it to the whole process group, and
 * npm forwards its own to the server.
 */
const sameSignalMs = 1_000

async function main(): Promise<void> {
  const config = readConfig(process.env)
  let app: App | undefined
  let stopRequestedAt: number | undefined

  const start = async () => {
    app = await createApp(config)
    return stopRequestedAt === undefined ? app.listen() : null
  }
  const starting = start()
  const stop = async () => {
    await Promise.race([starting.catch(() => {}), sleep(startGraceMs)])
    await app?.stop()
  }
  const onSignal = () => {
    if (stopRequestedAt !== undefined) {
      // A second request means that the operator does not want to wait.
      if (performance.now() - stopRequestedAt > sameSignalMs) process.exit(1)
      return
    }
    stopRequestedAt = performance.now()
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
  const message = operatorErrors.some((kind) => error instanceof kind) ? (error as Error).message : describe(error)
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
    return `${path} cannot be used (${code}). Set VALETKEY_DATA_DIR to a writable directory.`
  }
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND')
    return `The database at DATABASE_URL does not respond: ${error.message || code}`
  return error.stack ?? error.message
}
