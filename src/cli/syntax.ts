import { parseArgs } from 'node:util'
import { UsageError } from './command.ts'
import { oauthAppOptions } from './oauth-apps/run.ts'

/** All options, for `parseArgs`. {@link commands} has which command takes which. */
export const options = {
  help: { type: 'boolean', short: 'h' },
  settle: { type: 'string' },
  environment: { type: 'string' },
  force: { type: 'boolean' },
  name: { type: 'string' },
  scopes: { type: 'string' },
  expires: { type: 'string' },
  connection: { type: 'string', multiple: true },
  identifier: { type: 'string', multiple: true },
  'identifier-prefix': { type: 'string', multiple: true },
  tool: { type: 'string', multiple: true },
  network: { type: 'string', multiple: true },
  'read-only': { type: 'boolean' },
  'deny-destructive': { type: 'boolean' },
  'approve-for': { type: 'string' },
  'approve-tool': { type: 'string', multiple: true },
  clear: { type: 'boolean' },
  tools: { type: 'string' },
  format: { type: 'string' },
  'older-than': { type: 'string' },
  yes: { type: 'boolean' },
  after: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  json: { type: 'boolean' },
  online: { type: 'boolean' },
  ...oauthAppOptions,
} as const

/** The name of an option, without its dashes. */
export type OptionName = keyof typeof options

/** What a command takes. */
interface CommandSyntax {
  /** Next to `--help`, which all commands take. */
  readonly options: readonly OptionName[]
  /** Options of {@link options} with `multiple` that this command takes once only. */
  readonly once?: readonly OptionName[]
  /** What the argument after the command is, as the help shows it. Absent: the command takes none. */
  readonly subject?: string
  /**
   * What the command requires of the configured database. `migrated`: it must have all migrations of this release, because the
   * command reads or changes what is there. `created`: it is created or migrated first, because the command can be the
   * first one. Absent: the command opens none, or reports its state.
   */
  readonly database?: DatabaseNeed
}

/** See {@link CommandSyntax.database}. */
type DatabaseNeed = 'migrated' | 'created'

const policyOptions = ['tool', 'read-only', 'deny-destructive', 'approve-for', 'approve-tool'] as const

const narrowingOptions = ['connection', 'identifier', 'identifier-prefix', 'network', ...policyOptions] as const

const apiKeyCommands = {
  create: { options: ['environment', 'name', 'scopes', 'expires', ...narrowingOptions], database: 'created' },
  narrow: { options: ['environment', ...narrowingOptions], subject: '<id>', database: 'migrated' },
  list: { options: ['environment'], database: 'migrated' },
  revoke: { options: ['environment'], subject: '<id>', database: 'migrated' },
} as const

const registrationOptions = [
  'client-id',
  'client-secret-file',
  'connector',
  'confirmation-url',
  'return-url',
  'capability',
  'scope',
  'raw-requests',
  'content-search',
  'verify',
] as const

/**
 * The commands with what each of them takes. A command refuses everything else: an option that it ignores may have been meant
 * to restrict it.
 */
export const commands = {
  doctor: { options: ['json', 'online'] },
  'database finish-upgrade': { options: [], database: 'migrated' },
  'master-key generate': { options: [] },
  'keys rotate': { options: ['settle'], database: 'migrated' },
  'keys status': { options: [], database: 'migrated' },
  'keys create': apiKeyCommands.create,
  'keys narrow': apiKeyCommands.narrow,
  'keys list': apiKeyCommands.list,
  'keys revoke': apiKeyCommands.revoke,
  'api-keys create': apiKeyCommands.create,
  'api-keys narrow': apiKeyCommands.narrow,
  'api-keys list': apiKeyCommands.list,
  'api-keys revoke': apiKeyCommands.revoke,
  'accounts disconnect-all': { options: ['environment', 'connection', 'older-than', 'yes'], database: 'migrated' },
  'accounts export': { options: ['environment', 'connection', 'after'], once: ['connection'], database: 'migrated' },
  'oauth-apps register': { options: ['environment', ...registrationOptions], subject: '[name]', database: 'created' },
  'oauth-apps update': { options: ['environment', ...registrationOptions], subject: '[name]', database: 'migrated' },
  'oauth-apps redirect-uri': { options: ['environment', 'connector'], subject: '[name]', database: 'migrated' },
  'oauth-apps list': { options: ['environment'], database: 'migrated' },
  'oauth-apps webhook': { options: ['environment', 'reset'], subject: '[name]', database: 'migrated' },
  'oauth-apps verify': { options: ['environment'], subject: '[name]', database: 'migrated' },
  'audit export': { options: ['environment', 'since', 'until'], database: 'migrated' },
  'environments delete': { options: ['force'], subject: '<name>', database: 'migrated' },
  'environments policy': {
    options: ['connection', ...policyOptions, 'clear'],
    once: ['connection'],
    subject: '<name>',
    database: 'migrated',
  },
  mcp: { options: ['identifier', 'connection', 'tools', 'format'], once: ['identifier', 'connection'] },
} as const satisfies Readonly<Record<string, CommandSyntax>>

/** The name of a command, as the help shows it. */
export type CommandName = keyof typeof commands

/** Whether a command refuses a database that lacks migrations. The others create or migrate it. */
export function mustBeMigrated(name: CommandName): boolean {
  const { database }: CommandSyntax = commands[name]
  return database === 'migrated'
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name)

/** The values of options, as a command line has them. */
export type OptionValues = ReturnType<typeof parseAll>['values']

/** A command line that has only what its command takes. `command` is null for the help; then `isAsked` is false without `--help`. */
type CommandLine =
  | { readonly command: null; readonly isAsked: boolean }
  | { readonly command: CommandName; readonly subject: string | undefined; readonly values: OptionValues }

/** Reads a command line. Throws a {@link UsageError} for what its command does not take. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { values, positionals, tokens } = parseAll(argv)
  const [topic = '', action = ''] = positionals
  if (values.help || topic === '' || (topic === 'help' && positionals.length === 1))
    return { command: null, isAsked: values.help === true || topic === 'help' }
  const name = isCommand(topic) ? topic : `${topic} ${action}`.trim()
  if (!isCommand(name)) throw new UsageError(`unknown command "${name}"`)
  const syntax: CommandSyntax = commands[name]
  const subjects = positionals.slice(name.split(' ').length)
  const unexpected = subjects[syntax.subject === undefined ? 0 : 1]
  if (unexpected !== undefined) {
    // It may be a client secret, which must not be repeated.
    const shown = name.startsWith('oauth-apps ') ? 'too many arguments' : `unexpected argument "${unexpected}"`
    throw new UsageError(`${shown}. ${describe(name, syntax)}`)
  }
  const seen = new Set<string>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const option = token.name as OptionName
    if (!syntax.options.includes(option))
      throw new UsageError(`--${option} is not an option of ${name}. ${describe(name, syntax)}`)
    const isRepeatable = 'multiple' in options[option] && !syntax.once?.includes(option)
    if (seen.has(option) && !isRepeatable && options[option].type === 'string')
      throw new UsageError(`--${option} must be given at most once`)
    seen.add(option)
  }
  return { command: name, subject: subjects[0], values }
}

/** States what a command takes, in one sentence. */
function describe(name: string, { options: taken, subject }: CommandSyntax): string {
  const parts = [...(subject === undefined ? [] : [subject]), ...taken.map((option) => `--${option}`)]
  return `${name} takes ${parts.length > 0 ? parts.join(', ') : 'no arguments'}.`
}

function parseAll(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, tokens: true, options })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
