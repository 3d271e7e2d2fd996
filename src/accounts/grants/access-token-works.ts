import type { Secret } from '../../vault/secret.ts'
import type { OpenedOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'

/**
 * Asks the provider whether an access token works: by introspection, else by who the token acts for. Null where the
 * provider offers neither. Throws OAuthFailure when the provider cannot be asked.
 */
export async function accessTokenWorks(
  { provider, client }: OpenedOAuthClient,
  accessToken: Secret,
): Promise<boolean | null> {
  if (provider.introspect) {
    try {
      return (await provider.introspect(client, accessToken)).active
    } catch (error) {
      // An endpoint that rejects the request leaves the token's own answer.
      if (!(error instanceof OAuthFailure && (error.kind === 'rejected' || error.kind === 'unauthorized'))) throw error
    }
  }
  if (!provider.identify) return null
  try {
    await provider.identify(client, accessToken)
    return true
  } catch (error) {
    if (error instanceof OAuthFailure && error.kind === 'grant_refused') return false
    throw error
  }
}
