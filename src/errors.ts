/**
 * The failures that callers can meet and do something about. Each class is a type of the GraphQL schema with the same
 * name; whatever is thrown and is none of these is a bug, and callers see it as INTERNAL_SERVER_ERROR.
 */

/** Base of every failure that a caller is told of. `message` is written for people and never holds a secret. */
export abstract class ValetkeyError extends Error {
  abstract override readonly name: string
}

/** What a person has to do before the call can work. */
export type UserAction = 'REAUTHORIZE' | 'SHARE_RESOURCE' | 'ENABLE_CAPABILITY'

/** A place in an input that is wrong: `path` is dotted with indexes (`properties.Due Date.date`), `message` says why. */
export interface InputIssue {
  readonly path: string
  readonly message: string
}

interface ToolErrorOptions {
  readonly hint: string
  readonly retryable?: boolean
  readonly retryAfterMs?: number | null
  readonly userAction?: UserAction | null
  readonly cause?: unknown
}

/** Base of every way in which a tool call can fail. `hint` is one sentence that a model can act on. */
export abstract class ToolError extends ValetkeyError {
  readonly hint: string
  /** Whether the same call may work later without anybody doing anything. */
  readonly retryable: boolean
  readonly retryAfterMs: number | null
  readonly userAction: UserAction | null
  /** The journal's id of the call, set by the pipeline once the call has been written down. */
  executionId: string | null = null

  constructor(message: string, options: ToolErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.hint = options.hint
    this.retryable = options.retryable ?? false
    this.retryAfterMs = options.retryAfterMs ?? null
    this.userAction = options.userAction ?? null
  }
}

/** No tool has this name; `suggestions` are the nearest names that exist. */
export class UnknownToolError extends ToolError {
  override readonly name = 'UnknownToolError'
  readonly suggestions: readonly string[]

  constructor(toolName: string, suggestions: readonly string[]) {
    const nearest = suggestions[0]
    super(`There is no tool called "${toolName}".`, {
      hint: nearest ? `Call "${nearest}" instead, or list the tools.` : 'List the tools and use one of their names.',
    })
    this.suggestions = suggestions
  }
}

/** The input does not fit the tool; nothing was sent to the provider. */
export class InvalidToolInputError extends ToolError {
  override readonly name = 'InvalidToolInputError'
  readonly issues: readonly InputIssue[]

  constructor(issues: readonly InputIssue[], hint = 'Correct the listed places of the input and call the tool again.') {
    const [first] = issues
    super(first ? `${first.path || 'input'}: ${first.message}` : 'The input does not fit the tool.', { hint })
    this.issues = issues
  }
}

/** No account has this connection name and identifier in the caller's environment. */
export class AccountNotFoundError extends ToolError {
  override readonly name = 'AccountNotFoundError'

  constructor(connectionName: string, identifier: string) {
    super(`There is no account "${identifier}" under the connection "${connectionName}".`, {
      hint: 'Create the account with getOrCreateConnectedAccount and have its user authorize it.',
    })
  }
}

/** The connection belongs to another connector than the tool. Nothing was opened or sent. */
export class WrongConnectionError extends ToolError {
  override readonly name = 'WrongConnectionError'
  /** The connector that the tool belongs to. */
  readonly connector: string
  /** The connections of that connector in the caller's environment. */
  readonly connectionNames: readonly string[]

  constructor(
    connectionName: string,
    connectionConnector: string,
    toolConnector: string,
    connectionNames: readonly string[] = [],
  ) {
    super(
      `The connection "${connectionName}" belongs to the connector "${connectionConnector}"; the tool belongs to "${toolConnector}".`,
      {
        hint:
          connectionNames.length === 0
            ? `Register an OAuth app for the connector "${toolConnector}" with registerOAuthApp, then pass its connectionName.`
            : `Pass connectionName ${connectionNames.map((name) => `"${name}"`).join(' or ')}.`,
      },
    )
    this.connector = toolConnector
    this.connectionNames = connectionNames
  }
}

/** The account exists and cannot be used now; `status` and `statusReason` are those of the account. */
export class AccountNotActiveError extends ToolError {
  override readonly name = 'AccountNotActiveError'
  readonly status: string
  readonly statusReason: string
  readonly connectionName: string
  readonly identifier: string

  constructor(account: {
    readonly status: string
    readonly statusReason: string
    readonly connectionName: string
    readonly identifier: string
  }) {
    super(`The account "${account.identifier}" is ${account.status} (${account.statusReason}), not ACTIVE.`, {
      ...(account.status === 'PENDING_CONFIRMATION'
        ? { hint: 'The user has consented: the application has to confirm who it was, with confirmAuthorization.' }
        : {
            hint: 'Ask the user to connect the account: call authorize and send the user to its link.',
            userAction: 'REAUTHORIZE' as const,
          }),
    })
    this.status = account.status
    this.statusReason = account.statusReason
    this.connectionName = account.connectionName
    this.identifier = account.identifier
  }
}

/** The OAuth app lacks a capability at the provider, or the consent is older than the capability. */
export class MissingCapabilityError extends ToolError {
  override readonly name = 'MissingCapabilityError'
  readonly capability: string

  constructor(capability: string, options: { readonly needsConsent: boolean; readonly cause?: unknown }) {
    super(
      options.needsConsent
        ? `The user's consent is older than the capability ${capability} of the connection.`
        : `The connection lacks the capability ${capability} at the provider.`,
      {
        hint: options.needsConsent
          ? 'Ask the user to authorize again, so that the consent covers the capability.'
          : `Tell the user that the operator has to switch on ${capability} in the provider's settings and that they then have to authorize again.`,
        userAction: options.needsConsent ? 'REAUTHORIZE' : 'ENABLE_CAPABILITY',
        cause: options.cause,
      },
    )
    this.capability = capability
  }
}

/** The grant lacks an OAuth scope: the app does not request it, or the user's consent does not cover it. */
export class MissingScopeError extends ToolError {
  override readonly name = 'MissingScopeError'
  readonly scope: string

  constructor(scope: string, options: { readonly needsConsent: boolean; readonly cause?: unknown }) {
    super(
      options.needsConsent
        ? `The user's consent does not cover the OAuth scope ${scope}.`
        : `The OAuth app does not request the scope ${scope}.`,
      {
        hint: options.needsConsent
          ? 'Ask the user to authorize again and to agree to everything that the provider asks for.'
          : `Tell the user that the operator must register the scope ${scope} with registerOAuthApp and that they must then authorize again.`,
        userAction: options.needsConsent ? 'REAUTHORIZE' : 'ENABLE_CAPABILITY',
        cause: options.cause,
      },
    )
    this.scope = scope
  }
}

/** It exists, as `evidence` shows, and the user has not shared it with this connection. */
export class ResourceNotSharedError extends ToolError {
  override readonly name = 'ResourceNotSharedError'
  readonly resourceId: string
  readonly evidence: string

  constructor(resourceId: string, evidence: string) {
    super(`The object ${resourceId} exists and is not shared with this connection.`, {
      hint: `Ask the user to share it with the connection in Notion (••• menu, Connections), or to authorize again and choose it in the page picker.`,
      userAction: 'SHARE_RESOURCE',
    })
    this.resourceId = resourceId
    this.evidence = evidence
  }
}

/** It is not there, as `evidence` shows. */
export class ResourceNotFoundError extends ToolError {
  override readonly name = 'ResourceNotFoundError'
  readonly resourceId: string
  readonly evidence: string

  constructor(
    resourceId: string,
    evidence: string,
    hint = 'Search for the object by its title and use the id that comes back.',
    message = `There is no object ${resourceId}.`,
  ) {
    super(message, { hint })
    this.resourceId = resourceId
    this.evidence = evidence
  }
}

/** The provider does not tell whether it is missing or not shared, and nothing else decides it. */
export class ResourceUnavailableError extends ToolError {
  override readonly name = 'ResourceUnavailableError'
  readonly resourceId: string

  constructor(
    resourceId: string,
    hint = 'Check the id by searching for the title; if it is right, ask the user to share the page or database with the connection.',
  ) {
    super(
      `The object ${resourceId} either does not exist or is not shared with this connection; the provider does not say which.`,
      { hint, userAction: 'SHARE_RESOURCE' },
    )
    this.resourceId = resourceId
  }
}

/** The id names an object of another kind than the tool takes. */
export class WrongResourceTypeError extends ToolError {
  override readonly name = 'WrongResourceTypeError'
  readonly resourceId: string
  readonly expected: string
  readonly actual: string

  constructor(options: {
    readonly resourceId: string
    readonly expected: string
    readonly actual: string
    readonly hint: string
  }) {
    super(`The object ${options.resourceId} is a ${options.actual}, not a ${options.expected}.`, { hint: options.hint })
    this.resourceId = options.resourceId
    this.expected = options.expected
    this.actual = options.actual
  }
}

/** The database has several data sources and the call named none. */
export class AmbiguousDataSourceError extends ToolError {
  override readonly name = 'AmbiguousDataSourceError'
  readonly choices: readonly { readonly id: string; readonly name: string }[]

  constructor(databaseId: string, choices: readonly { readonly id: string; readonly name: string }[]) {
    super(`The database ${databaseId} has ${choices.length} data sources.`, {
      hint: `Pass data_source with one of: ${choices.map((choice) => `${choice.name} (${choice.id})`).join(', ')}.`,
    })
    this.choices = choices
  }
}

/** The provider's limit, or the share of it that this account has, is used up. */
export class RateLimitedError extends ToolError {
  override readonly name = 'RateLimitedError'

  constructor(retryAfterMs: number) {
    super(`The provider's rate limit is reached; try again in ${Math.ceil(retryAfterMs / 1000)} s.`, {
      hint: `Wait ${Math.ceil(retryAfterMs / 1000)} seconds and make the same call again.`,
      retryable: true,
      retryAfterMs,
    })
  }
}

/** The provider refused, was away or made no sense. Nothing was written. */
export class ProviderError extends ToolError {
  override readonly name = 'ProviderError'
  /** HTTP status, or null where no answer came. */
  readonly status: number | null
  /** The provider's own code, where it gave one. */
  readonly code: string | null
  readonly requestId: string | null

  constructor(
    message: string,
    options: {
      readonly status: number | null
      readonly code: string | null
      readonly requestId?: string | null
      readonly retryable: boolean
      readonly retryAfterMs?: number | null
      readonly hint?: string
    },
  ) {
    super(message, {
      hint:
        options.hint ??
        (options.retryable
          ? 'Make the same call again in a moment.'
          : 'Change the call; the same one will be refused again.'),
      retryable: options.retryable,
      retryAfterMs: options.retryAfterMs ?? null,
    })
    this.status = options.status
    this.code = options.code
    this.requestId = options.requestId ?? null
  }
}

/** A write was sent and its outcome cannot be known; `committedIds` are those that the provider named as written. */
export class OutcomeUnknownError extends ToolError {
  override readonly name = 'OutcomeUnknownError'
  readonly committedIds: readonly string[]

  constructor(message: string, options: { readonly committedIds?: readonly string[]; readonly hint?: string } = {}) {
    super(message, {
      hint: options.hint ?? 'Do not repeat the call: read the target first and see whether the change is there.',
    })
    this.committedIds = options.committedIds ?? []
  }
}

/** The idempotency key was used before with another input. */
export class IdempotencyConflictError extends ToolError {
  override readonly name = 'IdempotencyConflictError'

  constructor(key: string) {
    super(`The idempotency key "${key}" was used with another tool or input.`, {
      hint: 'Use a new idempotency key for a new call.',
    })
  }
}

/** An argument is malformed; `issues` name each place. */
export class InvalidInputError extends ValetkeyError {
  override readonly name = 'InvalidInputError'
  readonly issues: readonly InputIssue[]

  constructor(issues: readonly InputIssue[]) {
    super(issues.map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message)).join('; '))
    this.issues = issues
  }
}

/** No OAuth app is registered under this connection name in the caller's environment. */
export class OAuthAppNotFoundError extends ValetkeyError {
  override readonly name = 'OAuthAppNotFoundError'
  readonly connectionName: string

  constructor(connectionName: string) {
    super(`No OAuth app is registered under "${connectionName}": register one with registerOAuthApp.`)
    this.connectionName = connectionName
  }
}

/** The return URL begins with none of the OAuth app's registered prefixes. */
export class ReturnUrlNotAllowedError extends ValetkeyError {
  override readonly name = 'ReturnUrlNotAllowedError'
  readonly allowed: readonly string[]

  constructor(allowed: readonly string[]) {
    super(
      allowed.length === 0
        ? 'The OAuth app has no return URLs: register their prefixes with registerOAuthApp(returnUrls:).'
        : `The return URL is under none of the registered prefixes: ${allowed.join(', ')}.`,
    )
    this.allowed = allowed
  }
}

/** There is nothing to confirm: unknown, confirmed already, refused before, or too late. */
export class AuthorizationFlowNotFoundError extends ValetkeyError {
  override readonly name = 'AuthorizationFlowNotFoundError'

  constructor() {
    super(
      'There is no authorization waiting under this flow id: it is unknown, used up or expired. Call authorize again.',
    )
  }
}

/** Another identifier than the one that the authorization was started for; its tokens are discarded and revoked. */
export class IdentifierMismatchError extends ValetkeyError {
  override readonly name = 'IdentifierMismatchError'

  constructor() {
    super(
      'The authorization was started for another identifier. Its tokens were discarded; call authorize for the right user.',
    )
  }
}

/** Another user of the provider consented than the one behind the account; what that consent brought is discarded. */
export class ProviderUserChangedError extends ValetkeyError {
  override readonly name = 'ProviderUserChangedError'

  constructor(
    message = "Another user of the provider, or another of the user's workspaces, consented than the one behind the account. Its tokens were discarded; call authorize with allowUserChange if the change is wanted.",
  ) {
    super(message)
  }
}

/** The provider cannot be asked now; nothing about the account has changed. */
export class ProviderUnavailableError extends ValetkeyError {
  override readonly name = 'ProviderUnavailableError'
  readonly retryAfterMs: number | null

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/** The provider does not accept the OAuth app's client id and secret. The operator has to correct them. */
export class OAuthAppRejectedError extends ValetkeyError {
  override readonly name = 'OAuthAppRejectedError'
  readonly connectionName: string

  constructor(connectionName: string) {
    super(
      `The provider rejects the client id or secret registered under "${connectionName}": register the right ones with registerOAuthApp.`,
    )
    this.connectionName = connectionName
  }
}

/** No API key has this id in the caller's environment. */
export class ApiKeyNotFoundError extends ValetkeyError {
  override readonly name = 'ApiKeyNotFoundError'

  constructor() {
    super('There is no API key with this id: apiKeys lists those of the environment.')
  }
}
