import { endable, sleep } from './abort.ts'
import { Accounts, accountFields, ofAccount } from './accounts.ts'
import { ApiKeys, OAuthApps, Sessions } from './administration.ts'
import { Approvals } from './approvals.ts'
import {
  AccountNotActiveError,
  AccountNotFoundError,
  ApprovalRequiredError,
  AuthorizationRequired,
  RequestError,
} from './errors.ts'
import { dated, inputErrorFields, mutate, runTool } from './mutation.ts'
import { broken, createTransport, pauseAfter, type Transport, type TransportOptions } from './transport.ts'
import type {
  AnyToolName,
  AuthorizeOptions,
  Cancellable,
  ConfirmedAccount,
  ConnectedAccount,
  Connection,
  ExecuteOptions,
  ToolDefinition,
  ToolInput,
  ToolResult,
  ToolSelection,
} from './types.ts'

const toolFields = 'name title description inputSchema(dialect:$dialect) readOnly destructive requiresApproval'

/** Returns a unique key. `crypto` is missing in Node 18, and its `randomUUID` on pages that are not served over HTTPS. */
const randomKey = () => globalThis.crypto?.randomUUID?.() ?? `${Math.random()}-${Math.random()}`

/**
 * A client of a Valetkey server. The constructor throws an InvalidInputError, with the name of the option as the `path` of its
 * issue, for options that are not valid. All operations throw a {@link ValetkeyError}: an OperationError of the operation's own
 * (`errors.ts` has a class for each), a RequestError, a ConnectionError or a TimeoutError; and the reason of an aborted signal.
 *
 * Requests that only read, or that have no second effect, are repeated after a failure of the connection. Tool calls are
 * repeated under their idempotency key, so that no write happens twice.
 */
export class Valetkey {
  readonly #transport: Transport
  declare readonly accounts: Accounts
  declare readonly oauthApps: OAuthApps
  declare readonly apiKeys: ApiKeys
  declare readonly sessions: Sessions
  declare readonly approvals: Approvals

  constructor(options: TransportOptions) {
    const transport = createTransport(options)
    this.#transport = transport
    this.accounts = new Accounts(transport)
    this.oauthApps = new OAuthApps(transport)
    this.apiKeys = new ApiKeys(transport)
    this.sessions = new Sessions(transport)
    this.approvals = new Approvals(transport)
  }

  /** Sends a GraphQL document of your own. Only documents without a mutation are repeated after a failure of the
   * connection. */
  graphql<Data = unknown>(document: string, variables?: Record<string, unknown>, options?: Cancellable) {
    const once = /\b(?:mutation|subscription)\b/.test(document)
    return this.#transport.request<Data>(document, variables, { ...options, once, isWhole: true })
  }

  /** Starts an authorization: send the user to `link`, which expires at `expiresAt`. Each link works alone. */
  async authorize(identifier: string, options: AuthorizeOptions = {}): Promise<{ link: string; expiresAt: Date }> {
    const { signal, ...input } = options
    return dated(
      await mutate<{ link: string; expiresAt: string }>(
        this.#transport,
        'authorize',
        { identifier, ...input },
        'link expiresAt',
        { failure: inputErrorFields, signal },
      ),
    )
  }

  /**
   * Confirms which user came back from the provider. `identifier` is the user that is signed in to your application, never a
   * value of the URL. A flow ID works once. Send the browser to `returnUrl` of the result, where `authorize` had one.
   */
  async confirm(input: { flowId: string; identifier: string }, options?: Cancellable): Promise<ConfirmedAccount> {
    const { connectedAccount, returnUrl } = await mutate<{
      connectedAccount: ConnectedAccount
      returnUrl: string | null
    }>(this.#transport, 'confirmAuthorization', input, `connectedAccount{${accountFields}}returnUrl`, {
      ...options,
      once: true,
    })
    return { ...connectedAccount, returnUrl }
  }

  /**
   * Calls a tool for a user's account. Throws a ToolError, or AuthorizationRequired with a link when the account needs its
   * user (unless `authorizationLinks` is false, or the key may not make links).
   *
   * The name decides the type of the input. With a type for `data`, pass the name as well:
   * `execute<Row, 'notion_page_fetch'>('notion_page_fetch', …)`; without it, the input is not checked.
   */
  async execute<Data = unknown, Name extends AnyToolName = string>(
    toolName: Name,
    toolInput: ToolInput<Name>,
    options: ExecuteOptions,
  ): Promise<ToolResult<Data>> {
    const { signal, authorizationLinks = true, ...call } = options
    const { idempotencyKey = randomKey() } = call
    try {
      const input = { ...call, toolName, toolInput, idempotencyKey }
      return await runTool(this.#transport, 'executeTool', input, { signal, once: idempotencyKey === null })
    } catch (error) {
      if (error instanceof ApprovalRequiredError) Object.assign(error, { idempotencyKey })
      // Others wait for the application or its operator: the provider cannot help.
      const isUnconnected = error instanceof AccountNotActiveError && error.userAction
      const needsUser = isUnconnected || error instanceof AccountNotFoundError
      if (!needsUser || !authorizationLinks) throw error
      const { identifier, connectionName } = options
      const { link, expiresAt } = await this.authorize(identifier, { connectionName, signal }).catch((failure) => {
        throw failure.code === 'FORBIDDEN' ? error : failure
      })
      throw new AuthorizationRequired(`${error.message} Send the user to ${link}.`, {
        identifier,
        connectionName: connectionName ?? null,
        link,
        expiresAt,
      })
    }
  }

  /** Lists tools, as a model is offered them. */
  async tools(selection: ToolSelection = {}): Promise<readonly ToolDefinition[]> {
    const { signal, identifier, dialect = 'STANDARD', ...filter } = selection
    const tools = await this.#transport.request<readonly ToolDefinition[]>(
      `query Tools($filter:ToolFilter,$dialect:SchemaDialect!){tools(filter:$filter){${toolFields}}}`,
      { filter, dialect },
      { signal },
    )
    if (identifier === undefined) return tools
    const account = await this.#transport.request<{
      tools: readonly { available: boolean; tool: { name: string } }[]
    } | null>(
      ofAccount('query AccountTools', 'connectedAccount', 'tools{available tool{name}}'),
      { connectionName: filter.connectionName, identifier },
      { signal, orNull: true },
    )
    const available = new Set(account?.tools.flatMap(({ available, tool }) => (available ? [tool.name] : [])))
    return tools.filter(({ name }) => available.has(name))
  }

  /**
   * Yields the account at once and after every change, until it is deleted or the signal is aborted (which ends it without an
   * error). Connects again after a restart of the server, and when it or a proxy is busy. Throws a RequestError when the
   * credential is not accepted.
   */
  watch(
    identifier: string,
    { signal: caller, connectionName }: Connection & Cancellable = {},
  ): AsyncGenerator<ConnectedAccount, void, void> {
    const transport = this.#transport
    const variables = { identifier, connectionName }
    const field = 'connectedAccountStatus'
    const document = ofAccount('subscription Watch', field, accountFields)
    return endable(caller, async function* (signal) {
      let attempt = 0
      let wasFound = false
      while (!signal.aborted) {
        try {
          const options = { signal, attempt }
          for await (const account of transport.subscribe<ConnectedAccount>(document, variables, options, field)) {
            attempt = 0
            wasFound = true
            yield account
          }
          broken('the stream ended')
        } catch (error) {
          const code = error instanceof RequestError && error.code
          // An account that was deleted while the stream was broken is unknown to the next one.
          if (signal.aborted || code === 'NOT_FOUND' || (wasFound && code === 'BAD_USER_INPUT')) return
          const pauseMs = pauseAfter(error, attempt++)
          transport.report(document, error, pauseMs)
          if (pauseMs === null) throw error
          await sleep(pauseMs, signal).catch(() => {})
        }
      }
    })
  }

  /** Resolves when the account is ACTIVE. Rejects with the reason of the signal, or when the account is deleted. */
  async waitUntilActive(identifier: string, options: Connection & Cancellable = {}): Promise<ConnectedAccount> {
    for await (const account of this.watch(identifier, options)) if (account.status === 'ACTIVE') return account
    options.signal?.throwIfAborted()
    throw new AccountNotFoundError({
      __typename: 'AccountNotFoundError',
      message: `The account ${identifier} was deleted.`,
    })
  }
}
