import { maxTimerMs, sleep, timeLimit } from './abort.ts'
import { ConnectionError, InvalidInputError, RequestError, TimeoutError } from './errors.ts'
import type { Cancellable } from './types.ts'

/** How requests are sent. */
export interface TransportOptions {
  /** The server's URL, with or without `/graphql`: http or https, without credentials, query and fragment. */
  readonly url: string
  /** An API key, or a user session's token in a browser. A function is called for each request. */
  readonly apiKey: string | (() => string | Promise<string>)
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch
  /**
   * Milliseconds until a request is given up, greater than 0; Infinity for no limit. A tool call takes up to 60 s. Default:
   * 75000.
   */
  readonly timeoutMs?: number
  /**
   * How often a request that may be repeated is sent again after a failure of the connection. `Retry-After` is respected if
   * it ends within `timeoutMs` of the first attempt. Default: 2.
   */
  readonly maxRetries?: number
  readonly hooks?: Hooks
}

/** Called around each request, for logs and metrics. An error in a hook becomes the error of the request. */
export interface Hooks {
  before?(request: {
    readonly operation: string
    readonly attempt: number
    readonly headers: Record<string, string>
  }): void
  after?(answer: { readonly operation: string; readonly status: number; readonly durationMs: number }): void
  /** Streams, too, except for their end by the program or the deletion of the account. */
  onError?(failure: { readonly operation: string; readonly error: unknown; readonly willRetry: boolean }): void
}

/** The variables of a GraphQL document. */
export type Variables = Readonly<Record<string, unknown>>

/** How one request is sent. */
export interface RequestOptions extends Cancellable {
  /** Whether it has an effect each time, so that it is not sent again after a failure of the connection. Default: false. */
  readonly once?: boolean | undefined
  /** Whether to return all of `data` instead of one field. Default: false. */
  readonly isWhole?: boolean
  /** Whether the field can be null. Default: false. */
  readonly orNull?: boolean
}

/** How a subscription is opened. `attempt` is for the hooks: 0, and greater after failures. */
export interface StreamOptions extends Cancellable {
  readonly attempt?: number
}

/** Sends GraphQL requests. */
export interface Transport {
  /**
   * Returns the value of the first field of a document, an object or a list, or with `isWhole` all of `data`. Throws a
   * RequestError (also where the field is missing), ConnectionError or TimeoutError, or the signal's reason.
   */
  request<Value>(document: string, variables?: Variables, options?: RequestOptions): Promise<Value>
  /**
   * Opens a subscription. Yields `data`, or one field of it, until the server ends it (returns), or the connection breaks or is
   * silent (ConnectionError, TimeoutError).
   */
  subscribe<Value>(
    document: string,
    variables: Variables,
    options: StreamOptions,
    field?: string,
  ): AsyncGenerator<Value, void, void>
  /** Reports a failure of a stream to the hooks. `pauseMs` is the time until the next attempt; null without one. */
  report(document: string, error: unknown, pauseMs: number | null): void
}

interface GraphQLError {
  readonly message?: string
  readonly extensions?: { readonly code?: string }
}

interface GraphQLAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null
  readonly errors?: readonly GraphQLError[]
}

/** A stream without anything for this time is broken: the server sends a comment every 12 s. */
const maxSilenceMs = 30_000
const streamType = 'text/event-stream'
const firstPauseMs = 200
const maxPauseMs = 10_000

const now = () => performance.now()

/** Creates a transport. Throws an InvalidInputError that names the option for options that are not valid. */
export function createTransport(options: TransportOptions): Transport {
  const { timeoutMs = 75_000, maxRetries = 2, hooks = {} } = options
  const send = options.fetch ?? ((input: RequestInfo | URL, init?: RequestInit) => fetch(input, init))
  const endpoint = endpointOf(options.url)
  const { apiKey } = options
  if (typeof apiKey !== 'function') checkKey(apiKey)
  check(timeoutMs > 0, 'timeoutMs', 'be above 0.')
  check(maxRetries >= 0, 'maxRetries', 'not be negative.')

  const post = async (query: string, variables: Variables, accept: string, signal: AbortSignal, attempt: number) => {
    const operation = operationOf(query)
    // In JSON they would be null: the default.
    const body = JSON.stringify({ query, variables }, (name, value) => {
      check(typeof value !== 'number' || Number.isFinite(value), name, 'be finite.')
      return value
    })
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      accept,
      authorization: `Bearer ${checkKey(typeof apiKey === 'function' ? await apiKey() : apiKey)}`,
    }
    hooks.before?.({ operation, attempt, headers })
    const began = now()
    // Not followed: the API key would go to another address. Workers of Cloudflare do not know `redirect: 'error'`.
    const response = await send(endpoint, { method: 'POST', headers, body, signal, redirect: 'manual' }).catch(broken)
    const { status } = response
    hooks.after?.({ operation, status, durationMs: now() - began })
    // Browsers hide a redirect: it has the status 0 and no location. A query may have secrets.
    if (status === 0 || (status > 299 && status < 400)) {
      const target = response.headers.get('location')?.split(/[?#]/)[0] || 'another address'
      throw refusalOf(response, `${endpoint} redirects to ${target}. Set url to an address that does not redirect.`)
    }
    return response
  }

  /**
   * Returns the data of an answer, or a field of it. Errors with data are thrown too: the client selects nothing that may fail
   * alone.
   */
  const resultOf = (response: Response, text: string, field?: string, member?: string, orNull?: boolean): unknown => {
    let first: GraphQLError | null | undefined
    try {
      const { data, errors } = JSON.parse(text) as GraphQLAnswer
      first = errors?.[0]
      const value = field === undefined ? data : data?.[field]
      const isExpected =
        value === null
          ? orNull
          : typeof value === 'object' && (Array.isArray(value) ? member : !member || member in value)
      if (first === undefined && isExpected) return value
    } catch {
      // It is not JSON, or not an object.
    }
    const message = `${endpoint} answered ${response.status} without the expected result. Check url.`
    throw refusalOf(response, first?.message ?? message, first?.extensions?.code)
  }

  const report = (query: string, error: unknown, pauseMs: number | null) =>
    hooks.onError?.({ operation: operationOf(query), error, willRetry: pauseMs !== null })

  const request = async <Value>(
    query: string,
    variables: Variables = {},
    options: RequestOptions = {},
  ): Promise<Value> => {
    const { signal, once, isWhole, orNull } = options
    // The field, and the first of what is selected in it.
    const [, field, member] = (!isWhole && /{(\w+)\b[^{]*{(\w+)/.exec(query)) || []
    const began = now()
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted()
      const limit = timeLimit(timeoutMs - (now() - began), signal, timeoutMs)
      const work = async () => {
        const response = await post(query, variables, 'application/graphql-response+json', limit.signal, attempt)
        return resultOf(response, await response.text().catch(broken), field, member, orNull) as Value
      }
      try {
        return await limit.within(work()).finally(limit.end)
      } catch (error) {
        // After the time limit, the caller has waited for long enough.
        const isLast = attempt >= maxRetries || error instanceof TimeoutError
        const leftMs = timeoutMs - (now() - began)
        const pauseMs = isLast ? null : pauseAfter(error, attempt, !once, leftMs)
        report(query, error, pauseMs)
        if (pauseMs === null) throw error
        await sleep(pauseMs, signal)
      }
    }
  }

  return {
    report,
    request,

    async *subscribe<Value>(
      document: string,
      variables: Variables,
      { signal, attempt = 0 }: StreamOptions,
      field?: string,
    ) {
      const limit = timeLimit(maxSilenceMs, signal)
      try {
        const response = await limit.within(post(document, variables, streamType, limit.signal, attempt))
        if (!response.body || !response.headers.get('content-type')?.startsWith(streamType)) {
          // Data without a stream are not what is expected either.
          return resultOf(response, await limit.within(response.text().catch(broken)), '') as undefined
        }
        for await (const text of eventsOf(response.body, limit)) yield resultOf(response, text, field) as Value
      } finally {
        limit.end()
      }
    },
  }
}

/** Throws an InvalidInputError for an option that is not valid. `rule` is what follows "must", and what to do. */
function check(isValid: boolean, path: string, rule: string): void {
  const message = `${path} must ${rule}`
  if (!isValid) throw new InvalidInputError({ __typename: 'InvalidInputError', message, issues: [{ path, message }] })
}

/** Returns an API key or token. Throws an InvalidInputError, which does not contain it, where no header can hold it. */
export function checkKey(key: string): string {
  check(typeof key === 'string' && /^[!-~]+$/.test(key), 'apiKey', 'be set, in ASCII, without white space.')
  return key
}

/** Returns the URL of the GraphQL endpoint. Throws an InvalidInputError for a URL that is not that of a server. */
export function endpointOf(url: string): string {
  let base = ''
  try {
    base = new URL(url).href
  } catch {
    // It is refused below.
  }
  const isValid = /^https?:\/\/[^/@]+\/[^?#]*$/.test(base)
  check(isValid, 'url', 'be an http(s) URL without credentials or query.')
  while (base.endsWith('/')) base = base.slice(0, -1)
  return base.endsWith('/graphql') ? base : `${base}/graphql`
}

const operationOf = (document: string) => /\b(?:query|mutation|subscription)\s+(\w+)/.exec(document)?.[1] ?? 'anonymous'

/** Throws what sending or reading failed with, in any runtime, as a failure of the connection. */
export const broken = (cause: unknown): never => {
  throw new ConnectionError(`The connection to the server failed: ${(cause as Error | null)?.message ?? cause}`, {
    cause,
  })
}

/** Returns the error of an answer that is not a result. */
const refusalOf = ({ status, headers }: Response, message: string, code: string | null = null) =>
  new RequestError(message, {
    code,
    status,
    requestId: headers.get('x-request-id'),
    retryAfterMs: retryAfterMs(headers),
  })

/** Returns the milliseconds of `Retry-After`, which has seconds or a date; null without. A date counts by the server's clock. */
function retryAfterMs(headers: Headers): number | null {
  const header = headers.get('retry-after') ?? ''
  const sentAt = Date.parse(headers.get('date') ?? '') || Date.now()
  const milliseconds = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - sentAt
  return milliseconds >= 0 ? milliseconds : null
}

/**
 * Returns the pause before the next attempt; null where the request must not be sent again: the failure does not end by
 * itself, the request may have had an effect, or the server asks to wait for more than `leftMs`.
 */
export function pauseAfter(error: unknown, attempt: number, repeatable = true, leftMs = maxTimerMs): number | null {
  let waitMs = 0
  if (error instanceof RequestError) {
    // A throttled request was not carried out.
    const isThrottled = error.code === 'THROTTLED' || error.status === 429
    // While its database fails over, the server answers with such a code, within a stream too.
    const isBroken = (error.status > 501 && error.status < 505) || /^(INTERNAL|SERVICE)_/.test(`${error.code}`)
    if (!isThrottled && !(repeatable && isBroken)) return null
    waitMs = error.retryAfterMs ?? (isThrottled ? 1_000 : 0)
  } else if (!repeatable || !(error instanceof ConnectionError || error instanceof TimeoutError)) return null
  const pauseMs = waitMs + Math.min(maxPauseMs, firstPauseMs * 2 ** attempt) * (0.5 + Math.random() / 2)
  return pauseMs > leftMs ? null : pauseMs
}

/** Reads the data of the events of a stream (graphql-sse, distinct connections mode). */
async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  limit: Pick<ReturnType<typeof timeLimit>, 'within'>,
): AsyncGenerator<string, void, void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await limit.within(reader.read().catch(broken))
      if (done) broken('the stream ended')
      text += decoder.decode(value, { stream: true })
      const events = text.split(/\r?\n\r?\n/)
      text = events.pop() ?? ''
      for (const event of events) {
        const name = /^event: ?(\w+)/m.exec(event)?.[1]
        if (name === 'complete') return
        // Not with a pattern for lines: U+2028, which JSON may contain, ends one there. The rest of a line end is a blank in JSON.
        const lines = event.split('\n').map((line) => (line.startsWith('data:') ? line.slice(5) : ''))
        if (name === 'next') yield lines.join('')
      }
    }
  } finally {
    // For a fetch that ignores the signal. A stream that hangs may never finish this.
    reader.cancel().catch(() => {})
  }
}
