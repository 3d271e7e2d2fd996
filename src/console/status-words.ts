import type { ConnectedAccountStatus, StatusReason } from './operations.ts'

/** What a status means to an operator. */
export const statusMeanings: Readonly<Record<ConnectedAccountStatus, string>> = {
  ACTIVE: 'Authorized and usable.',
  PENDING: 'Waits for the user to authorize.',
  PENDING_CONFIRMATION: 'The user consented. Waits for your application to confirm who it is.',
  EXPIRED: 'The credentials stopped working. The provider did not report a revocation.',
  REVOKED: 'The user or an admin revoked the access at the provider.',
  DISCONNECTED: 'Your application disconnected the account.',
}

/** Why an account has its status. */
export const reasons: Readonly<Partial<Record<StatusReason, string>>> = {
  AUTHORIZATION_ABANDONED: 'The link was opened, but no one returned from the provider in time.',
  AUTHORIZATION_DENIED: 'The user denied the consent at the provider.',
  AUTHORIZATION_FAILED: 'The authorization failed at the provider or during the code exchange.',
  AUTHORIZED: 'The user consented, and the authorization was confirmed.',
  AWAITING_CONFIRMATION: 'The user consented. confirmAuthorization was not called yet.',
  CONFIRMATION_EXPIRED: 'confirmAuthorization was not called in time. The tokens were discarded.',
  CONFIRMATION_REFUSED: 'confirmAuthorization was called with another identifier. The tokens were discarded.',
  CREATED: 'The account was created. No authorization has finished yet.',
  CREDENTIALS_REFUSED: 'The provider refused the credentials repeatedly, without a code for the reason.',
  DISCONNECTED_BY_APPLICATION: 'The account was disconnected through the API.',
  IMPORTED: 'Existing tokens were imported, and the provider accepted them.',
  NOT_RENEWABLE: 'The provider refused the access token, and there is no refresh token.',
  OAUTH_APP_CHANGED: 'The OAuth app was registered with another client ID.',
  OAUTH_APP_REJECTED: 'The provider rejected the OAuth app: check its client ID, client secret and redirect URI.',
  RENEWAL_INTERRUPTED: 'A renewal was interrupted before its result was stored.',
  REVOKED_AT_PROVIDER: 'The provider reported that the access was revoked.',
  USER_CHANGED: 'Another user of the provider consented. The tokens were discarded.',
}
