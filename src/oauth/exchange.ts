import { OAuthFailure } from '../accounts/provider.ts'
import { type Fetch, parseJsonObject, retryAfterMs, sendToProvider, TransportFailure } from '../provider-http.ts'
import { withoutSecrets } from '../vault/redaction.ts'
import { Secret } from '../vault/secret.ts'
import { failureOf, type ProviderCodes, refusesInBody } from './failure.ts'

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

/** Sends one request and returns the JSON object of its 2xx answer; an empty body counts as `{}`. */
export type Exchange = (request: ProviderRequest) => Promise<Readonly<Record<string, unknown>>>

/** No token answer of any provider comes near this size. */
const maxBytes = 64 * 1024

/**
 * Makes the exchange of OAuth messages. Every failure is an {@link OAuthFailure} with a message of ours: messages of
 * libraries and providers may quote the request.
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
    const answer = await sendToProvider(options.fetch, { ...request, signal, maxBytes }).catch((error: unknown) => {
      if (!(error instanceof TransportFailure)) throw error
      throw new OAuthFailure(error.kind === 'not_sent' ? 'not_sent' : 'ambiguous', error.message, error)
    })
    const { status, headers } = answer
    // The answer to a request with the client's credentials has tokens by right; see oauth2-provider.ts.
    const text = request.credential === 'token' ? withoutSecrets(answer.text, [bearerOf(request)]) : answer.text
    const refusal = {
      status,
      text,
      retryAfterMs: retryAfterMs(headers, text, options.now()),
      challenge: headers.get('www-authenticate'),
    }
    if (status < 200 || status > 299) throw failureOf(refusal, request.credential, options.codes)
    const json = parseJsonObject(text)
    if (refusesInBody(refusal, json, options.codes)) {
      throw failureOf({ ...refusal, status: 400 }, request.credential, options.codes)
    }
    if (json) return json
    throw new OAuthFailure('ambiguous', 'The answer of the provider is not a JSON object.', { status })
  }
}

const bearerOf = ({ headers }: ProviderRequest) => new Secret((headers['authorization'] ?? '').replace(/^Bearer /, ''))
