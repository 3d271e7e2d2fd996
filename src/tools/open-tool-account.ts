import type { AccountName } from '../accounts/account-store.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { permits } from '../environments/narrowing.ts'
import type { Viewer } from '../environments/viewer.ts'
import { AccountNotActiveError, AccountNotFoundError, WrongConnectionError } from '../errors.ts'
import type { Secret } from '../vault/secret.ts'
import { NarrowedCredentialError } from './admission.ts'
import type { OpenAccount } from './send.ts'
import type { AnyTool, OutputFormat } from './tool.ts'

/**
 * Returns the account of a name with its access token, null when it is not ACTIVE. Throws AccountNotFoundError, and
 * WrongConnectionError before a token is opened when the account belongs to another connector than this one.
 */
export type OpenToolAccount = (
  environmentId: string,
  name: AccountName,
  connector: string,
) => Promise<{ readonly account: ConnectedAccount; readonly accessToken: Secret | null }>

/** One call of a tool, as every entrance (GraphQL, MCP) makes it. */
export interface ToolRequest {
  /** Null: the connection named as the tool's connector. */
  readonly connectionName: string | null
  readonly identifier: string
  readonly toolName: string
  /** What the model passed, unchecked. */
  readonly toolInput: unknown
  /** Makes a write happen once; see `idempotency.ts`. No effect on tools that read. */
  readonly idempotencyKey: string | null
  readonly outputFormat: OutputFormat
}

/** Opens the account of a request. Throws an AccountNotFoundError, AccountNotActiveError or WrongConnectionError. */
export async function openToolAccount(
  options: { readonly openAccount: OpenToolAccount },
  viewer: Viewer,
  tool: AnyTool,
  request: Pick<ToolRequest, 'connectionName' | 'identifier'>,
): Promise<OpenAccount> {
  const { identifier } = request
  const connectionName = request.connectionName ?? tool.connector
  // The connection may be the tool's default, which no entrance has checked.
  if (!permits(viewer.narrowing, { connectionName, identifier })) throw new NarrowedCredentialError()
  // A user session sees only its own account. Postgres refuses strings with NUL, so that no account has such a name.
  const visible = viewer.identifier === null || viewer.identifier === identifier
  if (!visible || `${connectionName}${identifier}`.includes('\0')) {
    throw new AccountNotFoundError(connectionName, identifier)
  }
  const name = { connectionName, identifier }
  const { account, accessToken } = await options
    .openAccount(viewer.environmentId, name, tool.connector)
    .catch((error: unknown) => {
      if (!(error instanceof WrongConnectionError)) throw error
      const choices = error.connectionNames.filter((choice) => permits(viewer.narrowing, { connectionName: choice }))
      throw new WrongConnectionError(connectionName, error.actualConnector, tool.connector, choices)
    })
  // A second check: a tool sends the token to its own provider, so it must be a token of that provider.
  if (account.connector !== tool.connector) {
    throw new WrongConnectionError(connectionName, account.connector, tool.connector)
  }
  if (accessToken === null) throw new AccountNotActiveError(account)
  return { account, accessToken }
}
