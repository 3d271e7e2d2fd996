/** Every status of a connected account, with what it means. The GraphQL enum is made from this. */
export const accountStatuses = {
  PENDING: 'Created; its user has not authorized yet.',
  PENDING_CONFIRMATION:
    'The user consented at the provider; your application has not yet confirmed that it was the right user.',
  ACTIVE: 'The credentials work as far as is known; tools can be called.',
  EXPIRED: 'The credentials stopped working and nothing says that the user revoked them.',
  REVOKED: 'The user, or an admin, took the access away at the provider.',
  DISCONNECTED: 'Your application disconnected it.',
} as const

export type AccountStatus = keyof typeof accountStatuses

/** Why an account has its status. The GraphQL enum is made from this. */
export const statusReasons = {
  CREATED: 'The account was created and no authorization has been finished.',
  AUTHORIZATION_DENIED: 'The user said no at the provider.',
  AUTHORIZATION_FAILED: 'The provider or the exchange of the code failed during the authorization; nothing was kept.',
  AUTHORIZATION_ABANDONED:
    'The user opened the link and did not come back from the provider in time; nothing was kept.',
  AWAITING_CONFIRMATION: 'The user consented; confirmAuthorization has not been called yet.',
  CONFIRMATION_REFUSED: 'confirmAuthorization named another identifier; the tokens were discarded.',
  CONFIRMATION_EXPIRED: 'confirmAuthorization was not called in time; the tokens were discarded.',
  USER_CHANGED: 'Another provider user consented than the one behind the account; the tokens were discarded.',
  AUTHORIZED: 'The user consented and the application confirmed it.',
  IMPORTED: 'Existing tokens were imported and the provider accepted them.',
  REVOKED_AT_PROVIDER: 'The provider says that the access is gone.',
  RENEWAL_INTERRUPTED: 'A renewal was cut off before its result was stored, and the old credentials no longer work.',
  NOT_RENEWABLE: 'The provider refuses the access token and has given no refresh token.',
  OAUTH_APP_CHANGED:
    'The OAuth app was registered anew with another client id; credentials of the old one are of no use to it.',
  DISCONNECTED_BY_APPLICATION: 'The application called disconnectConnectedAccount.',
} as const

export type StatusReason = keyof typeof statusReasons
