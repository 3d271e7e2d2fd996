import type { SearchParameters } from '@notionhq/client'
import type { NotionRequest } from '../client.ts'
import { uuidAt } from '../ids.ts'
import { type JsonObject, objectsAt, textAt } from '../json.ts'
import type { Place } from './cursor.ts'

/** Sends a request and returns its body. */
export type Send = <Body extends object>(request: NotionRequest<Body>) => Promise<Body>

/** Entries in lists of 100. */
export interface Listing {
  /** Returns the list at a cursor of the listing; null is the first. */
  read(
    start: string | null,
    send: Send,
  ): Promise<{ readonly entries: readonly JsonObject[]; readonly next: string | null }>
}

/** Lists what a search finds (https://developers.notion.com/reference/post-search). */
export const searchListing = (parameters: Pick<SearchParameters, 'query' | 'filter' | 'sort'>): Listing => ({
  async read(start, send) {
    const paging = { page_size: 100, ...(start !== null && { start_cursor: start }) }
    const body = await send((notion) => notion.search({ ...parameters, ...paging }))
    return { entries: objectsAt(body, 'results'), next: textAt(body, 'next_cursor') }
  },
})

/**
 * Lists the rows of data sources, one after the other, each with the last edited first. A cursor is the index of the data
 * source, `~`, and the cursor of Notion.
 *
 * @see https://developers.notion.com/reference/query-a-data-source
 */
export const rowListing = (sourceIds: readonly string[], direction: 'ascending' | 'descending'): Listing => ({
  async read(start, send) {
    const [index = '0', cursor = ''] = (start ?? '0~').split('~')
    const data_source_id = sourceIds[Number(index)]
    if (data_source_id === undefined) return { entries: [], next: null }
    const paging = { page_size: 100, ...(cursor !== '' && { start_cursor: cursor }) }
    const body = await send((notion) =>
      notion.dataSources.query({ data_source_id, sorts: [{ timestamp: 'last_edited_time', direction }], ...paging }),
    )
    const following = textAt(body, 'next_cursor')
    const isLast = following === null && Number(index) + 1 >= sourceIds.length
    const next = following === null ? `${Number(index) + 1}~` : `${index}~${following}`
    return { entries: objectsAt(body, 'results'), next: isLast ? null : next }
  },
})

/** An entry of a listing, and the place after it. */
export interface Entry {
  readonly object: JsonObject
  readonly after: Place
}

/** A walk along a listing. */
export interface Walk {
  /** Returns the next entry. Null at the end, and where another list would be one too many. */
  next(): Promise<Entry | null>
  /** The place after the entry that was returned last. */
  place(): Place
  /** Whether all entries were returned. */
  isOver(): boolean
}

/** Starts a walk at a place. It reads at most `maxLists` lists. */
export function walk(listing: Listing, from: Place, maxLists: number, send: Send): Walk {
  let entries: readonly JsonObject[] = []
  let index = 0
  let start = from.start
  let next: string | null = from.start
  let lists = 0
  let place = from

  async function readList(): Promise<void> {
    const isFirst = lists === 0
    lists += 1
    start = next
    const read = await listing.read(start, send)
    entries = read.entries
    next = read.next
    index = isFirst ? passedIn(entries, from) : 0
  }

  return {
    async next() {
      while (index >= entries.length) {
        if (lists > 0 && next === null) return null
        if (lists >= maxLists) {
          place = { start: next, passed: 0, lastId: null }
          return null
        }
        await readList()
      }
      const object = entries[index] ?? {}
      index += 1
      place = { start, passed: index, lastId: uuidAt(object, 'id') }
      return { object, after: place }
    },
    place: () => place,
    isOver: () => lists > 0 && next === null && index >= entries.length,
  }
}

/** Entries may have been added or removed before the place: its last entry identifies it, if that is still there. */
function passedIn(entries: readonly JsonObject[], { passed, lastId }: Place): number {
  const last = lastId === null ? -1 : entries.findIndex((entry) => textAt(entry, 'id') === lastId)
  return last === -1 ? Math.min(passed, entries.length) : last + 1
}
