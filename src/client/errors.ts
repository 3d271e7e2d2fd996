/*
 * What can go wrong, as classes. Each error type of the GraphQL schema has a class of the same name with the fields of the
 * type; the test of this file compares both.
 */

/** Any failure that the client throws, but for the reason of an aborted signal. */
export class ValetkeyError extends Error {
  override readonly name: string = 'ValetkeyError'

  constructor(message: string, fields?: object) {
    super(message, fields)
    Object.assign(this, fields)
  }
}

/** The server could not be reached, or broke off. The request may have had an effect, unless it only reads. */
export class ConnectionError extends ValetkeyError {
  override readonly name = 'ConnectionError'
}

/** The answer did not come within `timeoutMs`. The request may have had an effect, unless it only reads. */
export class TimeoutError extends ValetkeyError {
  override readonly name = 'TimeoutError'
}

/** The server refused the request as a whole. */
export class RequestError extends ValetkeyError {
  override readonly name = 'RequestError'
  /** The code of the first GraphQL error: `UNAUTHENTICATED`, `FORBIDDEN`, `THROTTLED`, `INTERNAL_SERVER_ERROR`, …; null without. */
  declare readonly code: string | null
  /** The HTTP status. */
  declare readonly status: number
  /** For the server's log: the header `x-request-id`. */
  declare readonly requestId: string | null
  /** Milliseconds that the server asks to wait before the next request (`Retry-After`); null without. */
  declare readonly retryAfterMs: number | null
}

/** A user must act before the account works: send them to `link`, then `waitUntilActive`. */
export class AuthorizationRequired extends ValetkeyError {
  override readonly name = 'AuthorizationRequired'
  declare readonly identifier: string
  declare readonly connectionName: string | null
  declare readonly link: string
  declare readonly expiresAt: Date
}

/** A problem at one place of an input. */
export interface InputIssue {
  /** Such as `expectedResources.0.name`. Empty for the input as a whole. */
  readonly path: string
  readonly message: string
}

/** A member of a result union that is not the payload. */
export type FailureFields = Readonly<Record<string, unknown>> & {
  readonly __typename: string
  readonly message: string
}

/** An error that an operation returned as data. `type` is the name of its GraphQL type. */
export class OperationError extends ValetkeyError {
  declare readonly name: string
  declare readonly type: string
  /** The problems of an `InvalidInputError` or `InvalidToolInputError`; otherwise empty. */
  declare readonly issues: readonly InputIssue[]

  constructor({ __typename: name, message, ...fields }: FailureFields) {
    super(message, { issues: [], ...fields, name, type: name })
  }
}

/** An error of a tool call. */
export class ToolError extends OperationError {
  /** Instruction for a model: the tool to call, or what to ask the user. */
  declare readonly hint: string
  /** Whether the same call may work later without any other change. */
  declare readonly retryable: boolean
  /** Milliseconds to wait before the next call; null when unknown. */
  declare readonly retryAfterMs: number | null
  /** What a person must do; null when nothing is required. */
  declare readonly userAction: 'ENABLE_CAPABILITY' | 'REAUTHORIZE' | 'SHARE_RESOURCE' | null
  /** The journal entry of the call; null when it was refused before it began. */
  declare readonly executionId: string | null

  constructor({ failedExecution, ...fields }: FailureFields) {
    const executionId = (failedExecution as { id: string } | null | undefined)?.id ?? null
    // Of a type that the client reads no fields of, there are only the defaults.
    super({ hint: '', retryable: false, retryAfterMs: null, userAction: null, ...fields, executionId })
  }

  /** The error as a text that a model can act on: what is wrong, where, and what to do. */
  forModel(): string {
    const places = this.issues.map(({ path, message }) => `\n- ${path && `${path}: `}${message}`).join('')
    return `Error: ${this.message}${places}${this.hint && `\n${this.hint}`}`
  }
}

export class AccountNotActiveError extends ToolError {}
export class AccountNotFoundError extends ToolError {}
export class AmbiguousDataSourceError extends ToolError {}
export class ApiKeyNotFoundError extends OperationError {}
export class ApprovalNotFoundError extends ToolError {}

/** The call needs the approval of a person. Make it again with the same idempotency key once it is approved. */
export class ApprovalRequiredError extends ToolError {
  /** For `approvals.approve` and `approvals.reject`. */
  declare readonly approvalId: string
  /** A page on which the user of the account decides, if your application calls `confirmApprover`. */
  declare readonly approvalUrl: string
  /** What the call would do, for a person. Its input is data, not instructions. */
  declare readonly summary: string
  declare readonly expiresAt: Date
  /** The key of the call, also where `execute` chose it: repeat the call with it. Null if the call had none. */
  declare readonly idempotencyKey: string | null

  constructor(fields: FailureFields) {
    super({ ...fields, expiresAt: new Date(fields['expiresAt'] as string) })
  }
}

export class ApproverMismatchError extends OperationError {}
export class AuthorizationFlowNotFoundError extends OperationError {}
export class IdempotencyConflictError extends ToolError {}
export class IdentifierMismatchError extends OperationError {}
export class InvalidInputError extends OperationError {}
export class InvalidToolInputError extends ToolError {}
export class MissingCapabilityError extends ToolError {}
export class MissingScopeError extends ToolError {}
export class OAuthAppNotFoundError extends OperationError {}
export class OAuthAppRejectedError extends OperationError {}
export class OutcomeUnknownError extends ToolError {}
export class ProviderError extends ToolError {}
export class ProviderUnavailableError extends OperationError {}
export class ProviderUserChangedError extends OperationError {}
export class RateLimitedError extends ToolError {}
export class ResourceNotFoundError extends ToolError {}
export class ResourceNotSharedError extends ToolError {}
export class ResourceUnavailableError extends ToolError {}
export class ReturnUrlNotAllowedError extends OperationError {}
/** The operator does not allow the tool, or a person rejected the call. */
export class ToolNotAllowedError extends ToolError {
  /** The setting that decides, such as `environment.readOnly`; `approval` for a call that was rejected. */
  declare readonly policy: string
}
export class UnknownToolError extends ToolError {}
export class UserSessionNotFoundError extends OperationError {}
export class WebhookDeliveryNotFoundError extends OperationError {}
export class WebhookEndpointNotFoundError extends OperationError {}
export class WrongConnectionError extends ToolError {}
export class WrongResourceTypeError extends ToolError {}

/** The classes by the names of their GraphQL types. */
export const errorTypes: Readonly<Record<string, new (fields: FailureFields) => OperationError>> = {
  AccountNotActiveError,
  AccountNotFoundError,
  AmbiguousDataSourceError,
  ApiKeyNotFoundError,
  ApprovalNotFoundError,
  ApprovalRequiredError,
  ApproverMismatchError,
  AuthorizationFlowNotFoundError,
  IdempotencyConflictError,
  IdentifierMismatchError,
  InvalidInputError,
  InvalidToolInputError,
  MissingCapabilityError,
  MissingScopeError,
  OAuthAppNotFoundError,
  OAuthAppRejectedError,
  OutcomeUnknownError,
  ProviderError,
  ProviderUnavailableError,
  ProviderUserChangedError,
  RateLimitedError,
  ResourceNotFoundError,
  ResourceNotSharedError,
  ResourceUnavailableError,
  ReturnUrlNotAllowedError,
  ToolNotAllowedError,
  UnknownToolError,
  UserSessionNotFoundError,
  WebhookDeliveryNotFoundError,
  WebhookEndpointNotFoundError,
  WrongConnectionError,
  WrongResourceTypeError,
}

/** Returns the error of a result that is not a payload. Types that a newer server has become {@link OperationError}s. */
export function toError(fields: FailureFields): OperationError {
  const Type = errorTypes[fields.__typename] ?? ('hint' in fields ? ToolError : OperationError)
  return new Type(fields)
}
