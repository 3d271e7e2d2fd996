import type { Grant, Id } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { OAuthError } from './oauth-error.ts'
import type { IssuedTokens } from './tokens.ts'
import { endTokens, isAlive, issuePair, tokensOf } from './tokens.ts'

/**
 * Lifetime of an authorization code. The RFC recommends at most ten minutes.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
 */
const codeLifetimeMs = 10 * 60_000

/**
 * Creates an authorization code for a consent. The grant is created when the code is exchanged. `roots` are ids of the
 * selected pages and databases.
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

/** Creates the grant for a consent or updates the existing one. */
function applyConsent(
  state: SandboxState,
  clientId: string,
  userId: Id,
  roots: readonly Id[],
  freshBot: boolean,
): Grant {
  const { store } = state
  const user = store.users.get(userId)
  if (user?.type !== 'person') throw new OAuthError('invalid_grant', 'Invalid code: its user no longer exists.')
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
 * Exchanges an authorization code. When the user has authorized the client before, the selection replaces the earlier
 * one, and the setting `reauthorization` determines the tokens. `fresh` issues a new pair for a new bot: older access
 * tokens stay valid, older refresh tokens end. `same` returns the active pair, if any.
 *
 * Throws OAuthError `invalid_grant` when the code is unknown, used, expired, of another client or for another redirect
 * URI. A code with a wrong redirect URI can still be exchanged.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
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
    throw new OAuthError('invalid_grant', 'Invalid redirect_uri: it must be the one of the authorization request.')
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
