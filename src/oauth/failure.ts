import { OAuthFailure, type OAuthFailureKind } from '../accounts/provider.ts'
import { retryAfterMs } from '../provider-http.ts'
import { isUuid } from '../uuid.ts'

/** The facts about a refused request from which its {@link OAuthFailure} is derived. */
export interface Refusal {
  readonly status: number
  /** Null where the body is not a JSON object. */
  readonly json: Readonly<Record<string, unknown>> | null
  readonly retryAfter: string | null
  /** The WWW-Authenticate field. */
  readonly challenge: string | null
  readonly now: Date
}

/** A provider's error codes beyond those of the RFCs. */
export interface ProviderCodes {
  /** Codes that may be passed on. Any other text could quote the request. */
  readonly known: readonly string[]
  /** Those of them with which the provider refuses an access token (with HTTP 401). */
  readonly tokenRefused: readonly string[]
}

/** RFC 6749 section 5.2, RFC 7009 section 2.2.1 and RFC 6750 section 3.1. */
const standardCodes = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'unsupported_token_type',
  'server_error',
  'temporarily_unavailable',
  'invalid_token',
  'insufficient_scope',
]

/**
 * Classifies an answer other than 200. Reads the code from `error` (RFC 6749 section 5.2), else from `code`. `credential`
 * is what the request was authenticated with: the OAuth client or an access token.
 */
export function failureOf(
  refusal: Refusal,
  credential: 'client' | 'token',
  codes: ProviderCodes = { known: [], tokenRefused: [] },
): OAuthFailure {
  const code = codeOf(refusal.json, codes)
  const kind = kindOf(refusal, code, credential, codes)
  const requestId = refusal.json?.request_id
  return new OAuthFailure(kind, messages[kind], {
    status: refusal.status,
    code,
    retryAfterMs: pauseOf(refusal),
    requestId: typeof requestId === 'string' && isUuid(requestId) ? requestId : null,
  })
}

/** An OAuth app is not paused for longer, whatever the provider asks for. */
const maxPauseMs = 3_600_000

function pauseOf({ retryAfter, now }: Refusal): number | null {
  const ms = retryAfterMs(retryAfter, now)
  return ms === null ? null : Math.min(ms, maxPauseMs)
}

const messages: Readonly<Record<OAuthFailureKind, string>> = {
  grant_refused: 'The provider refuses the code or token.',
  client_refused: 'The provider refuses the client id or secret of the OAuth app.',
  rate_limited: "The provider's rate limit is reached.",
  not_sent: 'The provider could not be reached.',
  ambiguous: 'The provider failed. Whether it acted on the request is unknown.',
  rejected: 'The provider rejected the request.',
}

function codeOf(json: Refusal['json'], { known }: ProviderCodes): string | null {
  for (const member of ['error', 'code']) {
    const value = json?.[member]
    if (typeof value === 'string' && (standardCodes.includes(value) || known.includes(value))) return value
  }
  return null
}

function kindOf(
  { status, json, challenge }: Refusal,
  code: string | null,
  credential: 'client' | 'token',
  { tokenRefused }: ProviderCodes,
): OAuthFailureKind {
  if (status === 429 || status === 529 || code === 'rate_limited') return 'rate_limited'
  // A redirect comes from something in between, a 5xx from somewhere behind: neither shows what became of the request.
  if (status < 400 || status >= 500 || status === 408) return 'ambiguous'
  if (code === 'invalid_grant') return 'grant_refused'
  if (code === 'invalid_client' || code === 'unauthorized_client') return 'client_refused'
  if (status === 401) {
    if (credential === 'client') return 'client_refused'
    // A login page of a proxy is a 401 too. Only the provider's own word may end a grant.
    const refused = code === 'invalid_token' || (code !== null && tokenRefused.includes(code))
    return refused || invalidToken.test(challenge ?? '') ? 'grant_refused' : 'rejected'
  }
  if (status === 400 && (code === null || json === null)) return 'ambiguous'
  return 'rejected'
}

/** RFC 6750 section 3. */
const invalidToken = /^Bearer\b.*\berror="?invalid_token\b/i
