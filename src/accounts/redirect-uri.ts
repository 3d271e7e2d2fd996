import { sql } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import { isUuid } from '../uuid.ts'
import type { AccountsContext } from './context.ts'

/*
 * Redirect URIs of OAuth apps. They are predictable, so that they can be entered at the provider before the registration.
 * Apps of several environments share one when they have the same connection name: the state of a response decides which
 * authorization it belongs to. Apps of different connectors never share one (RFC 9700 section 4.4.2.2), because a provider
 * could otherwise have a user send it the code of another provider.
 */

/** The fields of an OAuth app that its redirect URI depends on. */
interface CallbackFields {
  readonly id: string
  readonly connector: string
  /** The last part of its redirect URI. Null: its id. */
  readonly callbackName: string | null
  readonly sandbox: boolean
}

/** A registration, as far as the redirect URI depends on it. */
interface Registered {
  readonly environmentId: string
  readonly connectionName: string
  readonly connector: string
}

/** Returns the redirect URI of an OAuth app. */
export function redirectUri(publicUrl: string, app: Pick<CallbackFields, 'id' | 'callbackName'>): string {
  return callbackUrl(publicUrl, app.callbackName ?? app.id)
}

/** Returns the URL of a callback. `callback` is the last part of its path. */
export const callbackUrl = (publicUrl: string, callback: string): string => `${publicUrl}/oauth/callback/${callback}`

/**
 * Whether the last part of a callback's path is of this OAuth app. Its id is valid as well: an authorization may have begun
 * before the app got a name.
 */
export const isCallbackOf = (app: Pick<CallbackFields, 'id' | 'callbackName'>, callback: string): boolean =>
  callback.toLowerCase() === app.id || (app.callbackName !== null && callback === app.callbackName)

/** Returns the redirect URI that a registration gets, without registering anything. */
export async function plannedRedirectUri(
  context: Pick<AccountsContext, 'db' | 'providers' | 'publicUrl'>,
  registered: Registered,
): Promise<string> {
  const existing = await context.db
    .selectFrom('oauth_apps')
    .select(['id', 'connector', 'callback_name as callbackName', 'sandbox'])
    .where('environment_id', '=', registered.environmentId)
    .where('connection_name', '=', registered.connectionName)
    .executeTakeFirst()
  if (existing && retainsCallback(existing, registered)) return redirectUri(context.publicUrl, existing)
  return callbackUrl(context.publicUrl, await freeCallbackName(context, context.db, registered))
}

/** {@link plannedRedirectUri}, where no OAuth app is registered yet. */
export function firstRedirectUri(
  context: Pick<AccountsContext, 'providers' | 'publicUrl'>,
  registered: Omit<Registered, 'environmentId'>,
): string {
  const { connectionName } = registered
  return callbackUrl(context.publicUrl, isReserved(context, registered) ? qualifiedName(registered) : connectionName)
}

/**
 * Returns the callback name of an OAuth app that is registered in this transaction. An app that is registered again retains
 * its redirect URI, which its provider knows.
 */
export async function claimCallbackName(
  context: Pick<AccountsContext, 'providers'>,
  trx: Trx,
  registered: Registered,
  existing: CallbackFields | null,
): Promise<string | null> {
  if (existing && retainsCallback(existing, registered)) return existing.callbackName
  // Two registrations at once must not both find a name free.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`callback name ${registered.connectionName}`}, 0))`.execute(
    trx,
  )
  return freeCallbackName(context, trx, registered)
}

/** The sandbox accepts every redirect URI, so that an app which leaves it can get a name. */
const retainsCallback = (app: CallbackFields, { connector }: Registered): boolean =>
  app.connector === connector && (app.callbackName !== null || !app.sandbox)

// Connection names contain no dots, so that this is never another one.
const qualifiedName = ({ connectionName, connector }: Omit<Registered, 'environmentId'>) =>
  `${connectionName}.${connector}`

/** Whether a callback name is for another connector, or for an OAuth app with this ID. */
const isReserved = (
  { providers }: Pick<AccountsContext, 'providers'>,
  { connectionName, connector }: Omit<Registered, 'environmentId'>,
) => (connectionName !== connector && providers.has(connectionName)) || isUuid(connectionName.toLowerCase())

async function freeCallbackName(
  context: Pick<AccountsContext, 'providers'>,
  db: Db,
  registered: Registered,
): Promise<string> {
  const { environmentId, connectionName, connector } = registered
  if (isReserved(context, registered)) return qualifiedName(registered)
  const taken = await db
    .selectFrom('oauth_apps')
    .select('id')
    .where('callback_name', '=', connectionName)
    .where('connector', '<>', connector)
    // Not the app that the registration changes.
    .where((eb) => eb.or([eb('environment_id', '<>', environmentId), eb('connection_name', '<>', connectionName)]))
    .limit(1)
    .executeTakeFirst()
  return taken ? qualifiedName(registered) : connectionName
}
