import { OutcomeUnknownError, ProviderError } from '../errors.ts'
import { AccessTokenRefused, type ProviderAnswer, Retryable } from '../tools/tool.ts'
import {
  AnswerTooLarge,
  isRead,
  type NotionAnswer,
  type NotionRequest,
  type ReceivedAnswer,
  type Refusal,
} from './exchange.ts'
import { isUuid } from './ids.ts'
import { isObject, type JsonObject, objectAt, textAt } from './json.ts'

const tokens = /\b(?:ntn_|nrt_|secret_)[\w-]{4,}|\bBearer\s+\S+/gi
const clean = (text: string) => text.replace(tokens, '[redacted]').slice(0, 1000)

// Both are stored and shown as they are, and who repeats a request in its answer may do so in any field.
const requestIdOf = (text: string | null | undefined) => (typeof text === 'string' && isUuid(text) ? text : null)
function codeOf(body: unknown): string | null {
  const code = textAt(body, 'code')
  return code !== null && /^[a-z_]{1,60}$/.test(code) ? code : null
}

/**
 * An answer that came whole. `parsed` is its JSON as the SDK read it, undefined where the SDK gave up. What a read is
 * told of a saved change is not about it: it is one that Notion could not serve.
 * Throws AccessTokenRefused, Retryable or a ToolError where it is no answer to build on.
 */
export function readAnswer(
  received: ReceivedAnswer,
  parsed: unknown,
  request: NotionRequest,
): ProviderAnswer<NotionAnswer> {
  const { status, headers } = received
  const body = parsed === undefined ? parse(received.text ?? '') : parsed
  const requestId = requestIdOf(textAt(body, 'request_id')) ?? requestIdOf(headers.get('x-notion-request-id'))
  if (status >= 200 && status < 300) {
    if (isObject(body)) return { body: { body }, requestId }
    throw new Retryable('Notion’s answer is not the JSON it should be.', {
      ...{ status, code: 'invalid_answer', requestId, retryAfterMs: null },
      ...{ rateLimited: false, mayHaveWritten: true },
    })
  }
  if (!isObject(body) || codeOf(body) === null) throw unenveloped(status, headers, requestId)
  return { body: { refusal: refusalOf(status, headers, body, requestId, isRead(request)) }, requestId }
}

function refusalOf(
  status: number,
  headers: Headers,
  body: JsonObject,
  requestId: string | null,
  read: boolean,
): Refusal {
  const code = codeOf(body)
  const details = objectAt(body, 'additional_data')
  const message = clean(textAt(body, 'message') ?? `Notion answered ${status}.`)
  if (status === 401) throw new AccessTokenRefused(requestId)
  if (status === 429 || status === 529) {
    if (details.rate_limit_reason === 'public_api_request_blocked') {
      // The one limit that no waiting lifts.
      throw new ProviderError('Notion blocks the requests of this connection.', {
        ...{ status, code: 'public_api_request_blocked', requestId, retryable: false },
        hint: 'Stop calling Notion for this account and tell the operator that Notion blocks the connection.',
      })
    }
    throw new Retryable(message, {
      ...{ status, code, requestId, rateLimited: true, mayHaveWritten: false },
      retryAfterMs: retryAfter(headers, details),
    })
  }
  if (status === 409) {
    throw new Retryable(message, {
      ...{ status, code, requestId, rateLimited: false, mayHaveWritten: false },
      retryAfterMs: retryAfter(headers, details),
    })
  }
  const saved = status === 503 && !read ? savedIn(message, details) : null
  if (status >= 500 && saved === null) {
    throw new Retryable(message, {
      ...{ status, code, requestId, rateLimited: false, mayHaveWritten: true },
      retryAfterMs: retryAfter(headers, details),
    })
  }
  return { status, code, message, requestId, saved }
}

/** Reference "Write saved, answer lost": a 503 that names what it wrote, or says that it wrote. */
function savedIn(message: string, details: JsonObject): Refusal['saved'] {
  const resourceId = textAt(details, 'committed_resource_id')
  const listed = details.committed_child_ids
  const childIds = (Array.isArray(listed) ? listed : [listed]).filter(
    (id): id is string => typeof id === 'string' && isUuid(id),
  )
  if (resourceId === null && childIds.length === 0 && !/\bchange was saved\b/i.test(message)) return null
  return { resourceId: resourceId !== null && isUuid(resourceId) ? resourceId : null, childIds }
}

/** An error that is not Notion's own: a proxy in between, or a page for browsers. It says nothing about token or rights. */
function unenveloped(status: number, headers: Headers, requestId: string | null): Error {
  const retryAfterMs = retryAfter(headers, {})
  if (status === 429 || status >= 500) {
    return new Retryable(`Notion cannot be reached: something in between answered ${status}.`, {
      ...{ status, code: null, requestId, retryAfterMs },
      ...{ rateLimited: status === 429 || status === 529, mayHaveWritten: status >= 500 && status !== 529 },
    })
  }
  const ray = headers.get('cf-ray')
  return new ProviderError(
    `Something between here and Notion answered ${status}${ray === null ? '' : ` (cf-ray ${clean(ray).slice(0, 60)})`}; Notion itself did not.`,
    {
      ...{ status, code: null, requestId, retryAfterMs },
      retryable: status === 403,
      hint: 'Make the same call again later; the account and its permissions are not the reason.',
    },
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `Retry-After` in whole seconds, or the same in the body (a string there), as milliseconds; null where neither is. */
function retryAfter(headers: Headers, details: JsonObject): number | null {
  const text = headers.get('retry-after') ?? textAt(details, 'retry_after')
  if (text === null || !/^\d{1,6}$/.test(text.trim())) return null
  return Number(text) * 1000
}

const neverSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])
const certificates = /^(?:ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/

/**
 * No answer, or one that broke off. `mayHaveWritten` is false only where no byte of the request can have arrived, or
 * where the status that did arrive is a refusal.
 */
export function transportFailure(
  error: unknown,
  exchange: { readonly sent: boolean; readonly signal: AbortSignal; readonly received: ReceivedAnswer | null },
  request: NotionRequest,
): Error {
  const status = exchange.received?.status ?? null
  const refused = status !== null && status >= 400 && status < 500
  const details = {
    status,
    requestId: requestIdOf(exchange.received?.headers.get('x-notion-request-id')),
    retryAfterMs: null,
  }
  if (exchange.signal.aborted) {
    return new Retryable(exchange.sent ? 'Notion did not answer in time.' : 'There was no time left to ask Notion.', {
      ...{ ...details, code: 'timeout', rateLimited: false },
      mayHaveWritten: exchange.sent && !refused,
    })
  }
  if (error instanceof AnswerTooLarge) {
    if (!refused && !isRead(request)) {
      return new OutcomeUnknownError('Notion’s answer to the write is larger than 5 MB and was not read.')
    }
    return new ProviderError('Notion’s answer is larger than 5 MB.', {
      ...{ status, code: 'answer_too_large', requestId: details.requestId, retryable: false },
      hint: 'Ask for less at once: a smaller page_size, a filter, or blocks instead of a whole page.',
    })
  }
  const codes = codesOf(error)
  if (/redirect/i.test(messagesOf(error))) {
    return new ProviderError('Notion’s address answered with a redirect, which is not followed.', {
      ...{ status, code: 'redirect', requestId: null, retryable: false },
      hint: 'Tell the operator that the configured address of Notion’s API redirects.',
    })
  }
  const unsent = codes.length > 0 && codes.every((code) => neverSent.has(code) || certificates.test(code))
  return new Retryable(unsent ? 'Notion cannot be reached.' : 'The connection to Notion broke off.', {
    ...{ ...details, code: codes[0] ?? 'network', rateLimited: false },
    mayHaveWritten: !unsent && !refused,
  })
}

// fetch hides the reason in a chain of causes, and in a list where several addresses were tried.
function codesOf(error: unknown): readonly string[] {
  if (!isObject(error)) return []
  if (Array.isArray(error.errors)) return error.errors.flatMap(codesOf)
  const own = typeof error.code === 'string' ? [error.code] : []
  return own.length > 0 ? own : codesOf(error.cause)
}

function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : ''
}
