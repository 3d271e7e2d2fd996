import { setTimeout as sleep } from 'node:timers/promises'
import { type App, createApp } from './app.ts'
import { ConfigError, readConfig } from './config.ts'
import { DatabaseUnusableError } from './db/database.ts'
import { DirectoryLockedError, DirectoryUnusableError } from './db/directory-lock.ts'
import { MigrationFailedError } from './db/migrate.ts'
import type { WorkerMetrics } from './http/metrics.ts'
import { ListenError } from './http/server.ts'
import { createLog } from './log.ts'
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

/** A server that starts or serves. */
export interface Server {
  /** Resolves with what the terminal shows and the configured log level; rejects when the server cannot start. */
  readonly started: Promise<{ readonly welcome: string; readonly logLevel: string } | null>
  /** Stops as `App.stop` does, also during the start. */
  stop(): Promise<void>
}

/** Starts the server that environment variables describe. `worker` is set when it is one of several of a node. */
export function serve(
  env: Readonly<Record<string, string | undefined>>,
  worker: { readonly pid: number; readonly metrics: WorkerMetrics } | null,
): Server {
  let app: App | undefined
  let isStopping = false
  const start = async () => {
    const config = readConfig(env)
    const log = createLog(config.logLevel, undefined, worker && { worker: worker.pid })
    app = await createApp(config, { log, ...(worker && { workerMetrics: worker.metrics }) })
    if (isStopping) return null
    return { welcome: welcome(config, await app.listen()), logLevel: config.logLevel }
  }
  const started = start()
  return {
    started,
    async stop() {
      isStopping = true
      await Promise.race([started.catch(() => {}), sleep(startGraceMs)])
      await app?.stop()
    },
  }
}

/** Returns what the terminal shows of an error at start. */
export function messageOf(error: unknown): string {
  if (operatorErrors.some((kind) => error instanceof kind)) return (error as Error).message
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
