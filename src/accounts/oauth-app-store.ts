import { sql } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import type { Secret } from '../vault/secret.ts'
import type { SealingContext } from '../vault/vault.ts'
import type { Capability } from './capability.ts'
import type { AccountsContext } from './context.ts'
import type { OAuthClient, OAuthProvider } from './provider.ts'

/** The application's own OAuth client at a provider. Its secret stays in the vault. */
export interface OAuthApp {
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
}

/** The callback URL of one OAuth app. It contains the app's id, so that a response for one app cannot reach another. */
export function redirectUri(publicUrl: string, oauthAppId: string): string {
  return `${publicUrl}/oauth/callback/${oauthAppId}`
}

/** The OAuth app of this connection name in the environment, or null. */
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
  const rows = await selectApps(db).where('environment_id', '=', environmentId).where('id', 'in', ids).execute()
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
 * the grants of the old one.
 */
export async function saveOAuthApp(
  context: Pick<AccountsContext, 'vault'>,
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
    .select(['id', 'client_id', 'connector', 'sandbox', 'version'])
    .where('environment_id', '=', environmentId)
    .where('connection_name', '=', registration.connectionName)
    // Not FOR UPDATE: queueing a revocation references this row while holding rows that this transaction locks next.
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
  const version = inserted ? 1 : before.version + 1
  const sealed = await context.vault.seal(
    registration.clientSecret,
    clientSecretContext(environmentId, before.id, version),
  )
  await trx
    .updateTable('oauth_apps')
    .set({
      ...values,
      client_secret: sealed,
      version,
      refresh_paused_until: null,
      rejected_at: null,
      rejected_code: null,
      updated_at: sql`clock_timestamp()`,
    })
    .where('environment_id', '=', environmentId)
    .where('id', '=', before.id)
    .execute()
  const row = await selectApps(trx).where('id', '=', before.id).executeTakeFirstOrThrow()
  return {
    app: toApp(row),
    created: inserted !== undefined,
    clientReplaced:
      before.client_id !== registration.clientId ||
      before.connector !== registration.connector ||
      before.sandbox !== registration.sandbox,
  }
}

/** An OAuth app's client with its provider, ready for requests. */
export interface OpenedOAuthClient {
  readonly app: OAuthApp
  /** The number of the registration of the client id and secret. Each registration increments it. */
  readonly version: number
  readonly client: OAuthClient
  readonly provider: OAuthProvider
}

/** Opens an OAuth app's client for one exchange with its provider. Null when the environment has no such app. */
export async function openOAuthClient(
  context: Pick<AccountsContext, 'db' | 'vault' | 'providers' | 'providerApiUrl'>,
  environmentId: string,
  oauthAppId: string,
): Promise<OpenedOAuthClient | null> {
  const row = await context.db
    .selectFrom('oauth_apps')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('id', '=', oauthAppId)
    .executeTakeFirst()
  if (!row) return null
  const app = toApp(row)
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

const selectApps = (db: Db) =>
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
      'created_at',
      'rejected_at',
      'rejected_code',
    ])

function toApp(row: {
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
    createdAt: row.created_at,
    rejection: row.rejected_at && { at: row.rejected_at, code: row.rejected_code },
  }
}
