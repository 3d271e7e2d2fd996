/** What a provider sends back through the browser (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207 for `iss`). */
export type CallbackParameters =
  | { readonly kind: 'code'; readonly state: string; readonly issuer: string | null; readonly code: string }
  | { readonly kind: 'error'; readonly state: string; readonly issuer: string | null; readonly error: CallbackError }

/** The codes of RFC 6749 section 4.1.2.1; every other one is `provider_error`. The description is not read at all. */
export const callbackErrors = [
  'access_denied',
  'invalid_request',
  'unauthorized_client',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'provider_error',
] as const

export type CallbackError = (typeof callbackErrors)[number]

const longestValue = 2048

/**
 * Reads a callback's query. Null when it is not one that a provider sends: a parameter twice, a value of more than 2 kB,
 * a code together with an error or neither, no state.
 */
export function readCallbackParameters(query: URLSearchParams): CallbackParameters | null {
  const seen = new Map<string, string>()
  for (const [name, value] of query) {
    if (seen.has(name) || value.length > longestValue) return null
    seen.set(name, value)
  }
  const state = seen.get('state')
  const code = seen.get('code')
  const error = seen.get('error')
  if (!state) return null
  const issuer = seen.get('iss') ?? null
  if (code !== undefined && error === undefined && code !== '') return { kind: 'code', state, issuer, code }
  if (error !== undefined && code === undefined) {
    const known = callbackErrors.find((candidate) => candidate === error)
    return { kind: 'error', state, issuer, error: known ?? 'provider_error' }
  }
  return null
}
