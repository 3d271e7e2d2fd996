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
  ConfigError,
  DatabaseUnusableError,
  DirectoryLockedError,
  DirectoryUnusableError,
  MigrationFailedError,
  ValetkeyError,
  VaultError,
]

const print = (stream: NodeJS.WriteStream) => (line: string) => void stream.write(`${line.replace(/\n$/, '')}\n`)

run(process.argv.slice(2), process.env, print(process.stdout), print(process.stderr)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\nSee: npm run valetkey -- --help\n`)
      process.exitCode = 2
      return
    }
    const known = operatorErrors.some((kind) => error instanceof kind)
    process.stderr.write(
      `valetkey: ${error instanceof Error ? (known ? error.message : error.stack) : String(error)}\n`,
    )
    process.exitCode = 1
  },
)
