import type { Grant, Id, Token } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { endTokens, isAlive, tokensOf } from './tokens.ts'

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
