import { randomBytes } from 'node:crypto'
import { openBindingKey } from '../accounts/authorization/bind-existing-rows.ts'
import { readConfig } from '../config.ts'
import type { Narrowing } from '../environments/narrowing.ts'
import { type ApprovalRule, approvalRules, type ToolPolicy } from '../environments/tool-policy.ts'
import { createLog } from '../log.ts'
import { openStore, type Store } from '../store.ts'
import { generateMasterKey } from '../vault/master-keys.ts'
import type { Secret } from '../vault/secret.ts'
import { disconnectAllCommand, exportAccountsCommand } from './account-commands.ts'
import { createCommand, listCommand, narrowCommand, revokeCommand } from './api-key-commands.ts'
import { exportCommand } from './audit-commands.ts'
import { type Print, UsageError } from './command.ts'
import { finishUpgradeCommand } from './database-commands.ts'
import { deleteEnvironmentCommand } from './environment-commands.ts'
import { help } from './help.ts'
import { rotateCommand, statusCommand } from './key-commands.ts'
import { secretOnCommandLine } from './oauth-apps/commands.ts'
import { isSecretOption, runOAuthApps } from './oauth-apps/run.ts'
import { policyCommand } from './policy-command.ts'
import { type CommandName, mustBeMigrated, type OptionValues, parseCommandLine } from './syntax.ts'
import { type Input, terminalInput } from './terminal-input.ts'

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
  input: Input = terminalInput(),
): Promise<number> {
  if (argv.some(isSecretOption)) throw new UsageError(secretOnCommandLine)
  const line = parseCommandLine(argv)
  if (line.command === null) {
    print(help)
    return line.isAsked ? 0 : 2
  }
  const { command, subject, values } = line
  const environment = values.environment ?? 'default'
  const withStore = async <T>(
    work: (store: Store, bindingKey: Secret) => Promise<T>,
    options: { readonly unlimited?: boolean } = {},
  ): Promise<T> => {
    const log = createLog('warn', { write: (line) => void printError(line) })
    const store = await openStore(readConfig(env), log, {
      ownDirectory: false,
      mustBeMigrated: mustBeMigrated(command),
      ...options,
    })
    try {
      return await work(store, await openBindingKey(store.database.db, store.vault, log))
    } finally {
      await store.close()
    }
  }
  switch (command) {
    case 'master-key generate':
      print(generateMasterKey(randomBytes))
      return 0
    case 'keys rotate': {
      const settle = settleSeconds(values.settle)
      return withStore(
        (store) => rotateCommand(store, print, settle ?? (store.database.kind === 'embedded' ? 0 : 15)),
        readingWholeTables,
      )
    }
    case 'keys status':
      await withStore((store) => statusCommand(store, print), readingWholeTables)
      return 0
    case 'keys create':
    case 'api-keys create': {
      const { name, scopes, expires: expiresAt } = values
      if (name === undefined || scopes === undefined) throw new UsageError(`${command} requires --name and --scopes`)
      const key = { environment, name, scopes, expiresAt, narrowing: narrowingOf(values) }
      await withStore((store, bindingKey) => createCommand(store, bindingKey, print, key))
      return 0
    }
    case 'keys narrow':
    case 'api-keys narrow':
      await withStore((store, bindingKey) =>
        narrowCommand(store, bindingKey, print, environment, keyIdOf(command, subject), narrowingOf(values)),
      )
      return 0
    case 'keys list':
    case 'api-keys list':
      await withStore((store) => listCommand(store, print, environment))
      return 0
    case 'keys revoke':
    case 'api-keys revoke': {
      const keyId = keyIdOf(command, subject)
      await withStore((store) => revokeCommand(store, print, environment, keyId))
      return 0
    }
    case 'mcp': {
      const { identifier, connection, tools, format } = values
      const { VALETKEY_URL: url, VALETKEY_API_KEY: apiKey } = env
      // Its library is loaded only here.
      const { mcpCommand } = await import('./mcp-command.ts')
      await mcpCommand({ url, apiKey, identifier: identifier?.[0], connection: connection?.[0], tools, format })
      return 0
    }
    case 'accounts disconnect-all':
      return withStore((store, bindingKey) =>
        disconnectAllCommand(store, bindingKey, print, printError, {
          environment,
          connections: values.connection,
          olderThan: values['older-than'],
          yes: values.yes ?? false,
        }),
      )
    case 'accounts export':
      await withStore((store) =>
        exportAccountsCommand(store, print, {
          environment,
          connection: values.connection?.[0],
          after: values.after,
        }),
      )
      return 0
    case 'oauth-apps register':
    case 'oauth-apps update':
    case 'oauth-apps list':
    case 'oauth-apps redirect-uri':
    case 'oauth-apps webhook':
    case 'oauth-apps verify':
      return runOAuthApps({
        action: command.slice('oauth-apps '.length),
        name: subject,
        values,
        env,
        environment: values.environment,
        print,
        printError,
        input,
        mustBeMigrated: mustBeMigrated(command),
      })
    case 'doctor': {
      const { doctorCommand } = await import('./doctor/doctor.ts')
      return doctorCommand(env, print, { json: values.json ?? false, online: values.online ?? false })
    }
    case 'audit export': {
      const { since, until } = values
      await withStore((store) => exportCommand(store, print, { environment: values.environment, since, until }))
      return 0
    }
    case 'database finish-upgrade':
      await withStore((store) => finishUpgradeCommand(store, print))
      return 0
    case 'environments delete': {
      if (subject === undefined) throw new UsageError('environments delete requires the name of the environment')
      await withStore((store) => deleteEnvironmentCommand(store, print, subject, { force: values.force ?? false }))
      return 0
    }
    case 'environments policy': {
      if (subject === undefined) throw new UsageError('environments policy requires the name of the environment')
      const { connection = [], clear = false } = values
      const options = { connections: connection, policy: policyOf(values), clear }
      await withStore((store, bindingKey) => policyCommand(store, bindingKey, print, printError, subject, options))
      return 0
    }
  }
}

/** Of commands that count and search all ciphertexts, which takes minutes where there are millions. */
const readingWholeTables = { unlimited: true }

function keyIdOf(command: CommandName, subject: string | undefined): string {
  if (subject !== undefined) return subject
  throw new UsageError(`${command} requires the ID of the key. List the IDs with: ${command.split(' ')[0]} list`)
}

/** Returns what the options of a command line narrow a key to. */
function narrowingOf(values: OptionValues): Partial<Narrowing> {
  const { connection, identifier, 'identifier-prefix': prefix, network } = values
  return {
    ...(connection && { connectionNames: connection }),
    ...(identifier && { identifiers: identifier }),
    ...(prefix && { identifierPrefixes: prefix }),
    ...(network && { networks: network }),
    ...policyOf(values),
  }
}

/** Returns the tool policy that the options of a command line describe. */
function policyOf(values: OptionValues): Partial<ToolPolicy> {
  const { tool, 'read-only': readOnly, 'deny-destructive': denyDestructive, 'approve-tool': approveTools } = values
  const approveFor = values['approve-for']?.toUpperCase()
  if (approveFor !== undefined && !isApprovalRule(approveFor))
    throw new UsageError('--approve-for must be destructive or writes')
  return {
    ...(tool && { toolNames: tool }),
    ...(readOnly && { readOnly }),
    ...(denyDestructive && { denyDestructive }),
    ...(approveFor && { requireApprovalFor: approveFor }),
    ...(approveTools && { requireApprovalToolNames: approveTools }),
  }
}

const isApprovalRule = (text: string): text is ApprovalRule => Object.hasOwn(approvalRules, text)

function settleSeconds(value: string | undefined): number | null {
  if (value === undefined) return null
  if (!/^\d{1,4}$/.test(value)) throw new UsageError('--settle must be a whole number of seconds')
  return Number(value)
}
