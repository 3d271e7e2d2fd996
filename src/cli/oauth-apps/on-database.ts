import { type RegistrationContext, registerOAuthApp } from '../../accounts/authorization/register-oauth-app.ts'
import { type AccountsContext, defaultTiming } from '../../accounts/context.ts'
import { listOAuthApps, type OAuthApp, openOAuthClient } from '../../accounts/oauth-app-store.ts'
import { plannedRedirectUri, redirectUri } from '../../accounts/redirect-uri.ts'
import { verifyOAuthApp } from '../../accounts/verify-oauth-app.ts'
import { createAddresses } from '../../addresses.ts'
import { operatorActor } from '../../audit/audit-log.ts'
import type { Config } from '../../config.ts'
import { connectors } from '../../connectors.ts'
import { noRowCache } from '../../db/changed-rows.ts'
import { ensureEnvironment, findEnvironmentId } from '../../environments/environment-store.ts'
import { openAccountEvents } from '../../events/status-events.ts'
import type { Log } from '../../log.ts'
import { newAppsAreSandboxed, providerUrl } from '../../provider-urls.ts'
import type { Store } from '../../store.ts'
import { Secret } from '../../vault/secret.ts'
import { requireEnvironment, UsageError } from '../command.ts'
import type { OAuthAppsBackend, RegistrationOptions, ShownApp } from './backend.ts'

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
    providers: new Map(connectors.map(({ slug, oauth }) => [slug, oauth])),
    publicUrl: addresses.publicUrl(),
    timing: defaultTiming,
    vault,
  }
  const shown = (app: OAuthApp): ShownApp => ({
    connectionName: app.connectionName,
    clientId: app.clientId,
    redirectUri: redirectUri(context.publicUrl, app),
    confirmationUrl: app.confirmationUrl,
    sandbox: app.sandbox,
    rejectedAt: app.rejection?.at.toISOString() ?? null,
    rejectedCode: app.rejection?.code ?? null,
  })
  const register = async (environmentId: string, given: RegistrationOptions, before: OAuthApp | null) => {
    const connector = given.connector ?? before?.connector ?? 'notion'
    const installed = connectors.find(({ slug }) => slug === connector)
    const known = Object.keys(installed?.oauth.capabilities ?? {})
    const unknown = given.capabilities?.filter((name) => installed && !known.includes(name)) ?? []
    if (unknown.length > 0)
      throw new UsageError(`--capability must be of ${known.join(', ')}; unknown: ${unknown.join(', ')}`)
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
      sandbox: newAppsAreSandboxed(config) && installed?.sandbox != null,
    }
    const { verifyCredentials } = given
    return shown(await registerOAuthApp(context, environmentId, registration, { verifyCredentials }))
  }
  try {
    return await work({
      place: `the environment "${environment}"`,
      register: async (given) => register((await ensureEnvironment(db, environment, operatorActor)).id, given, null),
      async update(given) {
        const environmentId = await requireEnvironment(db, environment)
        const apps = await listOAuthApps(db, environmentId)
        const before = apps.find(({ connectionName }) => connectionName === given.connectionName)
        const opened = before && (await openOAuthClient(context, environmentId, before.id))
        if (!opened) throw new UsageError(unknownConnection(given.connectionName, apps))
        const clientSecret = given.clientSecret ?? opened.client.clientSecret.reveal()
        return register(environmentId, { ...given, clientSecret }, opened.app)
      },
      async list() {
        return (await listOAuthApps(db, await requireEnvironment(db, environment))).map(shown)
      },
      async redirectUri(connectionName, connector) {
        // An environment that does not exist yet is created by the registration.
        const environmentId = (await findEnvironmentId(db, environment)) ?? noEnvironment
        return plannedRedirectUri(context, { environmentId, connectionName, connector })
      },
      async verify(connectionName) {
        return shown(await verifyOAuthApp(context, await requireEnvironment(db, environment), connectionName))
      },
    })
  } finally {
    await events.close()
  }
}

const noEnvironment = '00000000-0000-0000-0000-000000000000'

function unknownConnection(name: string, apps: readonly OAuthApp[]): string {
  const names = apps.map(({ connectionName }) => `"${connectionName}"`)
  return `unknown connection "${name}". ${names.length === 0 ? 'Register it with: oauth-apps register' : `Available connections: ${names.join(', ')}`}`
}
