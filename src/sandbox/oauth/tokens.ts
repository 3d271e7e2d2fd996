import type { Grant, Id, Token, TokenPair } from '../model.ts'
import type { SandboxState } from '../state.ts'

/** A token pair and its grant. */
export interface IssuedTokens {
  readonly pair: TokenPair
  readonly grant: Grant
}

/** Lifetime of access tokens when `expires_in` is enabled and no lifetime is set. */
const defaultLifetimeSeconds = 3600

/** Maximum number of tokens of a grant, including exchanged ones to detect reuse and older active access tokens. */
const maxTokensPerGrant = 200

/** Returns whether a token exists and has not expired. */
export const isAlive = (state: SandboxState, token: Token | undefined): token is Token =>
  token !== undefined && (token.expiresTime === null || token.expiresTime > state.now().getTime())

/** Returns the tokens of a grant, oldest first. */
export function tokensOf(state: SandboxState, grantId: Id): Token[] {
  return [...state.store.tokensOf(grantId)].flatMap((id) => state.store.tokens.get(id) ?? [])
}

/** Deletes the tokens of a grant for which `which` returns true. */
export function endTokens(state: SandboxState, grantId: Id, which: (token: Token) => boolean): void {
  for (const token of tokensOf(state, grantId)) if (which(token)) state.store.tokens.delete(token.id)
}

/** Returns the lifetime of a new access token in seconds, or null if it does not expire. */
function accessTokenLifetime(state: SandboxState): number | null {
  const { accessTokenTtlSeconds, expiresIn } = state.settings()
  return accessTokenTtlSeconds ?? (expiresIn ? defaultLifetimeSeconds : null)
}

/** Deletes the oldest tokens over the maximum, except refresh tokens that can still be exchanged. */
function forgetOldest(state: SandboxState, grantId: Id, latest: TokenPair): void {
  const surplus = state.store.tokensOf(grantId).size - maxTokensPerGrant
  if (surplus <= 0) return
  const forgettable = tokensOf(state, grantId).filter(
    (token) => token.id !== latest.access && (token.type === 'access' || token.used || !isAlive(state, token)),
  )
  for (const token of forgettable.slice(0, surplus)) state.store.tokens.delete(token.id)
}

/** Issues an access token, and a refresh token unless `reusedRefresh` is set. */
export function issuePair(state: SandboxState, grantId: Id, familyId: Id, reusedRefresh?: string): TokenPair {
  const now = state.now().getTime()
  const lifetime = accessTokenLifetime(state)
  const pair = { access: state.newSecret('ntn_'), refresh: reusedRefresh ?? state.newSecret('nrt_') }
  const common = { grantId, familyId, issuedTime: now, used: false }
  if (reusedRefresh === undefined) {
    state.store.tokens.put({ ...common, id: pair.refresh, type: 'refresh', expiresTime: null, pair: null })
  }
  state.store.tokens.put({
    ...common,
    id: pair.access,
    type: 'access',
    expiresTime: lifetime === null ? null : now + lifetime * 1000,
    pair,
  })
  forgetOldest(state, grantId, pair)
  return pair
}
