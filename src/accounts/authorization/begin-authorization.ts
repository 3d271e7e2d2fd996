import { inSeconds } from '../../db/time.ts'
import { OAuthAppNotFoundError, ReturnUrlNotAllowedError } from '../../errors.ts'
import { authorizationRules, checkInput } from '../../input-rules.ts'
import { getOrCreateAccount } from '../account-store.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { findOAuthApp } from '../oauth-app-store.ts'
import type { ExpectedResource } from './flow.ts'
import { hashOneTimeToken, newOneTimeToken } from './one-time-token.ts'
import { allowedReturnUrl } from './return-url.ts'

/** The input of an authorization. */
export interface AuthorizationRequest {
  readonly connectionName: string
  readonly identifier: string
  /** Where the browser goes at the end. Null: to a page of this server. */
  readonly returnUrl: string | null
  /** Returned to the application unchanged. At most 2000 characters. */
  readonly state: string | null
  /** At most 20. */
  readonly expectedResources: readonly ExpectedResource[]
  /** Whether another user of the provider than the account's current one may authorize it. */
  readonly allowUserChange: boolean
}

/**
 * Starts an authorization: creates the account if it does not exist and returns the link to send its user to. The link
 * connects once, until `expiresAt` by the database's clock. The account's current grant continues to work.
 *
 * Throws InvalidInputError, OAuthAppNotFoundError or ReturnUrlNotAllowedError.
 */
export async function beginAuthorization(
  context: AccountsContext,
  environmentId: string,
  request: AuthorizationRequest,
): Promise<{ readonly account: ConnectedAccount; readonly link: string; readonly expiresAt: Date }> {
  checkInput(authorizationRules, request)
  const app = await findOAuthApp(context.db, environmentId, request.connectionName)
  if (!app) throw new OAuthAppNotFoundError(request.connectionName)
  const returnUrl = request.returnUrl === null ? null : allowedReturnUrl(request.returnUrl, app.returnUrls)
  if (request.returnUrl !== null && !returnUrl) throw new ReturnUrlNotAllowedError(app.returnUrls)

  const linkToken = newOneTimeToken()
  const begun = await context.db.transaction().execute(async (trx) => {
    const found = await getOrCreateAccount(trx, environmentId, request)
    const { expires_at } = await trx
      .insertInto('authorization_flows')
      .values({
        environment_id: environmentId,
        oauth_app_id: found.account.oauthAppId,
        account_id: found.account.id,
        link_hash: hashOneTimeToken(linkToken),
        stage: 'created',
        return_url: returnUrl?.href ?? null,
        application_state: request.state,
        expected_resources: JSON.stringify(request.expectedResources),
        allow_user_change: request.allowUserChange,
        expires_at: inSeconds(context.authorizationLifetimeSeconds),
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow()
    return { ...found, expiresAt: expires_at }
  })
  if (begun.event) context.events.publish([begun.event])
  return { account: begun.account, link: `${context.publicUrl}/connect/${linkToken}`, expiresAt: begun.expiresAt }
}
