import { GraphQLError } from 'graphql'
import type { Refusal, Scope, Viewer } from '../environments/viewer.ts'
import type { InputIssue } from '../errors.ts'
import type { Callers } from './access.ts'

/**
 * Top-level error for a request without a valid credential. `message` names what to send; `reason` is why the credential
 * is not accepted, if there is one.
 */
export function unauthenticated(
  message = 'This field requires a credential. Send "Authorization: Bearer <API key or user session>".',
  reason?: Refusal['reason'],
): GraphQLError {
  return new GraphQLError(message, {
    extensions: {
      code: 'UNAUTHENTICATED',
      ...(reason && { reason }),
      http: { status: 401, headers: { 'www-authenticate': 'Bearer' } },
    },
  })
}

/** Top-level error for a credential that may not use a field. `needed` is what the field requires. */
export function forbidden(
  viewer: Viewer,
  fieldName: string,
  needed: { readonly scope: Scope | null; readonly who: Callers },
): GraphQLError {
  const message =
    viewer.identifier !== null
      ? sessionLimit(fieldName, needed.who)
      : needed.who === 'session' || (needed.scope !== null && !viewer.scopes.has(needed.scope))
        ? missingScope(viewer, fieldName, needed.scope, needed.who)
        : `The API key is narrowed, and does not permit this use of "${fieldName}". Use another connection, identifier or tool, or another API key.`
  return new GraphQLError(message, { extensions: { code: 'FORBIDDEN' } })
}

function sessionLimit(fieldName: string, who: Callers): string {
  return who !== 'application'
    ? `A user session may use "${fieldName}" for its own identifier only.`
    : `"${fieldName}" requires an API key. Call it from your backend. A user session can only see, authorize, watch and disconnect the accounts of its own identifier, and approve or reject their tool calls.`
}

function missingScope(viewer: Viewer, fieldName: string, scope: Scope | null, who: Callers): string {
  if (who === 'session') return `"${fieldName}" requires a user session. Create one with createUserSession.`
  const scopes = [...viewer.scopes].join(', ')
  return `"${fieldName}" requires the scope ${scope}. This API key has: ${scopes}. Use an API key with that scope, or create one with createApiKey, which requires ADMIN.`
}

/** Top-level error for a credential that may not approve its own call. */
export const forbiddenOwnApproval = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'FORBIDDEN' } })

/** Top-level error for an object that no longer exists. `message` explains how to continue. */
export function notFound(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'NOT_FOUND' } })
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
