import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { errorEnvelope, type NotionApiError } from './errors.ts'
import { type OAuthError, oauthErrorBody } from './oauth/oauth-error.ts'

/** A request whose body has arrived. */
export interface SandboxRequest {
  readonly method: string
  /** As it was sent, without the sandbox's base path and the query. */
  readonly path: string
  /** Without the question mark. */
  readonly search: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly requestId: string
}

/** What will be sent, if no fault comes in between. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The result of an operation that ran, before it became text. */
  readonly result?: unknown
}

/** A JSON answer. */
export function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  }
}

const retryAfterHeader = (seconds: number | undefined) =>
  seconds === undefined ? {} : { 'retry-after': String(seconds) }

/** A refusal in Notion's envelope. */
export function errorAnswer(error: NotionApiError, requestId: string): Answer {
  return jsonAnswer(error.status, errorEnvelope(error, requestId), retryAfterHeader(error.retryAfter))
}

/** A refusal of an OAuth operation. */
export function oauthErrorAnswer(error: OAuthError, requestId: string): Answer {
  const challenge = error.status === 401 ? { 'www-authenticate': 'Basic realm="Notion sandbox"' } : {}
  return jsonAnswer(error.status, oauthErrorBody(error.code, error.message, requestId), challenge)
}

/** The body of a request, or why there is none to work with. */
export type ReceivedBody =
  | { readonly kind: 'complete'; readonly bytes: Buffer }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'aborted' }

/** A body that goes on beyond this is cut off instead of being read to its end. */
const mostToDiscard = 64 * 1024 * 1024

/**
 * Reads a body of at most `maxBytes`. What is beyond is read and thrown away, because a client that is still sending
 * would otherwise see a broken connection in place of the answer.
 */
export function receiveBody(request: IncomingMessage, maxBytes: number): Promise<ReceivedBody> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else chunks = []
      if (length > mostToDiscard) {
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

/** Whether a header names a form (`application/x-www-form-urlencoded`). */
export const isFormType = (contentType: string | undefined) =>
  /^\s*application\/x-www-form-urlencoded\b/i.test(contentType ?? '')

/** Deeper than anything that Notion accepts, and far from what would exhaust a recursive check's stack. */
const deepestJson = 200

/** Whether brackets outside of strings nest deeper than allowed. Looks at the text so that nothing has to recurse. */
function nestsTooDeep(text: string): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"') {
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1
    } else if (character === '{' || character === '[') {
      depth += 1
      if (depth > deepestJson) return true
    } else if (character === '}' || character === ']') depth -= 1
  }
  return false
}

/** What became of a body that should be JSON. */
export type ParsedJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false }

/** Parses an object or an array in UTF-8; undefined for no body. Bare values and absurd nesting count as malformed. */
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
