import { OAuthAppRejectedError, ProviderUnavailableError } from '../../errors.ts'
import type { Secret } from '../../vault/secret.ts'

/** An access token with the version of the grant that it belongs to. */
export interface RenewedToken {
  readonly accessToken: Secret
  readonly grantId: string
  readonly version: number
}

/**
 * How an attempt to have a working token ended:
 * - `token`: here it is, whoever renewed it.
 * - `ended`: the grant does not stand any more.
 * - `unavailable`: the provider could not be asked or did not say; nothing has changed.
 * - `client_refused`: the provider refuses the OAuth app itself; nothing has changed.
 */
export type Outcome =
  | { readonly kind: 'token'; readonly token: RenewedToken }
  | { readonly kind: 'ended' }
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number }
  | { readonly kind: 'client_refused' }

/** Nothing has changed and nothing is known; worth another try in so many milliseconds. */
export const unavailable = (retryAfterMs: number): Outcome => ({
  kind: 'unavailable',
  retryAfterMs: Math.max(1, Math.round(retryAfterMs)),
})

/** The failure that a caller is told of. */
export function toAccountError(
  outcome: Extract<Outcome, { kind: 'unavailable' | 'client_refused' }>,
  connectionName: string,
): OAuthAppRejectedError | ProviderUnavailableError {
  if (outcome.kind === 'client_refused') return new OAuthAppRejectedError(connectionName)
  return new ProviderUnavailableError(
    `The credentials could not be renewed or verified at the provider just now; nothing about the account has changed. Try again in ${Math.ceil(outcome.retryAfterMs / 1000)} s.`,
    outcome.retryAfterMs,
  )
}
