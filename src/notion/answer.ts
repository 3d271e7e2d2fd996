import { OutcomeUnknownError, ProviderError } from '../errors.ts'
import {
  type AnswerHeaders,
  type ProviderHttpAnswer,
  parseJsonObject,
  retryAfterMs,
  TransportFailure,
} from '../provider-http.ts'
import { AccessTokenRefused, type ProviderAnswer, Retryable } from '../tools/tool.ts'
import { isUuid } from '../uuid.ts'
import type { Exchange } from './client.ts'
import { isObject, type JsonObject, objectAt, textAt } from './json.ts'

/** A definite refusal by Notion, or its report that a change was saved although the answer was lost. */
export interface Refusal {
  /** The request that was refused; `path` begins after `/v1/`. */
  readonly request: Pick<Exchange, 'method' | 'path' | 'hasQuery' | 'sent'>
  readonly status: number
  readonly code: string | null
  /** Notion's own message, at most 1000 characters, without anything that looks like a token. */
  readonly message: string
  readonly requestId: string | null
  /** Whether Notion names the block limit of the free plan as the reason. */
  readonly blockLimit: boolean
  /** Set where the change was saved and only the answer was lost (503): what Notion named as written. */
  readonly saved: Saved | null
}

/** What Notion named as written. */
export interface Saved {
  readonly resourceId: string | null
  readonly childIds: readonly string[]
}

/** Returns a refusal as an error, for requests that no tool explains. */
export const refusalError = ({ status, code, message, requestId }: Refusal): ProviderError =>
  new ProviderError(message, { status, code, requestId, retryable: false })

/** What came back: the body, or why there is none. */
export type NotionAnswer<Body = JsonObject> = { readonly body: Body } | { readonly refusal: Refusal }

/**
 * Returns what an exchange means for a request that reads or writes. Throws {@link AccessTokenRefused},
 * {@link Retryable} or a ToolError where the answer is neither a body nor a definite refusal.
 *
 * @see https://developers.notion.com/reference/status-codes
 */
export function readAnswer<Body extends object>(
  { answer, body, ...request }: Exchange<Body>,
  kind: 'read' | 'write',
  now: Date,
): ProviderAnswer<NotionAnswer<Body>> {
  if (answer instanceof TransportFailure) throw unanswered(answer, kind)
  const { status, headers, text } = answer
  const envelope = body === undefined ? parseJsonObject(text) : body
  const requestId = requestIdOf(envelope, headers)
  if (status >= 200 && status < 300) {
    if (isObject(body)) return { body: { body }, requestId }
    throw new Retryable('The answer of Notion is not valid JSON.', {
      status,
      code: 'invalid_answer',
      requestId,
      retryAfterMs: null,
      rateLimited: false,
      mayHaveWritten: true,
    })
  }
  const code = codeOf(envelope)
  if (!isObject(envelope) || code === null) throw foreignAnswer(answer, requestId, now)
  const details = objectAt(envelope, 'additional_data')
  const message = redacted(textAt(envelope, 'message') ?? `Notion answered ${status}.`)
  if (status === 401) throw new AccessTokenRefused(requestId)
  const rateLimited = status === 429 || status === 529
  if (rateLimited && details.rate_limit_reason === 'public_api_request_blocked') {
    // The one limit that waiting does not lift.
    throw new ProviderError('Notion blocks the requests of this connection.', {
      status,
      code: 'public_api_request_blocked',
      requestId,
      retryable: false,
      hint: 'Stop calling Notion for this account and tell the operator that Notion blocks the connection.',
    })
  }
  const saved = status === 503 && kind === 'write' ? savedIn(message, details) : null
  const isConflict = status === 409 && code !== databaseFull
  if (rateLimited || isConflict || (status >= 500 && saved === null)) {
    throw new Retryable(message, {
      status,
      code,
      requestId,
      retryAfterMs: retryAfterMs(headers, text, now),
      rateLimited,
      mayHaveWritten: status >= 500 && !rateLimited,
      hint: guidanceIn(details),
    })
  }
  const blockLimit = details.block_limit !== undefined
  return { body: { refusal: { request, status, code, message, requestId, blockLimit, saved } }, requestId }
}

/** The code of a 409 that no repetition lifts: the database has as many rows as it can. */
export const databaseFull = 'row_limit_exceeded'

/** Returns how Notion advises to repeat a query that it could not serve, such as with fewer rows; undefined without advice. */
function guidanceIn({ retry_guidance: given }: JsonObject): string | undefined {
  const advice = (Array.isArray(given) ? given : [given]).filter((line) => typeof line === 'string').join(' ')
  return advice === ''
    ? undefined
    : `Ask for less at once, then make the call again. Notion advises: ${redacted(advice)}`
}

/** Returns what a 503 reports as written, by ids or by its message; null where it reports nothing. */
function savedIn(message: string, details: JsonObject): Saved | null {
  const resourceId = textAt(details, 'committed_resource_id')
  const listed = details.committed_child_ids
  const childIds = (Array.isArray(listed) ? listed : [listed]).filter(
    (id): id is string => typeof id === 'string' && isUuid(id),
  )
  if (resourceId === null && childIds.length === 0 && !/\bchange was saved\b/i.test(message)) return null
  return { resourceId: resourceId !== null && isUuid(resourceId) ? resourceId : null, childIds }
}

function foreignHint(status: number): string {
  if (status === 403) return 'Make the same call again later.'
  if (status === 413 || status === 414 || status === 431)
    return 'Send less at once: the same call will be refused again.'
  return 'Tell the operator of this server: the same call will be refused again.'
}

/** An error that is not in Notion's envelope comes from a proxy. It proves nothing about the token or the permissions. */
function foreignAnswer({ status, headers, text }: ProviderHttpAnswer, requestId: string | null, now: Date): Error {
  const retryAfter = retryAfterMs(headers, text, now)
  const rateLimited = status === 429 || status === 529
  if (rateLimited || status >= 500) {
    return new Retryable(`Notion cannot be reached: a proxy answered ${status}.`, {
      status,
      code: null,
      requestId,
      retryAfterMs: retryAfter,
      rateLimited,
      mayHaveWritten: !rateLimited,
    })
  }
  const ray = headers.get('cf-ray')
  const name = ray === null ? '' : ` (cf-ray ${redacted(ray).slice(0, 60)})`
  return new ProviderError(`A proxy in front of Notion answered ${status}${name}.`, {
    status,
    code: null,
    requestId,
    retryAfterMs: retryAfter,
    retryable: status === 403,
    hint: `${foreignHint(status)} The account and its permissions are not the reason.`,
  })
}

/** `mayHaveWritten` is false only where no byte can have arrived, or where the status that did arrive is a refusal. */
function unanswered(failure: TransportFailure, kind: 'read' | 'write'): Error {
  const status = failure.status
  const requestId = requestIdOf(null, failure.headers)
  const refused = status !== null && status >= 400 && status < 500
  switch (failure.kind) {
    case 'redirect':
      return new ProviderError('The address of Notion answered with a redirect, which is not followed.', {
        status,
        code: 'redirect',
        requestId: null,
        retryable: false,
        hint: 'Tell the operator that the configured address of the Notion API redirects.',
      })
    case 'too_large':
      if (!refused && kind === 'write') {
        return new OutcomeUnknownError('The answer of Notion to the write is larger than 5 MB and was not read.')
      }
      return new ProviderError('The answer of Notion is larger than 5 MB.', {
        status,
        code: 'answer_too_large',
        requestId,
        retryable: false,
        hint: 'Ask for less at once: a smaller page_size, a filter, or blocks instead of a whole page.',
      })
    default:
      return new Retryable(unansweredMessages[failure.kind], {
        status,
        code: failure.code ?? (failure.kind === 'timeout' ? 'timeout' : 'network'),
        requestId,
        retryAfterMs: null,
        rateLimited: false,
        mayHaveWritten: failure.kind !== 'not_sent' && !refused,
      })
  }
}

const unansweredMessages = {
  not_sent: 'Notion cannot be reached.',
  timeout: 'Notion did not answer in time.',
  broken: 'The connection to Notion broke off.',
} as const

const tokens = /\b(?:ntn_|nrt_|secret_)[\w-]{4,}|\bBearer\s+\S+/gi
const redacted = (text: string) => text.replace(tokens, '[redacted]').slice(0, 1000)

// Both are stored and shown as they are, and an answer may repeat the request in any member.
function requestIdOf(body: unknown, headers: AnswerHeaders | null): string | null {
  const named = textAt(body, 'request_id')
  if (named !== null && isUuid(named)) return named
  const header = headers?.get('x-notion-request-id') ?? null
  return header !== null && isUuid(header) ? header : null
}

function codeOf(body: unknown): string | null {
  const code = textAt(body, 'code')
  return code !== null && /^[a-z_]{1,60}$/.test(code) ? code : null
}
