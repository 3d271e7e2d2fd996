import type * as z from 'zod'
import type { Capability } from '../accounts/capability.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import {
  AccountNotActiveError,
  AccountNotFoundError,
  ApprovalRequiredError,
  IdempotencyConflictError,
  InvalidToolInputError,
  MissingCapabilityError,
  MissingScopeError,
  OutcomeUnknownError,
  ProviderError,
  RateLimitedError,
  type ToolError,
  ToolNotAllowedError,
  WrongConnectionError,
} from '../errors.ts'
import type { Secret } from '../vault/secret.ts'

/** The format of a result: the provider's body, the same facts in fewer tokens, or Markdown for a model to read. */
export type OutputFormat = 'RAW' | 'COMPACT' | 'MARKDOWN'

/**
 * One tool, defined once. From this come the check of inputs, the JSON Schema that models see, the typed GraphQL field
 * with its input and result types, and the documentation. A connector lists its tools; nothing else knows their names.
 */
export interface Tool<Input extends z.ZodObject = z.ZodObject, Result extends z.ZodObject = z.ZodObject> {
  /** snake_case with the connector's slug in front: `notion_page_create`. */
  readonly name: string
  readonly title: string
  /** For the model: what it does, when to use it, which tool to call first. One or two sentences. */
  readonly description: string
  readonly connector: string
  readonly readOnly: boolean
  /** Whether it can replace or remove existing content. */
  readonly destructive: boolean
  /** What must be switched on for the OAuth app at the provider. */
  readonly requiredCapabilities: readonly Capability[]
  /** The OAuth scopes that the grant must have. Absent: none. */
  readonly requiredScopes?: readonly string[]
  /** The errors of `errors.ts` that its connector throws, in addition to those of the pipeline ({@link possibleErrors}). */
  readonly errors: readonly ToolErrorClass[]
  /** Whether it sends raw requests, which the OAuth app must allow. Absent: no. */
  readonly rawRequests?: boolean
  /** Whether it is in the set DEFAULT. */
  readonly inDefaultSet: boolean
  /** The input from a model. Strict: unknown keys are refused. Every field has a short description. */
  readonly input: Input
  /** The body that {@link Tool.run} returns, which is `data` in RAW. Loose where the provider may add fields. */
  readonly output: z.ZodType
  /** The result of {@link Tool.toCompact}. Absent: JSON of any shape. */
  readonly compact?: z.ZodType
  /** The typed GraphQL result. Its named types carry `.meta({ id: 'NotionPage' })`. */
  readonly result: Result
  /**
   * Runs the tool with input that has passed {@link Tool.input}, and returns the provider's body unchanged. Throws the
   * errors of `errors.ts` only; anything else is a bug. A write that throws any error but an OutcomeUnknownError has
   * written nothing. Where a part was written before the failure, that error names the part.
   */
  run(call: ToolCall, input: z.output<Input>): Promise<unknown>
  /**
   * For a result of many parts: the number of parts in a body, and the body with only the first `length` of them and,
   * where reading can continue, the cursor for the next part (`next_cursor`). Without it a result over the limit is cut
   * within its text.
   */
  readonly list?: {
    length(body: unknown): number
    take(body: unknown, length: number, input: z.output<Input>): unknown
    /** For a tool that writes: how to read the items that were written and do not fit. */
    readonly rest?: string
  }
  /**
   * Marks the beginning of a cut result as the provider's data again, since the cut removed the end of the marks. In
   * COMPACT the beginning is a part of the JSON of {@link Tool.toCompact}.
   */
  readonly markBeginning?: (beginning: string, format: 'COMPACT' | 'MARKDOWN') => unknown
  /** Returns the provider's body as the typed result. */
  toResult(body: unknown, input: z.output<Input>): z.input<Result>
  /** Returns the same facts, flattened and without what models do not need. Cursors remain. */
  toCompact(body: unknown, input: z.output<Input>): unknown
  /** Returns the same facts as Markdown. */
  toMarkdown(body: unknown, input: z.output<Input>): string
}

/** A tool of any shape, as lists hold it. */
// biome-ignore lint/suspicious/noExplicitAny: a list holds tools of all input types, and `run` takes them contravariantly
export type AnyTool = Tool<any, any>

/** Defines a tool; its types come from its schemas. */
export function defineTool<Input extends z.ZodObject, Result extends z.ZodObject>(tool: Tool<Input, Result>): AnyTool {
  return tool
}

/** A class of `errors.ts`. */
export type ToolErrorClass = new (...args: never[]) => ToolError

/** Every error that a call of a tool can end with: the pipeline's, by what the tool needs and does, and the tool's own. */
export function possibleErrors(tool: AnyTool): readonly ToolErrorClass[] {
  return [
    // A tool without input has none that could be invalid.
    ...(Object.keys(tool.input.shape).length > 0 ? [InvalidToolInputError] : []),
    AccountNotFoundError,
    WrongConnectionError,
    AccountNotActiveError,
    ...(tool.requiredCapabilities.length > 0 ? [MissingCapabilityError] : []),
    ...((tool.requiredScopes ?? []).length > 0 ? [MissingScopeError] : []),
    ToolNotAllowedError,
    ApprovalRequiredError,
    ...tool.errors,
    RateLimitedError,
    ProviderError,
    ...(tool.readOnly ? [] : [OutcomeUnknownError, IdempotencyConflictError]),
  ]
}

/** How often one grant may send requests to its provider: `requests` in any `perMs` milliseconds. */
export interface RatePolicy {
  readonly requests: number
  readonly perMs: number
}

/** What a running tool has: whose account it works for, and the way to the provider within the pipeline's rules. */
export interface ToolCall {
  readonly account: ConnectedAccount
  /** The base of the provider's API for this account, without a final slash. */
  readonly apiUrl: string
  /** How often the provider lets the grant send requests. {@link ToolCall.send} keeps to it. */
  readonly rate: RatePolicy
  /** Aborted at the call's deadline, or when the caller went away and nothing has been written. */
  readonly signal: AbortSignal
  /**
   * Sends one request to the provider. Waits for the account's rate budget, passes the access token, and on
   * {@link AccessTokenRefused} renews it once and sends again: a refused token proves that nothing was written.
   * Reads are repeated after {@link Retryable} failures until the deadline; writes are never repeated otherwise.
   * `within` ends a read and its waits earlier than the call. Writes ignore it.
   */
  send<T>(
    kind: 'read' | 'write',
    request: (accessToken: Secret, signal: AbortSignal) => Promise<ProviderAnswer<T>>,
    within?: ReadLimit,
  ): Promise<T>
}

/** An end of one read before that of its call. */
export interface ReadLimit {
  /** From now on. */
  readonly milliseconds: number
  /** The read rejects with its reason when it is aborted. */
  readonly signal?: AbortSignal
}

/** One answer of the provider, with what the pipeline keeps of it. */
export interface ProviderAnswer<T> {
  readonly body: T
  /** The provider's own id of the request, for its support. */
  readonly requestId: string | null
}

/** The provider refused the access token (HTTP 401). Thrown by `request` functions, handled by {@link ToolCall.send}. */
export class AccessTokenRefused extends Error {
  override readonly name = 'AccessTokenRefused'
  readonly requestId: string | null

  constructor(requestId: string | null) {
    super('The provider refused the access token.')
    this.requestId = requestId
  }
}

/**
 * The provider cannot serve the request now. `retryAfterMs` is the wait that it asks for, `rateLimited` whether a limit is
 * the reason, `mayHaveWritten` whether the request may have had its effect. Thrown by `request` functions and handled by
 * {@link ToolCall.send}, which throws a RateLimitedError, ProviderError or OutcomeUnknownError after the last attempt.
 */
export class Retryable extends Error {
  override readonly name = 'Retryable'
  readonly status: number | null
  readonly code: string | null
  readonly requestId: string | null
  readonly retryAfterMs: number | null
  readonly rateLimited: boolean
  readonly mayHaveWritten: boolean
  /** What to do when repeating does not help; absent: repeat the call. */
  readonly hint: string | undefined

  constructor(
    message: string,
    details: {
      readonly status: number | null
      readonly code: string | null
      readonly requestId: string | null
      readonly retryAfterMs: number | null
      readonly rateLimited: boolean
      readonly mayHaveWritten: boolean
      readonly hint?: string | undefined
    },
  ) {
    super(message)
    this.hint = details.hint
    this.status = details.status
    this.code = details.code
    this.requestId = details.requestId
    this.retryAfterMs = details.retryAfterMs
    this.rateLimited = details.rateLimited
    this.mayHaveWritten = details.mayHaveWritten
  }
}

/** The tools of all installed connectors, by name. Built once at start-up. */
export interface ToolCatalogue {
  readonly tools: readonly AnyTool[]
  find(name: string): AnyTool | undefined
  /** The names nearest to a name that does not exist, best first, at most three. */
  suggest(name: string): readonly string[]
}
