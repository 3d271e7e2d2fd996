import { randomUUID } from 'node:crypto'
import { recordAudit } from '../../audit/audit-log.ts'
import { inSeconds } from '../../db/time.ts'
import { OAuthAppNotFoundError, ReturnUrlNotAllowedError } from '../../errors.ts'
import { authorizationRules, checkInput } from '../../input-rules.ts'
import { bindingOf } from '../../vault/row-binding.ts'
import { getOrCreateAccount } from '../account-store.ts'
import { requireBoundApp } from '../bindings.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { findOAuthApp } from '../oauth-app-store.ts'
import { type ExpectedResource, flowValues } from './flow.ts'
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
 * connects once, until `expiresAt` by the database's clock. The account's current grant continues to work. Recorded in the
 * audit log.
 *
 * Throws InvalidInputError, OAuthAppNotFoundError or ReturnUrlNotAllowedError, and a VaultError when another program than
 * this server wrote what the OAuth app decides.
 */
export async function beginAuthorization(
  context: AccountsContext,
  environmentId: string,
  request: AuthorizationRequest,
): Promise<{ readonly account: ConnectedAccount; readonly link: string; readonly expiresAt: Date }> {
  checkInput(authorizationRules, request)
  const app = await findOAuthApp(context.db, environmentId, request.connectionName)
  if (!app) throw new OAuthAppNotFoundError(request.connectionName)
  requireBoundApp(context, app)
  const returnUrl = request.returnUrl === null ? null : allowedReturnUrl(request.returnUrl, app.returnUrls)
  if (request.returnUrl !== null && !returnUrl) throw new ReturnUrlNotAllowedError(app.returnUrls)

  const linkToken = newOneTimeToken()
  const begun = await context.db.transaction().execute(async (trx) => {
    const found = await getOrCreateAccount(context, trx, environmentId, request)
    const flow = {
      id: randomUUID(),
      environment_id: environmentId,
      oauth_app_id: found.account.oauthAppId,
      account_id: found.account.id,
      link_hash: hashOneTimeToken(linkToken),
      browser_hash: null,
      return_url: returnUrl?.href ?? null,
      application_state: request.state,
      expected_resources: request.expectedResources,
      allow_user_change: request.allowUserChange,
    }
    const { expires_at } = await trx
      .insertInto('authorization_flows')
      .values({
        ...flow,
        expected_resources: JSON.stringify(request.expectedResources),
        binding: bindingOf(context.bindingKey, 'authorization_flows', flowValues(flow)),
        stage: 'created',
        expires_at: inSeconds(context.authorizationLifetimeSeconds),
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow()
    const { connectionName, identifier, expectedResources, allowUserChange } = request
    await recordAudit(trx, context.actor, {
      environmentId,
      action: 'authorization.started',
      target: `ConnectedAccount:${found.account.id}`,
      after: { connectionName, identifier, returnUrl: returnUrl?.href ?? null, expectedResources, allowUserChange },
    })
    return { ...found, expiresAt: expires_at }
  })
  if (begun.event) context.events.publish([begun.event])
  return { account: begun.account, link: `${context.publicUrl}/connect/${linkToken}`, expiresAt: begun.expiresAt }
}
