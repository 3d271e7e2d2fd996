import { sql } from 'kysely'
import { identifierIssues } from '../../environments/identifier.ts'
import { type InputIssue, InvalidInputError, OAuthAppNotFoundError, ReturnUrlNotAllowedError } from '../../errors.ts'
import { getOrCreateAccount } from '../account-store.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import { findOAuthApp } from '../oauth-app-store.ts'
import { type AuthorizationContext, lifetimeSeconds } from './context.ts'
import type { ExpectedResource } from './flow.ts'
import { hashOneTimeText, newOneTimeText } from './one-time-text.ts'
import { allowedReturnUrl } from './return-url.ts'

/** What an authorization is started with. */
export interface AuthorizationRequest {
  readonly connectionName: string
  readonly identifier: string
  /** Where the browser ends up; null: on a page of ours. */
  readonly returnUrl: string | null
  /** Comes back to the application as it is; at most 2000 characters. */
  readonly state: string | null
  /** At most 20. */
  readonly expectedResources: readonly ExpectedResource[]
  /** Whether another user of the provider may take the place of the one behind the account. */
  readonly allowUserChange: boolean
}

/**
 * Starts an authorization: creates the account if need be and gives the link to send its user to. The link works once, in
 * one browser, until `expiresAt` by the database's clock. A grant that the account has keeps working meanwhile.
 * Fails with InvalidInputError, OAuthAppNotFoundError or ReturnUrlNotAllowedError.
 */
export async function beginAuthorization(
  context: AuthorizationContext,
  environmentId: string,
  request: AuthorizationRequest,
): Promise<{ readonly account: ConnectedAccount; readonly link: string; readonly expiresAt: Date }> {
  const issues = requestIssues(request)
  if (issues.length > 0) throw new InvalidInputError(issues)
  const app = await findOAuthApp(context.db, environmentId, request.connectionName)
  if (!app) throw new OAuthAppNotFoundError(request.connectionName)
  const returnUrl = request.returnUrl === null ? null : allowedReturnUrl(request.returnUrl, app.returnUrls)
  if (request.returnUrl !== null && !returnUrl) throw new ReturnUrlNotAllowedError(app.returnUrls)

  const linkText = newOneTimeText()
  const begun = await context.db.transaction().execute(async (trx) => {
    const found = await getOrCreateAccount(trx, environmentId, request)
    if (!found) throw new OAuthAppNotFoundError(request.connectionName)
    const { expires_at } = await trx
      .insertInto('authorization_flows')
      .values({
        environment_id: environmentId,
        oauth_app_id: found.account.oauthAppId,
        account_id: found.account.id,
        link_hash: hashOneTimeText(linkText),
        stage: 'created',
        return_url: returnUrl?.href ?? null,
        application_state: request.state,
        expected_resources: JSON.stringify(request.expectedResources),
        allow_user_change: request.allowUserChange,
        expires_at: sql`clock_timestamp() + make_interval(secs => ${lifetimeSeconds(context)})`,
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow()
    return { ...found, expiresAt: expires_at }
  })
  if (begun.event) context.events.publish([begun.event])
  return { account: begun.account, link: `${context.publicUrl}/connect/${linkText}`, expiresAt: begun.expiresAt }
}

/** Postgres stores no NUL, and half a surrogate pair does not come back as it was given. */
const unstorable = /\0|\p{Surrogate}/u

function requestIssues(request: AuthorizationRequest): readonly InputIssue[] {
  const issues: InputIssue[] = [...identifierIssues(request.identifier)]
  const check = (path: string, text: string | null, longest: number, shortest = 0) => {
    if (text === null) return
    if (text.length < shortest || text.length > longest) {
      issues.push({ path, message: `must have ${shortest} to ${longest} characters` })
    }
    if (unstorable.test(text)) issues.push({ path, message: 'must be well-formed text without NUL' })
  }
  check('state', request.state, 2000)
  if (request.expectedResources.length > 20) issues.push({ path: 'expectedResources', message: 'must be at most 20' })
  request.expectedResources.slice(0, 20).forEach((resource, index) => {
    check(`expectedResources.${index}.name`, resource.name, 200, 1)
    check(`expectedResources.${index}.reason`, resource.reason, 500)
    check(`expectedResources.${index}.resourceId`, resource.resourceId, 100, 1)
  })
  return issues
}
