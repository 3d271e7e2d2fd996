import type { SearchParameters } from '@notionhq/client'
import { z } from 'zod'
import { checked, cursorField, pageSizeField, shorthandField } from '../input.ts'
import type { JsonObject } from '../json.ts'
import { pagingOf } from '../paging.ts'
import { type Checking, complain, under, unknown } from '../rich-text.ts'
import { compactSearchResult } from '../shape/compact.ts'
import { compactList, listBody, listFields, markdownList, results, toListFields } from '../shape/lists.ts'
import { searchTable } from '../shape/markdown.ts'
import { notionSearchResult, toSearchResult } from '../shape/objects.ts'
import { notionTool } from '../tool-definition.ts'

/** https://developers.notion.com/reference/post-search */
export const dataFetch = notionTool({
  name: 'notion_data_fetch',
  title: 'Search',
  description: 'Find page and database IDs by title.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: [],
  listKey: 'results',
  input: z.strictObject({
    query: z.string().max(2000).describe('Title words').optional(),
    filter: shorthandField('page or database', (value) => ({ value })).optional(),
    sort: shorthandField('ascending or descending by last edit', (direction) => ({ direction })).optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  output: listBody,
  result: z.object({
    results: z.array(notionSearchResult).describe('The pages and data sources that were found.'),
    ...listFields,
  }),
  run(call, input) {
    const paging = pagingOf(input, { fallback: 20, uuid: true })
    const conditions = checked((at) => ({
      ...(input.query !== undefined && { query: input.query }),
      ...(input.filter !== undefined && { filter: filterOf(input.filter, at('filter')) }),
      ...(input.sort !== undefined && { sort: sortOf(input.sort, at('sort')) }),
    }))
    return call.read((notion) => notion.search({ ...conditions, ...paging }))
  },
  toResult: (body) => ({ results: results(body).map(toSearchResult), ...toListFields(body) }),
  toCompact: (body) => compactList(body, compactSearchResult),
  toMarkdown: (body) => markdownList(body, searchTable(results(body))),
})

const kinds: Readonly<Record<string, 'page' | 'data_source'>> = {
  page: 'page',
  database: 'data_source',
  data_source: 'data_source',
}

function filterOf(filter: JsonObject, checking: Checking): NonNullable<SearchParameters['filter']> {
  const value = typeof filter.value === 'string' ? kinds[filter.value] : undefined
  if (value === undefined) complain(under(checking, 'value'), 'must be page or database')
  strict(filter, { property: 'object', value: filter.value }, checking)
  return { property: 'object', value: value ?? 'page' }
}

function sortOf(sort: JsonObject, checking: Checking): NonNullable<SearchParameters['sort']> {
  const { direction = 'descending' } = sort
  const known = direction === 'ascending' || direction === 'descending'
  if (!known) complain(under(checking, 'direction'), 'must be ascending or descending')
  strict(sort, { timestamp: 'last_edited_time', direction }, checking)
  return { timestamp: 'last_edited_time', direction: known ? direction : 'descending' }
}

/** Refuses unknown keys, and values other than the allowed ones. */
function strict(given: JsonObject, allowed: JsonObject, checking: Checking): void {
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(allowed, key)) complain(under(checking, key), unknown('key', key, Object.keys(allowed)))
    else if (value !== allowed[key]) complain(under(checking, key), `must be "${String(allowed[key])}"`)
  }
}
