import { OAuthFailure } from '../accounts/provider.ts'
import { failureOf, type ProviderCodes } from './failure.ts'

/** The part of the global `fetch` that is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** One request to the provider. `credential` is what authenticates it, and with that what a 401 without a code refuses. */
export interface ProviderRequest {
  readonly url: string
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly credential: 'client' | 'token'
  /** Ends the request earlier than its own deadline would. */
  readonly signal?: AbortSignal
}

/** Sends one request and returns the JSON object of its 200 answer; an empty body counts as `{}`. */
export type Exchange = (request: ProviderRequest) => Promise<Readonly<Record<string, unknown>>>

/** No token answer of any provider comes near this size. */
const maxBytes = 64 * 1024

/**
 * Makes the one way in which OAuth requests leave. It follows no redirect (a 307 would carry the client secret to its
 * target), counts the body against the deadline, cuts it at 64 kB and repeats nothing. Every failure is an
 * {@link OAuthFailure} with a message of ours: messages of libraries and providers may quote the request.
 */
export function createExchange(options: {
  readonly fetch: Fetch
  /** From the first byte sent to the last byte read. */
  readonly timeoutMs: number
  readonly now: () => Date
  readonly codes?: ProviderCodes
}): Exchange {
  return async (request) => {
    const deadline = AbortSignal.timeout(options.timeoutMs)
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline
    let response: Response
    let text: string
    try {
      const { method, headers, body } = request
      response = await options.fetch(request.url, { method, headers, body, redirect: 'manual', signal })
      text = await readCapped(response)
    } catch (error) {
      if (error instanceof OAuthFailure) throw error
      if (signal.aborted) throw new OAuthFailure('ambiguous', 'The provider did not answer in time.')
      if (neverConnected(error)) throw new OAuthFailure('not_sent', 'The provider could not be reached.')
      throw new OAuthFailure('ambiguous', 'The connection to the provider broke before its answer was complete.')
    }
    const json = parseObject(text)
    const refusal = {
      json,
      retryAfter: response.headers.get('retry-after'),
      challenge: response.headers.get('www-authenticate'),
      now: options.now(),
    }
    if (response.status !== 200) {
      throw failureOf({ ...refusal, status: response.status }, request.credential, options.codes)
    }
    if (json) return json
    throw new OAuthFailure('ambiguous', 'The answer of the provider is not a JSON object.', { status: response.status })
  }
}

async function readCapped(response: Response): Promise<string> {
  if (!response.body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.byteLength
    // Leaving the loop cancels the stream and with it the connection.
    if (size > maxBytes) {
      throw new OAuthFailure('ambiguous', 'The answer of the provider is too large.', { status: response.status })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseObject(text: string): Record<string, unknown> | null {
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
function neverConnected(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 4) return false
  const { code, syscall } = error as NodeJS.ErrnoException
  if (typeof code === 'string' && (neverConnectedCodes.has(code) || refusedCertificate.test(code))) return true
  if (syscall === 'connect') return true
  return neverConnected(error.cause, depth + 1)
}
