import type { Grant, Id, Token, TokenPair } from '../model.ts'
import type { SandboxState } from '../state.ts'

/** A token pair and the grant that it is for. */
export interface IssuedTokens {
  readonly pair: TokenPair
  readonly grant: Grant
}

/** `expires_in` is only true if tokens expire: this is how long they live if it is on and no lifetime was set. */
const defaultLifetimeSeconds = 3600

/** Tokens that are kept per grant: exchanged ones to notice their reuse, and older access tokens that still work. */
const maxTokensPerGrant = 200

/** Whether a token exists and has not expired. */
export const isAlive = (state: SandboxState, token: Token | undefined): token is Token =>
  token !== undefined && (token.expiresTime === null || token.expiresTime > state.now().getTime())

/** Tokens of a grant, oldest first. */
export function tokensOf(state: SandboxState, grantId: Id): Token[] {
  return [...state.store.tokensOf(grantId)].flatMap((id) => state.store.tokens.get(id) ?? [])
}

/** Ends the tokens of a grant that a test picks. */
export function endTokens(state: SandboxState, grantId: Id, which: (token: Token) => boolean): void {
  for (const token of tokensOf(state, grantId)) if (which(token)) state.store.tokens.delete(token.id)
}

/** Seconds that a new access token lives; null: until it is ended. */
function accessTokenLifetime(state: SandboxState): number | null {
  const { accessTokenTtlSeconds, expiresIn } = state.settings()
  return accessTokenTtlSeconds ?? (expiresIn ? defaultLifetimeSeconds : null)
}

/** Ends the oldest tokens of a grant that has too many, but never a refresh token that can still be exchanged. */
function forgetOldest(state: SandboxState, grantId: Id, latest: TokenPair): void {
  const surplus = state.store.tokensOf(grantId).size - maxTokensPerGrant
  if (surplus <= 0) return
  const forgettable = tokensOf(state, grantId).filter(
    (token) => token.id !== latest.access && (token.type === 'access' || token.used || !isAlive(state, token)),
  )
  for (const token of forgettable.slice(0, surplus)) state.store.tokens.delete(token.id)
}

/** Issues an access token, and a refresh token unless one is given to go with it. */
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
