/**
 * The one way in which requests leave for a provider: with a deadline that covers the body, without following redirects
 * (a 307 would carry the credentials to its target), with a capped body, and without repeating anything.
 */

/** The part of the global `fetch` that is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** One answer, read to its end. */
export interface ProviderHttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/**
 * Why no complete answer came:
 * - `not_sent`: no byte of the request can have left (refused, DNS, TLS).
 * - `timeout`: the signal ended the request.
 * - `broken`: the connection broke before the answer was complete.
 * - `too_large`: the answer exceeds its limit.
 */
export type TransportFailureKind = 'not_sent' | 'timeout' | 'broken' | 'too_large'

/** No complete answer came. Message and fields hold nothing of the request, and there is no cause: it may quote it. */
export class TransportFailure extends Error {
  override readonly name = 'TransportFailure'
  readonly kind: TransportFailureKind
  /** HTTP status, where the answer began. */
  readonly status: number | null

  constructor(kind: TransportFailureKind, status: number | null = null) {
    super(messages[kind])
    this.kind = kind
    this.status = status
  }
}

const messages: Readonly<Record<TransportFailureKind, string>> = {
  not_sent: 'The provider could not be reached.',
  timeout: 'The provider did not answer in time.',
  broken: 'The connection to the provider broke before its answer was complete.',
  too_large: 'The answer of the provider is too large.',
}

/** Sends one request, once, and reads its answer. Throws TransportFailure and nothing else. */
export async function sendToProvider(
  fetch: Fetch,
  request: {
    readonly url: string
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string | null
    readonly signal: AbortSignal
    /** The largest answer, in bytes. */
    readonly maxBytes: number
  },
): Promise<ProviderHttpAnswer> {
  const { url, method, headers, body, signal, maxBytes } = request
  try {
    const response = await fetch(url, { method, headers, body, signal, redirect: 'manual' })
    return { status: response.status, headers: response.headers, text: await readCapped(response, maxBytes) }
  } catch (error) {
    if (error instanceof TransportFailure) throw error
    if (signal.aborted) throw new TransportFailure('timeout')
    throw new TransportFailure(neverConnected(error) ? 'not_sent' : 'broken')
  }
}

async function readCapped(response: Response, maxBytes: number): Promise<string> {
  if (!response.body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.byteLength
    // Leaving the loop cancels the stream and with it the connection.
    if (size > maxBytes) throw new TransportFailure('too_large', response.status)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Parses a body as a JSON object; null for anything else. An empty body counts as `{}`. */
export function parseJsonObject(text: string): Record<string, unknown> | null {
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

const maxRetryMs = 3_600_000

/** Returns Retry-After (RFC 9110 section 10.2.3) in milliseconds, 0 to one hour; null when absent or unreadable. */
export function retryAfterMs(header: string | null, now: Date): number | null {
  if (header === null) return null
  const text = header.trim()
  const ms = /^\d{1,12}$/.test(text)
    ? Number(text) * 1000
    : httpDate.test(text)
      ? Date.parse(text) - now.getTime()
      : NaN
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), maxRetryMs)
}

const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

const neverConnectedCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'HOSTNAME_MISMATCH',
])
const refusedCertificate = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/

/** Whether an error of `fetch` proves that no byte of the request left: no connection, no name, no valid certificate. */
export function neverConnected(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 4) return false
  const { code, syscall } = error as NodeJS.ErrnoException
  if (typeof code === 'string' && (neverConnectedCodes.has(code) || refusedCertificate.test(code))) return true
  if (syscall === 'connect') return true
  return neverConnected(error.cause, depth + 1)
}
