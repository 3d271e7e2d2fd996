import type { SandboxRequest } from '../exchange.ts'
import { isFormType, parseJsonBody } from '../exchange.ts'
import type { Client, Json } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { authenticateClient } from './client-authentication.ts'
import { exchangeCode } from './codes.ts'
import { introspectToken, revokeToken } from './grants.ts'
import { OAuthError } from './oauth-error.ts'
import { refreshGrant } from './rotation.ts'
import type { IssuedTokens } from './tokens.ts'

/** The string fields of an OAuth request. */
export type OAuthParameters = ReadonlyMap<string, string>

/**
 * Returns the parameters of an OAuth request: JSON as in Notion's documentation or a form as in RFC 6749. Returns
 * undefined for any other body.
 */
export function readOAuthParameters(request: SandboxRequest): OAuthParameters | undefined {
  if (isFormType(request.headers['content-type'])) {
    return new Map(new URLSearchParams(request.body.toString('utf8')))
  }
  const parsed = parseJsonBody(request.body)
  if (!parsed.ok || Array.isArray(parsed.value)) return undefined
  const fields = Object.entries(parsed.value ?? {}) as [string, unknown][]
  return new Map(fields.filter((field): field is [string, string] => typeof field[1] === 'string'))
}

/** An OAuth operation that requires client credentials. */
export type OAuthOperation = (
  state: SandboxState,
  client: Client,
  parameters: OAuthParameters,
) => { [key: string]: Json }

function required(parameters: OAuthParameters, name: string): string {
  const value = parameters.get(name)
  if (value === undefined || value === '') throw new OAuthError('invalid_request', `${name} should be a string.`)
  return value
}

/** Returns the `owner` of a token response: the whole user if the connection may read emails, otherwise only the id. */
function ownerJson(state: SandboxState, { grant }: IssuedTokens): Json {
  const user = state.store.users.get(grant.userId)
  const mayReadEmails = grant.capabilities.includes('READ_USER_EMAILS')
  if (user?.type !== 'person' || !mayReadEmails) {
    return { type: 'user', user: { object: 'user', id: grant.userId } }
  }
  const { id, name, avatarUrl, email } = user
  return { type: 'user', user: { object: 'user', id, type: 'person', name, avatar_url: avatarUrl, person: { email } } }
}

function issue(state: SandboxState, client: Client, parameters: OAuthParameters): IssuedTokens {
  const grantType = required(parameters, 'grant_type')
  if (grantType === 'authorization_code') {
    return exchangeCode(state, client.id, required(parameters, 'code'), parameters.get('redirect_uri'))
  }
  if (grantType === 'refresh_token') return refreshGrant(state, client.id, required(parameters, 'refresh_token'))
  throw new OAuthError('unsupported_grant_type', 'grant_type should be authorization_code or refresh_token.')
}

const token: OAuthOperation = (state, client, parameters) => {
  const issued = issue(state, client, parameters)
  const { pair, grant } = issued
  const workspace = state.store.workspaces.get(grant.workspaceId)
  const expires = state.store.tokens.get(pair.access)?.expiresTime ?? null
  return {
    access_token: pair.access,
    token_type: 'bearer',
    refresh_token: pair.refresh,
    bot_id: grant.botId,
    workspace_id: grant.workspaceId,
    workspace_name: workspace?.name ?? null,
    workspace_icon: workspace?.icon ?? null,
    owner: ownerJson(state, issued),
    duplicated_template_id: null,
    ...(state.settings().expiresIn &&
      expires !== null && { expires_in: Math.round((expires - state.now().getTime()) / 1000) }),
  }
}

const introspect: OAuthOperation = (state, client, parameters) => {
  const found = introspectToken(state, client.id, required(parameters, 'token'))
  if (!found) return { active: false }
  const scope = found.grant.capabilities.map((capability) => capability.toLowerCase()).join(' ')
  return { active: true, scope, iat: Math.floor(found.token.issuedTime / 1000) }
}

const revoke: OAuthOperation = (state, client, parameters) => {
  revokeToken(state, client.id, required(parameters, 'token'))
  return {}
}

/** OAuth operations by path. */
export const oauthOperations: ReadonlyMap<string, OAuthOperation> = new Map([
  ['/v1/oauth/token', token],
  ['/v1/oauth/introspect', introspect],
  ['/v1/oauth/revoke', revoke],
])

/**
 * Runs an OAuth operation. Ignores `Notion-Version`.
 *
 * Throws OAuthError when the operation fails. The body is checked before the credentials.
 */
export function runOAuthOperation(state: SandboxState, operation: OAuthOperation, request: SandboxRequest) {
  const parameters = readOAuthParameters(request)
  if (!parameters) throw new OAuthError('invalid_request', 'Error parsing JSON body.')
  const client = authenticateClient(state, request.headers.authorization)
  return operation(state, client, parameters)
}
