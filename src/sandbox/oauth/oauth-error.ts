import type { Json } from '../model.ts'

/** The `error` values of RFC 6749 §5.2 that the OAuth operations answer with. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'

/** A refusal of an OAuth operation. Notion answers these in the shape of RFC 6749 §5.2 and not in its own envelope. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly status: 400 | 401
  readonly code: OAuthErrorCode

  constructor(code: OAuthErrorCode, description: string) {
    super(description)
    this.status = code === 'invalid_client' ? 401 : 400
    this.code = code
  }
}

/** The JSON of an OAuth error. */
export function oauthErrorBody(code: string, description: string, requestId: string): Json {
  return { error: code, error_description: description, request_id: requestId }
}
