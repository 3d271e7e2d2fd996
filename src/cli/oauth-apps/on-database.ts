import { type RegistrationContext, registerOAuthApp } from '../../accounts/authorization/register-oauth-app.ts'
import { type AccountsContext, defaultTiming } from '../../accounts/context.ts'
import { listOAuthApps, type OAuthApp, openOAuthClient } from '../../accounts/oauth-app-store.ts'
import { firstRedirectUri, plannedRedirectUri, redirectUri } from '../../accounts/redirect-uri.ts'
import { verifyOAuthApp } from '../../accounts/verify-oauth-app.ts'
import { createAddresses } from '../../addresses.ts'
import { operatorActor } from '../../audit/audit-log.ts'
import type { Config } from '../../config.ts'
import { connectors } from '../../connectors.ts'
import { noRowCache } from '../../db/changed-rows.ts'
import { ensureEnvironment, findEnvironmentId } from '../../environments/environment-store.ts'
import { OAuthAppNotFoundError } from '../../errors.ts'
import { openAccountEvents } from '../../events/status-events.ts'
import type { Log } from '../../log.ts'
import { readPendingTokens, readWebhookStates, resetWebhook } from '../../provider-events/webhook-tokens.ts'
import { webhookUrls } from '../../provider-events/webhook-url.ts'
import { newAppsAreSandboxed, providerUrl } from '../../provider-urls.ts'
import type { Store } from '../../store.ts'
import { Secret } from '../../vault/secret.ts'
import { UsageError } from '../command.ts'
import { requireConnection, requireEnvironment, unknownValues } from '../known-names.ts'
import type { OAuthAppsBackend, RegistrationOptions, ShownApp } from './backend.ts'

const providers = new Map(connectors.map(({ slug, oauth }) => [slug, oauth]))

/** What the commands can do before there is a database. */
export const beforeDatabase = (config: Config): Pick<OAuthAppsBackend, 'redirectUri'> => ({
  redirectUri: async (connectionName, connector) =>
    firstRedirectUri({ providers, publicUrl: createAddresses(config).publicUrl() }, { connectionName, connector }),
})

/** Runs `work` with the commands on the database, for an environment that `register` creates when it does not exist. */
export async function withDatabase<Result>(
  { database, vault }: Store,
  options: { readonly config: Config; readonly bindingKey: Secret; readonly environment: string; readonly log: Log },
  work: (backend: OAuthAppsBackend) => Promise<Result>,
): Promise<Result> {
  const { config, environment, log } = options
  const { db } = database
  const addresses = createAddresses(config)
  const events = await openAccountEvents(database, (err) => log.warn({ err }, 'sending an event failed'))
  const context: RegistrationContext & Pick<AccountsContext, 'timing'> = {
    actor: operatorActor,
    bindingKey: options.bindingKey,
    db,
    events,
    log,
    // Servers learn of the change from the database.
    openAccounts: noRowCache,
    // The sandbox is a part of the server on this machine.
    providerApiUrl: (app) => providerUrl(config, connectors, app, () => addresses.localUrl()),
    providers,
    publicUrl: addresses.publicUrl(),
    timing: defaultTiming,
    vault,
  }
  const urlsOf = async (environmentId: string, apps: readonly OAuthApp[]) => {
    const withEvents = apps.filter(({ connector }) => connectors.find(({ slug }) => slug === connector)?.events)
    return withEvents.length === 0
      ? new Map<string, string>()
      : webhookUrls(
          context,
          environmentId,
          withEvents.map(({ id }) => id),
        )
  }
  const shown = (app: OAuthApp, url: string | null): ShownApp => ({
    connectionName: app.connectionName,
    clientId: app.clientId,
    redirectUri: redirectUri(context.publicUrl, app),
    webhookUrl: url,
    confirmationUrl: app.confirmationUrl,
    returnUrls: app.returnUrls,
    capabilities: app.capabilities,
    scopes: app.scopes,
    rawRequests: app.rawRequests,
    contentSearch: app.contentSearch,
    sandbox: app.sandbox,
    rejectedAt: app.rejection?.at.toISOString() ?? null,
    rejectedCode: app.rejection?.code ?? null,
  })
  const register = async (environmentId: string, given: RegistrationOptions, before: OAuthApp | null) => {
    const connector = given.connector ?? before?.connector ?? 'notion'
    const installed = connectors.find(({ slug }) => slug === connector)
    const known = Object.keys(installed?.oauth.capabilities ?? {})
    const unknown = installed ? unknownValues(given.capabilities ?? [], known) : ''
    if (unknown) throw new UsageError(`--capability must be of ${known.join(', ')}; ${unknown}`)
    const scopes = given.scopes ?? before?.scopes
    const registration = {
      connectionName: given.connectionName,
      connector,
      clientId: given.clientId ?? before?.clientId ?? '',
      clientSecret: new Secret(given.clientSecret ?? ''),
      capabilities: given.capabilities ?? before?.capabilities ?? known,
      ...(scopes && { scopes }),
      returnUrls: given.returnUrls ?? before?.returnUrls ?? [],
      confirmationUrl: given.confirmationUrl ?? before?.confirmationUrl ?? null,
      rawRequests: given.rawRequests ?? before?.rawRequests ?? false,
      contentSearch: given.contentSearch ?? before?.contentSearch ?? false,
      // An app that changed between the sandbox and the provider loses its grants: only a registration may do that.
      sandbox: before?.sandbox ?? (newAppsAreSandboxed(config) && installed?.sandbox != null),
    }
    const { verifyCredentials } = given
    const app = await registerOAuthApp(context, environmentId, registration, { verifyCredentials })
    return shown(app, (await urlsOf(environmentId, [app])).get(app.id) ?? null)
  }
  try {
    return await work({
      place: `the environment "${environment}"`,
      register: async (given) => register((await ensureEnvironment(db, environment, operatorActor)).id, given, null),
      async update(given) {
        const environmentId = await requireEnvironment(db, environment)
        const before = await requireConnection(db, { id: environmentId, name: environment }, given.connectionName)
        const opened = await openOAuthClient(context, environmentId, before.id)
        if (!opened) throw new OAuthAppNotFoundError(given.connectionName)
        const clientSecret = given.clientSecret ?? opened.client.clientSecret.reveal()
        return register(environmentId, { ...given, clientSecret }, opened.app)
      },
      async list() {
        const environmentId = await requireEnvironment(db, environment)
        const apps = await listOAuthApps(db, environmentId)
        const urls = await urlsOf(environmentId, apps)
        return apps.map((app) => shown(app, urls.get(app.id) ?? null))
      },
      async redirectUri(connectionName, connector) {
        // An environment that does not exist yet is created by the registration.
        const environmentId = (await findEnvironmentId(db, environment)) ?? noEnvironment
        return plannedRedirectUri(context, { environmentId, connectionName, connector })
      },
      async webhook(connectionName, { reset }) {
        const environmentId = await requireEnvironment(db, environment)
        const app = await requireConnection(db, { id: environmentId, name: environment }, connectionName)
        if (reset) await resetWebhook(context, environmentId, connectionName)
        const tokens = await readPendingTokens(context, app)
        return {
          url: (await urlsOf(environmentId, [app])).get(app.id) ?? null,
          state: (await readWebhookStates(db, environmentId, [app.id]))[0] ?? 'WAITING',
          tokens: tokens.map(({ token, receivedAt }) => ({
            token: token.reveal(),
            receivedAt: receivedAt.toISOString(),
          })),
        }
      },
      async verify(connectionName) {
        const environmentId = await requireEnvironment(db, environment)
        await requireConnection(db, { id: environmentId, name: environment }, connectionName)
        const app = await verifyOAuthApp(context, environmentId, connectionName)
        return shown(app, (await urlsOf(environmentId, [app])).get(app.id) ?? null)
      },
    })
  } finally {
    await events.close()
  }
}

const noEnvironment = '00000000-0000-0000-0000-000000000000'
