import {
  badGateway,
  conflict,
  databaseConnectionUnavailable,
  gatewayTimeout,
  insufficientPermissions,
  internalServerError,
  invalidJson,
  invalidRequest,
  invalidRequestUrl,
  invalidToken,
  missingVersion,
  NotionApiError,
  type NotionErrorCode,
  type RateLimitReason,
  rateLimited,
  savedButUnavailable,
  serviceOverload,
  serviceUnavailable,
  validationError,
} from '../errors.ts'
import type { Answer, SandboxRequest } from '../exchange.ts'
import { errorAnswer, jsonAnswer } from '../exchange.ts'
import { oauthErrorBody } from '../oauth/oauth-error.ts'
import type { Fault } from './fault.ts'

/** Default for `Retry-After` in seconds. */
const defaultRetryAfter = 2

const errorsByStatus: Readonly<Record<number, (retryAfter: number) => NotionApiError>> = {
  400: () => validationError('body failed validation: a fault of the sandbox refused this request.'),
  401: invalidToken,
  403: insufficientPermissions,
  404: () =>
    new NotionApiError(
      404,
      'object_not_found',
      'Could not find the object. Make sure the relevant pages and databases are shared with your connection.',
    ),
  409: conflict,
  429: (retryAfter) => rateLimited(retryAfter, 'public_api_request_rate_limit'),
  500: internalServerError,
  502: badGateway,
  503: serviceUnavailable,
  504: gatewayTimeout,
  529: serviceOverload,
}

/** Errors by code, for statuses with several codes. */
const errorsByReason: ReadonlyMap<string, (path: string) => NotionApiError> = new Map(
  Object.entries({
    invalid_json: invalidJson,
    invalid_request: invalidRequest,
    invalid_request_url: invalidRequestUrl,
    missing_version: missingVersion,
    database_connection_unavailable: databaseConnectionUnavailable,
  }),
)

/**
 * OAuth error codes by status.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
 */
const oauthCodesByStatus: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'invalid_client',
  403: 'unauthorized_client',
  503: 'temporarily_unavailable',
}

const refusedByFault = 'A fault of the sandbox refused this request.'

function statusAnswer(fault: Fault, request: SandboxRequest): Answer {
  const status = fault.status ?? 500
  const retryAfter = fault.retryAfter ?? defaultRetryAfter
  const usual = errorsByStatus[status]?.(retryAfter)
  const waiting = fault.retryAfter ?? usual?.retryAfter
  // At Notion, a gateway in front of the OAuth service reports limits and overload in the format of the API.
  const isInFront = status === 429 || status === 529
  if (request.path.startsWith('/v1/oauth/') && !isInFront) {
    const code = fault.reason ?? oauthCodesByStatus[status] ?? (status < 500 ? 'invalid_request' : 'server_error')
    return jsonAnswer(
      status,
      oauthErrorBody(code, refusedByFault, request.requestId),
      waiting === undefined ? {} : { 'retry-after': String(waiting) },
    )
  }
  const named = errorsByReason.get(fault.reason ?? '')?.(request.path)
  if (named?.status === status) return errorAnswer(named, request.requestId)
  const code = (fault.reason ??
    usual?.code ??
    (status < 500 ? 'invalid_request' : 'internal_server_error')) as NotionErrorCode
  const message = usual?.message ?? refusedByFault
  return errorAnswer(new NotionApiError(status, code, message, usual?.additionalData, waiting), request.requestId)
}

/** The page of an edge proxy that blocks a request before it reaches Notion. */
const edgePage = `<!DOCTYPE html>
<html><head><title>Attention Required!</title></head>
<body><h1>Sorry, you have been blocked</h1><p>Ray ID: 8f0000000000sand</p></body></html>
`

/** Returns the response that replaces the operation. `redirectTarget` is the default target of the fault `redirect`. */
export function refusal(fault: Fault, request: SandboxRequest, redirectTarget: string): Answer {
  switch (fault.kind) {
    case 'rate_limit': {
      const reason = (fault.reason ?? 'public_api_request_rate_limit') as RateLimitReason
      return errorAnswer(rateLimited(fault.retryAfter ?? defaultRetryAfter, reason), request.requestId)
    }
    case 'html':
      return {
        status: 403,
        headers: { 'content-type': 'text/html; charset=UTF-8', 'cf-ray': '8f0000000000sand-TXL', server: 'cloudflare' },
        body: edgePage,
      }
    case 'redirect':
      return { status: 307, headers: { location: fault.location ?? redirectTarget }, body: '' }
    default:
      return statusAnswer(fault, request)
  }
}

const idOf = (value: unknown): string | undefined => {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined
  return typeof id === 'string' ? id : undefined
}

/**
 * Returns the 503 of a saved write with the ids of the content: of the created object for a POST, or of the parent and
 * the new children for appended blocks. Does not change an error response, because nothing was saved.
 */
export function savedAnswer(answer: Answer, request: SandboxRequest): Answer {
  if (answer.status >= 300) return answer
  const { result } = answer
  const append = /^\/v1\/blocks\/([^/]+)\/children$/.exec(request.path)
  const children =
    append && request.method === 'PATCH' && typeof result === 'object' && result !== null && 'results' in result
      ? ((result.results ?? []) as unknown[]).flatMap((block) => idOf(block) ?? [])
      : undefined
  const resourceId = children ? append?.[1] : request.method === 'POST' ? idOf(result) : undefined
  return errorAnswer(
    savedButUnavailable({
      from: request.path,
      elapsedMs: 55_012,
      ...(resourceId !== undefined && { resourceId }),
      ...(children !== undefined && { childIds: children }),
    }),
    request.requestId,
  )
}
