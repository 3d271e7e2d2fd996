import type { Client } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { OAuthError } from './oauth-error.ts'

/** Printable ASCII without spaces and colons. The maximum length fits into headers. */
const clientIdPattern = /^[\x21-\x39\x3b-\x7e]{1,200}$/

/** Returns whether a string is a valid client id: 1 to 200 printable ASCII characters without spaces and colons. */
export const isClientId = (text: string) => clientIdPattern.test(text)

/**
 * Returns the client of HTTP Basic credentials. As documented by Notion, id and secret are not form-decoded: a client
 * that form-encodes them (RFC 6749 §2.3.1) receives `invalid_client` or `invalid_grant`.
 *
 * Throws OAuthError `invalid_client` when the credentials or the secret are missing or a registered secret differs.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export function authenticateClient(state: SandboxState, header: string | undefined): Client {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) throw new OAuthError('invalid_client', 'Client authentication by HTTP Basic is missing.')
  const credentials = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = credentials.indexOf(':')
  const clientId = credentials.slice(0, Math.max(colon, 0))
  const secret = credentials.slice(colon + 1)
  if (colon < 1 || secret === '' || !isClientId(clientId) || !state.knowsClient(clientId)) {
    throw new OAuthError('invalid_client', 'Client authentication failed.')
  }
  const client = state.client(clientId)
  if (client.secret !== null && client.secret !== secret) {
    throw new OAuthError('invalid_client', 'Client authentication failed.')
  }
  return client
}
