import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { formWeight, type Language } from '../search/inflection.ts'
import { createScorer, frequencyOf } from '../search/match.ts'
import type { Query } from '../search/query.ts'
import { bucketTextOf, type Lookup, lookupsOf } from './entries.ts'
import type { IndexKey } from './index-key.ts'
import type { IndexKeyColumns } from './index-rows.ts'
import { readBucket } from './postings.ts'
import { type DocumentList, listBucket, maxBuckets, openPart, readList, type SegmentPart } from './segments.ts'

/** The place of a document in the order of a ranking: by its score, the newest row first where scores are equal. */
export interface RankedPlace {
  /** From 1 to {@link highestScore}. */
  readonly score: number
  /** The number of the row. */
  readonly number: number
}

/** The score of a document that is the best by everything. */
export const highestScore = 1_000_000

/** One more than the number of any row. With the scores, it makes the order fit into the integers that a double has. */
const numbers = 2 ** 33

/** The documents that may match a query, the best first. */
export interface Ranking {
  readonly length: number
  at(index: number): RankedPlace
  /** Returns the index of the first document after a place. */
  indexAfter(place: RankedPlace): number
}

/** The words of an index that a query needs, of one segment. */
interface OpenSegment {
  readonly list: DocumentList
  readonly buckets: ReadonlyMap<number, Buffer>
  readonly count: number
}

/**
 * Ranks the documents of an index that may match a query, by what the segments have of them: BM25F, and the time of the last
 * edit. Where terms are phrases, it is that of a document in which their words are next to each other as often as they can be.
 * Some documents may have been replaced or removed. `onUnreadable` is called for parts of segments that do not open, which are
 * left out.
 */
export async function rankDocuments(
  db: Db,
  index: IndexKeyColumns,
  key: IndexKey,
  { terms, edited }: Pick<Query, 'terms' | 'edited'>,
  onUnreadable: (error: unknown, part: SegmentPart) => void,
): Promise<Ranking> {
  const needed = terms.map(lookupsOf).filter((lookups) => lookups.length > 0)
  const segments = await openSegments(db, index, key, needed.flat(), onUnreadable)
  const having = needed.map(() => 0)
  const total = { documents: 0, words: 0, newest: Number.NEGATIVE_INFINITY }
  const found = segments.map((segment) => {
    const { list } = segment
    const languages = new Set<Language>()
    for (let place = 0; place < list.length; place += 1) {
      total.words += list.wordsAt(place)
      total.newest = Math.max(total.newest, list.editedAt(place))
      const language = list.languageAt(place)
      if (language !== null) languages.add(language)
    }
    total.documents += list.length
    return { list, frequencies: needed.map((lookups) => frequenciesOf(segment, key, [...languages], lookups)) }
  })
  for (const { list, frequencies } of found) {
    for (const [term, ofTerm] of frequencies.entries()) {
      for (let place = 0; place < list.length; place += 1) if (ofTerm[place]) having[term] = (having[term] ?? 0) + 1
    }
  }
  const { documents, words, newest } = total
  const scoreOf = createScorer({ documents, averageWords: words / Math.max(1, documents), newest, having })
  const order = new Float64Array(documents)
  let length = 0
  const ofDocument = new Float64Array(needed.length)
  for (const { list, frequencies } of found) {
    for (let place = 0; place < list.length; place += 1) {
      for (let term = 0; term < needed.length; term += 1) ofDocument[term] = frequencies[term]?.[place] ?? 0
      if (ofDocument.includes(0)) continue
      const editedAt = list.editedAt(place)
      if (edited !== null && (editedAt < edited.from || editedAt >= edited.until)) continue
      const score = Math.round(scoreOf(ofDocument, list.wordsAt(place), editedAt) * highestScore)
      order[length++] = Math.min(highestScore, Math.max(1, score)) * numbers + list.numberAt(place)
    }
  }
  return rankingOf(order.subarray(0, length).sort())
}

/** Makes a ranking from the order of its documents as numbers, in ascending order. */
function rankingOf(order: Float64Array): Ranking {
  return {
    length: order.length,
    at(index) {
      const value = order[order.length - 1 - index] ?? 0
      return { score: Math.floor(value / numbers), number: value % numbers }
    },
    indexAfter({ score, number }) {
      const place = score * numbers + number
      let [low, high] = [0, order.length]
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((order[middle] ?? 0) < place) low = middle + 1
        else high = middle
      }
      return order.length - low
    },
  }
}

/**
 * Returns how often a term occurs in each document of a segment, with the forms of the languages of its documents: at most as
 * often as the rarest of what is looked up for it.
 */
function frequenciesOf(
  { list, buckets, count }: OpenSegment,
  key: IndexKey,
  languages: readonly Language[],
  lookups: readonly Lookup[],
): Float64Array {
  let least: Float64Array | null = null
  for (const { entry, isBeginning, forms } of lookups) {
    const frequencies = new Float64Array(list.length)
    const add = (place: number, frequency: number) => {
      frequencies[place] = (frequencies[place] ?? 0) + frequency
    }
    const bucket = buckets.get(key.bucketNumber(bucketTextOf(entry)) & (count - 1))
    if (bucket !== undefined) {
      readBucket(bucket, forms?.beginning ?? entry, (found) => {
        if (isBeginning ? found.startsWith(entry) : found === entry) {
          return (place, text, title) => add(place, frequencyOf({ text, title }))
        }
        const having = languages.filter((language) => forms?.has(found, language))
        if (having.length === 0) return null
        return (place, text, title) => {
          const language = list.languageAt(place)
          if (language !== null && having.includes(language)) add(place, formWeight * frequencyOf({ text, title }))
        }
      })
    }
    const before: Float64Array | null = least
    least = before === null ? frequencies : frequencies.map((one, place) => Math.min(one, before[place] ?? 0))
  }
  return least ?? new Float64Array(list.length)
}

/** Opens the lists of all segments of an index, and the buckets that the lookups are in. All are of the same moment. */
async function openSegments(
  db: Db,
  index: IndexKeyColumns,
  key: IndexKey,
  lookups: readonly Lookup[],
  onUnreadable: (error: unknown, part: SegmentPart) => void,
): Promise<readonly OpenSegment[]> {
  const wanted = [...new Set(lookups.map(({ entry }) => key.bucketNumber(bucketTextOf(entry))))]
  // Whatever the number of buckets of a segment is.
  const possible = new Set([listBucket])
  for (const number of wanted) for (let count = 1; count <= maxBuckets; count *= 2) possible.add(number & (count - 1))
  const { rows } = await sql<SegmentPart & { readonly sealed: Buffer }>`
    select segment, bucket, buckets, sealed from content_segments
    where index_id = ${index.indexId} and environment_id = ${index.environmentId}
      and bucket = any (${[...possible]}::integer[])
      and (bucket = ${listBucket} or exists (
        select from unnest(${wanted}::integer[]) as wanted where wanted & (buckets - 1) = bucket
      ))
  `.execute(db)
  const opened = new Map<number, { list: DocumentList | null; buckets: Map<number, Buffer>; count: number }>()
  const withList = new Set<number>()
  for (const row of rows) {
    const segment = opened.get(row.segment) ?? { list: null, buckets: new Map<number, Buffer>(), count: row.buckets }
    opened.set(row.segment, segment)
    if (row.bucket === listBucket) withList.add(row.segment)
    try {
      const bytes = await openPart(key, index, row)
      if (row.bucket === listBucket) segment.list = readList(bytes)
      else segment.buckets.set(row.bucket, bytes)
    } catch (error) {
      onUnreadable(error, { segment: row.segment, bucket: row.bucket, buckets: row.buckets })
    }
  }
  for (const [segment, { count }] of opened) {
    if (withList.has(segment)) continue
    const error = new Error('The list of the documents of a segment was deleted.')
    onUnreadable(error, { segment, bucket: listBucket, buckets: count })
  }
  return [...opened.values()].flatMap(({ list, buckets, count }) => (list === null ? [] : [{ list, buckets, count }]))
}
