/**
 * The failures that callers can handle. Each class is a type of the GraphQL schema with the same name. Every other error
 * is a bug, and callers see it as INTERNAL_SERVER_ERROR.
 */

/** Base of every failure that callers see. `message` is written for people and never contains a secret. */
export abstract class ValetkeyError extends Error {
  abstract override readonly name: string
}

/** What a person must do before the call can work. */
export type UserAction = 'REAUTHORIZE' | 'SHARE_RESOURCE' | 'ENABLE_CAPABILITY'

/** One invalid place of an input. `path` is dotted, with indexes (`properties.Due Date.date`); `message` states the rule. */
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

/** Base of every failure of a tool call. `hint` is an instruction that a model can follow. */
export abstract class ToolError extends ValetkeyError {
  readonly hint: string
  /** Whether the same call may work later without any change. */
  readonly retryable: boolean
  readonly retryAfterMs: number | null
  readonly userAction: UserAction | null
  /** The journal's id of the call. The pipeline sets it when the call has been recorded. */
  executionId: string | null = null

  constructor(message: string, options: ToolErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.hint = options.hint
    this.retryable = options.retryable ?? false
    this.retryAfterMs = options.retryAfterMs ?? null
    this.userAction = options.userAction ?? null
  }
}

/** The tool name is unknown. `suggestions` are the nearest names. */
export class UnknownToolError extends ToolError {
  override readonly name = 'UnknownToolError'
  readonly suggestions: readonly string[]

  constructor(toolName: string, suggestions: readonly string[]) {
    const nearest = suggestions[0]
    super(`Unknown tool "${toolName}".`, {
      hint: nearest ? `Call "${nearest}" instead, or list the tools.` : 'List the tools and use one of their names.',
    })
    this.suggestions = suggestions
  }
}

/** The input is not valid for the tool. Nothing was written. */
export class InvalidToolInputError extends ToolError {
  override readonly name = 'InvalidToolInputError'
  readonly issues: readonly InputIssue[]

  constructor(
    issues: readonly InputIssue[],
    hint = 'Correct the listed places of the input, then call the tool again.',
  ) {
    const [first] = issues
    super(first ? `${first.path || 'input'}: ${first.message}` : 'The input is not valid.', { hint })
    this.issues = issues
  }
}

/** No account of the caller's environment has this connection name and identifier. */
export class AccountNotFoundError extends ToolError {
  override readonly name = 'AccountNotFoundError'

  constructor(connectionName: string, identifier: string) {
    super(`The connection "${connectionName}" has no account "${identifier}".`, {
      hint: 'Call authorize and send the user to its link.',
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
  /** The connector of the connection. */
  readonly actualConnector: string

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
    this.actualConnector = connectionConnector
    this.connectionNames = connectionNames
  }
}

/** Hints for what the user cannot change by connecting the account, by status and reason. */
const inactiveHints: Readonly<Record<string, { readonly hint: string }>> = {
  PENDING_CONFIRMATION: { hint: 'Call confirmAuthorization to confirm which user consented.' },
  OAUTH_APP_REJECTED: {
    hint: 'Do not send the user to the provider again. Tell the operator to correct the client ID, client secret or redirect URI of the OAuth app with registerOAuthApp.',
  },
}

/** The account cannot be used now. `status` and `statusReason` are those of the account. */
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
      ...(inactiveHints[account.status] ??
        inactiveHints[account.statusReason] ?? {
          hint: 'Ask the user to connect the account. Call authorize and send the user to its link.',
          userAction: 'REAUTHORIZE' as const,
        }),
    })
    this.status = account.status
    this.statusReason = account.statusReason
    this.connectionName = account.connectionName
    this.identifier = account.identifier
  }
}

/** The OAuth app lacks a capability at the provider, or the user's consent is older than the capability. */
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
          : `Ask the operator to switch on ${capability} in the provider's settings. Then ask the user to authorize again.`,
        userAction: options.needsConsent ? 'REAUTHORIZE' : 'ENABLE_CAPABILITY',
        cause: options.cause,
      },
    )
    this.capability = capability
  }
}

/** Who sets what a tool may not be used for, in words. */
const policyOwners = {
  environment: { words: 'policy of the environment', change: 'setToolPolicy' },
  oauthApp: { words: 'policy of the OAuth app', change: 'setToolPolicy' },
  apiKey: { words: 'API key', change: 'another API key' },
} as const

/** Who has a tool policy. */
export type PolicyOwner = keyof typeof policyOwners

/**
 * The operator, or the person who was asked to approve the call, does not allow the tool. `policy` is the setting that
 * decides: `rawRequests`, a field of a tool policy with its owner (`environment.readOnly`), `approval`, or
 * `maxPendingApprovals`.
 */
export class ToolNotAllowedError extends ToolError {
  override readonly name = 'ToolNotAllowedError'
  readonly policy: string

  constructor(
    toolName: string,
    policy: string,
    options: { readonly message: string; readonly hint: string } = {
      message: `The OAuth app does not allow ${toolName}.`,
      hint: `Use another tool. Only an operator can allow it, with ${policy} of registerOAuthApp.`,
    },
  ) {
    super(options.message, { hint: options.hint })
    this.policy = policy
  }

  /** The error for a tool that a field of a tool policy refuses. */
  static byPolicy(toolName: string, owner: PolicyOwner, field: string): ToolNotAllowedError {
    const { words, change } = policyOwners[owner]
    return new ToolNotAllowedError(toolName, `${owner}.${field}`, {
      message: `The ${words} does not allow ${toolName} (${field}).`,
      hint: `Use another tool. Only an operator can allow it, with ${change}.`,
    })
  }
}

/** The call needs the approval of a person. Nothing was sent. It runs with exactly this input when it is approved. */
export class ApprovalRequiredError extends ToolError {
  override readonly name = 'ApprovalRequiredError'
  /** The UUID of the approval. */
  readonly id: string
  /** The GraphQL ID of the ToolApproval. */
  readonly approvalId: string
  readonly summary: string
  readonly expiresAt: Date

  constructor(
    toolName: string,
    approval: {
      readonly id: string
      readonly publicId: string
      readonly summary: string
      readonly expiresAt: Date
      readonly withKey: boolean
      /** Whether the user can decide on the page of `approvalUrl`. */
      readonly hasPage: boolean
    },
  ) {
    const until = approval.expiresAt.toISOString()
    const again = approval.withKey ? 'with the same input and the same idempotency key' : 'with the same input'
    const where = approval.hasPage
      ? 'The application can send the user to the page of approvalUrl: do not write a link yourself.'
      : 'It is decided in the application or the console: there is no link to it.'
    super(`The call of ${toolName} waits for the approval of a person: ${approval.publicId}, until ${until}.`, {
      hint: `Tell the user that the call needs an approval, with the ID ${approval.publicId}. ${where} Nothing was done yet. Once it is approved, make the same call again ${again}: it returns the result and runs nothing twice.`,
    })
    this.id = approval.id
    this.approvalId = approval.publicId
    this.summary = approval.summary
    this.expiresAt = approval.expiresAt
  }
}

/** No approval of this id waits for a decision: `message` states why. Nothing was sent. */
export class ApprovalNotFoundError extends ToolError {
  override readonly name = 'ApprovalNotFoundError'

  constructor(
    message = 'Unknown approval id. It belongs to another user, has expired, or was erased with its account.',
  ) {
    super(message, { hint: 'Read pendingApprovals for what waits. To run the call, make it again.' })
  }
}

/** The user who is signed in to the application is not the one whose account a call waits for. Nothing was decided. */
export class ApproverMismatchError extends ValetkeyError {
  override readonly name = 'ApproverMismatchError'

  constructor() {
    super('The approval is for another identifier. Show the page only to the user whose account the call is for.')
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
          : `Ask the operator to register the scope ${scope} with registerOAuthApp. Then ask the user to authorize again.`,
        userAction: options.needsConsent ? 'REAUTHORIZE' : 'ENABLE_CAPABILITY',
        cause: options.cause,
      },
    )
    this.scope = scope
  }
}

/** The resource exists, as `evidence` shows, and is not shared with this connection. */
export class ResourceNotSharedError extends ToolError {
  override readonly name = 'ResourceNotSharedError'
  readonly resourceId: string
  readonly evidence: string

  constructor(
    resourceId: string,
    evidence: string,
    hint = 'Ask the user to share it with this connection, or to authorize again and select it.',
  ) {
    super(`The object ${resourceId} exists and is not shared with this connection.`, {
      hint,
      userAction: 'SHARE_RESOURCE',
    })
    this.resourceId = resourceId
    this.evidence = evidence
  }
}

/** The resource does not exist, as `evidence` shows. */
export class ResourceNotFoundError extends ToolError {
  override readonly name = 'ResourceNotFoundError'
  readonly resourceId: string
  readonly evidence: string

  constructor(
    resourceId: string,
    evidence: string,
    hint = 'Search for the object by its title and use the id from the result.',
    message = `The object ${resourceId} does not exist.`,
  ) {
    super(message, { hint })
    this.resourceId = resourceId
    this.evidence = evidence
  }
}

/** The provider does not report whether the resource is missing or not shared, and nothing shows it at present. */
export class ResourceUnavailableError extends ToolError {
  override readonly name = 'ResourceUnavailableError'
  readonly resourceId: string
  /** What was seen of the object before, and when. */
  readonly evidence: string

  constructor(
    resourceId: string,
    hint = 'Search for the object by its title to check the id. If the id is right, ask the user to share the object with this connection.',
    evidence: string | null = null,
  ) {
    super(
      `The object ${resourceId} does not exist or is not shared with this connection. The provider does not report which.`,
      { hint: evidence === null ? hint : `${evidence} ${hint}`, userAction: 'SHARE_RESOURCE' },
    )
    this.resourceId = resourceId
    this.evidence = evidence ?? 'Nothing was seen of the object before.'
  }
}

/** The id belongs to an object of another kind than the tool takes. */
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

/** The id covers several data sources and the call selects none of them. */
export class AmbiguousDataSourceError extends ToolError {
  override readonly name = 'AmbiguousDataSourceError'
  readonly choices: readonly { readonly id: string; readonly name: string }[]

  constructor(message: string, hint: string, choices: readonly { readonly id: string; readonly name: string }[]) {
    super(message, { hint })
    this.choices = choices
  }
}

/** The provider's rate limit, or this account's share of it, is used up. */
export class RateLimitedError extends ToolError {
  override readonly name = 'RateLimitedError'

  constructor(retryAfterMs: number) {
    super(`The provider's rate limit is reached. Retry in ${Math.ceil(retryAfterMs / 1000)} s.`, {
      hint: `Wait ${Math.ceil(retryAfterMs / 1000)} seconds, then make the same call again.`,
      retryable: true,
      retryAfterMs,
    })
  }
}

/** The provider refused, could not be reached or sent an unreadable answer. Nothing was written. */
export class ProviderError extends ToolError {
  override readonly name = 'ProviderError'
  /** HTTP status; null without an answer. */
  readonly status: number | null
  /** The provider's own code; null without one. */
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
      readonly userAction?: UserAction | null
    },
  ) {
    super(message, {
      userAction: options.userAction ?? null,
      hint:
        options.hint ??
        (options.retryable
          ? 'Make the same call again in a moment.'
          : 'Change the call. The same call will be refused again.'),
      retryable: options.retryable,
      retryAfterMs: options.retryAfterMs ?? null,
    })
    this.status = options.status
    this.code = options.code
    this.requestId = options.requestId ?? null
  }
}

/** A write was sent and its outcome is unknown. `committedIds` are the ids that the provider reported as written. */
export class OutcomeUnknownError extends ToolError {
  override readonly name = 'OutcomeUnknownError'
  readonly committedIds: readonly string[]

  constructor(message: string, options: { readonly committedIds?: readonly string[]; readonly hint?: string } = {}) {
    super(message, {
      hint: options.hint ?? 'Do not repeat the call. Read the target first to see whether the change is there.',
    })
    this.committedIds = options.committedIds ?? []
  }
}

/** The idempotency key was used before with another tool or input. */
export class IdempotencyConflictError extends ToolError {
  override readonly name = 'IdempotencyConflictError'

  constructor(key: string) {
    super(`The idempotency key "${key}" was already used with another tool or input.`, {
      hint: 'Use a new idempotency key for a new call.',
    })
  }
}

/** An argument is not valid. `issues` names each place. */
export class InvalidInputError extends ValetkeyError {
  override readonly name = 'InvalidInputError'
  readonly issues: readonly InputIssue[]

  constructor(issues: readonly InputIssue[]) {
    super(issues.map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message)).join('; '))
    this.issues = issues
  }
}

/** The caller's environment has no OAuth app of this connection name. */
export class OAuthAppNotFoundError extends ValetkeyError {
  override readonly name = 'OAuthAppNotFoundError'
  readonly connectionName: string

  constructor(connectionName: string) {
    super(`Unknown connection "${connectionName}". Register its OAuth app with registerOAuthApp.`)
    this.connectionName = connectionName
  }
}

/** The return URL must begin with one of the OAuth app's registered prefixes. */
export class ReturnUrlNotAllowedError extends ValetkeyError {
  override readonly name = 'ReturnUrlNotAllowedError'
  readonly allowed: readonly string[]

  constructor(allowed: readonly string[]) {
    super(
      allowed.length === 0
        ? 'returnUrl is not allowed: the OAuth app has no return URLs. Register their prefixes with registerOAuthApp(returnUrls:).'
        : `returnUrl must begin with one of the registered prefixes: ${allowed.join(', ')}.`,
    )
    this.allowed = allowed
  }
}

/** No authorization waits for this confirmation: the flow id is unknown, used or expired. */
export class AuthorizationFlowNotFoundError extends ValetkeyError {
  override readonly name = 'AuthorizationFlowNotFoundError'

  constructor() {
    super('The flow id is unknown, already used or expired. Call authorize again.')
  }
}

/** The authorization was started for another identifier. Its tokens are discarded and revoked. */
export class IdentifierMismatchError extends ValetkeyError {
  override readonly name = 'IdentifierMismatchError'

  constructor() {
    super(
      'The authorization was started for another identifier. Its tokens were discarded. Call authorize for the right user.',
    )
  }
}

/** The consent came from another user or workspace of the provider than the account has. Its tokens are discarded. */
export class ProviderUserChangedError extends ValetkeyError {
  override readonly name = 'ProviderUserChangedError'

  constructor(
    message = 'The consent came from another user or workspace of the provider than the account has. Its tokens were discarded. To allow the change, call authorize with allowUserChange.',
  ) {
    super(message)
  }
}

/** The provider cannot be reached now. The account has not changed. */
export class ProviderUnavailableError extends ValetkeyError {
  override readonly name = 'ProviderUnavailableError'
  readonly retryAfterMs: number | null

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/** The provider rejects the OAuth app's client id or secret. The operator must correct them. */
export class OAuthAppRejectedError extends ValetkeyError {
  override readonly name = 'OAuthAppRejectedError'
  readonly connectionName: string

  constructor(connectionName: string) {
    super(
      `The provider rejects the client id or secret of the connection "${connectionName}". Register the OAuth app again with the right ones.`,
    )
    this.connectionName = connectionName
  }
}

/** The caller's environment has no user session with this id. */
export class UserSessionNotFoundError extends ValetkeyError {
  override readonly name = 'UserSessionNotFoundError'

  constructor() {
    super('Unknown user session id. createUserSession returns it as sessionId; expired sessions are deleted.')
  }
}

/** The caller's environment has no API key with this id. */
export class ApiKeyNotFoundError extends ValetkeyError {
  override readonly name = 'ApiKeyNotFoundError'

  constructor() {
    super('Unknown API key id. The query apiKeys lists the keys of the environment.')
  }
}

/** The caller's environment has no webhook endpoint with this id. */
export class WebhookEndpointNotFoundError extends ValetkeyError {
  override readonly name = 'WebhookEndpointNotFoundError'

  constructor() {
    super('Unknown webhook endpoint id. The query webhookEndpoints lists the endpoints of the environment.')
  }
}

/** The caller's environment has no webhook delivery with this id. */
export class WebhookDeliveryNotFoundError extends ValetkeyError {
  override readonly name = 'WebhookDeliveryNotFoundError'

  constructor() {
    super('Unknown webhook delivery id. The query webhookDeliveries lists the stored deliveries of the environment.')
  }
}
