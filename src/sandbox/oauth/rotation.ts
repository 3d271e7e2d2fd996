import { createGrantAccess } from '../access.ts'
import type { GrantAccess } from '../context.ts'
import { invalidToken } from '../errors.ts'
import type { Token, TokenPair } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { OAuthError } from './oauth-error.ts'
import type { IssuedTokens } from './tokens.ts'
import { endTokens, isAlive, issuePair, tokensOf } from './tokens.ts'

/**
 * What Notion does at a refresh is only partly known, so that the setting `rotation` decides:
 * - `strict`: a refresh ends the old access and refresh token at once, and using a refresh token a second time ends every
 *   token of its family (RFC 9700 §4.14.2).
 * - `grace`: until the new access token is first used, the previous access token works, and the previous refresh token
 *   answers with the same new pair again; so an answer that got lost, or two callers at once, lose nothing.
 * - `none`: the refresh token stays, and older access tokens live on.
 */

/** Issues the pair that takes a refresh token's place, and remembers which one it was. */
function issueSuccessor(state: SandboxState, token: Token): TokenPair {
  const pair = issuePair(state, token.grantId, token.familyId)
  state.store.tokens.put({ ...token, used: true, pair })
  return pair
}

/**
 * Exchanges a refresh token (RFC 6749 §6) as the rotation mode says.
 *
 * @throws OAuthError `invalid_grant` for a token that is unknown, ended, expired, or of another client
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

/** Ends the access tokens before this one, and the refresh tokens that were exchanged on the way to it. */
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
 * Whose a bearer token is. Its first use ends what a `grace` rotation kept alive.
 *
 * @throws NotionApiError 401 for anything but a living access token
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
