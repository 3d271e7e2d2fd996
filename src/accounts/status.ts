/** Every status of a connected account, with its description. The GraphQL enum is made from this. */
export const accountStatuses = {
  PENDING: 'Waiting for the user to authorize.',
  PENDING_CONFIRMATION: 'Consented to at the provider. Waiting for your application to call confirmAuthorization.',
  ACTIVE: 'Authorized and usable.',
  EXPIRED: 'Credentials stopped working. The provider did not report a revocation.',
  REVOKED: 'Access revoked at the provider by the user or an admin.',
  DISCONNECTED: 'Disconnected by your application.',
} as const

export type AccountStatus = keyof typeof accountStatuses

/** Why an account has its status. The GraphQL enum is made from this. */
export const statusReasons = {
  CREATED: 'Account created. No authorization has finished yet.',
  AUTHORIZATION_DENIED: 'Consent denied by the user at the provider.',
  AUTHORIZATION_FAILED: 'Authorization failed at the provider or during the code exchange. No tokens were stored.',
  OAUTH_APP_REJECTED:
    'OAuth app rejected by the provider: its client ID, client secret or redirect URI is wrong. No tokens were stored.',
  AUTHORIZATION_ABANDONED: 'Link opened, but no one returned from the provider in time. No tokens were stored.',
  AWAITING_CONFIRMATION: 'User consented. confirmAuthorization has not been called yet.',
  CONFIRMATION_REFUSED: 'confirmAuthorization was called with another identifier. The tokens were discarded.',
  CONFIRMATION_EXPIRED: 'confirmAuthorization was not called in time. The tokens were discarded.',
  USER_CHANGED: 'Consent given by another user of the provider than the one of the account. The tokens were discarded.',
  AUTHORIZED: 'User consented and the authorization was confirmed.',
  IMPORTED: 'Existing tokens imported and accepted by the provider.',
  REVOKED_AT_PROVIDER: 'Access reported as revoked by the provider.',
  RENEWAL_INTERRUPTED:
    'Token refresh interrupted before its result was stored, and the previous credentials no longer work.',
  NOT_RENEWABLE: 'Access token refused by the provider, and there is no refresh token.',
  CREDENTIALS_REFUSED: 'Credentials refused by the provider repeatedly, without an error code for the reason.',
  OAUTH_APP_CHANGED:
    'OAuth app registered with another client id. The credentials of the previous client cannot be used with it.',
  DISCONNECTED_BY_APPLICATION: 'disconnectConnectedAccount was called.',
} as const

export type StatusReason = keyof typeof statusReasons
