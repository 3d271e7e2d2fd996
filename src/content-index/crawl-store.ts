import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import { anyOf } from '../db/found-by-id.ts'
import { currentTime } from '../db/time.ts'
import { neverOpens } from '../vault/vault-error.ts'
import { entriesOf } from './entries.ts'
import type { IndexKey } from './index-key.ts'
import { bytesOfEnvironment, heldBy, type IndexLease, type IndexLimits, recount, withLease } from './index-rows.ts'
import { type DocumentContent, type DocumentKey, openDocument, sealDocument } from './sealed-document.ts'
import { addSegment } from './segments.ts'

/** What the crawler compares with a list of the provider. */
export interface Known {
  /** Since when pages have been listed completely; those edited before need not be listed again. */
  readonly listedThrough: Date | null
  /** Pages that were edited then or earlier are left out. */
  readonly floorEditedAt: Date | null
  readonly documents: ReadonlyMap<string, { readonly editedAt: Date; readonly readAt: Date }>
}

/** Reads what an index knows of the objects of a list. */
export async function readKnown(db: Db, lease: IndexLease, objectIds: readonly string[]): Promise<Known> {
  const [index, rows] = await Promise.all([
    db
      .selectFrom('content_indexes')
      .select(['listed_through', 'floor_edited_at'])
      .where(heldBy(lease))
      .executeTakeFirst(),
    db
      .selectFrom('content_documents')
      .select(['object_id', 'edited_at', 'read_at'])
      .where('environment_id', '=', lease.environmentId)
      .where('index_id', '=', lease.indexId)
      .where(sql<boolean>`object_id = any (${[...objectIds]}::text[])`)
      .execute(),
  ])
  return {
    listedThrough: index?.listed_through ?? null,
    floorEditedAt: index?.floor_edited_at ?? null,
    documents: new Map(rows.map((row) => [row.object_id, { editedAt: row.edited_at, readAt: row.read_at }])),
  }
}

/** A document to store. */
export interface NewDocument {
  readonly objectId: string
  readonly editedAt: Date
  readonly content: DocumentContent
  /** When the reading of its content began, by the clock of the database. */
  readonly readAt: Date
}

/** What a row takes apart from the document, with its indexes, about. */
const rowBytes = 250

/**
 * Stores documents, each instead of the one before, and removes the oldest where the index becomes too large. One that is as
 * it was keeps its place in the order of searches. Returns whether the index was too large.
 */
export async function storeDocuments(
  db: Db,
  lease: IndexLease,
  key: IndexKey & DocumentKey,
  documents: readonly NewDocument[],
  limits: IndexLimits,
): Promise<boolean> {
  if (documents.length === 0) return false
  // A list may have an object twice, and one statement can write its row only once.
  const newest = [...new Map(documents.map((one) => [one.objectId, one])).values()]
  return withLease(db, lease, async (trx) => {
    const unchanged = await findUnchanged(trx, lease, key, newest)
    const [ids, times] = [[...unchanged].map((one) => one.objectId), [...unchanged].map((one) => one.readAt)]
    await sql`
      update content_documents set read_at = again.at, proven_at = again.at
      from unnest(${ids}::text[], ${times}::timestamptz[]) as again (id, at)
      where environment_id = ${lease.environmentId} and index_id = ${lease.indexId} and object_id = again.id
    `.execute(trx)
    const changed = newest.filter((one) => !unchanged.has(one))
    if (changed.length > 0) await replaceDocuments(trx, lease, key, changed)
    await recount(trx, lease)
    return trim(trx, lease, limits)
  })
}

/** Returns the documents that are stored as they are. Most are: a page that was edited lately is read again. */
async function findUnchanged(
  trx: Trx,
  lease: IndexLease,
  key: DocumentKey,
  documents: readonly NewDocument[],
): Promise<ReadonlySet<NewDocument>> {
  const rows = await trx
    .selectFrom('content_documents')
    .select(['object_id', 'edited_at', 'sealed'])
    .where('environment_id', '=', lease.environmentId)
    .where('index_id', '=', lease.indexId)
    .where(sql<boolean>`object_id = any (${documents.map(({ objectId }) => objectId)}::text[])`)
    .execute()
  const byId = new Map(rows.map((row) => [row.object_id, row]))
  const unchanged = new Set<NewDocument>()
  for (const one of documents) {
    const row = byId.get(one.objectId)
    if (row === undefined || row.edited_at.getTime() !== one.editedAt.getTime()) continue
    const stored = await openDocument(key, { ...lease, objectId: one.objectId }, row.sealed).catch(whereItNeverOpens)
    if (isDeepStrictEqual(stored, one.content)) unchanged.add(one)
  }
  return unchanged
}

/** What another program changed is replaced. */
function whereItNeverOpens(error: unknown): null {
  if (neverOpens(error)) return null
  throw error
}

async function replaceDocuments(
  trx: Trx,
  lease: IndexLease,
  key: IndexKey & DocumentKey,
  documents: readonly NewDocument[],
): Promise<void> {
  const { last_number } = await trx
    .updateTable('content_indexes')
    .set((eb) => ({ last_number: eb('last_number', '+', documents.length) }))
    .where(heldBy(lease))
    .returning('last_number')
    .executeTakeFirstOrThrow()
  const numbered = documents.map((one, at) => ({ ...one, number: last_number - at, listed: entriesOf(one.content) }))
  const segmentBytes = await addSegment(trx, key, lease, numbered)
  const entries = numbered.reduce((sum, { listed }) => sum + listed.entries.size, 0)
  const rows = numbered.map(async ({ objectId, editedAt, number, content, listed, readAt }) => {
    const sealed = await sealDocument(key, { ...lease, objectId }, content)
    return {
      index_id: lease.indexId,
      object_id: objectId,
      environment_id: lease.environmentId,
      number,
      edited_at: editedAt,
      sealed,
      // With its part of the segment.
      bytes: sealed.length + rowBytes + Math.ceil((segmentBytes * listed.entries.size) / Math.max(1, entries)),
      read_at: readAt,
      proven_at: readAt,
    }
  })
  await trx
    .insertInto('content_documents')
    .values(await Promise.all(rows))
    .onConflict((conflict) =>
      conflict.columns(['environment_id', 'index_id', 'object_id']).doUpdateSet((eb) => ({
        number: eb.ref('excluded.number'),
        edited_at: eb.ref('excluded.edited_at'),
        sealed: eb.ref('excluded.sealed'),
        bytes: eb.ref('excluded.bytes'),
        read_at: eb.ref('excluded.read_at'),
        proven_at: eb.ref('excluded.proven_at'),
      })),
    )
    .execute()
}

async function trim(trx: Trx, lease: IndexLease, limits: IndexLimits): Promise<boolean> {
  const { documents, bytes } = await trx
    .selectFrom('content_indexes')
    .select(['documents', 'bytes'])
    .where(heldBy(lease))
    .executeTakeFirstOrThrow()
  const ofAll = await bytesOfEnvironment(trx, lease)
  // Each grant of an environment that is full has an equal share of it.
  const share =
    ofAll <= limits.bytesPerEnvironment
      ? limits.bytesPerGrant
      : Math.min(limits.bytesPerGrant, Math.floor(limits.bytesPerEnvironment / (await countIndexes(trx, lease))))
  if (documents <= limits.documentsPerGrant && bytes <= share) return false
  const { rows } = await sql<{ edited_at: Date }>`
    delete from content_documents using (
      select object_id, row_number() over newest as place, sum(bytes) over newest as total
      from content_documents where environment_id = ${lease.environmentId} and index_id = ${lease.indexId}
      window newest as (order by edited_at desc, object_id desc)
    ) as ranked
    where content_documents.environment_id = ${lease.environmentId} and content_documents.index_id = ${lease.indexId}
      and content_documents.object_id = ranked.object_id
      and (ranked.place > ${limits.documentsPerGrant} or ranked.total > ${share})
    returning content_documents.edited_at
  `.execute(trx)
  if (rows.length === 0) return false
  const newest = new Date(Math.max(...rows.map((row) => row.edited_at.getTime())))
  await trx
    .updateTable('content_indexes')
    .set({ floor_edited_at: sql<Date>`greatest(floor_edited_at, ${newest}::timestamptz)` })
    .where(heldBy(lease))
    .execute()
  await recount(trx, lease)
  return true
}

async function countIndexes(trx: Trx, { environmentId }: IndexLease): Promise<number> {
  const { count } = await trx
    .selectFrom('content_indexes')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('environment_id', '=', environmentId)
    .executeTakeFirstOrThrow()
  return Math.max(1, count)
}

/** Removes documents of objects that the provider does not return any more. */
export async function removeDocuments(db: Db, lease: IndexLease, objectIds: readonly string[]): Promise<void> {
  if (objectIds.length === 0) return
  await withLease(db, lease, async (trx) => {
    await trx
      .deleteFrom('content_documents')
      .where('environment_id', '=', lease.environmentId)
      .where('index_id', '=', lease.indexId)
      .where('object_id', '=', anyOf('text', objectIds))
      .execute()
    await recount(trx, lease)
  })
}

/** A report that an object has changed. */
export interface Change {
  /** Empty: all objects are to be listed again. */
  readonly objectId: string
  readonly revision: number
}

/** Returns the oldest changes of an index that were not processed yet. */
export async function nextChanges(db: Db, lease: IndexLease, limit: number): Promise<readonly Change[]> {
  const rows = await db
    .selectFrom('content_changes')
    .select(['object_id', 'revision'])
    .where('environment_id', '=', lease.environmentId)
    .where('index_id', '=', lease.indexId)
    .orderBy('noted_at')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ objectId: row.object_id, revision: row.revision }))
}

/** Removes a change that was processed, unless the object was reported again since. An empty ID asks for a full pass. */
export async function finishChange(db: Db, lease: IndexLease, { objectId, revision }: Change): Promise<void> {
  await withLease(db, lease, async (trx) => {
    await trx
      .deleteFrom('content_changes')
      .where('environment_id', '=', lease.environmentId)
      .where('index_id', '=', lease.indexId)
      .where('object_id', '=', objectId)
      .where('revision', '=', revision)
      .execute()
    if (objectId !== '') return
    await trx.updateTable('content_indexes').set({ next_full_at: currentTime }).where(heldBy(lease)).execute()
  })
}
