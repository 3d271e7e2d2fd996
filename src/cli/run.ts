import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { openStore, type Store } from '../store.ts'
import { generateMasterKey } from '../vault/master-keys.ts'
import { createCommand, listCommand, revokeCommand } from './api-key-commands.ts'
import { type Print, UsageError } from './command.ts'
import { deleteEnvironmentCommand } from './environment-commands.ts'
import { rotateCommand, statusCommand } from './key-commands.ts'

/** The output of `npm run valetkey` without a command. */
export const help = `Usage: npm run valetkey -- <command> [options]

Vault keys
  master-key generate         Print a new key for VALETKEY_MASTER_KEY. To replace the current key: put the new key first
                              (VALETKEY_MASTER_KEY=new,old), restart every node, run "keys rotate", and remove the old key.
  keys rotate                 Create a new data key, re-encrypt everything with it and retire the old keys. Servers can run
                              meanwhile. After an interruption, run it again: it continues where it stopped.
      --settle <seconds>      Time for nodes to notice a change. Default: 15; with the embedded database 0.
  keys status                 List every data key with its state and the number of ciphertexts that use it.

API keys
  api-keys create             Create an API key and print it once. Also available as: keys create, keys list, keys revoke.
      --environment <name>    The environment; created if it does not exist. Default: default.
      --name <name>           The name of the key.
      --scopes <A,B>          ADMIN, ACCOUNTS_READ, ACCOUNTS_WRITE, TOOLS_READ, TOOLS_WRITE, USER_SESSIONS_CREATE.
      --expires <date>        The expiry date, such as 2030-01-31. Default: never.
  api-keys list               List the API keys of an environment, newest first.
      --environment <name>
  api-keys revoke <id>        Revoke an API key immediately.
      --environment <name>

Environments
  environments delete <name>  Delete an environment with everything in it. Disconnect its accounts first, so that their tokens
                              are revoked at the provider.
      --force                 Delete it although accounts are active.

Commands read the same environment variables as the server: NODE_ENV, DATABASE_URL, VALETKEY_DATA_DIR,
VALETKEY_MASTER_KEY. With the embedded database, stop the server first.
`

/**
 * Runs one command line (without the program's name) and returns the exit code: 0 success, 1 failure, 2 invalid command.
 * Throws {@link UsageError} when the command line is invalid, and `ConfigError`, `DirectoryLockedError`, `VaultError` or
 * `ValetkeyError` when the command cannot run.
 */
export async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  print: Print,
  printError: Print,
): Promise<number> {
  const { values, positionals } = parse(argv)
  const [topic = '', action = '', subject] = positionals
  const command = `${topic} ${action}`.trim()
  if (values.help || command === '' || command === 'help') {
    print(help)
    return command === '' && !values.help ? 2 : 0
  }
  const environment = values.environment ?? 'default'
  const withStore = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const store = await openStore(readConfig(env), createLog('warn', { write: printError }), { ownDirectory: false })
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }
  switch (command) {
    case 'master-key generate':
      print(generateMasterKey(randomBytes))
      return 0
    case 'keys rotate':
      return withStore((store) =>
        rotateCommand(store, print, settleSeconds(values.settle) ?? (store.database.kind === 'embedded' ? 0 : 15)),
      )
    case 'keys status':
      await withStore((store) => statusCommand(store, print))
      return 0
    case 'keys create':
    case 'api-keys create': {
      const { name, scopes, expires: expiresAt } = values
      if (name === undefined || scopes === undefined) throw new UsageError(`${command} requires --name and --scopes`)
      await withStore((store) => createCommand(store, print, { environment, name, scopes, expiresAt }))
      return 0
    }
    case 'keys list':
    case 'api-keys list':
      await withStore((store) => listCommand(store, print, environment))
      return 0
    case 'keys revoke':
    case 'api-keys revoke': {
      if (subject === undefined)
        throw new UsageError(`${command} requires the ID of the key. List the IDs with: ${topic} list`)
      await withStore((store) => revokeCommand(store, print, environment, subject))
      return 0
    }
    case 'environments delete': {
      if (subject === undefined) throw new UsageError('environments delete requires the name of the environment')
      await withStore((store) => deleteEnvironmentCommand(store, print, subject, { force: values.force ?? false }))
      return 0
    }
    default:
      throw new UsageError(`unknown command "${command}"`)
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        settle: { type: 'string' },
        environment: { type: 'string' },
        force: { type: 'boolean' },
        name: { type: 'string' },
        scopes: { type: 'string' },
        expires: { type: 'string' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function settleSeconds(value: string | undefined): number | null {
  if (value === undefined) return null
  if (!/^\d{1,4}$/.test(value)) throw new UsageError('--settle must be a whole number of seconds')
  return Number(value)
}
