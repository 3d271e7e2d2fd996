import { sql } from 'kysely'
import { identifierIssues } from '../../environments/identifier.ts'
import {
  type InputIssue,
  InvalidInputError,
  OAuthAppNotFoundError,
  OAuthAppRejectedError,
  ProviderUnavailableError,
  ProviderUserChangedError,
} from '../../errors.ts'
import type { Secret } from '../../vault/secret.ts'
import { type AccountName, changeStatus, getOrCreateAccount } from '../account-store.ts'
import { isAnotherUser } from '../authorization/outcome.ts'
import { endAuthorizations } from '../authorization/pending-authorizations.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { findOAuthApp, type OpenedOAuthClient, openOAuthClient } from '../oauth-app-store.ts'
import { type GrantOwner, OAuthFailure } from '../provider.ts'
import { rereadAccount } from './current-account.ts'
import { releaseGrant } from './end-grant.ts'
import { keepGrant } from './keep-grant.ts'

/** Tokens that were issued to the same OAuth app elsewhere, and for which account. */
export interface AccountImport extends AccountName {
  readonly accessToken: Secret
  /** Null where there is none: the account then lasts as long as its access token, or has the one that is stored. */
  readonly refreshToken: Secret | null
  /** Whether another provider user may take the place of the one behind the account. Default false. */
  readonly allowUserChange?: boolean
}

/** What an access token and a refresh token consist of (RFC 6749 appendix A.12 and A.17), and far more than any has. */
const tokenText = /^[\x21-\x7e]{1,4096}$/

/**
 * Takes over existing tokens, for people who move in from elsewhere: the account is created if need be and turns ACTIVE.
 * Before anything is stored the provider says whose the access token is and that it belongs to this OAuth app (another
 * client's token could be used but neither renewed nor verified). The refresh token is taken on trust: to try it would
 * use it up. What the provider refuses to the access token for lack of a capability is noted with it.
 *
 * Fails with InvalidInputError (the provider refuses the access token), ProviderUserChangedError, OAuthAppNotFoundError,
 * OAuthAppRejectedError or ProviderUnavailableError; nothing has changed then.
 */
export async function importAccount(
  context: AccountsContext,
  environmentId: string,
  request: AccountImport,
): Promise<ConnectedAccount> {
  const issues = [...identifierIssues(request.identifier), ...tokenIssues(request)]
  if (issues.length > 0) throw new InvalidInputError(issues)
  const app = await findOAuthApp(context.db, environmentId, request.connectionName)
  const opened = app && (await openOAuthClient(context, environmentId, app.id))
  if (!app || !opened) throw new OAuthAppNotFoundError(request.connectionName)
  const { owner, issuedAt } = await inspect(opened, request.accessToken, request.connectionName)
  const { capabilities } = app
  const question = { capabilities, owner }
  const deniedCapabilities =
    (await opened.provider.deniedCapabilities?.(opened.client, request.accessToken, question)) ?? []

  const { account, event } = await context.db.transaction().execute(async (trx) => {
    const found = await getOrCreateAccount(trx, environmentId, request)
    if (!found) throw new OAuthAppNotFoundError(request.connectionName)
    const key = { environmentId, accountId: found.account.id }
    if (!request.allowUserChange && (await isAnotherUser(trx, key, owner))) {
      throw new ProviderUserChangedError(
        "The tokens are of another user of the provider, or of another of the user's workspaces, than the one behind the account. Nothing was stored; import them with allowUserChange if the change is wanted.",
      )
    }
    await endAuthorizations(context, trx, key)
    const { grant_id: previous } = await trx
      .selectFrom('connected_accounts')
      .select('grant_id')
      .where('environment_id', '=', environmentId)
      .where('id', '=', found.account.id)
      .forUpdate()
      .executeTakeFirstOrThrow()
    const { grantId } = await keepGrant(context, trx, {
      environmentId,
      oauthAppId: app.id,
      capabilities,
      deniedCapabilities,
      // Which scopes the token has is not known; the registration's count as requested and granted.
      requestedScopes: app.scopes,
      scopes: app.scopes,
      owner,
      issuedAt,
      tokens: { accessToken: request.accessToken, refreshToken: request.refreshToken, expiresInSeconds: null },
    })
    await trx
      .updateTable('connected_accounts')
      .set({ grant_id: grantId, authorized_at: sql`clock_timestamp()`, missing_resources: '[]' })
      .where('environment_id', '=', environmentId)
      .where('id', '=', found.account.id)
      .execute()
    const changed = await changeStatus(trx, { ...key, to: 'ACTIVE', reason: 'IMPORTED' })
    if (previous !== null && previous !== grantId)
      await releaseGrant(context, trx, { environmentId, grantId: previous })
    return { account: found.account, event: changed ?? { ...key, transitionId: null } }
  })
  context.events.publish([event])
  return rereadAccount(context, account)
}

function tokenIssues(request: AccountImport): readonly InputIssue[] {
  return (['accessToken', 'refreshToken'] as const)
    .filter((path) => request[path] !== null && !tokenText.test(request[path].reveal()))
    .map((path) => ({ path, message: 'must have 1 to 4096 printable ASCII characters without blanks' }))
}

async function inspect(
  { provider, client }: OpenedOAuthClient,
  accessToken: Secret,
  connectionName: string,
): Promise<{ readonly owner: GrantOwner; readonly issuedAt: Date | null }> {
  const refuse = (message: string) => new InvalidInputError([{ path: 'accessToken', message }])
  try {
    if (!provider.identify) throw refuse('cannot be imported: the provider does not say whose it is')
    const owner = await provider.identify(client, accessToken)
    if (!provider.introspect) return { owner, issuedAt: null }
    const { active, issuedAt } = await provider.introspect(client, accessToken)
    if (!active) throw refuse('was issued to another OAuth client than the one registered here')
    return { owner, issuedAt }
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    if (error.kind === 'grant_refused') throw refuse('is not accepted by the provider')
    if (error.kind === 'client_refused') throw new OAuthAppRejectedError(connectionName)
    throw new ProviderUnavailableError('The provider could not verify the token just now.', error.retryAfterMs)
  }
}
