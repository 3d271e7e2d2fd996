import { OAuthFailure, type OAuthFailureKind } from '../accounts/provider.ts'
import { parseJsonObject } from '../provider-http.ts'
import { isUuid } from '../uuid.ts'

/** The facts about a refused request from which its {@link OAuthFailure} is derived. */
export interface Refusal {
  readonly status: number
  readonly text: string
  /** Milliseconds that the answer asks to wait; null where it asks for nothing. */
  readonly retryAfterMs: number | null
  /** The WWW-Authenticate field. */
  readonly challenge: string | null
}

/** A provider's error codes beyond those of the RFCs. */
export interface ProviderCodes {
  /** Codes that may be passed on. Any other text could quote the request. */
  readonly known: readonly string[]
  /** Those of them with which the provider refuses an access token. */
  readonly tokenRefused: readonly string[]
}

/** Codes with which a provider refuses the OAuth client, whatever the token or code. */
const clientCodes = ['invalid_client', 'unauthorized_client', 'unsupported_grant_type', 'redirect_uri_mismatch']

/** Codes of a failure of the provider, whatever the HTTP status: of RFC 6749, and those by which Notion and others name HTTP's. */
const outageCodes = [
  'server_error',
  'temporarily_unavailable',
  'internal_server_error',
  'bad_gateway',
  'service_unavailable',
  'database_connection_unavailable',
  'gateway_timeout',
  'service_overload',
  'conflict_error',
]

/** RFC 6749 section 5.2, RFC 7009 section 2.2.1 and RFC 6750 section 3.1. */
const standardCodes = [
  ...clientCodes,
  ...outageCodes,
  'invalid_request',
  'invalid_grant',
  'invalid_scope',
  'unsupported_token_type',
  'invalid_token',
  'insufficient_scope',
]

/**
 * Classifies an answer that is not a result. Reads the code wherever providers put it: in `error` (RFC 6749 section 5.2) or
 * `code`, also within an object or a list, in a form, as the whole body, or in WWW-Authenticate (RFC 6750 section 3).
 * `credential` is what the request was authenticated with: the OAuth client or an access token.
 */
export function failureOf(
  refusal: Refusal,
  credential: 'client' | 'token',
  codes: ProviderCodes = { known: [], tokenRefused: [] },
): OAuthFailure {
  const code = codeOf(refusal, codes)
  const kind = kindOf(refusal, code, credential, codes)
  const requestId = parseJsonObject(refusal.text)?.request_id
  return new OAuthFailure(kind, messages[kind], {
    status: refusal.status,
    code,
    retryAfterMs: pauseOf(refusal),
    requestId: typeof requestId === 'string' && isUuid(requestId) ? requestId : null,
  })
}

/**
 * Whether an answer with a status of success reports a refusal, as some providers do: it names an error code, or has the
 * member `error`, and holds no token. `json` is its body as an object, or null.
 */
export function refusesInBody(
  answer: Refusal,
  json: Readonly<Record<string, unknown>> | null,
  codes: ProviderCodes = { known: [], tokenRefused: [] },
): boolean {
  if (json?.access_token != null) return false
  return json?.error != null || codeOf(answer, codes) !== null
}

/** An OAuth app is not paused for longer, whatever the provider asks for. */
const maxPauseMs = 3_600_000

const pauseOf = ({ retryAfterMs: ms }: Refusal) => (ms === null ? null : Math.min(ms, maxPauseMs))

const messages: Readonly<Record<OAuthFailureKind, string>> = {
  grant_refused: 'The provider refuses the code or token.',
  client_refused: 'The provider refuses the OAuth app: its client id, secret or redirect URI.',
  unauthorized: 'The provider refuses the OAuth client or the token.',
  rate_limited: "The provider's rate limit is reached.",
  not_sent: 'The provider could not be reached.',
  ambiguous: 'The provider failed. Whether it acted on the request is unknown.',
  rejected: 'The provider rejected the request.',
}

function codeOf({ text, challenge }: Refusal, { known }: ProviderCodes): string | null {
  const named = [...codesIn(text), /\berror="?(\w+)/.exec(challenge ?? '')?.[1]]
  const code =
    named.find((each) => each !== undefined && (standardCodes.includes(each) || known.includes(each))) ?? null
  // RFC 6749 has no code of its own for it; several providers name the parameter in the description of another.
  const aboutRedirect = code === 'invalid_grant' || code === 'invalid_request' || code === 'validation_error'
  return aboutRedirect && /\bredirect_uri\b/i.test(text) ? 'redirect_uri_mismatch' : code
}

function codesIn(text: string): readonly string[] {
  try {
    return codesOf(JSON.parse(text), ['error', 'code', 'error_code', 'errors', 'message'])
  } catch {
    return [new URLSearchParams(text).get('error') ?? text.trim()]
  }
}

function codesOf(value: unknown, members: readonly string[], depth = 0): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null || depth > 3) return []
  const inner = ['code', 'type', 'error']
  if (Array.isArray(value)) return codesOf(value[0], depth === 0 ? members : inner, depth + 1)
  return members.flatMap((member) => codesOf((value as Record<string, unknown>)[member], inner, depth + 1))
}

function kindOf(
  { status, text }: Refusal,
  code: string | null,
  credential: 'client' | 'token',
  { tokenRefused }: ProviderCodes,
): OAuthFailureKind {
  if (status === 429 || status === 529 || code === 'rate_limited') return 'rate_limited'
  // A redirect comes from something in between, a 5xx from somewhere behind: neither shows what became of the request.
  if (status < 400 || status >= 500 || failedStatuses.includes(status)) return 'ambiguous'
  if (code !== null && outageCodes.includes(code)) return 'ambiguous'
  // A page is for people: it comes from a proxy or a firewall, not from the provider's API.
  if (/^\s*</.test(text)) return 'ambiguous'
  if (code === 'invalid_grant') return 'grant_refused'
  if (code !== null && clientCodes.includes(code)) return 'client_refused'
  if (credential === 'client') return status === 401 ? 'unauthorized' : 'rejected'
  // A login of a proxy is a 401 too. Only the provider's own word may end a grant.
  return code === 'invalid_token' || (code !== null && tokenRefused.includes(code)) ? 'grant_refused' : 'rejected'
}

/** Client errors of HTTP after which the same request may succeed, or which only a proxy sends. */
const failedStatuses = [407, 408, 409, 421, 423, 425]
