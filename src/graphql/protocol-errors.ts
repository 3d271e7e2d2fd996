import { GraphQLError } from 'graphql'
import type { Scope, Viewer } from '../environments/viewer.ts'

/** Top-level error for a request without a usable credential. `message` says what to send. */
export function unauthenticated(
  message = 'This needs a credential: send "Authorization: Bearer <API key or user session>".',
): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'UNAUTHENTICATED', http: { status: 401, headers: { 'www-authenticate': 'Bearer' } } },
  })
}

/** Top-level error for a credential that does not reach so far: `needed` is what the field asks for. */
export function forbidden(
  viewer: Viewer,
  fieldName: string,
  needed: { readonly scope: Scope | null; readonly who: 'application' | 'own' },
): GraphQLError {
  return new GraphQLError(viewer.identifier === null ? lacksScope(viewer, fieldName, needed.scope) : isSession(), {
    extensions: { code: 'FORBIDDEN' },
  })

  function isSession(): string {
    return needed.who === 'own'
      ? `A user session may use "${fieldName}" for its own identifier only.`
      : `"${fieldName}" takes an API key: call it from your backend. A user session can see, authorize, watch and disconnect the accounts of its own identifier, and no more.`
  }
}

function lacksScope(viewer: Viewer, fieldName: string, scope: Scope | null): string {
  const scopes = [...viewer.scopes].join(', ')
  return `"${fieldName}" takes the scope ${scope}, and this API key has ${scopes}. Use one that has it, or have an ADMIN create one with createApiKey.`
}

/** Top-level error for a caller who has used up what they may. `message` says when or how it goes on. */
export function throttled(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'THROTTLED' } })
}

/** Top-level error for arguments outside a result union, and for documents over the limits. */
export function badUserInput(
  message: string,
  code: 'BAD_USER_INPUT' | 'COMPLEXITY_LIMIT' = 'BAD_USER_INPUT',
): GraphQLError {
  // A document over the limits is refused as a whole, as an invalid one is.
  const http = code === 'COMPLEXITY_LIMIT' ? { http: { spec: true, status: 400 } } : {}
  return new GraphQLError(message, { extensions: { code, ...http } })
}
