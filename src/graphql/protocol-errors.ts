import { GraphQLError } from 'graphql'
import type { Viewer } from '../environments/viewer.ts'

/** Top-level error for a request without a usable credential. `message` says what to send. */
export function unauthenticated(
  message = 'This needs a credential: send "Authorization: Bearer <API key or user session>".',
): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'UNAUTHENTICATED', http: { status: 401, headers: { 'www-authenticate': 'Bearer' } } },
  })
}

/** Top-level error for a credential that does not reach so far. */
export function forbidden(viewer: Viewer, fieldName: string): GraphQLError {
  const scopes = [...viewer.scopes].join(', ') || 'none'
  return new GraphQLError(
    viewer.identifier === null
      ? `The API key may not use "${fieldName}": it has the scopes ${scopes}.`
      : `A user session may use "${fieldName}" only for its own identifier, and only to see, authorize, watch and disconnect its accounts.`,
    { extensions: { code: 'FORBIDDEN' } },
  )
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
