import { openBindingKey } from '../../accounts/authorization/bind-existing-rows.ts'
import { readConfig } from '../../config.ts'
import { DatabaseAbsentError } from '../../db/database.ts'
import { DirectoryLockedError } from '../../db/directory-lock.ts'
import { createLog } from '../../log.ts'
import { openStore } from '../../store.ts'
import { type Print, UsageError } from '../command.ts'
import type { Input } from '../terminal-input.ts'
import type { OAuthAppsBackend } from './backend.ts'
import {
  listAppsCommand,
  type OAuthAppOptions,
  redirectUriCommand,
  registerAppCommand,
  updateAppCommand,
  verifyAppCommand,
  webhookCommand,
} from './commands.ts'
import { beforeDatabase, withDatabase } from './on-database.ts'
import { withServer } from './on-server.ts'

/** The options of the commands for `parseArgs`, next to those that other commands have as well. */
export const oauthAppOptions = {
  connector: { type: 'string' },
  'client-id': { type: 'string' },
  'client-secret-file': { type: 'string' },
  capability: { type: 'string', multiple: true },
  scope: { type: 'string', multiple: true },
  'return-url': { type: 'string', multiple: true },
  'confirmation-url': { type: 'string' },
  'raw-requests': { type: 'string' },
  'content-search': { type: 'string' },
  verify: { type: 'boolean' },
  reset: { type: 'boolean' },
} as const

/** Whether an argument is an option for a secret, in any spelling. */
export const isSecretOption = (argument: string): boolean => /^--?(?:client[-_]?)?secret(?:=|$)/i.test(argument)

/** Values of {@link oauthAppOptions}. */
type Values = { readonly [Name in keyof typeof oauthAppOptions]?: string | boolean | string[] | undefined }

interface OAuthAppsCommand {
  readonly action: string
  /** The connection name. Undefined: `notion`. */
  readonly name: string | undefined
  readonly values: Values
  readonly env: Readonly<Record<string, string | undefined>>
  /** Undefined: `default`, or the environment of the API key. */
  readonly environment: string | undefined
  readonly print: Print
  readonly printError: Print
  readonly input: Input
  /** Whether a database that lacks migrations is refused. */
  readonly mustBeMigrated: boolean
}

/** Runs one of the `oauth-apps` commands: on the server at VALETKEY_URL, or on the database. Returns the exit code. */
export async function runOAuthApps(command: OAuthAppsCommand): Promise<number> {
  const { env, environment = 'default', printError, input } = command
  const options = optionsOf(command.values)
  try {
    const { VALETKEY_URL: url, VALETKEY_API_KEY: apiKey } = env
    if (url) {
      if (!apiKey) throw new UsageError('VALETKEY_API_KEY is required with VALETKEY_URL: a key with the scope ADMIN')
      if (command.environment !== undefined)
        throw new UsageError(
          '--environment must not be used with VALETKEY_URL: the environment is that of the API key. Set VALETKEY_API_KEY to a key of that environment, or remove VALETKEY_URL to run the command on the database',
        )
      await withServer(url, apiKey, (backend) => runAction(backend, command, options))
      return 0
    }
    const config = readConfig(env)
    const log = createLog('warn', { write: (line) => void printError(line) })
    const { mustBeMigrated } = command
    const store = await openStore(config, log, { ownDirectory: false, mustBeMigrated }).catch((error: unknown) => {
      // The first step of a setup, before there is anything that could have another redirect URI.
      if (error instanceof DatabaseAbsentError && command.action === 'redirect-uri') return null
      if (!(error instanceof DirectoryLockedError)) throw error
      throw new UsageError(
        command.action === 'update'
          ? `${error.message} oauth-apps update works on the database only: stop the server first, or register the app again at /console.`
          : `${error.message} To run this command on the running server, set VALETKEY_URL and VALETKEY_API_KEY.`,
      )
    })
    if (store === null) {
      await redirectUriCommand(beforeDatabase(config), command.print, command.name ?? 'notion', options.connector)
      return 0
    }
    try {
      const bindingKey = await openBindingKey(store.database.db, store.vault, log)
      await withDatabase(store, { config, bindingKey, environment, log }, (backend) =>
        runAction(backend, command, options),
      )
    } finally {
      await store.close()
    }
    return 0
  } finally {
    input.close()
  }
}

async function runAction(
  backend: OAuthAppsBackend,
  { action, name = 'notion', print, input }: OAuthAppsCommand,
  options: OAuthAppOptions,
): Promise<void> {
  switch (action) {
    case 'register':
      return registerAppCommand(backend, print, input, name, options)
    case 'update':
      return updateAppCommand(backend, print, input, name, options)
    case 'redirect-uri':
      return redirectUriCommand(backend, print, name, options.connector)
    case 'webhook':
      return webhookCommand(backend, print, name, options)
    case 'verify':
      return verifyAppCommand(backend, print, name)
    default:
      return listAppsCommand(backend, print)
  }
}

function optionsOf(values: Values): OAuthAppOptions {
  const text = (name: keyof Values) => values[name] as string | undefined
  const texts = (name: keyof Values) => values[name] as readonly string[] | undefined
  const onOrOff = (name: 'raw-requests' | 'content-search') => {
    const value = text(name)
    if (value === undefined) return undefined
    if (value !== 'on' && value !== 'off') throw new UsageError(`--${name} must be on or off`)
    return value === 'on'
  }
  return {
    connector: text('connector'),
    clientId: text('client-id'),
    clientSecretFile: text('client-secret-file'),
    capabilities: texts('capability'),
    scopes: texts('scope'),
    returnUrls: texts('return-url'),
    confirmationUrl: text('confirmation-url'),
    rawRequests: onOrOff('raw-requests'),
    contentSearch: onOrOff('content-search'),
    verify: values.verify === true,
    reset: values.reset === true,
  }
}
