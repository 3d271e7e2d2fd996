import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { openStore, type Store } from '../store.ts'
import { generateMasterKey } from '../vault/master-keys.ts'
import { createCommand, listCommand, revokeCommand } from './api-key-commands.ts'
import { deleteEnvironmentCommand } from './environment-commands.ts'
import { type Print, rotateCommand, statusCommand } from './key-commands.ts'
import { UsageError } from './usage-error.ts'

/** What `npm run valetkey` prints without a command. */
export const help = `Usage: npm run valetkey -- <command> [options]

The vault's keys
  master-key generate         Print a new key for VALETKEY_MASTER_KEY. To replace the key that is in use, put the new one
                              in front (VALETKEY_MASTER_KEY=new,old), restart every node, run "keys rotate", and take the
                              old one out.
  keys rotate                 Make a new data key, seal everything anew under it and retire the old ones, while everything
                              runs. Call it again after an interruption: it goes on where it stopped.
      --settle <seconds>      How long nodes are given to notice a change. Default 15; 0 with the embedded database.
  keys status                 Every data key with its state and the number of texts that are sealed under it.

API keys
  api-keys create             Make an API key and print it, once. These three are also: keys create, keys list, keys revoke.
      --environment <name>    The environment, made if there is none. Default: default.
      --name <text>           What the key is for.
      --scopes <A,B>          ADMIN, ACCOUNTS_READ, ACCOUNTS_WRITE, TOOLS_READ, TOOLS_WRITE, USER_SESSIONS_CREATE.
      --expires <date>        When it ends, such as 2030-01-31. Default: never.
  api-keys list               The environment's API keys, newest first.
      --environment <name>
  api-keys revoke <id>        End an API key at once.
      --environment <name>

Environments
  environments delete <name>  Remove an environment with everything in it: nothing of it can be opened afterwards. Disconnect
                              its accounts before, so that their tokens are revoked at the provider.
      --force                 Delete it although accounts are active.

Commands read the same environment variables as the server: DATABASE_URL, VALETKEY_DATA_DIR, VALETKEY_MASTER_KEY. With
the embedded database the server has to be stopped first.
`

/**
 * Runs one command line (without the program's name) and gives the exit code: 0 done, 1 not done, 2 not understood.
 * Fails with a `ConfigError`, `DirectoryLockedError`, `VaultError` or `ValetkeyError`, and with a {@link UsageError} when
 * options are wrong.
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
      if (name === undefined || scopes === undefined) throw new UsageError(`${command} needs --name and --scopes`)
      await withStore((store) => createCommand(store, print, { environment, name, scopes, expiresAt }))
      return 0
    }
    case 'keys list':
    case 'api-keys list':
      await withStore((store) => listCommand(store, print, environment))
      return 0
    case 'keys revoke':
    case 'api-keys revoke': {
      if (subject === undefined) throw new UsageError(`${command} needs the id of the key; ${topic} list shows it`)
      await withStore((store) => revokeCommand(store, print, environment, subject))
      return 0
    }
    case 'environments delete': {
      if (subject === undefined) throw new UsageError('environments delete needs the name of the environment')
      await withStore((store) => deleteEnvironmentCommand(store, print, subject, { force: values.force ?? false }))
      return 0
    }
    default:
      throw new UsageError(`There is no command "${command}".`)
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

function settleSeconds(text: string | undefined): number | null {
  if (text === undefined) return null
  if (!/^\d{1,4}$/.test(text)) throw new UsageError('--settle takes a whole number of seconds')
  return Number(text)
}
