import {
  type InputIssue,
  InvalidToolInputError,
  MissingCapabilityError,
  OutcomeUnknownError,
  ProviderError,
  type ToolError,
} from '../errors.ts'
import type { Capability } from '../accounts/capability.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { AccessTokenRefused, type ProviderAnswer, Retryable } from '../tools/tool.ts'
import { AnswerTooLarge, type NotionRequest, type ReceivedAnswer } from './client.ts'
import { isUuid } from './ids.ts'
import { isObject, type JsonObject, objectAt, textAt } from './json.ts'

/** A definite no of Notion (https://developers.notion.com/reference/status-codes), or the word that a change was saved. */
export interface Refusal {
  readonly status: number
  readonly code: string | null
  /** Notion's own sentence, at most 1000 characters, without anything that looks like a token. */
  readonly message: string
  readonly requestId: string | null
  /** Set where the change was saved and only the answer was lost (503): what Notion named as written. */
  readonly saved: { readonly resourceId: string | null; readonly childIds: readonly string[] } | null
}

/** What came back: the body, or why there is none. */
export type NotionAnswer = { readonly body: JsonObject } | { readonly refusal: Refusal }

const tokens = /\b(?:ntn_|nrt_|secret_)[\w-]{4,}|\bBearer\s+\S+/gi
const clean = (text: string) => text.replace(tokens, '[redacted]').slice(0, 1000)

/** Whether a request changes nothing: queries and searches are POSTs that read. */
export function isRead(request: NotionRequest): boolean {
  return request.method === 'get' || request.path === 'search' || request.path.endsWith('/query')
}

/**
 * An answer that came whole. `parsed` is its JSON as the SDK read it, undefined where the SDK gave up.
 * Throws AccessTokenRefused, Retryable or a ToolError where it is no answer to build on.
 */
export function readAnswer(
  received: ReceivedAnswer,
  parsed: unknown,
  request: NotionRequest,
): ProviderAnswer<NotionAnswer> {
  const { status, headers } = received
  const body = parsed === undefined ? parse(received.text ?? '') : parsed
  const requestId = textAt(body, 'request_id') ?? headers.get('x-notion-request-id')
  if (status >= 200 && status < 300) {
    if (isObject(body)) return { body: { body }, requestId }
    throw new Retryable('Notion’s answer is not the JSON it should be.', {
      ...{ status, code: 'invalid_answer', requestId, retryAfterMs: null },
      ...{ rateLimited: false, mayHaveWritten: true },
    })
  }
  if (!isObject(body) || textAt(body, 'code') === null) throw unenveloped(status, headers, requestId)
  return { body: { refusal: refusalOf(status, headers, body, requestId) }, requestId }
}

function refusalOf(status: number, headers: Headers, body: JsonObject, requestId: string | null): Refusal {
  const code = textAt(body, 'code')
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
  const saved = status === 503 ? savedIn(message, details) : null
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
): Error {
  const status = exchange.received?.status ?? null
  const refused = status !== null && status >= 400 && status < 500
  const details = { status, requestId: exchange.received?.headers.get('x-notion-request-id') ?? null, retryAfterMs: null }
  if (exchange.signal.aborted) {
    return new Retryable(exchange.sent ? 'Notion did not answer in time.' : 'There was no time left to ask Notion.', {
      ...{ ...details, code: 'timeout', rateLimited: false },
      mayHaveWritten: exchange.sent && !refused,
    })
  }
  if (error instanceof AnswerTooLarge) {
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

/** The capability that Notion asks for (https://developers.notion.com/reference/capabilities), by request. */
export function capabilityOf(request: NotionRequest): Capability {
  const [area] = request.path.split('/')
  if (area === 'comments') return request.method === 'get' ? 'READ_COMMENTS' : 'INSERT_COMMENTS'
  if (area === 'users') return 'READ_USERS'
  if (isRead(request)) return 'READ_CONTENT'
  if (request.method === 'post') return request.path.endsWith('/move') ? 'UPDATE_CONTENT' : 'INSERT_CONTENT'
  return request.path.endsWith('/children') ? 'INSERT_CONTENT' : 'UPDATE_CONTENT'
}

/** How parts of a request are called in the tool's input: `{ children: 'child_blocks' }`. */
export type InputNames = Readonly<Record<string, string>>

/** What a refusal other than 404 and 503 means for the caller. */
export function refusalError(
  refusal: Refusal,
  request: NotionRequest,
  account: ConnectedAccount,
  names: InputNames,
): ToolError {
  const { status, code, message, requestId } = refusal
  if (status === 403 && code === 'restricted_resource' && !aboutPlan(message)) {
    const capability = capabilityOf(request)
    const declaredNow = account.appCapabilities.includes(capability)
    const consented = account.grant?.capabilities.includes(capability) ?? false
    return new MissingCapabilityError(capability, { needsConsent: declaredNow && !consented })
  }
  if (status === 400 && code === 'validation_error') {
    const issues = issuesOf(message, names)
    if (issues.length > 0) return new InvalidToolInputError(issues)
  }
  return new ProviderError(message, { status, code, requestId, retryable: false })
}

// The free plan's block limit is a 403 with the same code; its wording names the limit, not the permissions.
const aboutPlan = (message: string) => /\b(?:plan|block limit|limit of|upgrade)\b/i.test(message)

const located = /\b(body|path|query)((?:\.[^.[\]\s`"]+|\[\d+\])+) (should [^\n]*?)(?=(?:[.;,])?\s+(?:body|path|query)\.|\n|$)/g
const patterns: readonly { readonly at: RegExp; readonly place: string }[] = [
  { at: /^(?<name>.+) is not a property that exists/, place: 'properties' },
  { at: /^(?<name>.+) is expected to be /, place: 'properties' },
  { at: /^Invalid (?:status|select) option.*/, place: 'properties' },
  { at: /^Could not find sort property with name or id: (?<name>.+)$/, place: 'sorts' },
  { at: /^Could not find property with name or id: (?<name>.+)$/, place: 'filter' },
  { at: /property type in the database does not match the property type of the filter/, place: 'filter' },
  { at: /\bold_str\b|\bcontent_updates\b|would (?:be )?delete/i, place: 'updates' },
  { at: /\bstart_cursor\b/, place: 'start_cursor' },
]

/** The places that a `validation_error` names, as places of the tool's input; none where it names none. */
export function issuesOf(message: string, names: InputNames): readonly InputIssue[] {
  const issues: InputIssue[] = []
  for (const [, , path = '', text = ''] of message.matchAll(located)) {
    issues.push({ path: inputPath(path, names), message: text.replace(/\.$/, '') })
  }
  if (issues.length > 0) return issues
  for (const { at, place } of patterns) {
    const found = at.exec(message)
    if (found === null) continue
    const name = found.groups?.name
    const path = inputPath(`.${place}`, names)
    return [{ path: name !== undefined && place === 'properties' ? `${path}.${name}` : path, message }]
  }
  return []
}

/** `.children[0].paragraph` as `child_blocks.0.paragraph`: the longest renamed beginning wins. */
function inputPath(path: string, names: InputNames): string {
  const dotted = path.replace(/^\./, '').replaceAll(/\[(\d+)\]/g, '.$1')
  const known = Object.keys(names)
    .filter((name) => dotted === name || dotted.startsWith(`${name}.`))
    .toSorted((a, b) => b.length - a.length)
  const [longest] = known
  if (longest === undefined) return dotted
  return `${names[longest] ?? longest}${dotted.slice(longest.length)}`
}

/** A change was saved and what it made could not be read again. */
export function savedWithoutAnswer(refusal: Refusal): OutcomeUnknownError {
  const ids = committedIds(refusal)
  return new OutcomeUnknownError(
    ids.length > 0
      ? `Notion saved the change (${ids.join(', ')}) and could not answer in time.`
      : 'Notion saved the change and could not answer in time.',
    { committedIds: ids, hint: 'Do not repeat the call: the change is saved. Read the object to see it.' },
  )
}

/** What Notion named as written: the children, or the object itself. */
export function committedIds(refusal: Refusal): readonly string[] {
  if (refusal.saved === null) return []
  if (refusal.saved.childIds.length > 0) return refusal.saved.childIds
  return refusal.saved.resourceId === null ? [] : [refusal.saved.resourceId]
}
