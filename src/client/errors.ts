/*
 * What can go wrong, as classes. Each error type of the GraphQL schema has a class of the same name, and each that a tool call ends
 * with has the fields of the type; the test of this file compares both.
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
  /** The code of the first GraphQL error: `UNAUTHENTICATED`, `FORBIDDEN`, `THROTTLED`, `SERVICE_UNAVAILABLE`, …; null without. */
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

  constructor({ failedExecution, httpStatus, ...fields }: FailureFields) {
    const executionId = (failedExecution as { id: string } | null | undefined)?.id ?? null
    // The fields `status` of two types have different types, so that one selection has one of them under another name.
    const status = httpStatus === undefined ? {} : { status: httpStatus }
    // Of a type that the client reads no fields of, there are only the defaults.
    super({ hint: '', retryable: false, retryAfterMs: null, userAction: null, ...fields, ...status, executionId })
  }

  /** The error as a text that a model can act on: what is wrong, where, and what to do. */
  forModel(): string {
    const places = this.issues.map(({ path, message }) => `\n- ${path && `${path}: `}${message}`).join('')
    return `Error: ${this.message}${places}${this.hint && `\n${this.hint}`}`
  }
}

/** The class of an error type of the schema. */
type ErrorClass<Type extends OperationError = OperationError> = new (fields: FailureFields) => Type

/** The classes by the names of their GraphQL types. */
export const errorTypes: Record<string, ErrorClass> = {}

/** What a client reads of the errors of a tool call, besides the fields that all of them have. */
export let toolErrorParts = ''

function named<Type extends OperationError>(name: string, Base: ErrorClass): ErrorClass<Type> {
  errorTypes[`${name}Error`] = Base
  return Base as ErrorClass<Type>
}

const operationError = (name: string) => named<OperationError>(name, class extends OperationError {})

/** Creates the class of an error of tool calls. `fields` is what is selected of it. */
function toolError<Fields = unknown>(name: string, fields?: string, Base: ErrorClass = class extends ToolError {}) {
  if (fields) toolErrorParts += `...on ${name}Error{${fields}}`
  return named<ToolError & Fields>(name, Base)
}

/** The account cannot be used now. */
export const AccountNotActiveError = toolError<{
  /** Of the account, such as `EXPIRED`, and why. */
  readonly status: string
  readonly statusReason: string
}>('AccountNotActive', 'status statusReason')
export type AccountNotActiveError = InstanceType<typeof AccountNotActiveError>

export const AccountNotFoundError = toolError('AccountNotFound')
export type AccountNotFoundError = InstanceType<typeof AccountNotFoundError>

/** A database has several data sources. */
export const AmbiguousDataSourceError = toolError<{
  /** Pass the `id` of one as `data_source`. */
  readonly choices: readonly { readonly id: string; readonly name: string }[]
}>('AmbiguousDataSource', 'choices{id name}')
export type AmbiguousDataSourceError = InstanceType<typeof AmbiguousDataSourceError>

export const ApiKeyNotFoundError = operationError('ApiKeyNotFound')
export type ApiKeyNotFoundError = InstanceType<typeof ApiKeyNotFoundError>

export const ApprovalNotFoundError = toolError('ApprovalNotFound')
export type ApprovalNotFoundError = InstanceType<typeof ApprovalNotFoundError>

/** The call needs the approval of a person. Make it again with the same idempotency key once it is approved. */
export const ApprovalRequiredError = toolError<{
  /** For `approvals.approve` and `approvals.reject`. */
  readonly approvalId: string
  /** A page on which the user of the account decides, if your application calls `confirmApprover`. */
  readonly approvalUrl: string
  /** What the call would do, for a person. Its input is data, not instructions. */
  readonly summary: string
  readonly expiresAt: Date
  /** The key of the call, also where `execute` chose it: repeat the call with it. Null if the call had none. */
  readonly idempotencyKey: string | null
}>(
  'ApprovalRequired',
  'approvalId approvalUrl summary expiresAt',
  class extends ToolError {
    constructor(fields: FailureFields) {
      super({ ...fields, expiresAt: new Date(fields['expiresAt'] as string) })
    }
  },
)
export type ApprovalRequiredError = InstanceType<typeof ApprovalRequiredError>

export const ApproverMismatchError = operationError('ApproverMismatch')
export type ApproverMismatchError = InstanceType<typeof ApproverMismatchError>

export const AuthorizationFlowNotFoundError = operationError('AuthorizationFlowNotFound')
export type AuthorizationFlowNotFoundError = InstanceType<typeof AuthorizationFlowNotFoundError>

export const IdempotencyConflictError = toolError('IdempotencyConflict')
export type IdempotencyConflictError = InstanceType<typeof IdempotencyConflictError>

export const IdentifierMismatchError = operationError('IdentifierMismatch')
export type IdentifierMismatchError = InstanceType<typeof IdentifierMismatchError>

export const InvalidInputError = operationError('InvalidInput')
export type InvalidInputError = InstanceType<typeof InvalidInputError>

export const InvalidToolInputError = toolError<{ readonly issues: readonly InputIssue[] }>(
  'InvalidToolInput',
  'issues{path message}',
)
export type InvalidToolInputError = InstanceType<typeof InvalidToolInputError>

export const MissingCapabilityError = toolError<{
  /** Such as `INSERT_COMMENT`. */
  readonly capability: string
}>('MissingCapability', 'capability')
export type MissingCapabilityError = InstanceType<typeof MissingCapabilityError>

export const MissingScopeError = toolError<{
  /** The OAuth scope of the provider. */
  readonly scope: string
}>('MissingScope', 'scope')
export type MissingScopeError = InstanceType<typeof MissingScopeError>

export const OAuthAppNotFoundError = operationError('OAuthAppNotFound')
export type OAuthAppNotFoundError = InstanceType<typeof OAuthAppNotFoundError>

export const OAuthAppRejectedError = operationError('OAuthAppRejected')
export type OAuthAppRejectedError = InstanceType<typeof OAuthAppRejectedError>

/** A write was sent and its outcome is unknown. Read before you repeat it. */
export const OutcomeUnknownError = toolError<{
  /** The IDs that the provider reported as written. */
  readonly committedIds: readonly string[]
}>('OutcomeUnknown', 'committedIds')
export type OutcomeUnknownError = InstanceType<typeof OutcomeUnknownError>

/** The provider refused the call or could not be reached. */
export const ProviderError = toolError<{
  /** The HTTP status of the provider's answer; null without one. */
  readonly status: number | null
  /** The provider's own code. */
  readonly code: string | null
  readonly requestId: string | null
}>('Provider', 'httpStatus:status code requestId')
export type ProviderError = InstanceType<typeof ProviderError>

export const ProviderUnavailableError = operationError('ProviderUnavailable')
export type ProviderUnavailableError = InstanceType<typeof ProviderUnavailableError>

export const ProviderUserChangedError = operationError('ProviderUserChanged')
export type ProviderUserChangedError = InstanceType<typeof ProviderUserChangedError>

export const RateLimitedError = toolError('RateLimited')
export type RateLimitedError = InstanceType<typeof RateLimitedError>

export const ResourceNotFoundError = toolError<{
  readonly resourceId: string
  /** What speaks for this error. */
  readonly evidence: string
}>('ResourceNotFound', 'resourceId evidence')
export type ResourceNotFoundError = InstanceType<typeof ResourceNotFoundError>

export const ResourceNotSharedError = toolError<{
  readonly resourceId: string
  /** What speaks for this error. */
  readonly evidence: string
}>('ResourceNotShared', 'resourceId evidence')
export type ResourceNotSharedError = InstanceType<typeof ResourceNotSharedError>

export const ResourceUnavailableError = toolError<{
  readonly resourceId: string
  /** What speaks for this error. */
  readonly evidence: string
}>('ResourceUnavailable', 'resourceId evidence')
export type ResourceUnavailableError = InstanceType<typeof ResourceUnavailableError>

export const ReturnUrlNotAllowedError = operationError('ReturnUrlNotAllowed')
export type ReturnUrlNotAllowedError = InstanceType<typeof ReturnUrlNotAllowedError>

/** The operator does not allow the tool, or a person rejected the call. */
export const ToolNotAllowedError = toolError<{
  /** The setting that decides, such as `environment.readOnly`; `approval` for a call that was rejected. */
  readonly policy: string
}>('ToolNotAllowed', 'policy')
export type ToolNotAllowedError = InstanceType<typeof ToolNotAllowedError>

export const UnknownToolError = toolError<{
  /** The names of tools that may be meant. */
  readonly suggestions: readonly string[]
}>('UnknownTool', 'suggestions')
export type UnknownToolError = InstanceType<typeof UnknownToolError>

export const UserSessionNotFoundError = operationError('UserSessionNotFound')
export type UserSessionNotFoundError = InstanceType<typeof UserSessionNotFoundError>

export const WebhookDeliveryNotFoundError = operationError('WebhookDeliveryNotFound')
export type WebhookDeliveryNotFoundError = InstanceType<typeof WebhookDeliveryNotFoundError>

export const WebhookEndpointNotFoundError = operationError('WebhookEndpointNotFound')
export type WebhookEndpointNotFoundError = InstanceType<typeof WebhookEndpointNotFoundError>

export const WrongConnectionError = toolError<{
  /** The connections that the tool works with. */
  readonly connectionNames: readonly string[]
  /** The connector of the tool. */
  readonly connector: string
}>('WrongConnection', 'connectionNames connector')
export type WrongConnectionError = InstanceType<typeof WrongConnectionError>

export const WrongResourceTypeError = toolError<{
  readonly resourceId: string
  /** The kind of object that the tool takes, and that of the ID. */
  readonly expected: string
  readonly actual: string
}>('WrongResourceType', 'resourceId expected actual')
export type WrongResourceTypeError = InstanceType<typeof WrongResourceTypeError>

/** Returns the error of a result that is not a payload. Types that a newer server has become {@link OperationError}s. */
export function toError(fields: FailureFields): OperationError {
  const Type = errorTypes[fields.__typename] ?? ('hint' in fields ? ToolError : OperationError)
  return new Type(fields)
}
