import { inSeconds } from '../../db/time.ts'
import { identifierIssues } from '../../environments/identifier.ts'
import { type InputIssue, InvalidInputError, OAuthAppNotFoundError, ReturnUrlNotAllowedError } from '../../errors.ts'
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
 * works once, in one browser, until `expiresAt` by the database's clock. The account's current grant continues to work.
 *
 * Throws InvalidInputError, OAuthAppNotFoundError or ReturnUrlNotAllowedError.
 */
export async function beginAuthorization(
  context: AccountsContext,
  environmentId: string,
  request: AuthorizationRequest,
): Promise<{ readonly account: ConnectedAccount; readonly link: string; readonly expiresAt: Date }> {
  const issues = requestIssues(request)
  if (issues.length > 0) throw new InvalidInputError(issues)
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

/** Postgres cannot store NUL, and does not return half a surrogate pair unchanged. */
const unstorable = /\0|\p{Surrogate}/u

function requestIssues(request: AuthorizationRequest): readonly InputIssue[] {
  const issues: InputIssue[] = [...identifierIssues(request.identifier)]
  const check = (path: string, text: string | null, max: number, min = 0) => {
    if (text === null) return
    if (text.length < min || text.length > max) {
      issues.push({ path, message: `must have ${min} to ${max} characters` })
    }
    if (unstorable.test(text)) issues.push({ path, message: 'must be well-formed text without NUL' })
  }
  check('state', request.state, 2000)
  if (request.expectedResources.length > 20)
    issues.push({ path: 'expectedResources', message: 'must have at most 20 items' })
  request.expectedResources.slice(0, 20).forEach((resource, index) => {
    check(`expectedResources.${index}.name`, resource.name, 200, 1)
    check(`expectedResources.${index}.reason`, resource.reason, 500)
    check(`expectedResources.${index}.resourceId`, resource.resourceId, 100, 1)
  })
  return issues
}
