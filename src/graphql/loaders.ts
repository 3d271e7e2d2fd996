import DataLoader from 'dataloader'
import { findAccountsById } from '../accounts/account-store.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { findOAuthAppsById, type OAuthApp } from '../accounts/oauth-app-store.ts'
import type { Db } from '../db/database.ts'
import type { Viewer } from '../environments/viewer.ts'

/** Reads that many fields of one request share: one query for all the ids that are asked for at once. */
export interface Loaders {
  /** The account of an id, or null when the viewer may not see one. */
  readonly account: DataLoader<string, ConnectedAccount | null>
  readonly oauthApp: DataLoader<string, OAuthApp | null>
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Loaders within the rights of one viewer; without a viewer nothing is found. */
export function createLoaders(db: Db, viewer: Viewer | null): Loaders {
  return {
    account: byId(async (ids) => {
      if (viewer === null) return []
      const accounts = await findAccountsById(db, viewer.environmentId, ids)
      return accounts.filter((account) => viewer.identifier === null || account.identifier === viewer.identifier)
    }),
    oauthApp: byId(async (ids) =>
      viewer === null || viewer.identifier !== null ? [] : findOAuthAppsById(db, viewer.environmentId, ids),
    ),
  }
}

/** Batches, and keeps nothing: a subscription has one set of loaders for as long as it is open. */
const options = { cache: false }

/** Ids come from callers: what is no UUID is not found, before the database would call it a syntax error. */
function byId<T extends { readonly id: string }>(
  find: (ids: readonly string[]) => Promise<readonly T[]>,
): DataLoader<string, T | null> {
  return new DataLoader(async (ids: readonly string[]) => {
    const found = new Map((await find(ids.filter((id) => uuid.test(id)))).map((item) => [item.id, item]))
    return ids.map((id) => found.get(id) ?? null)
  }, options)
}
