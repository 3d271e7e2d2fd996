/**
 * One HTTP request to a provider, under the rules that hold for all of them: it has a deadline that covers the body, it
 * follows no redirect (a 307 would carry the credentials to wherever it points), it reads a body of limited size, and it
 * is sent once. What an answer means is decided by the caller.
 */
import { pipeline } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type Undici from 'undici'
import { readBounded } from './bounded-body.ts'

/** Headers of an answer, by their names in any case. */
export interface AnswerHeaders {
  get(name: string): string | null
}

/** The part of the global `fetch` that is used. It never follows a redirect. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchAnswer>

/** A request for {@link Fetch}. */
export interface FetchInit {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | FormData | null
  readonly signal: AbortSignal
  readonly redirect: 'manual'
}

/** The beginning of an answer, and its body as it arrives. */
export interface FetchAnswer {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly body: AsyncIterable<Uint8Array> | null
  /** Ends an answer whose body is not read. */
  readonly discard?: () => void
}

/** As `fetch` does, they accept a body without the end of its encoding. */
const decoders = {
  gzip: () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ finishFlush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
}

/**
 * Creates a {@link Fetch} over undici, whose connections later requests reuse; it is loaded by the first request. The
 * global `fetch` costs several times as much, mostly for its web streams. `createAgent` opens the connections.
 */
export function createFetch(createAgent: (undici: typeof Undici) => Undici.Agent = ({ Agent }) => new Agent()): Fetch {
  // The compiled code has a CommonJS module as its default export alone.
  const load = async () => {
    const { default: undici } = await import('undici')
    return { request: undici.request, agent: createAgent(undici) }
  }
  let loading: ReturnType<typeof load> | undefined
  return async (url, { method, headers, body, signal }) => {
    const encoded = body instanceof FormData ? await multipart(body) : { headers: {}, body }
    loading ??= load()
    const { request, agent } = await loading
    const answer = await request(url, {
      dispatcher: agent,
      method: method as Undici.Dispatcher.HttpMethod,
      headers: { ...headers, ...encoded.headers, 'accept-encoding': 'gzip, br' },
      body: encoded.body,
      signal,
    })
    const get = (name: string) => {
      const value = answer.headers[name.toLowerCase()]
      return Array.isArray(value) ? value.join(', ') : (value ?? null)
    }
    const encoding = get('content-encoding')?.toLowerCase() ?? ''
    const hasBody = answer.statusCode !== 204 && get('content-length') !== '0'
    const decoder = hasBody && Object.hasOwn(decoders, encoding) ? decoders[encoding as keyof typeof decoders]() : null
    // The reader of the decoder gets the failure of either.
    if (decoder) pipeline(answer.body, decoder, () => {})
    const discard = () => {
      answer.body.on('error', () => {}).destroy()
    }
    return { status: answer.statusCode, headers: { get }, body: decoder ?? answer.body, discard }
  }
}

/** Sends requests to providers. */
export const fetchFromProvider: Fetch = createFetch()

/** Encodes a form (RFC 7578), because undici accepts only forms of its own class. */
async function multipart(form: FormData): Promise<{ headers: Record<string, string>; body: Uint8Array }> {
  const encoded = new Response(form)
  const body = new Uint8Array(await encoded.arrayBuffer())
  return { headers: { 'content-type': encoded.headers.get('content-type') ?? '' }, body }
}

/** One answer, read to its end. */
export interface ProviderHttpAnswer {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly text: string
}

/**
 * Why there is no whole answer:
 * - `not_sent`: no byte of the request can have arrived (refused, DNS, TLS handshake, or aborted before it was sent).
 * - `timeout`: the signal ended the request while it was under way.
 * - `broken`: the connection broke off.
 * - `too_large`: the body is larger than its limit.
 * - `redirect`: the answer is a redirect.
 */
export type TransportFailureKind = 'not_sent' | 'timeout' | 'broken' | 'too_large' | 'redirect'

/** A request without a whole answer. It holds nothing of the request, and has no cause, which may quote it. */
export class TransportFailure extends Error {
  override readonly name = 'TransportFailure'
  readonly kind: TransportFailureKind
  /** The status and headers of an answer that began; null where none did. */
  readonly status: number | null
  readonly headers: AnswerHeaders | null
  /** The code of the network error, such as `ECONNREFUSED`; null where there is none. */
  readonly code: string | null

  constructor(kind: TransportFailureKind, begun: FetchAnswer | null = null, code: string | null = null) {
    super(messages[kind])
    this.kind = kind
    this.status = begun?.status ?? null
    this.headers = begun?.headers ?? null
    this.code = code
  }
}

const messages: Readonly<Record<TransportFailureKind, string>> = {
  not_sent: 'The provider cannot be reached.',
  timeout: 'The provider did not answer in time.',
  broken: 'The connection to the provider broke off before its answer was complete.',
  too_large: 'The answer of the provider is too large.',
  redirect: 'The provider answered with a redirect, which is not followed.',
}

/** Sends one request, once, and returns its answer, whatever the status. Throws TransportFailure and nothing else. */
export async function sendToProvider(
  fetch: Fetch,
  request: {
    readonly url: string
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: FetchInit['body']
    /** Ends the request, at any point up to the last byte of the answer. */
    readonly signal: AbortSignal
    /** The largest answer, in bytes. */
    readonly maxBytes: number
  },
): Promise<ProviderHttpAnswer> {
  const { url, method, headers, body, signal, maxBytes } = request
  if (signal.aborted) throw new TransportFailure('not_sent')
  let response: FetchAnswer | null = null
  try {
    response = await fetch(url, { method, headers, body, signal, redirect: 'manual' })
    if (response.status >= 300 && response.status < 400) {
      response.discard?.()
      throw new TransportFailure('redirect', response)
    }
    const content = await readBounded(response.body, maxBytes)
    if (content === null) throw new TransportFailure('too_large', response)
    return { status: response.status, headers: response.headers, text: content.toString('utf8') }
  } catch (error) {
    if (error instanceof TransportFailure) throw error
    if (signal.aborted) throw new TransportFailure('timeout', response)
    const causes = networkErrors(error)
    const unsent = response === null && causes.length > 0 && causes.every(neverConnected)
    throw new TransportFailure(unsent ? 'not_sent' : 'broken', response, causes[0]?.code ?? null)
  }
}

/** fetch hides the reason in a chain of causes, and in a list where several addresses were tried. */
function networkErrors(error: unknown, depth = 0): readonly NodeJS.ErrnoException[] {
  if (!(error instanceof Error) || depth > 4) return []
  if (error instanceof AggregateError) return error.errors.flatMap((one) => networkErrors(one, depth + 1))
  const own = error as NodeJS.ErrnoException
  return typeof own.code === 'string' ? [own] : networkErrors(error.cause, depth + 1)
}

const connectCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  // A server may also send a TLS alert after it has read a request: only the codes of a failed handshake are listed.
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_TLS_HANDSHAKE_TIMEOUT',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_NO_PROTOCOLS_AVAILABLE',
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'HOSTNAME_MISMATCH',
])
const refusedCertificate = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/

const neverConnected = ({ code, syscall }: NodeJS.ErrnoException) =>
  // Sockets that are connected report some of these codes too, as errors of reading and writing.
  syscall === 'connect' ||
  ((syscall === undefined || syscall === 'getaddrinfo') &&
    code !== undefined &&
    (connectCodes.has(code) || refusedCertificate.test(code)))

/** Returns a body as a JSON object; null for anything else. An empty body counts as `{}`. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | null {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** No provider asks for more, and a longer number is a mistake. */
const maxRetryMs = 30 * 86_400_000

/**
 * Returns the milliseconds that an answer asks to wait (RFC 9110 section 10.2.3): `Retry-After` in seconds, also with a
 * fraction, or as an HTTP date; without a readable one `additional_data.retry_after` of the body. A date counts from the
 * `Date` of the answer, since the clocks of the provider and of this node differ, and without one from `now`. At least 0
 * and at most 30 days; null where the answer asks for nothing readable.
 */
export function retryAfterMs(headers: AnswerHeaders, text: string, now: Date): number | null {
  const from = (sentAt(headers) ?? now).getTime()
  const details = parseJsonObject(text)?.['additional_data']
  const inBody =
    typeof details === 'object' && details !== null && 'retry_after' in details ? details.retry_after : null
  return pauseMs(headers.get('retry-after'), from) ?? pauseMs(inBody, from)
}

function pauseMs(value: unknown, from: number): number | null {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : ''
  const until = httpDate(text)
  const ms = /^\d{1,12}(?:\.\d{1,9})?$/.test(text)
    ? Math.ceil(Number(text) * 1000)
    : until === null
      ? null
      : until - from
  return ms === null ? null : Math.min(Math.max(ms, 0), maxRetryMs)
}

/** Returns the time at which an answer was sent, by the provider's clock (`Date`); null without a readable one. */
export function sentAt(headers: AnswerHeaders): Date | null {
  const time = httpDate(headers.get('date') ?? '')
  return time === null ? null : new Date(time)
}

/** The three forms of RFC 9110 section 5.6.7; the last has no zone and is in GMT. */
const httpDateForms = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
]

/** Returns an HTTP date in milliseconds since the epoch; null for any other string. */
function httpDate(text: string): number | null {
  if (!httpDateForms.some((form) => form.test(text))) return null
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  return Number.isNaN(time) ? null : time
}
