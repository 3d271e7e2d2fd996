import type { IndexFacts } from '../../content-index/index-status.ts'
import { scoresOf } from '../../search/match.ts'
import { type Query, QueryError, readQuery } from '../../search/query.ts'
import type { NotionCall } from '../call.ts'
import { firstEntries } from '../cut-lists.ts'
import { refuse } from '../input.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt, toObject } from '../json.ts'
import { conditionsOf } from './conditions.ts'
import { type IndexCursor, indexStart, readSearchCursor, type SearchCursor, writeSearchCursor } from './cursor.ts'
import { type Indexed, searchIndex } from './indexed.ts'
import { rowListing, type Send, searchListing } from './listing.ts'
import { type Scan, type SearchEnd, scanPages } from './scan.ts'
import {
  filteredTitles,
  measureTitle,
  type SearchOptions,
  type TitleResults,
  titleResultTest,
  titlesOfNotion,
} from './titles.ts'

/** The input of a search. `options` are the filter and sort in Notion's form. */
export interface SearchInput {
  readonly query?: string | undefined
  readonly options: SearchOptions
  readonly page_size?: number | undefined
  readonly start_cursor?: string | undefined
}

/**
 * Searches titles by Notion's search, and then the content of the other shared pages: in the index of the account
 * (`indexed.ts`), or without a complete one in the pages themselves, last edited first, within the bounds of one call
 * (`scan.ts`). Returns Notion's list, with `content_search` about how far the search came where the query has
 * words or operators. Throws InvalidToolInputError about `query` and `start_cursor`, and the errors of Notion's search.
 *
 * @see https://developers.notion.com/reference/post-search
 */
export async function search(call: NotionCall, input: SearchInput): Promise<JsonObject> {
  const startedAt = call.elapsed()
  const query = queryOf(input.query ?? '')
  const from = readSearchCursor(input.start_cursor)
  const { filter } = input.options
  const hasOperators = query.within !== null || query.edited !== null || query.byMe
  const isFiltered = hasOperators || query.terms.some(({ quoted }) => quoted)
  const mayScan =
    query.terms.length > 0 &&
    filter?.in_trash !== true &&
    !(filter !== undefined && 'value' in filter && filter.value === 'data_source')
  if (from !== null && !(from.phase === 'titles' ? isFiltered : mayScan)) {
    refuse('start_cursor', 'must be the next_cursor of the previous result with the same query, unchanged')
  }
  // A search that began without the index goes on so.
  const known = mayScan && from?.phase !== 'content' ? await call.contentIndex() : null
  const index = known?.facts.status === 'BUILDING' ? null : known
  if (from?.phase === 'index' && index === null) {
    refuse(
      'start_cursor',
      'must not be that of a search in an index, which does not exist any more. Search again without it',
    )
  }
  const conditions = await conditionsOf(call, query)
  const titles =
    from?.phase === 'content' || from?.phase === 'index'
      ? noTitles
      : isFiltered
        ? await filteredTitles(call, query, conditions, input.options, input, from)
        : await titlesOfNotion(call, input.query, input.options, input)
  if (!mayScan && !isFiltered) return titles.body
  const room = (input.page_size ?? 20) - titles.results.length
  const start = from?.phase === 'content' ? from : null
  const about: Progress = { done: start?.done ?? 0, mayScan, index: known?.facts ?? null, usesIndex: index !== null }
  if (!mayScan || titles.next !== null || room <= 0) {
    const endedBy = room <= 0 || typeof titles.next === 'string' ? 'page_size' : 'page_limit'
    const next = titles.next ?? (mayScan ? (index === null ? scanStart : indexStart) : null)
    return bodyOf(query, titles, { ...about, next, endedBy: next === null ? 'complete' : endedBy })
  }
  const testOf = async (send: Send) => {
    const ids = new Set(titles.results.map((result) => textAt(result, 'id')))
    if (titles.isWhole) return (page: JsonObject) => ids.has(textAt(page, 'id'))
    return titleResultTest(query, conditions, input.options, send)
  }
  if (index !== null) {
    const isTitleResult = await testOf((request) => call.read(request))
    const indexed = await searchIndex(call, index, {
      ...{ query, room, startedAt },
      from: from?.phase === 'index' ? from : indexStart,
      accepts: (page) => conditions.accepts(page) && !isTitleResult(page),
    })
    const isEmpty = titles.results.length + indexed.found.length === 0
    if (from !== null && isEmpty && indexed.failure !== null) throw indexed.failure
    return bodyOf(query, titles, { ...about, next: indexed.next, endedBy: indexed.endedBy, indexed })
  }
  const scan = await scanPages(call, {
    query,
    listing:
      conditions.sourceIds === null
        ? searchListing({ filter: { property: 'object', value: 'page' }, sort: lastEditedFirst })
        : rowListing(conditions.sourceIds, 'descending'),
    from: start?.done === 0 && start.place.start === null && start.place.passed === 0 ? null : start,
    room,
    startedAt,
    async prepare(send) {
      const isTitleResult = await testOf(send)
      return {
        accepts: (page) => conditions.accepts(page) && !isTitleResult(page),
        // The rows of several data sources follow one another, each with its own last edited first.
        isLast: (page) => (conditions.sourceIds?.length ?? 1) === 1 && conditions.excludesOlder(page),
      }
    },
  })
  const hasNothing = titles.results.length === 0 && scan.measured.length + scan.skipped === 0
  if (from !== null && hasNothing && scan.failure !== null) throw scan.failure
  return bodyOf(query, titles, { ...about, next: scan.next, endedBy: scan.endedBy, scan })
}

const lastEditedFirst = { timestamp: 'last_edited_time', direction: 'descending' } as const

const noTitles: TitleResults = {
  body: { object: 'list', type: 'page_or_data_source', page_or_data_source: {} },
  results: [],
  cursors: [],
  next: null,
  isWhole: false,
}

const scanStart: SearchCursor = {
  phase: 'content',
  place: { start: null, passed: 0, lastId: null },
  done: 0,
  known: 0,
  more: true,
}

function queryOf(text: string): Query {
  try {
    return readQuery(text)
  } catch (error) {
    if (error instanceof QueryError) return refuse('query', error.message)
    throw error
  }
}

/** How far a search came. */
interface Progress {
  /** The pages whose content earlier calls went through. */
  readonly done: number
  readonly mayScan: boolean
  /** Null: the account has no index. */
  readonly index: IndexFacts | null
  readonly usesIndex: boolean
}

interface Ended extends Progress {
  readonly next: string | SearchCursor | IndexCursor | null
  readonly endedBy: SearchEnd
  readonly scan?: Scan
  readonly indexed?: Indexed
}

function bodyOf(query: Query, titles: TitleResults, progress: Ended): JsonObject {
  const { scan, indexed, next } = progress
  const byTitle = titles.results.map((object) => measureTitle(query, object))
  const measured = indexed?.found.map((one) => one.measured) ?? scan?.measured ?? []
  const scores = scoresOf([...byTitle, ...measured])
  const hasWords = query.terms.length > 0
  const cursorText = (cursor: string | SearchCursor | IndexCursor | null) =>
    cursor === null || typeof cursor === 'string' ? cursor : writeSearchCursor(cursor)
  const titleMatches = titles.results.map((object, at) => {
    const cursor = titles.cursors[at] ?? null
    return {
      id: textAt(object, 'id'),
      snippet: byTitle[at]?.snippet() || null,
      score: hasWords ? (scores[at] ?? 0) : null,
      via: 'title',
      ...(cursor !== null && { cursor: writeSearchCursor(cursor) }),
    }
  })
  const scored = (scan?.found ?? []).map((one) => ({
    ...one,
    score: scores[byTitle.length + (scan?.measured.indexOf(one.measured) ?? 0)] ?? 0,
  }))
  // In the order in which cursors go on; the results have the best first.
  const contentMatches = [...scored, ...(indexed?.found ?? [])].map(
    ({ page, measured: { snippet, via }, score, cursor }) => ({
      id: textAt(page, 'id'),
      snippet: snippet() || null,
      score,
      via,
      ...(cursor !== null && { cursor: writeSearchCursor(cursor) }),
    }),
  )
  const ranked = [...[...scored].sort((a, b) => b.score - a.score), ...(indexed?.found ?? [])].map(({ page }) => page)
  const next_cursor = cursorText(next)
  return {
    ...titles.body,
    results: [...titles.results, ...ranked],
    next_cursor,
    has_more: next_cursor !== null,
    content_search: {
      ...searchedPages(progress),
      ended_by: progress.endedBy,
      matches: [...titleMatches, ...contentMatches],
    },
  }
}

/** Returns which way was used, and how complete it was. */
function searchedPages({ done, mayScan, index, usesIndex, scan, indexed }: Ended) {
  const about = {
    source: usesIndex ? 'index' : 'live',
    index: index && {
      status: index.status,
      pages: index.pages,
      indexed_pages: index.indexedPages,
      last_completed_at: index.lastCompletedAt?.toISOString() ?? null,
    },
  }
  if (usesIndex && index !== null) {
    return {
      ...about,
      pages_searched: indexed === undefined ? 0 : index.indexedPages,
      pages_searched_before: 0,
      pages_known: index.pages,
      more_pages: false,
      partly_read: indexed?.found.filter(({ isPart }) => isPart).length ?? 0,
      skipped: 0,
    }
  }
  return {
    ...about,
    pages_searched: scan?.measured.length ?? 0,
    pages_searched_before: done,
    pages_known: scan?.known ?? (mayScan ? null : 0),
    more_pages: scan?.more ?? mayScan,
    partly_read: scan?.partlyRead ?? 0,
    skipped: scan?.skipped ?? 0,
  }
}

/** Returns a body with the first `length` results and the cursor that continues after them. */
export function firstResults(
  body: unknown,
  length: number,
  input: { readonly page_size?: number | undefined; readonly start_cursor?: string | undefined },
): JsonObject {
  const about = objectAt(body, 'content_search')
  const matches = objectsAt(about, 'matches').slice(0, length)
  const cursor = textAt(matches.at(-1), 'cursor')
  const shown = new Set(matches.map(({ id }) => id))
  const content_search = { ...about, matches, ended_by: 'page_size' }
  if (cursor === null) {
    const cut = firstEntries(body, 'results', length, input)
    return isObject(toObject(body).content_search) ? { ...cut, content_search } : cut
  }
  const results = objectsAt(body, 'results').filter(({ id }) => shown.has(id))
  return { ...toObject(body), results, next_cursor: cursor, has_more: true, content_search }
}
