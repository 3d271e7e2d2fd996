import type { Json } from './model.ts'

/**
 * The `code` of an error response.
 *
 * @see https://developers.notion.com/reference/status-codes
 */
export type NotionErrorCode =
  | 'invalid_json'
  | 'invalid_request_url'
  | 'invalid_request'
  | 'validation_error'
  | 'missing_version'
  | 'invalid_beta'
  | 'unauthorized'
  | 'restricted_resource'
  | 'object_not_found'
  | 'conflict_error'
  | 'rate_limited'
  | 'internal_server_error'
  | 'bad_gateway'
  | 'service_unavailable'
  | 'database_connection_unavailable'
  | 'gateway_timeout'
  | 'service_overload'

/** The `additional_data` of an error. Notion sends only strings and lists of strings. */
export type AdditionalData = { readonly [key: string]: string | readonly string[] }

/** The `additional_data.rate_limit_reason` of a limited request. */
export type RateLimitReason =
  | 'public_api_request_rate_limit'
  | 'public_api_space_request_rate_limit'
  | 'public_api_endpoint_rate_limit'
  | 'public_api_request_blocked'

/** Kind of object in the message of a 404 response. */
export type LookupKind =
  | 'page'
  | 'block'
  | 'database'
  | 'data source'
  | 'comment'
  | 'discussion'
  | 'user'
  | 'file upload'
  | 'view'
  | 'view query'
  | 'async task'
  | 'property'

/** An error response of the API. Endpoints throw it, and the server adds the request id. */
export class NotionApiError extends Error {
  override readonly name = 'NotionApiError'
  readonly status: number
  readonly code: NotionErrorCode
  readonly additionalData: AdditionalData | undefined
  /** Value of the `Retry-After` header in seconds. */
  readonly retryAfter: number | undefined

  constructor(
    status: number,
    code: NotionErrorCode,
    message: string,
    additionalData?: AdditionalData,
    retryAfter?: number,
  ) {
    super(message)
    this.status = status
    this.code = code
    this.additionalData = additionalData
    this.retryAfter = retryAfter
  }
}

/** Returns Notion's JSON for an error. */
export function errorEnvelope(error: NotionApiError, requestId: string): Json {
  return {
    object: 'error',
    status: error.status,
    code: error.code,
    message: error.message,
    ...(error.additionalData && { additional_data: error.additionalData }),
    request_id: requestId,
  }
}

export const invalidJson = () => new NotionApiError(400, 'invalid_json', 'Error parsing JSON body.')

/** For an unknown path or method. Notion does not use 405. */
export const invalidRequestUrl = () => new NotionApiError(400, 'invalid_request_url', 'Invalid request URL.')

export const invalidRequest = (name: string) =>
  new NotionApiError(400, 'invalid_request', `Unsupported request: ${name}.`)

/** For invalid input. `message` is the whole sentence, such as `body failed validation: …`. */
export const validationError = (message: string, additionalData?: AdditionalData) =>
  new NotionApiError(400, 'validation_error', message, additionalData)

export const missingVersion = () =>
  new NotionApiError(
    400,
    'missing_version',
    'Notion-Version header failed validation: Notion-Version header should be defined, instead was undefined.',
  )

/** For an unknown Notion-Version. */
export const unknownVersion = (sent: string, known: readonly string[]) =>
  validationError(
    `Notion-Version header failed validation: Notion-Version header should be ${known.map((version) => `\`"${version}"\``).join(' or ')}, instead was \`${JSON.stringify(sent)}\`.`,
  )

export const invalidBeta = (sent: string) =>
  new NotionApiError(400, 'invalid_beta', `Notion-Beta header failed validation: \`${sent}\` is not a known beta.`)

/** For an unknown, expired or revoked token. Notion does not distinguish them. */
export const invalidToken = () => new NotionApiError(401, 'unauthorized', 'API token is invalid.')

export const missingBearer = () =>
  new NotionApiError(401, 'unauthorized', 'Authorization header must use the format "Bearer <token>".')

/** For a connection without the required capability. */
export const insufficientPermissions = () =>
  new NotionApiError(403, 'restricted_resource', 'Insufficient permissions for this endpoint.')

/** For a user without the required access to the resource. */
export const restrictedResource = () =>
  new NotionApiError(403, 'restricted_resource', 'API token does not have access to this resource.')

/** For objects that are missing, not shared or of another kind. Notion does not distinguish them. */
export const objectNotFound = (kind: LookupKind, id: string, connectionName: string) =>
  new NotionApiError(
    404,
    'object_not_found',
    `Could not find ${kind} with ID: ${id}. Make sure the relevant pages and databases are shared with your connection "${connectionName}".`,
  )

export const conflict = () =>
  new NotionApiError(409, 'conflict_error', 'Conflict occurred while saving. Please try again.')

/** For a request over the rate limit. `retryAfter` is in whole seconds. */
export const rateLimited = (retryAfter: number, reason: RateLimitReason) =>
  new NotionApiError(
    429,
    'rate_limited',
    'You have been rate limited. Please try again in a few minutes.',
    { retry_after: String(retryAfter), rate_limit_reason: reason },
    retryAfter,
  )

export const internalServerError = () => new NotionApiError(500, 'internal_server_error', 'Unexpected error occurred.')

export const badGateway = () => new NotionApiError(502, 'bad_gateway', 'Bad Gateway')

export const serviceUnavailable = () =>
  new NotionApiError(503, 'service_unavailable', 'Notion is unavailable, please try again later.')

export const databaseConnectionUnavailable = () =>
  new NotionApiError(503, 'database_connection_unavailable', 'Notion is unavailable, please try again later.')

export const gatewayTimeout = () => new NotionApiError(504, 'gateway_timeout', 'Gateway Timeout')

/** For an overloaded service. `retryAfter` is in whole seconds. */
export const serviceOverload = (retryAfter: number) =>
  new NotionApiError(
    529,
    'service_overload',
    'Notion is overloaded, please try again later.',
    { retry_after: String(retryAfter) },
    retryAfter,
  )

/**
 * For a write that was saved although its response could not be built. `committed` holds the ids of created objects.
 *
 * @see https://developers.notion.com/reference/status-codes
 */
export const savedButUnavailable = (committed: {
  readonly from: string
  readonly elapsedMs: number
  readonly resourceId?: string
  readonly childIds?: readonly string[]
}) =>
  new NotionApiError(
    503,
    'service_unavailable',
    'The change was saved, but the response could not be built in time. Read the object again instead of repeating the write.',
    {
      from: committed.from,
      elapsed_ms: String(committed.elapsedMs),
      deadline_ms: '55000',
      retry_guidance: ['Do not repeat the write.', 'Read the object to see its state.'],
      ...(committed.resourceId !== undefined && { committed_resource_id: committed.resourceId }),
      ...(committed.childIds !== undefined && { committed_child_ids: committed.childIds }),
    },
  )

/** For a version before 2025-09-03 on a database with several data sources. */
export const multipleDataSources = (databaseId: string, dataSourceIds: readonly string[]) =>
  validationError('Databases with multiple data sources are not supported in this API version.', {
    error_type: 'multiple_data_sources_for_database',
    database_id: databaseId,
    child_data_source_ids: dataSourceIds,
    minimum_api_version: '2025-09-03',
  })
