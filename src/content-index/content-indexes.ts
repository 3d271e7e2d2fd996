import { sql } from 'kysely'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Db } from '../db/database.ts'
import { anyOf } from '../db/found-by-id.ts'
import { currentTime } from '../db/time.ts'
import type { Log } from '../log.ts'
import type { Query } from '../search/query.ts'
import type { Vault } from '../vault/vault.ts'
import { neverOpens } from '../vault/vault-error.ts'
import { deriveIndexKey, type IndexKey, indexKeyContext } from './index-key.ts'
import { type IndexKeyColumns, noteChanges, recount, withIndex } from './index-rows.ts'
import { factColumns, type IndexFacts, toFacts } from './index-status.ts'
import { noteSearch } from './pace.ts'
import { type RankedPlace, type Ranking, rankDocuments } from './ranking.ts'
import { type DocumentContent, type DocumentKey, openDocument } from './sealed-document.ts'

/** A document that may match a query. */
export interface Candidate extends DocumentContent {
  readonly place: RankedPlace
  readonly objectId: string
  /** Milliseconds since the epoch. */
  readonly editedAt: number
  /** When the provider returned the object last for the grant; its content may have been read earlier. */
  readonly provenAt: Date
  readonly readAt: Date
}

/** The index of the grant of an account, as searches use it. */
export interface GrantIndex {
  readonly facts: IndexFacts
  /** When the index was opened, by the clock of the database. */
  readonly openedAt: Date
  /** Ranks all documents that may match. What does not open was moved or changed by another program: it is logged and left out. */
  rank(query: Pick<Query, 'terms' | 'edited'>): Promise<Ranking>
  /**
   * Opens documents of a ranking, in their order. Those that were replaced or removed since are left out, as are those that do
   * not open, which are logged.
   */
  open(places: readonly RankedPlace[]): Promise<readonly Candidate[]>
  /** Records that the provider has returned objects for the grant after `at`. */
  prove(objectIds: readonly string[], at: Date): Promise<void>
  /** Removes the document of an object that the provider does not return any more, unless it was read again since. */
  remove(candidate: Pick<Candidate, 'objectId' | 'readAt'>): Promise<void>
  /** Has objects read again soon. */
  noteChanged(objectIds: readonly string[]): Promise<void>
}

/** Finds the indexes of grants. */
export interface ContentIndexes {
  /**
   * Returns the index of the grant of an active account; null where it has none, or none with a key yet. `sample` is that of the
   * source of its content.
   */
  find(account: ConnectedAccount, sample: Buffer): Promise<GrantIndex | null>
}

/** Creates the access to indexes for searches. */
export function createContentIndexes(context: {
  readonly db: Db
  readonly vault: Vault
  readonly log: Pick<Log, 'error'>
}): ContentIndexes {
  const { db, vault, log } = context
  return {
    async find({ environmentId, grant, appContentSearch }, sample) {
      if (!appContentSearch || grant === null) return null
      const row = await db
        .selectFrom('content_indexes')
        .select([...factColumns, 'id', 'sealed_key', 'last_searched_at', currentTime.as('now')])
        .where('environment_id', '=', environmentId)
        .where('grant_id', '=', grant.id)
        .executeTakeFirst()
      if (!row || row.sealed_key === null) return null
      const columns: IndexKeyColumns = { indexId: row.id, environmentId, grantId: grant.id }
      await noteSearch(db, columns, row.last_searched_at, row.now)
      try {
        const key = deriveIndexKey(await vault.open(row.sealed_key, indexKeyContext(columns)))
        return grantIndex(context, columns, { ...key, sample }, toFacts(row), row.now)
      } catch (err) {
        if (!neverOpens(err)) throw err
        log.error({ err, grant: grant.id }, 'the key of a content index does not open')
        return null
      }
    },
  }
}

function grantIndex(
  { db, log }: { readonly db: Db; readonly log: Pick<Log, 'error'> },
  columns: IndexKeyColumns,
  key: IndexKey & DocumentKey,
  facts: IndexFacts,
  openedAt: Date,
): GrantIndex {
  const { environmentId, grantId, indexId } = columns
  const notOpened = (err: unknown, what: object) =>
    log.error({ err, grant: grantId, ...what }, 'a part of a content index does not open')
  return {
    facts,
    openedAt,
    rank: (query) => rankDocuments(db, columns, key, query, notOpened),
    async open(places) {
      if (places.length === 0) return []
      const rows = await db
        .selectFrom('content_documents')
        .select(['number', 'object_id', 'edited_at', 'sealed', 'read_at', 'proven_at'])
        .where('environment_id', '=', environmentId)
        .where('index_id', '=', indexId)
        .where(sql<boolean>`number = any (${places.map(({ number }) => number)}::bigint[])`)
        .execute()
      const byNumber = new Map(rows.map((row) => [row.number, row]))
      const opened = places.map(async (place): Promise<Candidate | null> => {
        const row = byNumber.get(place.number)
        if (row === undefined) return null
        const { object_id: objectId, edited_at, proven_at: provenAt, read_at: readAt } = row
        try {
          const content = await openDocument(key, { environmentId, grantId, indexId, objectId }, row.sealed)
          return { ...content, place, objectId, editedAt: edited_at.getTime(), provenAt, readAt }
        } catch (err) {
          notOpened(err, { object: objectId })
          return null
        }
      })
      return (await Promise.all(opened)).filter((one) => one !== null)
    },
    async prove(objectIds, at) {
      if (objectIds.length === 0) return
      await db
        .updateTable('content_documents')
        .set({ proven_at: at })
        .where('environment_id', '=', environmentId)
        .where('index_id', '=', indexId)
        // Without those that the crawler is writing: it proves them, and locks them in another order.
        .where('object_id', 'in', (select) =>
          select
            .selectFrom('content_documents')
            .select('object_id')
            .where('environment_id', '=', environmentId)
            .where('index_id', '=', indexId)
            .where('object_id', '=', anyOf('text', objectIds))
            .where('proven_at', '<', at)
            .forNoKeyUpdate()
            .skipLocked(),
        )
        .execute()
    },
    async remove({ objectId, readAt }) {
      await withIndex(db, columns, async (trx) => {
        await trx
          .deleteFrom('content_documents')
          .where('environment_id', '=', environmentId)
          .where('index_id', '=', indexId)
          .where('object_id', '=', objectId)
          .where('read_at', '=', readAt)
          .execute()
        await recount(trx, columns)
      })
    },
    noteChanged: (objectIds) => noteChanges(db, { environmentId, grantIds: [grantId] }, objectIds),
  }
}
