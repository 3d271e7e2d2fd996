import { randomBytes, randomUUID } from 'node:crypto'
import { Secret } from '../vault/secret.ts'
import { type OAuthClient, OAuthFailure, type OAuthProvider } from './provider.ts'

/** Whether the provider accepts an OAuth client. `failure` is its last answer where it does not, or did not say. */
export type ClientCheck =
  | { readonly verdict: 'accepted' }
  | { readonly verdict: 'refused' | 'unknown'; readonly failure: OAuthFailure }

/**
 * Asks the provider whether it accepts the id and secret of an OAuth client, without any user: the token endpoint refuses an
 * invented code with `invalid_grant` when it has accepted the client, and with `invalid_client` otherwise (RFC 6749 section
 * 5.2). Where its answer is neither, introspection of an invented token (RFC 7662) decides. The redirect URI is not checked.
 */
export async function checkClient(
  provider: OAuthProvider,
  client: OAuthClient,
  redirectUri: string,
): Promise<ClientCheck> {
  const code = randomUUID()
  const codeVerifier = provider.supportsPkce ? new Secret(randomBytes(32).toString('base64url')) : null
  const exchanged = await failureOf(provider.exchangeCode(client, { code, redirectUri, codeVerifier }))
  if (exchanged === null || exchanged.kind === 'grant_refused') return { verdict: 'accepted' }
  if (exchanged.kind === 'client_refused' && exchanged.code !== 'redirect_uri_mismatch')
    return { verdict: 'refused', failure: exchanged }
  if (!['client_refused', 'unauthorized', 'rejected'].includes(exchanged.kind))
    return { verdict: 'unknown', failure: exchanged }
  const inspected = provider.introspect
    ? await failureOf(provider.introspect(client, new Secret(randomUUID())))
    : exchanged
  if (inspected === null || inspected.kind === 'grant_refused') return { verdict: 'accepted' }
  // Neither endpoint names the client in its 401, and neither was asked about anything else that it could know.
  const unnamed = exchanged.kind === 'unauthorized' && ['unauthorized', 'rejected'].includes(inspected.kind)
  const refused = unnamed || (inspected.kind === 'client_refused' && inspected.code !== 'redirect_uri_mismatch')
  return { verdict: refused ? 'refused' : 'unknown', failure: inspected }
}

async function failureOf(call: Promise<unknown>): Promise<OAuthFailure | null> {
  try {
    await call
    return null
  } catch (error) {
    if (error instanceof OAuthFailure) return error
    throw error
  }
}
