import type { Grant, Id } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { OAuthError } from './oauth-error.ts'
import type { IssuedTokens } from './tokens.ts'
import { endTokens, isAlive, issuePair, tokensOf } from './tokens.ts'

/** An authorization code works this long (RFC 6749 §4.1.2 recommends ten minutes at most). */
const codeLifetimeMs = 10 * 60_000

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
 * Exchanges an authorization code (RFC 6749 §4.1.3). If the user has authorized the client before, the setting
 * `reauthorization` decides: `fresh` gives a new pair and a new bot, older access tokens live on and older refresh
 * tokens are dead; `same` gives the pair that works already, if there is one. What was picked replaces what was before.
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
