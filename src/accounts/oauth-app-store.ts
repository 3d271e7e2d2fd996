import { sql } from 'kysely'
import { type AuditFields, recordAudit } from '../audit/audit-log.ts'
import type { Db, Trx } from '../db/database.ts'
import { anyOf, inEnvironment } from '../db/found-by-id.ts'
import { denyingToolPolicy, storedToolPolicy } from '../environments/tool-policy.ts'
import { bindingOf, isBound } from '../vault/row-binding.ts'
import type { Secret } from '../vault/secret.ts'
import type { SealingContext } from '../vault/vault.ts'
import { appValues, requireBoundApp } from './bindings.ts'
import { type Branding, shownApp } from './branding.ts'
import type { Capability } from './capability.ts'
import type { AccountsContext } from './context.ts'
import type { OAuthClient, OAuthProvider } from './provider.ts'
import { claimCallbackName } from './redirect-uri.ts'

/** The application's own OAuth client at a provider. Its secret stays in the vault. */
export interface OAuthApp extends Branding {
  readonly id: string
  readonly environmentId: string
  readonly connectionName: string
  readonly connector: string
  readonly clientId: string
  readonly capabilities: readonly Capability[]
  /** The OAuth scopes that it requests. */
  readonly scopes: readonly string[]
  readonly returnUrls: readonly string[]
  readonly confirmationUrl: string | null
  readonly sandbox: boolean
  /** The number of the registration. */
  readonly version: number
  /** Authenticates what the app decides; see `bindings.ts`. */
  readonly binding: string | null
  /** Whether tools may send raw requests, for what has no tool of its own. */
  readonly rawRequests: boolean
  /** Whether the content of what users share is indexed for its search. */
  readonly contentSearch: boolean
  /** The last part of the redirect URI; see `redirect-uri.ts`. Null: the id. */
  readonly callbackName: string | null
  /** Which tools may be called, as it is stored; `parseToolPolicy` reads it. */
  readonly toolPolicy: string | null
  readonly createdAt: Date
  /** Since when the provider rejects the app, and its code. Null: it accepted the app, or was not asked yet. */
  readonly rejection: { readonly at: Date; readonly code: string | null } | null
}

/** A registration. It changes an existing app of the same connection name. */
export interface OAuthAppRegistration {
  readonly connectionName: string
  readonly connector: string
  readonly clientId: string
  readonly clientSecret: Secret
  readonly capabilities: readonly Capability[]
  /** Absent: none. */
  readonly scopes?: readonly string[]
  readonly returnUrls: readonly string[]
  readonly confirmationUrl: string | null
  readonly sandbox: boolean
  /** Default: false. */
  readonly rawRequests?: boolean
  /** Default: false. */
  readonly contentSearch?: boolean
  /** Fields that are absent do not change: a new client secret must not remove the branding. */
  readonly branding?: Partial<Branding>
}

/** The OAuth app of this connection name in the environment, or null. Call `requireBoundApp` before it decides anything. */
export async function findOAuthApp(db: Db, environmentId: string, connectionName: string): Promise<OAuthApp | null> {
  const row = await selectApps(db)
    .where('environment_id', '=', environmentId)
    .where('connection_name', '=', connectionName)
    .executeTakeFirst()
  return row ? toApp(row) : null
}

/** The OAuth apps with these ids that belong to the environment. */
export async function findOAuthAppsById(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly OAuthApp[]> {
  if (ids.length === 0) return []
  const rows = await selectApps(db)
    .where(inEnvironment('environment_id', environmentId))
    .where('id', '=', anyOf('uuid', ids))
    .execute()
  return rows.map(toApp)
}

/** All OAuth apps of the environment, by connection name. */
export async function listOAuthApps(db: Db, environmentId: string): Promise<readonly OAuthApp[]> {
  const rows = await selectApps(db).where('environment_id', '=', environmentId).orderBy('connection_name').execute()
  return rows.map(toApp)
}

/** Counts the OAuth apps, of all environments, that activate accounts without a confirmation. */
export async function countUnconfirmedApps(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('oauth_apps')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('confirmation_url', 'is', null)
    .executeTakeFirstOrThrow()
  return count
}

/**
 * Registers an OAuth app or changes the one of the same connection name. `clientReplaced`: it is another client at the
 * provider than before (another client id, another connector, or the sandbox instead of the provider), which cannot use
 * the grants of the old one. Recorded in the audit log.
 */
export async function saveOAuthApp(
  context: Pick<AccountsContext, 'vault' | 'bindingKey' | 'actor' | 'log' | 'providers'>,
  trx: Trx,
  environmentId: string,
  registration: OAuthAppRegistration,
): Promise<{ readonly app: OAuthApp; readonly created: boolean; readonly clientReplaced: boolean }> {
  const values = {
    connector: registration.connector,
    client_id: registration.clientId,
    capabilities: [...registration.capabilities],
    scopes: [...(registration.scopes ?? [])],
    return_urls: [...registration.returnUrls],
    confirmation_url: registration.confirmationUrl,
    sandbox: registration.sandbox,
    raw_requests: registration.rawRequests ?? false,
    content_search: registration.contentSearch ?? false,
  }
  // The row comes first: its id is part of the secret's additional data.
  const inserted = await trx
    .insertInto('oauth_apps')
    .values({
      ...values,
      environment_id: environmentId,
      connection_name: registration.connectionName,
      client_secret: '',
    })
    .onConflict((conflict) => conflict.columns(['environment_id', 'connection_name']).doNothing())
    .returning('id')
    .executeTakeFirst()
  const before = await trx
    .selectFrom('oauth_apps')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('connection_name', '=', registration.connectionName)
    // Not FOR UPDATE: queueing a revocation references this row while holding rows that this transaction locks next.
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
  // Not that of a row which another program wrote.
  const known = inserted ? null : shownApp(context, toApp(before))
  const branding: Branding = { ...brandingOf(known), ...registration.branding }
  const toolPolicy = inserted ? null : policyAfterRegistration(context, before)
  const secretChanged = inserted === undefined && !(await isSecret(context, before, registration.clientSecret))
  const version = inserted ? 1 : before.version + 1
  const { connectionName, connector } = registration
  const named = { environmentId, connectionName, connector }
  const callbackName = await claimCallbackName(context, trx, named, inserted ? null : toApp(before))
  const sealed = await context.vault.seal(
    registration.clientSecret,
    clientSecretContext(environmentId, before.id, version),
  )
  await trx
    .updateTable('oauth_apps')
    .set({
      ...values,
      ...brandingColumns(branding),
      client_secret: sealed,
      callback_name: callbackName,
      tool_policy: toolPolicy,
      version,
      binding: bindingOf(
        context.bindingKey,
        'oauth_apps',
        appValues({
          ...registration,
          ...branding,
          ...{ scopes: values.scopes, rawRequests: values.raw_requests, contentSearch: values.content_search },
          ...{ id: before.id, environmentId, version, callbackName, toolPolicy },
        }),
      ),
      refresh_paused_until: null,
      rejected_at: null,
      rejected_code: null,
      updated_at: sql`clock_timestamp()`,
    })
    .where('environment_id', '=', environmentId)
    .where('id', '=', before.id)
    .execute()
  const app = toApp(await selectApps(trx).where('id', '=', before.id).executeTakeFirstOrThrow())
  await recordAudit(trx, context.actor, {
    environmentId,
    action: inserted ? 'oauth_app.registered' : 'oauth_app.updated',
    target: `OAuthApp:${app.id}`,
    ...(!inserted && { before: auditFields(toApp(before)) }),
    after: { ...auditFields(app), ...(secretChanged && { clientSecret: 'changed' }) },
  })
  return {
    app,
    created: inserted !== undefined,
    clientReplaced:
      before.client_id !== registration.clientId ||
      before.connector !== registration.connector ||
      before.sandbox !== registration.sandbox,
  }
}

const noBranding: Branding = { displayName: null, logoUrl: null, accentColor: null }

const brandingOf = (from: Branding | null): Branding => {
  const { displayName, logoUrl, accentColor } = from ?? noBranding
  return { displayName, logoUrl, accentColor }
}

/** The columns of a {@link Branding}. */
export const brandingColumns = ({ displayName, logoUrl, accentColor }: Branding) => ({
  display_name: displayName,
  logo_url: logoUrl,
  accent_color: accentColor,
})

/**
 * Returns the policy of an OAuth app that is registered again: its own. Another program that changed the policy has it replaced by
 * one that permits nothing, so that the registration does not make it valid. Any change counts: what the row held is not known.
 */
function policyAfterRegistration(
  { bindingKey, log }: Pick<AccountsContext, 'bindingKey' | 'log'>,
  row: Parameters<typeof toApp>[0],
): string | null {
  if (isBound(bindingKey, 'oauth_apps', appValues(toApp(row)), row.binding)) return row.tool_policy
  log.error({ oauthAppId: row.id }, 'tool policy of a changed OAuth app denies all tools until setToolPolicy sets it')
  return storedToolPolicy(denyingToolPolicy)
}

/** What the audit log holds of an OAuth app. */
export const auditFields = ({
  id: _id,
  environmentId: _env,
  createdAt: _at,
  rejection: _rejection,
  // It authenticates the row, and is not a setting.
  binding: _binding,
  toolPolicy: _policy,
  ...fields
}: OAuthApp): AuditFields => fields

/** Whether an OAuth app has this secret. False when its ciphertext does not open. */
async function isSecret(
  { vault }: Pick<AccountsContext, 'vault'>,
  row: {
    readonly environment_id: string
    readonly id: string
    readonly version: number
    readonly client_secret: string
  },
  secret: Secret,
): Promise<boolean> {
  const opened = vault.open(row.client_secret, clientSecretContext(row.environment_id, row.id, row.version))
  return opened.then(
    (known) => known.reveal() === secret.reveal(),
    () => false,
  )
}

/** An OAuth app's client with its provider, ready for requests. */
export interface OpenedOAuthClient {
  readonly app: OAuthApp
  /** The number of the registration of the client id and secret. Each registration increments it. */
  readonly version: number
  readonly client: OAuthClient
  readonly provider: OAuthProvider
}

/**
 * Opens an OAuth app's client for one exchange with its provider. Null when the environment has no such app. Throws a
 * VaultError when another program than this server wrote what it decides.
 */
export async function openOAuthClient(
  context: Pick<AccountsContext, 'db' | 'vault' | 'bindingKey' | 'providers' | 'providerApiUrl'>,
  environmentId: string,
  oauthAppId: string,
): Promise<OpenedOAuthClient | null> {
  const row = await selectApps(context.db)
    .select('client_secret')
    .where('environment_id', '=', environmentId)
    .where('id', '=', oauthAppId)
    .executeTakeFirst()
  if (!row) return null
  const app = requireBoundApp(context, toApp(row))
  const provider = context.providers.get(app.connector)
  if (!provider) throw new Error(`No connector called ${app.connector} is installed.`)
  const clientSecret = await context.vault.open(
    row.client_secret,
    clientSecretContext(environmentId, oauthAppId, row.version),
  )
  const client = { clientId: app.clientId, clientSecret, apiUrl: context.providerApiUrl(app) }
  return { app, version: row.version, provider, client }
}

/** The sealing context of a client secret: its OAuth app and its registration. */
export function clientSecretContext(environmentId: string, oauthAppId: string, version: number): SealingContext {
  return { environmentId, subject: oauthAppId, field: 'client_secret', version }
}

/** OAuth apps as {@link toApp} reads them. */
export const selectApps = (db: Db) =>
  db
    .selectFrom('oauth_apps')
    .select([
      'id',
      'environment_id',
      'connection_name',
      'connector',
      'client_id',
      'capabilities',
      'scopes',
      'return_urls',
      'confirmation_url',
      'sandbox',
      'version',
      'binding',
      'raw_requests',
      'content_search',
      'display_name',
      'logo_url',
      'accent_color',
      'callback_name',
      'tool_policy',
      'created_at',
      'rejected_at',
      'rejected_code',
    ])

/** Converts a row of {@link selectApps}. */
export function toApp(row: {
  id: string
  environment_id: string
  connection_name: string
  connector: string
  client_id: string
  capabilities: string[]
  scopes: string[]
  return_urls: string[]
  confirmation_url: string | null
  sandbox: boolean
  version: number
  binding: string | null
  raw_requests: boolean
  content_search: boolean
  display_name: string | null
  logo_url: string | null
  accent_color: string | null
  callback_name: string | null
  tool_policy: string | null
  created_at: Date
  rejected_at: Date | null
  rejected_code: string | null
}): OAuthApp {
  return {
    id: row.id,
    environmentId: row.environment_id,
    connectionName: row.connection_name,
    connector: row.connector,
    clientId: row.client_id,
    capabilities: row.capabilities,
    scopes: row.scopes,
    returnUrls: row.return_urls,
    confirmationUrl: row.confirmation_url,
    sandbox: row.sandbox,
    version: row.version,
    binding: row.binding,
    rawRequests: row.raw_requests,
    contentSearch: row.content_search,
    displayName: row.display_name,
    logoUrl: row.logo_url,
    accentColor: row.accent_color,
    callbackName: row.callback_name,
    toolPolicy: row.tool_policy,
    createdAt: row.created_at,
    rejection: row.rejected_at && { at: row.rejected_at, code: row.rejected_code },
  }
}
