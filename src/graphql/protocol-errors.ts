import { GraphQLError } from 'graphql'
import type { Scope, Viewer } from '../environments/viewer.ts'
import type { InputIssue } from '../errors.ts'

/** Top-level error for a request without a valid credential. `message` names what to send. */
export function unauthenticated(
  message = 'This field requires a credential. Send "Authorization: Bearer <API key or user session>".',
): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'UNAUTHENTICATED', http: { status: 401, headers: { 'www-authenticate': 'Bearer' } } },
  })
}

/** Top-level error for a credential that may not use a field. `needed` is what the field requires. */
export function forbidden(
  viewer: Viewer,
  fieldName: string,
  needed: { readonly scope: Scope | null; readonly who: 'application' | 'own' },
): GraphQLError {
  const message =
    viewer.identifier === null ? missingScope(viewer, fieldName, needed.scope) : sessionLimit(fieldName, needed.who)
  return new GraphQLError(message, { extensions: { code: 'FORBIDDEN' } })
}

function sessionLimit(fieldName: string, who: 'application' | 'own'): string {
  return who === 'own'
    ? `A user session may use "${fieldName}" for its own identifier only.`
    : `"${fieldName}" requires an API key. Call it from your backend. A user session can only see, authorize, watch and disconnect the accounts of its own identifier.`
}

function missingScope(viewer: Viewer, fieldName: string, scope: Scope | null): string {
  const scopes = [...viewer.scopes].join(', ')
  return `"${fieldName}" requires the scope ${scope}. This API key has: ${scopes}. Use an API key with that scope, or create one with createApiKey, which requires ADMIN.`
}

/** Top-level error for a caller that has reached a limit. `message` explains when or how to continue. */
export function throttled(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'THROTTLED' } })
}

/** Top-level error for invalid arguments of a field whose result has no typed error for them. */
export function badUserInput(message: string, details: { readonly issues?: readonly InputIssue[] } = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', ...details } })
}

/** Top-level error for a document over a limit. The document is refused as a whole, as an invalid one is. */
export function documentTooLarge(message: string): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'COMPLEXITY_LIMIT', http: { spec: true, status: 400 } },
  })
}
