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

/**
 * Runs one call of the SDK and returns what went over the wire, be it an answer or the failure to get one. The client
 * belongs to this request alone, so that it is bound to its token, its signal and its record. The SDK's timeout (which
 * aborts nothing and ends before the body), retries and logger (which prints bodies) are off.
 *
 * Throws only for a bug: a call that makes no request or several, or that passes parameters which the SDK would drop.
 */
export async function exchange<Body>(
  fetch: Fetch,
  { apiUrl, accessToken, signal }: Connection,
  request: NotionRequest<Body>,
): Promise<Exchange<Body>> {
  let made: Omit<Exchange, 'answer' | 'body'> | null = null
  let answer: ProviderHttpAnswer | TransportFailure | null = null
  const notion = new Client({
    auth: accessToken.reveal(),
    baseUrl: apiUrl,
    notionVersion,
    retry: false,
    timeoutMs: 2 ** 31 - 1,
    logger: refuseUnknownParameters,
    fetch: async (url, init) => {
      if (made !== null) throw new Error('One call made several requests to Notion.')
      const { pathname, search } = new URL(url)
      const method = init?.method ?? 'GET'
      const path = pathname.slice(new URL(`${apiUrl}/v1/`).pathname.length)
      const { headers = {}, body = null } = init ?? {}
      made = { method, path, hasQuery: search !== '', sent: typeof body === 'string' ? body : null }
      try {
        const {
          status,
          headers: received,
          text: answered,
        } = await sendToProvider(fetch, {
          url,
          method,
          headers,
          body,
          signal,
          maxBytes: maxAnswerBytes,
        })
        const text = withoutSecrets(answered, [accessToken])
        answer = { status, headers: received, text }
        return { ok: status >= 200 && status < 300, status, headers: received, text: () => Promise.resolve(text) }
      } catch (error) {
        if (error instanceof TransportFailure) answer = error
        throw error
      }
    },
  })
  let body: Body | undefined
  let failure: unknown
  try {
    body = await request(notion)
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
