import { sql } from 'kysely'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Db } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Query } from '../search/query.ts'
import type { Vault } from '../vault/vault.ts'
import { neverOpens } from '../vault/vault-error.ts'
import { deriveIndexKey, indexKeyContext } from './index-key.ts'
import { type IndexKeyColumns, noteChanges, recount, withIndex } from './index-rows.ts'
import { factColumns, type IndexFacts, toFacts } from './index-status.ts'
import { type DocumentContent, openDocument } from './sealed-document.ts'
import { termsOfQuery } from './terms.ts'

/** The place of a document in an index, whose order is the last edited first. */
export interface DocumentOrder {
  /** Milliseconds since the epoch. */
  readonly editedAt: number
  readonly objectId: string
}

/** A document that has all terms of a query, and may match it. */
export interface Candidate extends DocumentOrder, DocumentContent {
  /** When the provider returned the object last for the grant; its content may have been read earlier. */
  readonly provenAt: Date
  readonly readAt: Date
}

/** The index of the grant of an account, as searches use it. */
export interface GrantIndex {
  readonly facts: IndexFacts
  /** When the index was opened, by the clock of the database. */
  readonly openedAt: Date
  /**
   * Returns documents that may match, the last edited first: at most `limit`, and fewer where they are large. `isOver`:
   * there are no more. A document that does not open was moved or changed by another program: it is logged and left out.
   */
  candidates(
    query: Pick<Query, 'terms' | 'edited'>,
    page: { readonly after: DocumentOrder | null; readonly limit: number },
  ): Promise<{ readonly found: readonly Candidate[]; readonly last: DocumentOrder | null; readonly isOver: boolean }>
  /** Records that the provider has returned objects for the grant after `at`. */
  prove(objectIds: readonly string[], at: Date): Promise<void>
  /** Removes the document of an object that the provider does not return any more, unless it was read again since. */
  remove(candidate: Pick<Candidate, 'objectId' | 'readAt'>): Promise<void>
  /** Has objects read again soon. */
  noteChanged(objectIds: readonly string[]): Promise<void>
}

/** Finds the indexes of grants. */
export interface ContentIndexes {
  /** Returns the index of the grant of an active account; null where it has none, or none with a key yet. */
  find(account: ConnectedAccount): Promise<GrantIndex | null>
}

/** The bytes of documents that one page of candidates has: what is opened at once. */
const maxBytesAtOnce = 4 * 1024 * 1024

/** Creates the access to indexes for searches. */
export function createContentIndexes(context: {
  readonly db: Db
  readonly vault: Vault
  readonly log: Pick<Log, 'error'>
}): ContentIndexes {
  const { db, vault, log } = context
  return {
    async find({ environmentId, grant, appContentSearch }) {
      if (!appContentSearch || grant === null) return null
      const row = await db
        .selectFrom('content_indexes')
        .select([...factColumns, 'id', 'sealed_key', sql<Date>`clock_timestamp()`.as('now')])
        .where('environment_id', '=', environmentId)
        .where('grant_id', '=', grant.id)
        .executeTakeFirst()
      if (!row || row.sealed_key === null) return null
      const columns: IndexKeyColumns = { indexId: row.id, environmentId, grantId: grant.id }
      try {
        const key = deriveIndexKey(await vault.open(row.sealed_key, indexKeyContext(columns)))
        return grantIndex(context, columns, key, toFacts(row), row.now)
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
  key: ReturnType<typeof deriveIndexKey>,
  facts: IndexFacts,
  openedAt: Date,
): GrantIndex {
  const { environmentId, grantId, indexId } = columns
  const documents = () =>
    db
      .selectFrom('content_documents')
      .where('environment_id', '=', environmentId)
      .where('grant_id', '=', grantId)
      .where('index_id', '=', indexId)
  return {
    facts,
    openedAt,
    async candidates({ terms, edited }, { after, limit }) {
      const needed = termsOfQuery(key, terms)
      let matching = documents()
        .select(['object_id', 'edited_at', 'bytes'])
        .orderBy('edited_at', 'desc')
        .orderBy('object_id', 'desc')
        .limit(limit + 1)
      if (needed.length > 0) {
        // Materialized: the order with its limit would have the planner read the whole index, newest first.
        const withTerms = sql<string>`(
          with candidates as materialized (
            select object_id from content_documents
            where environment_id = ${environmentId} and index_id = ${indexId} and terms @> ${needed}::bigint[]
          ) select object_id from candidates
        )`
        matching = matching.where('object_id', 'in', withTerms)
      }
      if (after !== null) {
        const place = sql`(${new Date(after.editedAt)}::timestamptz, ${after.objectId}::text)`
        matching = matching.where(sql<boolean>`(edited_at, object_id) < ${place}`)
      }
      if (edited !== null && Number.isFinite(edited.from))
        matching = matching.where('edited_at', '>=', new Date(edited.from))
      if (edited !== null && Number.isFinite(edited.until))
        matching = matching.where('edited_at', '<', new Date(edited.until))
      const rows = await matching.execute()
      const taken: typeof rows = []
      let bytes = 0
      for (const row of rows.slice(0, limit)) {
        if (taken.length > 0 && bytes + row.bytes > maxBytesAtOnce) break
        bytes += row.bytes
        taken.push(row)
      }
      const ids = taken.map(({ object_id }) => object_id)
      const sealed =
        ids.length === 0
          ? []
          : await documents()
              .select(['object_id', 'edited_at', 'sealed', 'read_at', 'proven_at'])
              .where('object_id', 'in', ids)
              .orderBy('edited_at', 'desc')
              .orderBy('object_id', 'desc')
              .execute()
      const opened = await Promise.all(
        sealed.map(async (row): Promise<Candidate | null> => {
          const place = { environmentId, grantId, indexId, objectId: row.object_id }
          try {
            const content = await openDocument(key, place, row.sealed)
            const { edited_at, proven_at: provenAt, read_at: readAt } = row
            return { ...content, objectId: row.object_id, editedAt: edited_at.getTime(), provenAt, readAt }
          } catch (err) {
            log.error({ err, grant: grantId, object: row.object_id }, 'a document of a content index does not open')
            return null
          }
        }),
      )
      const last = taken.at(-1)
      return {
        found: opened.filter((one) => one !== null),
        last: last ? { editedAt: last.edited_at.getTime(), objectId: last.object_id } : null,
        isOver: taken.length === rows.length,
      }
    },
    async prove(objectIds, at) {
      if (objectIds.length === 0) return
      await db
        .updateTable('content_documents')
        .set({ proven_at: at })
        .where('environment_id', '=', environmentId)
        .where('grant_id', '=', grantId)
        .where('index_id', '=', indexId)
        .where('object_id', 'in', [...objectIds])
        .where('proven_at', '<', at)
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
