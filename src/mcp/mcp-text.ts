/** An error of a tool call, of this process or as a client of another server has read it. */
interface ToolFailure {
  readonly name: string
  readonly message: string
  readonly hint: string
  readonly issues?: readonly { readonly path: string; readonly message: string }[]
  /** Of a ToolNotAllowedError. */
  readonly policy?: string
}

const otherConnection =
  'Tell the user that this MCP server is set up for the wrong connection. Its operator must change the header x-valetkey-connection, or --connection of "valetkey mcp".'

/** Policies whose hints name nothing of GraphQL. */
const decidedByPerson: ReadonlySet<string | undefined> = new Set(['approval', 'maxPendingApprovals'])

/**
 * Returns an error as a text that a model can act on. Hints that name operations, arguments or idempotency keys are replaced by
 * what the user of an MCP host can do: a model there has none of them. `withKey`: the host passed an idempotency key.
 */
export function textForMcp(error: ToolFailure, { withKey }: { readonly withKey: boolean }): string {
  const { message, issues = [] } = error
  const places = issues.map((issue) => `\n- ${issue.path === '' ? '' : `${issue.path}: `}${issue.message}`).join('')
  const hint = hintForMcp(error, withKey)
  return `Error: ${message}${places}${hint === '' ? '' : `\n${hint}`}`
}

function hintForMcp({ name, hint, policy }: ToolFailure, withKey: boolean): string {
  switch (name) {
    case 'WrongConnectionError':
      return otherConnection
    case 'ToolNotAllowedError':
      return decidedByPerson.has(policy) ? hint : 'Use another tool. Only an operator of Valetkey can allow this one.'
    case 'MissingScopeError':
      return 'Ask the operator to register this scope for the OAuth app. Then ask the user to authorize again.'
    case 'OutcomeUnknownError':
      return withKey || !hint.includes('idempotency key')
        ? hint
        : 'Do not repeat the call. Read the target first to see whether the change is there.'
    default:
      return hint
  }
}

/** Returns the text for a connection that does not exist. `message` is that of an OAuthAppNotFoundError. */
export function unknownConnectionText(message: string): string {
  const [fact = message] = message.split(/(?<=\.) /)
  return `Error: ${fact}\nTell the user that the operator must register its OAuth app, or name another connection in the header x-valetkey-connection, or with --connection of "valetkey mcp".`
}
