import { sql } from 'kysely'
import { parseApplicationUrl } from '../../application-url.ts'
import type { Trx } from '../../db/database.ts'
import {
  type InputIssue,
  InvalidInputError,
  OAuthAppNotFoundError,
  OAuthAppRejectedError,
  ProviderUnavailableError,
} from '../../errors.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { brandingRules, checkInput, inputRules, oauthAppRules } from '../../input-rules.ts'
import { saveBranding } from '../branded-app.ts'
import type { Branding } from '../branding.ts'
import { checkClient } from '../client-check.ts'
import type { AccountsContext } from '../context.ts'
import { endGrantsOfOAuthApp } from '../grants/end-grant.ts'
import { type OAuthApp, type OAuthAppRegistration, saveOAuthApp } from '../oauth-app-store.ts'
import type { OAuthProvider } from '../provider.ts'
import { plannedRedirectUri } from '../redirect-uri.ts'
import { flowColumns, toFlow, waitingStages } from './flow.ts'
import { settle } from './outcome.ts'

/** What a registration works with. */
export type RegistrationContext = Pick<
  AccountsContext,
  | 'actor'
  | 'bindingKey'
  | 'db'
  | 'events'
  | 'log'
  | 'openAccounts'
  | 'providerApiUrl'
  | 'providers'
  | 'publicUrl'
  | 'vault'
>

/**
 * Registers an OAuth app, or changes the one of the same connection name. When it becomes another client at the provider,
 * the grants of the old client end, their accounts become EXPIRED with OAUTH_APP_CHANGED, and authorizations in progress
 * stop. With `verifyCredentials` the provider is asked first whether it accepts the client id and secret.
 *
 * Throws InvalidInputError, and with `verifyCredentials` also OAuthAppRejectedError, or ProviderUnavailableError when the
 * provider did not say; nothing has changed then.
 */
export async function registerOAuthApp(
  context: RegistrationContext,
  environmentId: string,
  registration: OAuthAppRegistration,
  { verifyCredentials = false }: { readonly verifyCredentials?: boolean } = {},
): Promise<OAuthApp> {
  checkInput(oauthAppRules.extend(brandingRules.shape), {
    ...registration,
    ...registration.branding,
    clientSecret: registration.clientSecret.reveal(),
  })
  const issues = configurationIssues(context, registration)
  const provider = context.providers.get(registration.connector)
  if (issues.length > 0 || !provider) throw new InvalidInputError(issues)
  if (verifyCredentials) await requireAccepted(context, environmentId, registration, provider)
  const { app, events } = await context.db.transaction().execute(async (trx) => {
    const saved = await saveOAuthApp(context, trx, environmentId, {
      ...registration,
      capabilities: registration.capabilities.filter((capability) => Object.hasOwn(provider.capabilities, capability)),
      scopes: registration.scopes ?? provider.defaultScopes,
    })
    // First: accounts are locked before their grants (`end-grant.ts`).
    const events = saved.clientReplaced ? await endOfOldClient(context, trx, saved.app) : []
    // Forget what the provider refused before: a new registration means that its settings have changed.
    await trx
      .updateTable('grants')
      .set({ denied_capabilities: [] })
      .where('environment_id', '=', environmentId)
      .where('oauth_app_id', '=', saved.app.id)
      .where('status', '=', 'active')
      // Not the others: an app may have a million.
      .where(sql<boolean>`denied_capabilities <> '{}'`)
      .execute()
    return { app: saved.app, events }
  })
  context.openAccounts.forget(app.id)
  context.events.publish(events)
  return app
}

async function requireAccepted(
  context: RegistrationContext,
  environmentId: string,
  { connectionName, connector, sandbox, clientId, clientSecret }: OAuthAppRegistration,
  provider: OAuthProvider,
): Promise<void> {
  const client = { clientId, clientSecret, apiUrl: context.providerApiUrl({ connector, sandbox }) }
  const registered = { environmentId, connectionName, connector }
  const check = await checkClient(provider, client, await plannedRedirectUri(context, registered))
  if (check.verdict === 'refused') throw new OAuthAppRejectedError(connectionName)
  if (check.verdict === 'accepted') return
  throw new ProviderUnavailableError(
    'The provider did not report whether it accepts the client id and secret. Nothing was registered.',
    check.failure.retryAfterMs,
  )
}

async function endOfOldClient(context: RegistrationContext, trx: Trx, app: OAuthApp): Promise<readonly AccountEvent[]> {
  // A link that is not opened yet works with the new client as well.
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
    const event = await settle(context, trx, toFlow(row), 'OAUTH_APP_CHANGED')
    if (event) events.push(event)
  }
  await trx
    .deleteFrom('revocation_outbox')
    .where('environment_id', '=', app.environmentId)
    .where('oauth_app_id', '=', app.id)
    .execute()
  const ended = await endGrantsOfOAuthApp(
    context,
    trx,
    { environmentId: app.environmentId, oauthAppId: app.id },
    { status: 'EXPIRED', reason: 'OAUTH_APP_CHANGED' },
  )
  return [...events, ...ended]
}

/**
 * Changes what users see of an application. Takes effect with the next page. Throws InvalidInputError, and
 * OAuthAppNotFoundError when the environment has no OAuth app of this connection name.
 */
export async function updateOAuthApp(
  context: Pick<AccountsContext, 'db' | 'bindingKey' | 'actor'>,
  environmentId: string,
  { connectionName, ...branding }: { readonly connectionName: string } & Partial<Branding>,
): Promise<OAuthApp> {
  checkInput(brandingRules.extend({ connectionName: inputRules.connectionName }), { connectionName, ...branding })
  const app = await context.db
    .transaction()
    .execute((trx) => saveBranding(context, trx, environmentId, connectionName, branding))
  if (!app) throw new OAuthAppNotFoundError(connectionName)
  return app
}

/** Returns what depends on the installed connectors and this server's URL; the syntax is in `input-rules.ts`. */
function configurationIssues(context: RegistrationContext, input: OAuthAppRegistration): readonly InputIssue[] {
  const issues: InputIssue[] = []
  if (!context.providers.has(input.connector)) {
    issues.push({ path: 'connector', message: `must be one of: ${[...context.providers.keys()].join(', ')}` })
  }
  // A public client has no secret (RFC 6749 section 2.1).
  const isPublic = context.providers.get(input.connector)?.clientAuthentication === 'none'
  if (!isPublic && input.clientSecret.reveal() === '') {
    issues.push({ path: 'clientSecret', message: 'must have 1 to 500 printable ASCII characters, no blanks' })
  }
  const { confirmationUrl } = input
  if (confirmationUrl !== null && !parseApplicationUrl(confirmationUrl) && !isOurs(context, confirmationUrl)) {
    issues.push({
      path: 'confirmationUrl',
      message: 'must be an absolute https URL (http on localhost), without user name and password',
    })
  }
  return issues
}

/** Where this server itself is: its operator may have put it on plain http in a private network. */
function isOurs(context: RegistrationContext, text: string): boolean {
  return text.startsWith(`${context.publicUrl}/`)
}
