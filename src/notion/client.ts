import { Client } from '@notionhq/client'
import { type Fetch, type ProviderHttpAnswer, sendToProvider, TransportFailure } from '../provider-http.ts'
import { withoutSecrets } from '../vault/redaction.ts'
import type { Secret } from '../vault/secret.ts'

/** The version of Notion's API that everything here is written for (https://developers.notion.com/reference/versioning). */
export const notionVersion = '2026-03-11'

/** The largest answer that is read, in bytes. Pages of 100 rows stay far below. */
export const maxAnswerBytes = 5 * 1024 * 1024

/** One request that was made through the SDK, and its answer over the wire. */
export interface Exchange<Body = unknown> {
  readonly method: string
  /** Begins after `/v1/` and has no query. */
  readonly path: string
  readonly hasQuery: boolean
  /** The body of the request; null where it had none or a form. */
  readonly sent: string | null
  readonly answer: ProviderHttpAnswer | TransportFailure
  /** The body as the SDK returned it; undefined where the SDK threw. */
  readonly body: Body | undefined
}

/** Makes one call of the SDK: `(notion) => notion.pages.retrieve({ page_id })`. */
export type NotionRequest<Body = unknown> = (notion: Client) => Promise<Body>

/** Where a request goes, with whose token and until when. */
export interface Connection {
  /** The base of the API without a final slash. */
  readonly apiUrl: string
  readonly accessToken: Secret
  readonly signal: AbortSignal
}

/** A client of the SDK for one base URL, without a token: {@link exchange} adds the token of each request. */
interface SharedClient {
  readonly notion: Client
  /** The length of the path before that of {@link Exchange.path}. */
  readonly prefixLength: number
}

type SdkFetch = NonNullable<ClientOptions['fetch']>

/**
 * Sends for the call of the SDK that runs at this moment, with its token and its signal. The SDK calls fetch before a call
 * of it returns its promise, so that this is set for that long only: a request at any other time belongs to no call, and is
 * refused.
 */
let sending: SdkFetch | null = null

const sendNow: SdkFetch = (url, init) =>
  sending === null
    ? Promise.reject(new Error('A request to Notion was made after its call had returned.'))
    : sending(url, init)

/** By base URL, of which a process has few. Creating a client takes a tenth of the time of a request. */
const clients = new Map<string, SharedClient>()

/** Without the SDK's timeout (which aborts nothing and ends before the body), retries and logger (which prints bodies). */
function clientOf(apiUrl: string): SharedClient {
  let client = clients.get(apiUrl)
  if (client === undefined) {
    const notion = new Client({
      baseUrl: apiUrl,
      notionVersion,
      retry: false,
      timeoutMs: 2 ** 31 - 1,
      logger: refuseUnknownParameters,
      fetch: sendNow,
    })
    client = { notion, prefixLength: new URL(`${apiUrl}/v1/`).pathname.length }
    clients.set(apiUrl, client)
  }
  return client
}

/**
 * Runs one call of the SDK and returns what went over the wire, be it an answer or the failure to get one. The request is
 * bound to its token, its signal and its record.
 *
 * Throws only for a bug: a call that makes no request, several, or one after `request` has returned its promise, or that
 * passes parameters which the SDK would drop.
 */
export async function exchange<Body>(
  fetch: Fetch,
  { apiUrl, accessToken, signal }: Connection,
  request: NotionRequest<Body>,
): Promise<Exchange<Body>> {
  let made: Omit<Exchange, 'answer' | 'body'> | null = null
  let answer: ProviderHttpAnswer | TransportFailure | null = null
  const { notion, prefixLength } = clientOf(apiUrl)
  const send: SdkFetch = async (url, { method = 'GET', headers = {}, body = null } = {}) => {
    if (made !== null) throw new Error('One call made several requests to Notion.')
    const { pathname, search } = new URL(url)
    made = {
      method,
      path: pathname.slice(prefixLength),
      hasQuery: search !== '',
      sent: typeof body === 'string' ? body : null,
    }
    try {
      const received = await sendToProvider(fetch, {
        url,
        method,
        headers: { ...headers, authorization: `Bearer ${accessToken.reveal()}` },
        body,
        signal,
        maxBytes: maxAnswerBytes,
      })
      const { status } = received
      const text = withoutSecrets(received.text, [accessToken])
      answer = { ...received, text }
      return { ok: status >= 200 && status < 300, status, headers: received.headers, text: () => Promise.resolve(text) }
    } catch (error) {
      if (error instanceof TransportFailure) answer = error
      throw error
    }
  }
  const begin = (): Promise<Body> => {
    sending = send
    try {
      return request(notion)
    } finally {
      sending = null
    }
  }
  let body: Body | undefined
  let failure: unknown
  try {
    body = await begin()
  } catch (error) {
    failure = error
  }
  if (made === null || answer === null) throw failure ?? new Error('A call made no request to Notion.')
  return { ...(made as Omit<Exchange, 'answer' | 'body'>), answer, body }
}

/** The SDK sends no parameter that it does not know; it warns of it in its log. */
const refuseUnknownParameters: NonNullable<ClientOptions['logger']> = (_level, _message, { unknownParams }) => {
  if (Array.isArray(unknownParams)) throw new Error(`The Notion SDK does not know: ${unknownParams.join(', ')}.`)
}

type ClientOptions = NonNullable<ConstructorParameters<typeof Client>[0]>

/**
 * Returns ids of properties in a form that the SDK decodes to them: it decodes each value of a list in a query, as Notion
 * returns the ids encoded, and throws for a value that is not an encoding.
 */
export function encodedIds(ids: readonly string[]): string[] {
  return ids.map((id) => {
    try {
      decodeURIComponent(id)
      return id
    } catch {
      return encodeURIComponent(id)
    }
  })
}
