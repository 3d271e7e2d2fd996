import type { Grant, Id, Token } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { endTokens, isAlive, tokensOf } from './tokens.ts'

/**
 * Returns an active token of the client with its grant. Returns undefined for any other token.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7662
 */
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
 * Ends the grant of an access or refresh token of the client, with all its tokens. Ignores unknown tokens.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7009#section-2.1
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

/** Selects grants. Without fields, all grants are selected. */
export interface GrantSelection {
  readonly userId?: Id
  readonly clientId?: string
}

/** Returns the selected grants. */
export function selectGrants(state: SandboxState, selection: GrantSelection): Grant[] {
  return [...state.store.grants.values()].filter(
    (grant) =>
      (selection.userId === undefined || grant.userId === selection.userId) &&
      (selection.clientId === undefined || grant.clientId === selection.clientId),
  )
}

/** Ends grants with all their tokens, like a user under Settings -> Connections. Returns their number. */
export function disconnect(state: SandboxState, selection: GrantSelection): number {
  const grants = selectGrants(state, selection)
  for (const grant of grants) endGrant(state, grant)
  return grants.length
}

/** Makes tokens of grants expire now. Returns their number. */
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
