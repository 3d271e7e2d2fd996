import { ProviderError, type ToolError } from '../errors.ts'
import { parseJsonObject, retryAfterMs, sendToProvider, TransportFailure } from '../provider-http.ts'
import { withoutSecrets } from '../vault/redaction.ts'
import type { ConnectorRuntime } from './connector.ts'
import { AccessTokenRefused, Retryable, type ToolCall } from './tool.ts'

/** One request of a tool to an API that speaks JSON. */
export interface JsonRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the base of the API, with its query. */
  readonly path: string
  /** Sent as JSON. Absent: no body. */
  readonly body?: unknown
  /** Whether the request may change something. Default: every method but GET. */
  readonly kind?: 'read' | 'write'
}

/** A definite refusal: an answer of 4xx other than 401, 408 and 429. */
export interface JsonRefusal {
  readonly status: number
  /** The body; null where it is not a JSON object. */
  readonly json: Readonly<Record<string, unknown>> | null
  readonly requestId: string | null
}

const maxBytes = 5 * 1024 * 1024

/**
 * Makes the function with which a connector's tools send requests: with the account's access token, within the pipeline's
 * rules ({@link ToolCall.send}). `explain` turns a refusal into an error of `errors.ts`; what every provider means by 401,
 * 408, 429 and 5xx, and what follows from a lost connection, is handled here.
 */
export function createJsonRequest(options: {
  readonly runtime: ConnectorRuntime
  /** The response header with the provider's id of the request. Default `x-request-id`. */
  readonly requestIdHeader?: string
  /** Further request headers. */
  readonly headers?: Readonly<Record<string, string>>
  explain(refusal: JsonRefusal): ToolError
}): (call: ToolCall, request: JsonRequest) => Promise<Readonly<Record<string, unknown>>> {
  const { runtime, requestIdHeader = 'x-request-id', explain } = options
  return (call, { method, path, body, kind = method === 'GET' ? 'read' : 'write' }) =>
    call.send(kind, async (accessToken, signal) => {
      const answer = await sendToProvider(runtime.fetch, {
        url: `${call.apiUrl}${path}`,
        method,
        headers: {
          accept: 'application/json',
          ...options.headers,
          authorization: `Bearer ${accessToken.reveal()}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal,
        maxBytes,
      }).catch((error: unknown) => {
        throw error instanceof TransportFailure && !signal.aborted ? lost(error, kind) : (signal.reason ?? error)
      })
      const { status, headers } = answer
      const text = withoutSecrets(answer.text, [accessToken])
      const requestId = withoutSecrets(headers.get(requestIdHeader) ?? '', [accessToken]) || null
      if (status === 401) throw new AccessTokenRefused(requestId)
      const json = parseJsonObject(text)
      if (status >= 200 && status < 300 && json) return { body: json, requestId }
      if (status >= 400 && status < 500 && status !== 408 && status !== 429) throw explain({ status, json, requestId })
      throw new Retryable(
        status === 429 ? "The provider's rate limit is reached." : 'The provider did not serve the request.',
        {
          status,
          code: null,
          requestId,
          retryAfterMs: retryAfterMs(headers, text, new Date(runtime.now())),
          rateLimited: status === 429,
          mayHaveWritten: status !== 429,
        },
      )
    })
}

function lost({ kind, message, status }: TransportFailure, request: 'read' | 'write'): Error {
  if (kind === 'too_large' && request === 'read') {
    return new ProviderError(message, { status, code: null, retryable: false, hint: 'Request fewer results.' })
  }
  const none = { code: null, requestId: null, retryAfterMs: null, rateLimited: false }
  return new Retryable(message, { ...none, status, mayHaveWritten: kind !== 'not_sent' })
}
