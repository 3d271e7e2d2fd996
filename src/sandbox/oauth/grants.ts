import { createGrantAccess } from '../access.ts'
import type { GrantAccess } from '../context.ts'
import { invalidToken } from '../errors.ts'
import type { Grant, Id, Token, TokenPair } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { OAuthError } from './oauth-error.ts'

/**
 * The life of authorization codes and tokens.
 *
 * What Notion does here is only partly known, so that the sandbox has modes:
 * - rotation `strict`: a refresh ends the old access and refresh token at once, and using a refresh token a second time
 *   ends every token of its family (RFC 9700 §4.14.2).
 * - rotation `grace`: until the new access token is first used, the previous access token works, and the previous
 *   refresh token answers with the same new pair again; so an answer that got lost, or two callers at once, lose nothing.
 * - rotation `none`: the refresh token stays, and older access tokens live on.
 * - reauthorization `fresh`: another consent gives a new pair and a new bot; older access tokens live on, older refresh
 *   tokens are dead. `same`: it gives the pair that works already, if there is one.
 */

/** An authorization code works this long (RFC 6749 §4.1.2 recommends ten minutes at most). */
const codeLifetimeMs = 10 * 60_000

/** `expires_in` is only true if tokens expire: this is how long they live if it is on and no lifetime was set. */
const lifetimeBehindExpiresIn = 3600

/** Exchanged refresh tokens that are kept per grant to notice their reuse. */
const rememberedTokensPerGrant = 200

const isAlive = (state: SandboxState, token: Token | undefined): token is Token =>
  token !== undefined && (token.expiresTime === null || token.expiresTime > state.now().getTime())

/** Tokens of a grant, oldest first. */
function tokensOf(state: SandboxState, grantId: Id): Token[] {
  return [...state.store.tokensOf(grantId)].flatMap((id) => state.store.tokens.get(id) ?? [])
}

function endTokens(state: SandboxState, grantId: Id, which: (token: Token) => boolean): void {
  for (const token of tokensOf(state, grantId)) if (which(token)) state.store.tokens.delete(token.id)
}

/** Seconds that a new access token lives; null: until it is ended. */
function accessTokenLifetime(state: SandboxState): number | null {
  const { accessTokenTtlSeconds, expiresIn } = state.settings()
  return accessTokenTtlSeconds ?? (expiresIn ? lifetimeBehindExpiresIn : null)
}

/**
 * Issues an access token, and a refresh token unless one is given to go with it.
 */
function issuePair(state: SandboxState, grantId: Id, familyId: Id, keptRefresh?: string): TokenPair {
  const now = state.now().getTime()
  const lifetime = accessTokenLifetime(state)
  const pair = { access: state.newSecret('ntn_'), refresh: keptRefresh ?? state.newSecret('nrt_') }
  const common = { grantId, familyId, issuedTime: now, used: false }
  if (keptRefresh === undefined) {
    state.store.tokens.put({ ...common, id: pair.refresh, type: 'refresh', expiresTime: null, pair: null })
  }
  state.store.tokens.put({
    ...common,
    id: pair.access,
    type: 'access',
    expiresTime: lifetime === null ? null : now + lifetime * 1000,
    pair,
  })
  const surplus = state.store.tokensOf(grantId).size - rememberedTokensPerGrant
  if (surplus > 0) {
    const dead = tokensOf(state, grantId).filter(
      (token) => !isAlive(state, token) || (token.used && token.type === 'refresh'),
    )
    for (const token of dead.slice(0, surplus)) state.store.tokens.delete(token.id)
  }
  return pair
}

/**
 * Makes an authorization code for what a person agreed to. Nothing is granted until it is exchanged.
 *
 * @param roots ids of the pages and databases that were picked
 */
export function issueCode(
  state: SandboxState,
  consent: {
    readonly clientId: string
    readonly userId: Id
    readonly redirectUri: string
    readonly roots: readonly Id[]
  },
): string {
  const now = state.now().getTime()
  for (const old of state.store.codes.values()) {
    if (old.expiresTime > now) break
    state.store.codes.delete(old.id)
  }
  const id = state.newId()
  state.store.codes.put({ ...consent, id, expiresTime: now + codeLifetimeMs, used: false })
  return id
}

/** A token pair and the grant that it is for. */
export interface IssuedTokens {
  readonly pair: TokenPair
  readonly grant: Grant
}

function grantOf(state: SandboxState, clientId: string, userId: Id): Grant | undefined {
  for (const id of state.store.grantsOf(userId)) {
    const grant = state.store.grants.get(id)
    if (grant?.clientId === clientId) return grant
  }
  return undefined
}

/** Creates the grant that a consent asks for, or changes the one that there is. */
function applyConsent(
  state: SandboxState,
  clientId: string,
  userId: Id,
  roots: readonly Id[],
  freshBot: boolean,
): Grant {
  const { store } = state
  const user = store.users.get(userId)
  if (user?.type !== 'person') throw new OAuthError('invalid_grant', 'Invalid code: its user does not exist any more.')
  const earlier = grantOf(state, clientId, userId)
  const client = state.client(clientId)
  let botId = earlier?.botId
  if (botId === undefined || freshBot) {
    botId = state.newId()
    const { workspaceId } = user
    store.users.put({ id: botId, type: 'bot', workspaceId, name: client.name, avatarUrl: null, ownerId: userId })
  }
  const grant: Grant = {
    id: earlier?.id ?? state.newId(),
    clientId,
    userId,
    workspaceId: user.workspaceId,
    botId,
    roots,
    excluded: [],
    capabilities: client.capabilities,
    createdTime: earlier?.createdTime ?? state.now().getTime(),
  }
  store.grants.put(grant)
  return grant
}

/**
 * Exchanges an authorization code (RFC 6749 §4.1.3).
 *
 * @throws OAuthError `invalid_grant` for a code that is unknown, used, expired, of another client, or was asked for with
 * another redirect URI. A code that was refused for its redirect URI can still be exchanged.
 */
export function exchangeCode(
  state: SandboxState,
  clientId: string,
  code: string,
  redirectUri: string | undefined,
): IssuedTokens {
  const record = state.store.codes.get(code)
  if (!record || record.clientId !== clientId) throw new OAuthError('invalid_grant', 'Invalid code.')
  if (record.used) throw new OAuthError('invalid_grant', 'Invalid code: this code has been revoked.')
  if (record.expiresTime <= state.now().getTime())
    throw new OAuthError('invalid_grant', 'Invalid code: it has expired.')
  if (record.redirectUri !== redirectUri) {
    throw new OAuthError('invalid_grant', 'Invalid redirect_uri: it is not the one of the authorization request.')
  }
  state.store.codes.put({ ...record, used: true })

  const same = state.settings().reauthorization === 'same'
  const grant = applyConsent(state, clientId, record.userId, record.roots, !same)
  const tokens = tokensOf(state, grant.id)
  const active = tokens.findLast((token) => token.type === 'access' && isAlive(state, token))
  if (same && active?.pair && isAlive(state, state.store.tokens.get(active.pair.refresh))) {
    return { pair: active.pair, grant }
  }
  endTokens(state, grant.id, (token) => token.type === 'refresh')
  return { pair: issuePair(state, grant.id, state.newId()), grant }
}

/** Issues the pair that takes a refresh token's place, and remembers which one it was. */
function succeed(state: SandboxState, token: Token): TokenPair {
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
      return { pair: succeed(state, token), grant }
    }
    if (rotation === 'strict') endTokens(state, grant.id, (other) => other.familyId === token.familyId)
    throw new OAuthError('invalid_grant', 'Invalid refresh token')
  }
  if (rotation === 'strict') {
    endTokens(state, grant.id, (other) => other.type === 'access' && other.familyId === token.familyId)
  }
  return { pair: succeed(state, token), grant }
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

/** What `introspect` (RFC 7662) says about a token of this client; undefined for any other and for ended ones. */
export function introspectToken(
  state: SandboxState,
  clientId: string,
  id: string,
): { grant: Grant; token: Token } | undefined {
  const token = state.store.tokens.get(id)
  const grant = token && state.store.grants.get(token.grantId)
  const alive = isAlive(state, token) && !(token.type === 'refresh' && token.used)
  return alive && grant?.clientId === clientId ? { grant, token } : undefined
}

/**
 * Ends the authorization behind an access or refresh token of this client (RFC 7009 §2.1: the tokens issued with it go
 * too). Unknown tokens are no error (§2.2).
 */
export function revokeToken(state: SandboxState, clientId: string, id: string): void {
  const token = state.store.tokens.get(id)
  const grant = token && state.store.grants.get(token.grantId)
  if (grant?.clientId === clientId) endGrant(state, grant)
}

function endGrant(state: SandboxState, grant: Grant): void {
  endTokens(state, grant.id, () => true)
  state.store.grants.delete(grant.id)
}

/** Which grants an operation is about; absent: all. */
export interface GrantSelection {
  readonly userId?: Id
  readonly clientId?: string
}

/** The grants of a user, of a client, of both, or all. */
export function selectGrants(state: SandboxState, selection: GrantSelection): Grant[] {
  return [...state.store.grants.values()].filter(
    (grant) =>
      (selection.userId === undefined || grant.userId === selection.userId) &&
      (selection.clientId === undefined || grant.clientId === selection.clientId),
  )
}

/** What a user does under Settings -> Connections: ends grants with all their tokens. Gives how many. */
export function disconnect(state: SandboxState, selection: GrantSelection): number {
  const grants = selectGrants(state, selection)
  for (const grant of grants) endGrant(state, grant)
  return grants.length
}

/** Lets tokens of grants expire now. Gives how many. */
export function expireTokens(
  state: SandboxState,
  selection: GrantSelection,
  types: { readonly access: boolean; readonly refresh: boolean },
): number {
  const now = state.now().getTime()
  let expired = 0
  for (const grant of selectGrants(state, selection)) {
    for (const token of tokensOf(state, grant.id)) {
      if (!types[token.type] || !isAlive(state, token)) continue
      state.store.tokens.put({ ...token, expiresTime: now })
      expired += 1
    }
  }
  return expired
}
