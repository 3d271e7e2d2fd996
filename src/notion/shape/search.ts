import * as z from 'zod'
import { flagAt, type Json, type JsonObject, objectAt, objectsAt, textAt, toObject } from '../json.ts'
import { compactSearchResult, present } from './compact.ts'
import { compactSearchResultSchema, markedSchema } from './compact-schema.ts'
import { completeness, completenessNotes, listBody, listFields, results, toListFields } from './lists.ts'
import { searchTable } from './markdown.ts'
import { markedData, markedText } from './marking.ts'
import { notionSearchResult, toSearchResult } from './objects.ts'

const contentSearch = z
  .object({
    source: z
      .string()
      .describe('How the content was searched: live, by reading pages in Notion, or index, in the encrypted index.'),
    indexStatus: z
      .string()
      .nullable()
      .describe('State of the index of the account: BUILDING, READY or LIMITED. Null without an index.'),
    indexCompletedAt: z.string().nullable().describe('Time at which the index was complete last; null if never.'),
    pagesSearched: z
      .int()
      .describe('The pages whose content this call searched: at most 60 live, or those in the index.'),
    pagesSearchedBefore: z.int().describe('The pages that earlier calls of the same search went through.'),
    pagesKnown: z
      .int()
      .nullable()
      .describe(
        'The pages whose content can be searched: shared pages and rows that are not results by title. Null before they were counted.',
      ),
    morePages: z.boolean().describe('Whether there are more than pagesKnown.'),
    partlyRead: z.int().describe('Pages whose content Notion returned in part, or that are too long.'),
    skipped: z.int().describe('Pages that Notion refused to return.'),
    endedBy: z
      .string()
      .describe('Why the call ended: complete, page_size, page_limit, time_limit, rate_limit or unavailable.'),
    summary: z.string().describe('The same as a sentence; empty for a query without words.'),
  })
  .meta({ id: 'NotionContentSearch', description: 'How far a search of the content of pages came.' })

/** The schemas and formats of the result of a search. */
export const searchOutput = {
  output: listBody,
  compact: markedSchema(z.array(compactSearchResultSchema)).extend({
    content_search: z.string().describe('How far the search of the content came.').optional(),
  }),
  result: z.object({
    results: z.array(notionSearchResult).describe('The pages and data sources that were found.'),
    ...listFields,
    contentSearch: contentSearch
      .nullable()
      .describe('How far the search of the content of pages came; null where only titles are searched.'),
  }),
  toResult(body: unknown) {
    const about = toObject(body).content_search
    const matchOf = matchesOf(body)
    return {
      results: results(body).map((object) => {
        const match = matchOf(object)
        return toSearchResult(object, match)
      }),
      ...toListFields(body),
      contentSearch:
        about === undefined
          ? null
          : {
              source: textAt(about, 'source') ?? '',
              indexStatus: textAt(objectAt(about, 'index'), 'status'),
              indexCompletedAt: textAt(objectAt(about, 'index'), 'last_completed_at'),
              pagesSearched: numberAt(about, 'pages_searched') ?? 0,
              pagesSearchedBefore: numberAt(about, 'pages_searched_before') ?? 0,
              pagesKnown: numberAt(about, 'pages_known'),
              morePages: flagAt(about, 'more_pages'),
              partlyRead: numberAt(about, 'partly_read') ?? 0,
              skipped: numberAt(about, 'skipped') ?? 0,
              endedBy: textAt(about, 'ended_by') ?? '',
              summary: searchSummary(body),
            },
    }
  },
  toCompact(body: unknown) {
    const matchOf = matchesOf(body)
    const summary = searchSummary(body)
    const content = results(body).map((object): Json => {
      const match = matchOf(object)
      return {
        ...compactSearchResult(object),
        ...(match !== null && { match: present({ ...match, snippet: passageOf(match) }) }),
      }
    })
    return markedData(content, { ...(summary !== '' && { content_search: summary }), ...completeness(body) })
  },
  toMarkdown(body: unknown) {
    const matchOf = matchesOf(body)
    const found = results(body)
    const content = searchTable(found, (object) => {
      const match = matchOf(object)
      return match && { found: `${match.via} ${match.score}`, snippet: passageOf(match) ?? '' }
    })
    const after = [searchSummary(body), completenessNotes(body)].filter((note) => note !== '').join('\n')
    return markedText(found.length === 0 ? '(nothing)' : content, { after })
  },
}

interface Match {
  readonly snippet: string | null
  readonly score: number
  readonly via: string
}

// The title is shown already.
const passageOf = ({ via, snippet }: Match) => (via === 'title' ? null : snippet)

/** Returns what a body says about the match of an object. */
function matchesOf(body: unknown): (object: JsonObject) => Match | null {
  const matches = new Map(objectsAt(objectAt(body, 'content_search'), 'matches').map((match) => [match.id, match]))
  return (object) => {
    const match = matches.get(object.id)
    // A query without words matches everything that its operators accept.
    const score = match === undefined ? null : numberAt(match, 'score')
    return score === null ? null : { snippet: textAt(match, 'snippet'), score, via: textAt(match, 'via') ?? '' }
  }
}

const numberAt = (value: unknown, key: string): number | null => {
  const found = toObject(value)[key]
  return typeof found === 'number' ? found : null
}

const ends: Readonly<Record<string, string>> = {
  time_limit: 'Stopped after 15 seconds.',
  rate_limit: 'Stopped at the rate limit.',
  unavailable: 'Stopped because Notion did not return a page.',
}

/** Returns how far the search of the content came, as sentences; an empty string where there was none. */
function searchSummary(body: unknown): string {
  const about = objectAt(body, 'content_search')
  const goesOn = textAt(body, 'next_cursor') !== null
  const known = numberAt(about, 'pages_known')
  if (about.ended_by === undefined) return ''
  if (about.source === 'index') return indexSummary(about, goesOn)
  if (known === null)
    return 'The content of pages is searched after the results by title. Pass start_cursor to continue.'
  const searched = (numberAt(about, 'pages_searched') ?? 0) + (numberAt(about, 'pages_searched_before') ?? 0)
  if (known === 0 && !flagAt(about, 'more_pages')) {
    return goesOn && about.ended_by === 'page_limit'
      ? 'Not all results were compared with the query. Pass start_cursor to continue.'
      : ''
  }
  const of = flagAt(about, 'more_pages') ? `more than ${known}` : goesOn ? `about ${known}` : `${known}`
  const [partly, skipped] = [numberAt(about, 'partly_read') ?? 0, numberAt(about, 'skipped') ?? 0]
  const sentences = [
    `Searched the content of ${searched} of ${of} ${known === 1 ? 'page' : 'pages'}.`,
    ends[textAt(about, 'ended_by') ?? ''],
    partly > 0 ? `${partly} of them could be read only in part.` : undefined,
    skipped > 0 ? `${skipped} could not be read.` : undefined,
    goesOn ? 'Pass start_cursor to search the rest.' : undefined,
  ]
  return sentences.filter((sentence) => sentence !== undefined).join(' ')
}

/** Returns how complete the index was that was searched, as sentences. */
function indexSummary(about: JsonObject, goesOn: boolean): string {
  const index = objectAt(about, 'index')
  const [pages, indexed] = [numberAt(index, 'pages') ?? 0, numberAt(index, 'indexed_pages') ?? 0]
  const sentences = [
    `Searched an index of the content of ${indexed} of ${pages} ${pages === 1 ? 'page' : 'pages'}, complete at ${textAt(index, 'last_completed_at')}.`,
    index.status === 'LIMITED' ? 'Pages that were edited the longest ago are not in it.' : undefined,
    ends[textAt(about, 'ended_by') ?? ''],
    goesOn ? 'Pass start_cursor for more results.' : undefined,
  ]
  return sentences.filter((sentence) => sentence !== undefined).join(' ')
}
