import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { errorEnvelope, type NotionApiError } from './errors.ts'
import { type OAuthError, oauthErrorBody } from './oauth/oauth-error.ts'

/** A request with its complete body. */
export interface SandboxRequest {
  readonly method: string
  /** Path as sent, without the base path of the sandbox and the query. */
  readonly path: string
  /** Query without the question mark. */
  readonly search: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly requestId: string
}

/** A response to send, unless a fault replaces it. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Result of the operation before serialization; absent if no operation ran. */
  readonly result?: unknown
}

/** Returns a JSON response. */
export function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  }
}

const retryAfterHeader = (seconds: number | undefined) =>
  seconds === undefined ? {} : { 'retry-after': String(seconds) }

/** Returns an error response in Notion's format. */
export function errorAnswer(error: NotionApiError, requestId: string): Answer {
  return jsonAnswer(error.status, errorEnvelope(error, requestId), retryAfterHeader(error.retryAfter))
}

/** Returns the error response of an OAuth operation. */
export function oauthErrorAnswer(error: OAuthError, requestId: string): Answer {
  const challenge = error.status === 401 ? { 'www-authenticate': 'Basic realm="Notion sandbox"' } : {}
  return jsonAnswer(error.status, oauthErrorBody(error.code, error.message, requestId), challenge)
}

/** The body of a request, or why it is not available. */
export type ReceivedBody =
  | { readonly kind: 'complete'; readonly bytes: Buffer }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'aborted' }

/** Maximum size in bytes of a body that is read to its end. Reading stops at this size. */
const maxDiscardedBytes = 64 * 1024 * 1024

/**
 * Reads a body of at most `maxBytes`. Discards the rest instead of closing the connection, because a client that is
 * still sending would see a broken connection and no response.
 */
export function receiveBody(request: IncomingMessage, maxBytes: number): Promise<ReceivedBody> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else chunks = []
      if (length > maxDiscardedBytes) {
        request.pause()
        resolve({ kind: 'too_large' })
      }
    })
    request.on('end', () =>
      resolve(length > maxBytes ? { kind: 'too_large' } : { kind: 'complete', bytes: Buffer.concat(chunks) }),
    )
    request.on('error', () => resolve({ kind: 'aborted' }))
    request.on('close', () => resolve({ kind: 'aborted' }))
  })
}

/** Returns whether a Content-Type is `application/x-www-form-urlencoded`. */
export const isFormType = (contentType: string | undefined) =>
  /^\s*application\/x-www-form-urlencoded\b/i.test(contentType ?? '')

/** Maximum nesting of JSON: more than Notion accepts, and few enough levels for the stack of a recursive check. */
const maxJsonDepth = 200

/** Returns whether JSON nests deeper than allowed. Does not recurse, because that could exhaust the stack. */
function nestsTooDeep(text: string): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"') {
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1
    } else if (character === '{' || character === '[') {
      depth += 1
      if (depth > maxJsonDepth) return true
    } else if (character === '}' || character === ']') depth -= 1
  }
  return false
}

/** Result of parsing a JSON body. */
export type ParsedJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false }

/** Parses a JSON object or array in UTF-8; undefined without a body. Other values and too deep nesting are errors. */
export function parseJsonBody(bytes: Buffer): ParsedJson {
  if (bytes.length === 0) return { ok: true, value: undefined }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (nestsTooDeep(text)) return { ok: false }
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ok: true, value } : { ok: false }
  } catch {
    return { ok: false }
  }
}
