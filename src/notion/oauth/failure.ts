import { OAuthFailure, type OAuthFailureKind } from '../../accounts/provider.ts'

/** What is looked at to tell why a request was refused. `json` is null where the body is no JSON object. */
export interface Refusal {
  readonly status: number
  readonly json: Readonly<Record<string, unknown>> | null
  readonly retryAfter: string | null
  readonly now: Date
}

/**
 * The codes that may be passed on: RFC 6749 section 5.2, RFC 7009 section 2.2.1 and Notion's error codes. Anything else
 * could be a text that quotes the request.
 */
const knownCodes = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'unsupported_token_type',
  'server_error',
  'temporarily_unavailable',
  'test_env_error',
  'invalid_json',
  'invalid_request_url',
  'validation_error',
  'missing_version',
  'unauthorized',
  'restricted_resource',
  'object_not_found',
  'conflict_error',
  'rate_limited',
  'internal_server_error',
  'bad_gateway',
  'service_unavailable',
  'database_connection_unavailable',
  'gateway_timeout',
  'service_overload',
])

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Classifies an answer that is not 200. Notion sends `{"error": …}` as RFC 6749 section 5.2 has it from the live service
 * and `{"object": "error", "code": …}` in its description of the API; both are read. `credential` is what the request
 * was authenticated with: the OAuth client or an access token.
 */
export function failureOf(refusal: Refusal, credential: 'client' | 'token'): OAuthFailure {
  const code = codeOf(refusal.json)
  const kind = kindOf(refusal.status, code, refusal.json !== null, credential)
  const requestId = refusal.json?.request_id
  return new OAuthFailure(kind, messages[kind], {
    status: refusal.status,
    code,
    retryAfterMs: retryAfterMs(refusal.retryAfter, refusal.now),
    requestId: typeof requestId === 'string' && uuid.test(requestId) ? requestId : null,
  })
}

const messages: Readonly<Record<OAuthFailureKind, string>> = {
  grant_refused: 'The provider refuses the code or token.',
  client_refused: 'The provider refuses the client id or secret of the OAuth app.',
  rate_limited: "The provider's rate limit is reached.",
  not_sent: 'The provider could not be reached.',
  ambiguous: 'The provider failed, and what it did before cannot be known.',
  rejected: 'The provider rejected the request.',
}

function codeOf(json: Refusal['json']): string | null {
  for (const member of ['error', 'code']) {
    const value = json?.[member]
    if (typeof value === 'string' && knownCodes.has(value)) return value
  }
  return null
}

function kindOf(
  status: number,
  code: string | null,
  readable: boolean,
  credential: 'client' | 'token',
): OAuthFailureKind {
  if (status === 429 || status === 529 || code === 'rate_limited') return 'rate_limited'
  // A redirect comes from something in between, a 5xx from somewhere behind: neither says what became of the request.
  if (status < 400 || status >= 500 || status === 408) return 'ambiguous'
  if (code === 'invalid_grant') return 'grant_refused'
  if (code === 'invalid_client' || code === 'unauthorized_client') return 'client_refused'
  if (status === 401) {
    if (credential === 'client') return 'client_refused'
    // A login page of a proxy is a 401 too; only the provider's own word may end a grant.
    return code === 'unauthorized' ? 'grant_refused' : 'rejected'
  }
  if (status === 400 && (code === null || !readable)) return 'ambiguous'
  return 'rejected'
}

const longestRetryMs = 3_600_000

/** Retry-After (RFC 9110 section 10.2.3) in milliseconds, 0 to one hour; null when absent or unreadable. */
export function retryAfterMs(header: string | null, now: Date): number | null {
  if (header === null) return null
  const text = header.trim()
  const ms = /^\d{1,12}$/.test(text)
    ? Number(text) * 1000
    : httpDate.test(text)
      ? Date.parse(text) - now.getTime()
      : NaN
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), longestRetryMs)
}

const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/
