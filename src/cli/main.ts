import { once } from 'node:events'
import { ValetkeyError as ClientError } from '../client/errors.ts'
import { ConfigError } from '../config.ts'
import { DatabaseUnusableError } from '../db/database.ts'
import { DirectoryLockedError, DirectoryUnusableError } from '../db/directory-lock.ts'
import { MigrationFailedError } from '../db/migrate.ts'
import { ValetkeyError } from '../errors.ts'
import { VaultError } from '../vault/vault-error.ts'
import { UsageError } from './command.ts'
import { run } from './run.ts'

/** Errors that an operator can fix. They are printed without a stack trace. */
const operatorErrors = [
  ClientError,
  ConfigError,
  DatabaseUnusableError,
  DirectoryLockedError,
  DirectoryUnusableError,
  MigrationFailedError,
  ValetkeyError,
  VaultError,
]

const print = (stream: NodeJS.WriteStream) => async (line: string) => {
  // Without the wait, a long output would be held in memory until a slow reader has taken it.
  if (!stream.write(`${line.replace(/\n$/, '')}\n`)) await once(stream, 'drain')
}

run(process.argv.slice(2), process.env, print(process.stdout), print(process.stderr)).then(
  (code) => {
    process.exitCode = code
    // What a check waited for in vain does not hold the process.
    if (process.argv[2] === 'doctor') setTimeout(() => process.exit(), 500).unref()
  },
  (error: unknown) => {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\nSee: npm run valetkey -- --help\n`)
      process.exitCode = 2
      return
    }
    // The reader has closed the output, as `head` does.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') {
      process.exitCode = 1
      return
    }
    const known = operatorErrors.some((kind) => error instanceof kind)
    process.stderr.write(
      `valetkey: ${error instanceof Error ? (known ? error.message : error.stack) : String(error)}\n`,
    )
    process.exitCode = 1
  },
)
