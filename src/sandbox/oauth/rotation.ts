import { createGrantAccess } from '../access.ts'
import type { GrantAccess } from '../context.ts'
import { invalidToken } from '../errors.ts'
import type { Token, TokenPair } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { OAuthError } from './oauth-error.ts'
import type { IssuedTokens } from './tokens.ts'
import { endTokens, isAlive, issuePair, tokensOf } from './tokens.ts'

/*
 * The setting `rotation` determines the effect of a refresh, because Notion documents it only in part:
 * - `strict`: a refresh immediately ends the old access and refresh token. A second use of a refresh token ends all
 *   tokens of its family (RFC 9700 §4.14.2).
 * - `grace`: until the new access token is used, the previous access token stays valid, and the previous refresh token
 *   returns the same new pair. A lost response or concurrent refreshes lose no tokens.
 * - `none`: the refresh token and older access tokens stay valid.
 */

/** Issues the successor of a refresh token and stores it in the refresh token. */
function issueSuccessor(state: SandboxState, token: Token): TokenPair {
  const pair = issuePair(state, token.grantId, token.familyId)
  state.store.tokens.put({ ...token, used: true, pair })
  return pair
}

/**
 * Exchanges a refresh token according to the setting `rotation`.
 *
 * Throws OAuthError `invalid_grant` when the token is unknown, expired or of another client, or when it was used and
 * `rotation` does not allow another use.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-6
 */
export function refreshGrant(state: SandboxState, clientId: string, refreshToken: string): IssuedTokens {
  const { store } = state
  const token = store.tokens.get(refreshToken)
  const grant = token && store.grants.get(token.grantId)
  if (token?.type !== 'refresh' || !isAlive(state, token) || grant?.clientId !== clientId) {
    throw new OAuthError('invalid_grant', 'Invalid refresh token')
  }
  const { rotation } = state.settings()
  if (rotation === 'none' && !token.used) return { pair: issuePair(state, grant.id, token.familyId, token.id), grant }

  if (token.used) {
    const successor = token.pair && store.tokens.get(token.pair.access)
    if (rotation === 'grace' && token.pair && successor?.used === false) {
      if (isAlive(state, successor)) return { pair: token.pair, grant }
      return { pair: issueSuccessor(state, token), grant }
    }
    if (rotation === 'strict') endTokens(state, grant.id, (other) => other.familyId === token.familyId)
    throw new OAuthError('invalid_grant', 'Invalid refresh token')
  }
  if (rotation === 'strict') {
    endTokens(state, grant.id, (other) => other.type === 'access' && other.familyId === token.familyId)
  }
  return { pair: issueSuccessor(state, token), grant }
}

/** Deletes the access tokens before this one and the refresh tokens exchanged before it. */
function endPredecessors(state: SandboxState, token: Token): void {
  const tokens = tokensOf(state, token.grantId)
  const older = tokens.slice(
    0,
    tokens.findIndex((other) => other.id === token.id),
  )
  for (const other of older) {
    const exchanged = other.type === 'refresh' && other.used && other.id !== token.pair?.refresh
    if (other.familyId === token.familyId && (other.type === 'access' || exchanged)) state.store.tokens.delete(other.id)
  }
}

/**
 * Returns the access of a bearer token. With `grace` rotation, its first use ends the previous tokens.
 *
 * Throws NotionApiError 401 when the string is not an active access token.
 */
export function authenticate(state: SandboxState, bearer: string): GrantAccess {
  const { store } = state
  const token = store.tokens.get(bearer)
  const grant = token && store.grants.get(token.grantId)
  if (token?.type !== 'access' || !isAlive(state, token) || !grant) throw invalidToken()
  if (!token.used) {
    store.tokens.put({ ...token, used: true })
    if (state.settings().rotation === 'grace') endPredecessors(state, token)
  }
  return createGrantAccess(store, grant, state.client(grant.clientId))
}
