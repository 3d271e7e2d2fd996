import { setImmediate } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import { type Language, languages } from '../search/inflection.ts'
import { bucketTextOf, type DocumentEntries } from './entries.ts'
import type { IndexKey } from './index-key.ts'
import { type IndexKeyColumns, type IndexLease, withLease } from './index-rows.ts'
import { createPostings, type PostingsWriter, readBucket, writeBucket } from './postings.ts'
import { openBytes, sealBytes } from './sealed-bytes.ts'

/*
 * The words of an index are in segments. Each time that documents are stored, a small one is added; several of about the same size
 * are merged to a larger one, so that an index has few, and each posting is written a few times only (a log-structured merge).
 */

/** A document in the list of a segment. */
export interface SegmentDocument {
  /** The number of the row; no row has it any more when the document was replaced or removed. */
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly editedAt: number
  readonly words: number
  readonly language: Language | null
}

/** The part of a segment that a row has: its list of documents, or a bucket. */
export interface SegmentPart {
  readonly segment: number
  readonly bucket: number
  readonly buckets: number
}

/** The bucket that is not one: the list of the documents. */
export const listBucket = -1

/** The most buckets of a segment, a power of two. */
export const maxBuckets = 1024

/** The compressed size of a bucket, about: what a search opens for each word of its query. */
const bucketBytes = 8 * 1024

const placeOf = ({ environmentId, grantId, indexId }: IndexKeyColumns, { segment, bucket, buckets }: SegmentPart) => [
  'content segment v2',
  environmentId,
  grantId,
  indexId,
  segment,
  bucket,
  buckets,
]

/** Opens a part of a segment. Throws a `does_not_open` VaultError where another program moved or changed it. */
export const openPart = (
  key: Pick<IndexKey, 'sealing'>,
  index: IndexKeyColumns,
  part: SegmentPart & { readonly sealed: Uint8Array },
): Promise<Buffer> => openBytes(key, placeOf(index, part), part.sealed)

/**
 * For each document: its number and the time of its edit in 6 bytes each; how many words it has, in 2; and the ISO 639-1 code of
 * its language in 2 bytes of ASCII, which are zero for none.
 */
const listLayout = { editedAt: 6, words: 12, language: 14, length: 16, maxWords: 0xffff } as const

function writeList(documents: readonly SegmentDocument[]): Buffer {
  const bytes = Buffer.alloc(documents.length * listLayout.length)
  for (const [place, { number, editedAt, words, language }] of documents.entries()) {
    const at = place * listLayout.length
    bytes.writeUIntBE(number, at, 6)
    bytes.writeIntBE(editedAt, at + listLayout.editedAt, 6)
    bytes.writeUInt16BE(Math.min(words, listLayout.maxWords), at + listLayout.words)
    bytes.write(language ?? '', at + listLayout.language, 'latin1')
  }
  return bytes
}

/** The documents of a segment by their places. */
export interface DocumentList {
  readonly length: number
  numberAt(place: number): number
  editedAt(place: number): number
  wordsAt(place: number): number
  languageAt(place: number): Language | null
}

const languagesByCode: ReadonlyMap<number, Language> = new Map(
  languages.map((language) => [Buffer.from(language, 'latin1').readUInt16BE(), language]),
)

/** Reads the list of a segment. */
export function readList(bytes: Buffer): DocumentList {
  return {
    length: bytes.length / listLayout.length,
    numberAt: (place) => bytes.readUIntBE(place * listLayout.length, 6),
    editedAt: (place) => bytes.readIntBE(place * listLayout.length + listLayout.editedAt, 6),
    wordsAt: (place) => bytes.readUInt16BE(place * listLayout.length + listLayout.words),
    languageAt: (place) =>
      languagesByCode.get(bytes.readUInt16BE(place * listLayout.length + listLayout.language)) ?? null,
  }
}

interface SegmentRow extends SegmentPart {
  readonly documents: number
  readonly sealed: Buffer
}

/** Writes a segment: its rows. */
async function sealSegment(
  key: IndexKey,
  index: IndexKeyColumns,
  segment: number,
  documents: readonly SegmentDocument[],
  buckets: ReadonlyMap<number, ReadonlyMap<string, PostingsWriter>>,
  bucketCount: number,
): Promise<readonly SegmentRow[]> {
  const seal = async (bucket: number, bytes: Buffer): Promise<SegmentRow> => {
    const part = { segment, bucket, buckets: bucketCount }
    return { ...part, documents: documents.length, sealed: await sealBytes(key, placeOf(index, part), bytes) }
  }
  const rows = [await seal(listBucket, writeList(documents))]
  for (const [bucket, entries] of buckets) rows.push(await seal(bucket, writeBucket(entries)))
  return rows
}

async function insertRows(trx: Trx, { indexId, environmentId }: IndexKeyColumns, rows: readonly SegmentRow[]) {
  const atOnce = 200
  for (let from = 0; from < rows.length; from += atOnce) {
    const values = rows.slice(from, from + atOnce)
    await trx
      .insertInto('content_segments')
      .values(values.map((row) => ({ ...row, index_id: indexId, environment_id: environmentId })))
      .execute()
  }
}

/** Adds a segment of documents that were just stored. Returns its bytes. */
export async function addSegment(
  trx: Trx,
  key: IndexKey,
  index: IndexKeyColumns,
  documents: readonly { readonly number: number; readonly editedAt: Date; readonly listed: DocumentEntries }[],
): Promise<number> {
  const postings = new Map<string, PostingsWriter>()
  for (const [place, { listed }] of documents.entries()) {
    for (const [entry, { text, title }] of listed.entries) postingsOf(postings, entry).add(place, text, title)
  }
  const list = documents.map(({ number, editedAt, listed: { words, language } }) => ({
    number,
    editedAt: editedAt.getTime(),
    words,
    language,
  }))
  const segment = Math.max(...list.map(({ number }) => number))
  const rows = await sealSegment(key, index, segment, list, new Map([[0, postings]]), 1)
  await insertRows(trx, index, rows)
  return rows.reduce((sum, { sealed }) => sum + sealed.length, 0)
}

function postingsOf(entries: Map<string, PostingsWriter>, entry: string): PostingsWriter {
  const found = entries.get(entry) ?? createPostings()
  entries.set(entry, found)
  return found
}

/** A segment as the choice of what to merge sees it. */
export interface SegmentSize {
  readonly segment: number
  /** Those in its list, also the ones that were replaced or removed. */
  readonly documents: number
}

/** How many segments of about the same size are merged, and the documents of the smallest size. */
const together = 8
const smallest = 16

/**
 * Returns the segments to merge now; empty for none. Those with about as many documents are merged when there are eight, with all
 * that are smaller; when no others are about to be added, also those which are not four times as large as all smaller ones. All are
 * merged when a third of what they list does not exist any more.
 */
export function segmentsToMerge(
  segments: readonly SegmentSize[],
  documents: number,
  { isIdle }: { readonly isIdle: boolean },
): readonly SegmentSize[] {
  const listedInAll = segments.reduce((sum, one) => sum + one.documents, 0)
  if (listedInAll > 1.5 * documents) return segments
  const ascending = [...segments].sort((a, b) => a.documents - b.documents)
  const sizeOf = (one: SegmentSize) => Math.max(0, Math.floor(Math.log(one.documents / smallest) / Math.log(together)))
  let count = ascending.findLastIndex((one, at) => {
    const same = ascending.slice(0, at + 1).filter((other) => sizeOf(other) === sizeOf(one))
    return same.length >= together
  })
  if (isIdle) {
    let smaller = 0
    for (const [at, one] of ascending.entries()) {
      if (at > 0 && one.documents < 4 * smaller) count = Math.max(count, at)
      smaller += one.documents
    }
  }
  return ascending.slice(0, count + 1).sort((a, b) => a.segment - b.segment)
}

/**
 * Merges segments where there are too many, and leaves out documents that were replaced or removed. Searches see all of the old
 * ones or the new one. `isIdle`: nothing is left to store for now. Throws an IndexLeaseLostError.
 */
export async function mergeSegments(
  db: Db,
  lease: IndexLease,
  key: IndexKey,
  when: { readonly isIdle: boolean },
): Promise<void> {
  const { indexId, environmentId } = lease
  const { rows: sizes } = await sql<SegmentSize & { readonly bytes: number; readonly stored: number }>`
    select segment, documents, sum(octet_length(sealed))::bigint as bytes,
      (select documents from content_indexes where id = ${indexId} and environment_id = ${environmentId}) as stored
    from content_segments where index_id = ${indexId} and environment_id = ${environmentId}
    group by segment, documents order by segment
  `.execute(db)
  const chosen = segmentsToMerge(sizes, sizes[0]?.stored ?? 0, when).map(({ segment }) => segment)
  const segment = chosen.at(-1)
  if (segment === undefined) return
  const bytes = sizes.reduce((sum, one) => sum + (chosen.includes(one.segment) ? one.bytes : 0), 0)
  const { documents, places } = await mergeLists(db, lease, key, chosen)
  const merged: Merged = { segment, segments: chosen, documents, places, bytes }
  // Empty: nothing of them exists any more.
  const rows = documents.length === 0 ? [] : await sealMerged(db, lease, key, merged)
  await withLease(db, lease, async (trx) => {
    await trx
      .deleteFrom('content_segments')
      .where('index_id', '=', indexId)
      .where('environment_id', '=', environmentId)
      .where(sql<boolean>`segment = any (${chosen}::bigint[])`)
      .execute()
    await insertRows(trx, lease, rows)
  })
}

/** Reads parts of segments, the oldest segment first. */
async function readParts(
  db: Db,
  { indexId, environmentId }: IndexLease,
  segments: readonly number[],
  which: RawBuilder<boolean>,
) {
  const { rows } = await sql<SegmentPart & { readonly sealed: Buffer }>`
    select segment, bucket, buckets, sealed from content_segments
    where index_id = ${indexId} and environment_id = ${environmentId}
      and segment = any (${segments}::bigint[]) and ${which}
    order by segment
  `.execute(db)
  return rows
}

/** What segments are merged to. */
interface Merged {
  readonly segment: number
  readonly segments: readonly number[]
  readonly documents: readonly SegmentDocument[]
  /** The places of the documents of each segment in the merged one; -1 for those that are left out. */
  readonly places: ReadonlyMap<number, Int32Array>
  /** The compressed size of the segments. */
  readonly bytes: number
}

/** Returns the documents of segments that exist, and which place each has in the list of all. */
async function mergeLists(
  db: Db,
  lease: IndexLease,
  key: IndexKey,
  segments: readonly number[],
): Promise<Pick<Merged, 'documents' | 'places'>> {
  const { numbers } = await db
    .selectFrom('content_documents')
    .select(sql<readonly string[]>`coalesce(array_agg(number::text), '{}')`.as('numbers'))
    .where('index_id', '=', lease.indexId)
    .where('environment_id', '=', lease.environmentId)
    .executeTakeFirstOrThrow()
  const existing = new Set(numbers.map(Number))
  const documents: SegmentDocument[] = []
  const places = new Map<number, Int32Array>()
  for (const part of await readParts(db, lease, segments, sql`bucket = ${listBucket}`)) {
    const list = readList(await openPart(key, lease, part))
    const ofSegment = new Int32Array(list.length).fill(-1)
    for (let place = 0; place < list.length; place += 1) {
      const number = list.numberAt(place)
      if (!existing.has(number)) continue
      ofSegment[place] = documents.length
      documents.push({
        number,
        editedAt: list.editedAt(place),
        words: list.wordsAt(place),
        language: list.languageAt(place),
      })
    }
    places.set(part.segment, ofSegment)
  }
  return { documents, places }
}

/** The compressed bytes of segments that are in memory at a time. */
const mergedBytesAtOnce = 4 * 1024 * 1024

/** Writes the rows of a merged segment, in as many portions of the buckets as memory is to hold. */
async function sealMerged(db: Db, lease: IndexLease, key: IndexKey, merged: Merged): Promise<readonly SegmentRow[]> {
  const { segment, segments, documents, places, bytes } = merged
  const bucketCount = Math.min(maxBuckets, nextPowerOfTwo(bytes / bucketBytes))
  const portions = Math.min(bucketCount, nextPowerOfTwo(bytes / mergedBytesAtOnce))
  const rows: SegmentRow[] = []
  for (let portion = 0; portion < portions; portion += 1) {
    const buckets = new Map<number, Map<string, PostingsWriter>>()
    // A segment with fewer buckets than there are portions has entries of several in one.
    const inPortion = sql<boolean>`bucket >= 0
      and bucket & (least(buckets, ${portions}) - 1) = ${portion} & (least(buckets, ${portions}) - 1)`
    for (const part of await readParts(db, lease, segments, inPortion)) {
      // Other work of the process has its turn.
      await setImmediate()
      const ofSegment = places.get(part.segment)
      readBucket(await openPart(key, lease, part), '', (entry) => {
        const number = key.bucketNumber(bucketTextOf(entry))
        if ((number & (portions - 1)) !== portion) return null
        const bucket = number & (bucketCount - 1)
        const entries = buckets.get(bucket) ?? new Map<string, PostingsWriter>()
        buckets.set(bucket, entries)
        return (place, text, title) => {
          const at = ofSegment?.[place] ?? -1
          if (at >= 0) postingsOf(entries, entry).add(at, text, title)
        }
      })
    }
    const sealed = await sealSegment(key, lease, segment, documents, buckets, bucketCount)
    rows.push(...sealed.filter(({ bucket }) => bucket !== listBucket || portion === 0))
  }
  return rows
}

const nextPowerOfTwo = (number: number) => 2 ** Math.ceil(Math.log2(Math.max(1, number)))
