import { recordAudit } from '../../audit/audit-log.ts'
import {
  InvalidInputError,
  OAuthAppNotFoundError,
  OAuthAppRejectedError,
  ProviderUnavailableError,
  ProviderUserChangedError,
} from '../../errors.ts'
import { accountImportRules, checkInput } from '../../input-rules.ts'
import type { Secret } from '../../vault/secret.ts'
import { type AccountName, getOrCreateAccount, rereadAccount } from '../account-store.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { activatePendingGrant, createPendingGrant } from '../grants/pending-grant.ts'
import { findOAuthApp, type OpenedOAuthClient, openOAuthClient } from '../oauth-app-store.ts'
import { type GrantOwner, OAuthFailure } from '../provider.ts'
import { endAuthorizations, isAnotherUser, lockAccount, pointAt } from './outcome.ts'

/** Tokens that were issued to the same OAuth app elsewhere, and the account for them. */
export interface AccountImport extends AccountName {
  readonly accessToken: Secret
  /** Null where there is none: the account then uses the stored one, or lasts as long as its access token. */
  readonly refreshToken: Secret | null
  /** Whether the tokens may belong to another user of the provider than the account's current one. Default false. */
  readonly allowUserChange?: boolean
}

/**
 * Imports existing tokens, for a migration from another system. The account is created if it does not exist and becomes
 * ACTIVE. Before anything is stored, the provider confirms whose the access token is and that it belongs to this OAuth app
 * (another client's token could be used but neither renewed nor verified). The refresh token is not checked: a check would
 * use it up. Capabilities that the provider refuses to the access token are stored with it.
 *
 * Throws InvalidInputError (also when the provider refuses the access token), ProviderUserChangedError,
 * OAuthAppNotFoundError, OAuthAppRejectedError or ProviderUnavailableError; nothing has changed then.
 */
export async function importAccount(
  context: AccountsContext,
  environmentId: string,
  request: AccountImport,
): Promise<ConnectedAccount> {
  checkInput(accountImportRules, {
    ...request,
    accessToken: request.accessToken.reveal(),
    refreshToken: request.refreshToken?.reveal() ?? null,
  })
  const app = await findOAuthApp(context.db, environmentId, request.connectionName)
  const opened = app && (await openOAuthClient(context, environmentId, app.id))
  if (!app || !opened) throw new OAuthAppNotFoundError(request.connectionName)
  const { owner, issuedAt } = await inspect(opened, request.accessToken, request.connectionName)
  const { capabilities } = app
  const question = { capabilities, owner }
  const deniedCapabilities =
    (await opened.provider.deniedCapabilities?.(opened.client, request.accessToken, question)) ?? []

  const { account, event } = await context.db.transaction().execute(async (trx) => {
    const found = await getOrCreateAccount(context, trx, environmentId, request)
    const key = { environmentId, accountId: found.account.id }
    if (!request.allowUserChange && (await isAnotherUser(context, trx, key, owner))) {
      throw new ProviderUserChangedError(
        "The tokens belong to another user of the provider, or to another of the user's workspaces, than the account. Nothing was stored. To change the user, import them with allowUserChange.",
      )
    }
    await endAuthorizations(context, trx, key)
    const previousGrantId = await lockAccount(trx, key)
    const pendingGrantId = await createPendingGrant(context, trx, {
      environmentId,
      oauthAppId: app.id,
      accountId: found.account.id,
      capabilities,
      deniedCapabilities,
      // The scopes of the token are unknown; those of the registration count as requested and granted.
      requestedScopes: app.scopes,
      scopes: app.scopes,
      owner,
      issuedAt,
      tokens: { accessToken: request.accessToken, refreshToken: request.refreshToken, expiresInSeconds: null },
    })
    const grantId = await activatePendingGrant(context, trx, { environmentId, grantId: pendingGrantId }, 'always')
    await recordAudit(trx, context.actor, {
      environmentId,
      action: 'account.imported',
      target: `ConnectedAccount:${key.accountId}`,
      before: { status: found.account.status, grant: auditedGrant(found.account) },
      after: {
        status: 'ACTIVE',
        connectionName: request.connectionName,
        identifier: request.identifier,
        grant: { providerUserId: owner.providerUserId, workspaceId: owner.workspaceId },
        allowUserChange: request.allowUserChange ?? false,
      },
    })
    return {
      account: found.account,
      event: await pointAt(context, trx, key, {
        grantId,
        previousGrantId,
        missingResources: [],
        reason: 'IMPORTED',
      }),
    }
  })
  context.events.publish([event])
  return rereadAccount(context, account)
}

/** What the audit log holds of the grant of an account: whose it is. */
const auditedGrant = ({ grant }: ConnectedAccount) =>
  grant && { providerUserId: grant.providerUserId, workspaceId: grant.workspaceId }

async function inspect(
  { provider, client }: OpenedOAuthClient,
  accessToken: Secret,
  connectionName: string,
): Promise<{ readonly owner: GrantOwner; readonly issuedAt: Date | null }> {
  const refuse = (message: string) => new InvalidInputError([{ path: 'accessToken', message }])
  try {
    if (!provider.identify) throw refuse('must not be imported: the provider does not report the owner of a token')
    const owner = await provider.identify(client, accessToken)
    if (!provider.introspect) return { owner, issuedAt: null }
    const { active, issuedAt } = await provider.introspect(client, accessToken)
    if (!active) throw refuse('must belong to the OAuth client that is registered here')
    return { owner, issuedAt }
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    if (error.kind === 'grant_refused') throw refuse('must be accepted by the provider')
    if (error.kind === 'client_refused' || error.kind === 'unauthorized')
      throw new OAuthAppRejectedError(connectionName)
    throw new ProviderUnavailableError('The provider could not verify the token.', error.retryAfterMs)
  }
}
