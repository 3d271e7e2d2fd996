import { isCallbackOf } from '../accounts/redirect-uri.ts'
import type { Db } from '../db/database.ts'
import { anyOf } from '../db/found-by-id.ts'
import { isUuid } from '../uuid.ts'

/** An OAuth app that a provider sends events for. */
export interface Receiver {
  readonly id: string
  readonly environmentId: string
  readonly connectionName: string
}

/** OAuth apps that one path may name. Apps of more environments use the path with their ID. */
const maxReceivers = 1_000

/**
 * Returns the OAuth apps that a path of webhooks names, as the last part of a redirect URI does: by their callback name,
 * which apps of several environments may share, or by their ID.
 */
export async function findReceivers(db: Db, connector: string, callback: string): Promise<readonly Receiver[]> {
  const id = callback.toLowerCase()
  const apps = db.selectFrom('oauth_apps').select(['id', 'environment_id', 'connection_name', 'callback_name'])
  const rows = await apps
    .where('connector', '=', connector)
    .where((eb) => eb.or([eb('callback_name', '=', callback), ...(isUuid(id) ? [eb('id', '=', id)] : [])]))
    .limit(maxReceivers)
    .execute()
  return rows
    .filter((row) => isCallbackOf({ id: row.id, callbackName: row.callback_name }, callback))
    .map((row) => ({ id: row.id, environmentId: row.environment_id, connectionName: row.connection_name }))
}

/**
 * Returns the URLs to enter in the provider's settings, by the id of the OAuth app: with its callback name, or with its ID
 * where OAuth apps of other environments have the same name. The token that the provider sends first is not signed, so that
 * it must name one app.
 */
export async function webhookUrls(
  { db, publicUrl }: { readonly db: Db; readonly publicUrl: string },
  environmentId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('oauth_apps as app')
    .select(['app.id', 'app.connector', 'app.callback_name'])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom('oauth_apps as other')
          .select('other.id')
          .whereRef('other.callback_name', '=', 'app.callback_name')
          .whereRef('other.connector', '=', 'app.connector')
          .whereRef('other.id', '<>', 'app.id'),
      ).as('is_shared'),
    )
    .where('app.environment_id', '=', environmentId)
    .where('app.id', '=', anyOf('uuid', ids))
    .execute()
  return new Map(
    rows.map(({ id, connector, callback_name: name, is_shared: isShared }) => [
      id,
      `${publicUrl}/webhooks/${connector}/${name === null || isShared ? id : name}`,
    ]),
  )
}
