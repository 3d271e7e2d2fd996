import DataLoader from 'dataloader'
import { sql } from 'kysely'
import type { Db } from '../db/database.ts'

/** States of an index, with their meaning. */
export const indexStatuses = {
  BUILDING: 'Reading the content for the first time. Searches read pages themselves until it is done.',
  READY: 'Complete as of the last pass, and updated from then on.',
  LIMITED: 'As READY, without the pages that were edited the longest ago: the index is as large as it may be.',
} as const
export type IndexStatus = keyof typeof indexStatuses

/** What is known of an index without its key. */
export interface IndexFacts {
  readonly status: IndexStatus
  /** Pages that the provider lists for the grant, as far as they were counted. */
  readonly pages: number
  readonly indexedPages: number
  /** When all pages were listed and read last; null for never. */
  readonly lastCompletedAt: Date | null
}

/** The columns that {@link toFacts} reads. */
export const factColumns = [
  'content_indexes.pages',
  'content_indexes.listed',
  'content_indexes.documents',
  'content_indexes.floor_edited_at',
  'content_indexes.last_completed_at',
] as const

/** Converts a row of `content_indexes`. */
export function toFacts(row: {
  readonly pages: number
  readonly listed: number
  readonly documents: number
  readonly floor_edited_at: Date | null
  readonly last_completed_at: Date | null
}): IndexFacts {
  const isBuilding = row.last_completed_at === null
  return {
    status: isBuilding ? 'BUILDING' : row.floor_edited_at === null ? 'READY' : 'LIMITED',
    // Pages that are new since the last pass are indexed before they are counted.
    pages: Math.max(isBuilding ? row.listed : row.pages, row.documents),
    indexedPages: row.documents,
    lastCompletedAt: row.last_completed_at,
  }
}

/** Returns what an index holds, with the active accounts whose grant it is of; null where it does not exist any more. */
export async function readProgress(
  db: Db,
  { indexId, environmentId }: { readonly indexId: string; readonly environmentId: string },
): Promise<{ readonly facts: IndexFacts; readonly accountIds: readonly string[] } | null> {
  const row = await db
    .selectFrom('content_indexes')
    .select([
      ...factColumns,
      sql<string[]>`array (
        select account.id from connected_accounts account
        where account.environment_id = content_indexes.environment_id and account.grant_id = content_indexes.grant_id
          and account.status = 'ACTIVE'
      )`.as('account_ids'),
    ])
    .where('environment_id', '=', environmentId)
    .where('id', '=', indexId)
    .executeTakeFirst()
  return row ? { facts: toFacts(row), accountIds: row.account_ids } : null
}

/** Finds the indexes of accounts, together when they are needed at the same time. */
export type IndexLoader = Pick<DataLoader<AccountKey, IndexFacts | null>, 'load'>

interface AccountKey {
  readonly environmentId: string
  readonly accountId: string
}

/** Creates the loader of a node. It batches and does not cache. Null where an account has no index. */
export function createIndexLoader(db: Db): IndexLoader {
  return new DataLoader<AccountKey, IndexFacts | null, string>(
    async (keys) => {
      const rows = await db
        .selectFrom('connected_accounts')
        .innerJoin('content_indexes', (join) =>
          join
            .onRef('content_indexes.grant_id', '=', 'connected_accounts.grant_id')
            .onRef('content_indexes.environment_id', '=', 'connected_accounts.environment_id'),
        )
        .select([...factColumns, 'connected_accounts.id', 'connected_accounts.environment_id'])
        .where('connected_accounts.status', '=', 'ACTIVE')
        .where(sql<boolean>`connected_accounts.id = any (${keys.map(({ accountId }) => accountId)}::uuid[])`)
        .execute()
      const found = new Map(rows.map((row) => [`${row.environment_id} ${row.id}`, toFacts(row)]))
      return keys.map(({ environmentId, accountId }) => found.get(`${environmentId} ${accountId}`) ?? null)
    },
    { cache: false, maxBatchSize: 1_000 },
  )
}
