import { readFile } from 'node:fs/promises'
import { isWrittenWhole } from '../../application-url.ts'
import { checkInput, inputRules } from '../../input-rules.ts'
import { type Print, UsageError } from '../command.ts'
import type { Input } from '../terminal-input.ts'
import type { OAuthAppsBackend, RegistrationOptions, ShownApp } from './backend.ts'

/** Options of the commands, as the command line has them. */
export interface OAuthAppOptions {
  readonly connector: string | undefined
  readonly clientId: string | undefined
  /** The path of a file, or `-` for the standard input. */
  readonly clientSecretFile: string | undefined
  /** Names, each of them alone or several separated by commas. */
  readonly capabilities: readonly string[] | undefined
  readonly scopes: readonly string[] | undefined
  readonly returnUrls: readonly string[] | undefined
  readonly confirmationUrl: string | undefined
  readonly rawRequests: boolean | undefined
  readonly contentSearch: boolean | undefined
  readonly verify: boolean
  /** Whether the tokens of the webhook are erased first. */
  readonly reset: boolean
}

/** Why a secret is refused on the command line. */
export const secretOnCommandLine =
  'The client secret must not be on the command line, where other users of this machine and the history of the shell can read it. Pass it on the standard input or with --client-secret-file'

/** `oauth-apps register`: registers an OAuth app. Asks for the client ID and the client secret that the options lack. */
export async function registerAppCommand(
  backend: OAuthAppsBackend,
  print: Print,
  input: Input,
  connectionName: string,
  options: OAuthAppOptions,
): Promise<void> {
  checkInput(inputRules.connectionName, connectionName, ['connectionName'])
  const clientId = (options.clientId ?? (await input.readLine('Client ID'))).trim()
  const clientSecret = await secretOf(input, options.clientSecretFile ?? '-')
  const app = await backend.register({ ...registrationOf(connectionName, options), clientId, clientSecret })
  print(`Registered the OAuth app "${app.connectionName}" in ${backend.place}.`)
  printApp(print, app, options)
}

/**
 * `oauth-apps update`: changes what the options name. The rest stays: also the client secret, and whether the app uses the
 * sandbox, whatever the configuration of this process is.
 */
export async function updateAppCommand(
  backend: OAuthAppsBackend,
  print: Print,
  input: Input,
  connectionName: string,
  options: OAuthAppOptions,
): Promise<void> {
  const { clientSecretFile: file } = options
  const { verify: _verify, reset: _reset, ...changes } = options
  if (Object.values(changes).every((value) => value === undefined))
    throw new UsageError(
      'oauth-apps update requires an option, such as --client-id, --client-secret-file or --confirmation-url',
    )
  const clientSecret = file === undefined ? undefined : await secretOf(input, file)
  const app = await backend.update({ ...registrationOf(connectionName, options), clientSecret })
  print(`Updated the OAuth app "${app.connectionName}" in ${backend.place}.`)
  printApp(print, app, options)
}

/** `oauth-apps list`: lists the OAuth apps by connection name. */
export async function listAppsCommand(backend: OAuthAppsBackend, print: Print): Promise<void> {
  const apps = await backend.list()
  if (apps.length === 0) {
    print('There is no OAuth app. Register one with: npm run valetkey -- oauth-apps register')
    return
  }
  const rows = apps.map((app) => [
    app.connectionName,
    app.clientId,
    app.redirectUri,
    app.webhookUrl ?? '',
    statusOf(app),
  ])
  const table = [['connection', 'client ID', 'redirect URI', 'webhook URL', 'status'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  for (const row of table) await print(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
}

/** `oauth-apps redirect-uri`: prints the redirect URI of a connection, before or after its registration. */
export async function redirectUriCommand(
  backend: Pick<OAuthAppsBackend, 'redirectUri'>,
  print: Print,
  connectionName: string,
  connector = 'notion',
): Promise<void> {
  checkInput(inputRules.connectionName, connectionName, ['connectionName'])
  print(await backend.redirectUri(connectionName, connector))
}

/** `oauth-apps webhook`: prints where the provider sends events, and the token to enter in its settings. */
export async function webhookCommand(
  backend: OAuthAppsBackend,
  print: Print,
  connectionName: string,
  { reset }: Pick<OAuthAppOptions, 'reset'>,
): Promise<void> {
  checkInput(inputRules.connectionName, connectionName, ['connectionName'])
  const { url, state, tokens } = await backend.webhook(connectionName, { reset })
  if (url === null) {
    print(`The connector of "${connectionName}" has no events.`)
    return
  }
  print(`Webhook URL: ${url}`)
  if (state === 'ACTIVE') {
    print('State: ACTIVE. Events are received. For a webhook that was created again at the provider, add --reset.')
    return
  }
  print(
    "State: WAITING. Enter the URL in the provider's settings of webhooks, then run this command again for the token.",
  )
  for (const { token, receivedAt } of tokens) print(`Token received ${receivedAt}: ${token}`)
  if (tokens.length === 0) print('No token was received yet.')
  else if (tokens.length > 1)
    print(
      'Several tokens were received, and anyone can send one. Have the provider send its own again, and use the newest.',
    )
  if (tokens.length > 0)
    print("Enter the token in the provider's settings. It is enough to forge events: do not pass it on.")
}

/** `oauth-apps verify`: asks the provider whether it accepts the client ID and secret. Errors state what it answered. */
export async function verifyAppCommand(backend: OAuthAppsBackend, print: Print, connectionName: string): Promise<void> {
  const app = await backend.verify(connectionName)
  print(`The provider accepts the client ID and the client secret of the connection "${connectionName}".`)
  print(`It checks the redirect URI only in a browser. It must be exactly: ${app.redirectUri}`)
  if (app.sandbox) print('The OAuth app uses the sandbox, which accepts any client by default.')
}

function registrationOf(connectionName: string, options: OAuthAppOptions): RegistrationOptions {
  const { connector, clientId, capabilities, scopes, returnUrls, confirmationUrl, rawRequests, contentSearch, verify } =
    options
  return {
    connectionName,
    connector,
    clientId,
    capabilities: capabilities?.flatMap((names) => names.split(',')).map((name) => name.trim().toUpperCase()),
    scopes,
    returnUrls: returnUrls?.map(normalized),
    confirmationUrl: confirmationUrl === undefined ? undefined : normalized(confirmationUrl),
    rawRequests,
    contentSearch,
    verifyCredentials: verify,
  }
}

/** As GraphQL's URL scalar does. The rules refuse what is not a URL. Throws a {@link UsageError} for what would be another one. */
function normalized(url: string): string {
  if (!URL.canParse(url)) return url
  if (isWrittenWhole(url)) return new URL(url).href
  throw new UsageError(
    'a URL must be written as it is called: no blanks, control characters, backslashes, dot segments or empty user name',
  )
}

async function secretOf(input: Input, file: string): Promise<string> {
  const text = file === '-' ? await input.readLine('Client secret', { hidden: true }) : await contentOf(file)
  const secret = text.trim()
  if (secret === '') throw new UsageError('The client secret is required: it is empty')
  return secret
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(`--client-secret-file ${file} cannot be read (${code})`)
  }
}

function printApp(print: Print, app: ShownApp, { verify }: OAuthAppOptions): void {
  const listed = (values: readonly string[]) => (values.length > 0 ? values.join(', ') : 'none')
  const onOrOff = (value: boolean) => (value ? 'on' : 'off')
  print(`Client ID: ${app.clientId}`)
  print(`Capabilities: ${listed(app.capabilities)}`)
  if (app.scopes.length > 0) print(`Scopes: ${listed(app.scopes)}`)
  print(`Return URLs: ${listed(app.returnUrls)}`)
  print(`Confirmation URL: ${app.confirmationUrl ?? 'none'}`)
  print(`Raw requests: ${onOrOff(app.rawRequests)}`)
  print(`Content search: ${onOrOff(app.contentSearch)}`)
  print(`Redirect URI: ${app.redirectUri}`)
  if (app.sandbox)
    print('It uses the local sandbox. To use the provider, set VALETKEY_SANDBOX=off and register it again.')
  else print("Enter this redirect URI in the provider's settings of the connection, if it is not there yet.")
  if (app.confirmationUrl === null)
    print(
      'It has no confirmation URL: any person who opens a link can make its account ACTIVE. Use this only for an application with a single user, or set --confirmation-url.',
    )
  if (!verify) print(`To verify the credentials: npm run valetkey -- oauth-apps verify ${app.connectionName}`)
}

function statusOf({ sandbox, rejectedAt, rejectedCode }: ShownApp): string {
  if (rejectedAt !== null) return `rejected since ${rejectedAt}${rejectedCode === null ? '' : ` (${rejectedCode})`}`
  return sandbox ? 'sandbox' : 'not rejected'
}
