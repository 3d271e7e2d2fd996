import type { Client } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { OAuthError } from './oauth-error.ts'

/** What a client id may look like: printable ASCII without blanks and colons, of a length that fits into headers. */
const clientIdPattern = /^[\x21-\x39\x3b-\x7e]{1,200}$/

/** Whether text can be a client id. */
export const isClientId = (text: string) => clientIdPattern.test(text)

/**
 * The client that HTTP Basic credentials name (RFC 7617). As Notion documents it, id and secret are taken as they are:
 * the form-encoding of RFC 6749 §2.3.1 is not undone, so a client that applies it meets `invalid_client` or
 * `invalid_grant` here as it would there.
 *
 * @throws OAuthError `invalid_client` without credentials, without a secret, or if a registered secret differs
 */
export function authenticateClient(state: SandboxState, header: string | undefined): Client {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) throw new OAuthError('invalid_client', 'Client authentication by HTTP Basic is missing.')
  const credentials = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = credentials.indexOf(':')
  const clientId = credentials.slice(0, Math.max(colon, 0))
  const secret = credentials.slice(colon + 1)
  if (colon < 1 || secret === '' || !isClientId(clientId)) {
    throw new OAuthError('invalid_client', 'Client authentication failed.')
  }
  const client = state.client(clientId)
  if (client.secret !== null && client.secret !== secret) {
    throw new OAuthError('invalid_client', 'Client authentication failed.')
  }
  return client
}
