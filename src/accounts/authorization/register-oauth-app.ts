import type { Trx } from '../../db/database.ts'
import { type InputIssue, InvalidInputError } from '../../errors.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import type { AccountsContext } from '../context.ts'
import { endGrantsOfOAuthApp } from '../grants/end-grant.ts'
import { type OAuthApp, type OAuthAppRegistration, saveOAuthApp } from '../oauth-app-store.ts'
import { flowColumns, toFlow, waitingStages } from './flow.ts'
import { settle } from './outcome.ts'
import { parseApplicationUrl } from './return-url.ts'

/**
 * Registers an OAuth app, or changes the one of the same connection name. Where it becomes another client at the
 * provider, what the old client was granted is of no use any more: its grants end, their accounts turn EXPIRED with
 * OAUTH_APP_CHANGED, and authorizations under way stop. Fails with InvalidInputError.
 */
export async function registerOAuthApp(
  context: AccountsContext,
  environmentId: string,
  registration: OAuthAppRegistration,
): Promise<OAuthApp> {
  const issues = registrationIssues(context, registration)
  const provider = context.providers.get(registration.connector)
  if (issues.length > 0 || !provider) throw new InvalidInputError(issues)
  const { app, events } = await context.db.transaction().execute(async (trx) => {
    const saved = await saveOAuthApp(context, trx, environmentId, {
      ...registration,
      capabilities: registration.capabilities.filter((capability) => Object.hasOwn(provider.capabilities, capability)),
      scopes: registration.scopes ?? provider.defaultScopes,
    })
    // What the provider refused before is asked again: registering anew says that something was changed there.
    await trx
      .updateTable('grants')
      .set({ denied_capabilities: [] })
      .where('environment_id', '=', environmentId)
      .where('oauth_app_id', '=', saved.app.id)
      .where('status', '=', 'active')
      .execute()
    return { app: saved.app, events: saved.clientReplaced ? await endOfOldClient(trx, saved.app) : [] }
  })
  context.events.publish(events)
  return app
}

async function endOfOldClient(trx: Trx, app: OAuthApp): Promise<readonly AccountEvent[]> {
  // A link that nobody opened yet works with the new client as well.
  const stopped = await trx
    .deleteFrom('authorization_flows')
    .where('environment_id', '=', app.environmentId)
    .where('oauth_app_id', '=', app.id)
    .where('stage', '<>', 'created')
    .returning([...flowColumns, 'stage'])
    .execute()
  const events: AccountEvent[] = []
  for (const row of stopped) {
    if (!waitingStages.some((stage) => stage === row.stage)) continue
    const event = await settle(trx, toFlow(row), 'OAUTH_APP_CHANGED')
    if (event) events.push(event)
  }
  await trx
    .deleteFrom('revocation_outbox')
    .where('environment_id', '=', app.environmentId)
    .where('oauth_app_id', '=', app.id)
    .execute()
  const ended = await endGrantsOfOAuthApp(
    trx,
    { environmentId: app.environmentId, oauthAppId: app.id },
    { status: 'EXPIRED', reason: 'OAUTH_APP_CHANGED' },
  )
  return [...events, ...ended]
}

/** One scope: RFC 6749 appendix A.4. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/

/** Visible ASCII: what fits into an Authorization header and into a URL without anybody guessing at encodings. */
const credentialText = /^[\x21-\x7e]{1,500}$/

function registrationIssues(context: AccountsContext, input: OAuthAppRegistration): readonly InputIssue[] {
  const issues: InputIssue[] = []
  const refuse = (path: string, message: string) => issues.push({ path, message })
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/i.test(input.connectionName)) {
    refuse('connectionName', 'must have 1 to 63 letters, digits, "-" or "_" and begin with a letter or digit')
  }
  if (!context.providers.has(input.connector)) {
    refuse('connector', `must be one of: ${[...context.providers.keys()].join(', ')}`)
  }
  // A colon would end the client id within Basic credentials (RFC 7617 section 2).
  if (!credentialText.test(input.clientId) || input.clientId.includes(':')) {
    refuse('clientId', 'must have 1 to 500 printable ASCII characters without blanks and colons')
  }
  // A public client has no secret (RFC 6749 section 2.1).
  const isPublic = context.providers.get(input.connector)?.clientAuthentication === 'none'
  if (!(isPublic && input.clientSecret.reveal() === '') && !credentialText.test(input.clientSecret.reveal())) {
    refuse('clientSecret', 'must have 1 to 500 printable ASCII characters without blanks')
  }
  if (input.scopes && input.scopes.length > 100) refuse('scopes', 'must have at most 100 items')
  input.scopes?.slice(0, 100).forEach((scope, index) => {
    if (!scopeToken.test(scope)) {
      refuse(`scopes.${index}`, 'must have 1 to 255 printable ASCII characters without spaces, quotes and backslashes')
    }
  })
  if (input.returnUrls.length > 50) refuse('returnUrls', 'must be at most 50')
  input.returnUrls.slice(0, 50).forEach((text, index) => {
    if (!parseApplicationUrl(text)) refuse(`returnUrls.${index}`, applicationUrlRule)
    else if (text.includes('?') || text.includes('#')) {
      refuse(`returnUrls.${index}`, 'is a prefix and must have no query and no fragment')
    }
  })
  if (input.confirmationUrl !== null) {
    const acceptable = parseApplicationUrl(input.confirmationUrl) ?? isOurs(context, input.confirmationUrl)
    if (!acceptable) refuse('confirmationUrl', applicationUrlRule)
    else if (input.confirmationUrl.includes('#')) refuse('confirmationUrl', 'must have no fragment')
  }
  return issues
}

const applicationUrlRule = 'must be an absolute https URL (http on localhost), without user name and password'

/** Where this server itself is: its operator may have put it on plain http in a private network. */
function isOurs(context: AccountsContext, text: string): boolean {
  return text.startsWith(`${context.publicUrl}/`)
}
