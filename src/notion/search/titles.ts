import type { SearchParameters } from '@notionhq/client'
import { type Measured, measure } from '../../search/match.ts'
import type { Query } from '../../search/query.ts'
import type { NotionCall } from '../call.ts'
import { entriesAfter, readCutCursor } from '../cut-lists.ts'
import { refuse } from '../input.ts'
import { type JsonObject, objectsAt, textAt } from '../json.ts'
import { type Paging, pagingOf } from '../paging.ts'
import { titleOf } from '../titles.ts'
import { type Conditions, editedAt } from './conditions.ts'
import { beginning, type SearchCursor } from './cursor.ts'
import { type Listing, rowListing, type Send, searchListing, walk } from './listing.ts'
import { scanLimits } from './scan.ts'

/** The filter and sort of Notion's search. */
export type SearchOptions = Pick<SearchParameters, 'filter' | 'sort'>

/** Results by title, with the cursor that continues after each where Notion has none. */
export interface TitleResults {
  readonly body: JsonObject
  readonly results: readonly JsonObject[]
  readonly cursors: readonly (SearchCursor | null)[]
  /** Continues with results by title; null where none is left. */
  readonly next: string | SearchCursor | null
  /** Whether these are all the results by title there are. */
  readonly isWhole: boolean
}

/** Sends a search as it is, and returns what Notion returns. Also continues a list that was cut for its size. */
export async function titlesOfNotion(
  call: NotionCall,
  query: string | undefined,
  options: SearchOptions,
  input: { readonly page_size?: number | undefined; readonly start_cursor?: string | undefined },
): Promise<TitleResults> {
  const cut = readCutCursor(input.start_cursor)
  const paging: Paging = pagingOf(
    cut === null ? input : { start_cursor: cut.start ?? undefined, page_size: cut.size ?? undefined },
    { fallback: 20, uuid: true },
  )
  const whole = await call.read((notion) =>
    notion.search({ ...(query !== undefined && { query }), ...options, ...paging }),
  )
  const body = cut === null ? { ...whole } : entriesAfter({ ...whole }, 'results', cut, input)
  const results = objectsAt(body, 'results')
  const next = textAt(body, 'next_cursor')
  const isWhole = input.start_cursor === undefined && next === null
  return { body, results, cursors: results.map(() => null), next, isWhole }
}

/** Returns the listing of what operators select: by the words of the title, or all of it where the query has no words. */
export function listingOf(query: Query, options: SearchOptions, { sourceIds }: Conditions): Listing {
  if (query.plain !== '') return searchListing({ query: query.plain, ...options })
  const { filter, sort } = options
  const isNarrow = filter !== undefined && (filter.in_trash === true || ('value' in filter && filter.value !== 'page'))
  if (sourceIds === null || isNarrow) return searchListing(options)
  return rowListing(sourceIds, sort !== undefined && 'direction' in sort ? sort.direction : 'descending')
}

/** Whether operators accept an object whose title has all quoted phrases. */
export function acceptsTitle(query: Query, conditions: Conditions, object: JsonObject): boolean {
  const phrases = query.terms.filter(({ quoted }) => quoted)
  return conditions.accepts(object) && measure({ terms: phrases }, titleDocument(object)).matches
}

/** Reads the results of a listing that a query accepts, from at most four lists of 100. */
export async function filteredTitles(
  call: NotionCall,
  query: Query,
  conditions: Conditions,
  options: SearchOptions,
  input: { readonly page_size?: number | undefined; readonly start_cursor?: string | undefined },
  from: SearchCursor | null,
): Promise<TitleResults> {
  if (input.start_cursor !== undefined && from === null) {
    refuse('start_cursor', 'must be the next_cursor of the previous result with the same query, unchanged')
  }
  const send: Send = (request) => call.read(request, { place: 'start_cursor' })
  const entries = walk(listingOf(query, options, conditions), from?.place ?? beginning, scanLimits.lists, send)
  const found: { readonly object: JsonObject; readonly cursor: SearchCursor }[] = []
  const size = input.page_size ?? 20
  while (found.length < size) {
    const entry = await entries.next()
    if (entry === null) break
    if (acceptsTitle(query, conditions, entry.object)) {
      found.push({ object: entry.object, cursor: titleCursor(entry.after) })
    }
  }
  const results = found.map(({ object }) => object)
  const next = entries.isOver() ? null : titleCursor(entries.place())
  const body = { object: 'list', type: 'page_or_data_source', page_or_data_source: {}, results }
  return { body, results, cursors: found.map(({ cursor }) => cursor), next, isWhole: from === null && next === null }
}

const titleCursor = (place: SearchCursor['place']): SearchCursor => ({
  phase: 'titles',
  place,
  done: 0,
  known: 0,
  more: true,
})

const titleDocument = (object: JsonObject) => ({ title: titleOf(object), text: '', editedAt: editedAt(object) })

/** Returns what the rank of a result by title depends on. */
export const measureTitle = (query: Query, object: JsonObject): Measured => measure(query, titleDocument(object))

/**
 * Returns a test whether a page is a result by title. Where there are more than 400 of them, a title with all words of the
 * query is taken for one as well.
 */
export async function titleResultTest(
  query: Query,
  conditions: Conditions,
  options: SearchOptions,
  send: Send,
): Promise<(page: JsonObject) => boolean> {
  const ids = new Set<string>()
  const entries = walk(listingOf(query, options, conditions), beginning, scanLimits.lists, send)
  for (let entry = await entries.next(); entry !== null; entry = await entries.next()) {
    if (acceptsTitle(query, conditions, entry.object)) ids.add(textAt(entry.object, 'id') ?? '')
  }
  const isWhole = entries.isOver()
  return (page) => ids.has(textAt(page, 'id') ?? '') || (!isWhole && measureTitle(query, page).matches)
}
