import type { Json } from '../model.ts'

/**
 * The `error` values of OAuth operations.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'

/** An error response of an OAuth operation. Notion uses the format of RFC 6749 §5.2 here, not its own. */
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

/** Returns the JSON of an OAuth error. */
export function oauthErrorBody(code: string, description: string, requestId: string): Json {
  return { error: code, error_description: description, request_id: requestId }
}
