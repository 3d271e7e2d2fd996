import { z } from 'zod'
import { checked, cursorField, objectField, pageSizeField } from '../input.ts'
import type { JsonObject } from '../json.ts'
import { pagingOf } from '../paging.ts'
import { type Checking, complain, under } from '../rich-text.ts'
import { compactSearchResult } from '../shape/compact.ts'
import { compactList, listBody, listFields, markdownList, results, toListFields } from '../shape/lists.ts'
import { searchTable } from '../shape/markdown.ts'
import { notionSearchResult, toSearchResult } from '../shape/objects.ts'
import { notionTool } from '../tool-definition.ts'

/** https://developers.notion.com/reference/post-search */
export const dataFetch = notionTool({
  name: 'notion_data_fetch',
  title: 'Search',
  description: 'Find pages and databases by title, to get ids.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: [],
  listKey: 'results',
  input: z.strictObject({
    query: z.string().max(2000).describe('title words').optional(),
    filter: objectField('{value:"page"|"database"}').optional(),
    sort: objectField('{direction} by last edit').optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  output: listBody,
  result: z.object({ results: z.array(notionSearchResult).describe('What was found.'), ...listFields }),
  run(call, input) {
    const query = pagingOf(input, { fallback: 20, uuid: true })
    const conditions = checked((at) => ({
      ...(input.query !== undefined && { query: input.query }),
      ...(input.filter !== undefined && { filter: filterOf(input.filter, at('filter')) }),
      ...(input.sort !== undefined && { sort: sortOf(input.sort, at('sort')) }),
    }))
    return call.send({ method: 'post', path: 'search', body: { ...conditions, ...query } })
  },
  toResult: (body) => ({ results: results(body).map(toSearchResult), ...toListFields(body) }),
  toCompact: (body) => compactList(body, compactSearchResult),
  toMarkdown: (body) => markdownList(body, searchTable(results(body))),
})

const kinds: Readonly<Record<string, string>> = { page: 'page', database: 'data_source', data_source: 'data_source' }

function filterOf(filter: JsonObject, checking: Checking): JsonObject {
  const value = typeof filter.value === 'string' ? kinds[filter.value] : undefined
  if (value === undefined) complain(under(checking, 'value'), 'has to be page or database')
  strict(filter, { property: 'object', value: filter.value }, checking)
  return { property: 'object', value }
}

function sortOf(sort: JsonObject, checking: Checking): JsonObject {
  const { direction = 'descending' } = sort
  if (direction !== 'ascending' && direction !== 'descending') {
    complain(under(checking, 'direction'), 'has to be ascending or descending')
  }
  strict(sort, { timestamp: 'last_edited_time', direction }, checking)
  return { timestamp: 'last_edited_time', direction }
}

/** Refuses keys and values that the object cannot have. */
function strict(given: JsonObject, allowed: JsonObject, checking: Checking): void {
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(allowed, key))
      complain(under(checking, key), `is not known here (there is: ${Object.keys(allowed).join(', ')})`)
    else if (value !== allowed[key]) complain(under(checking, key), `has to be "${String(allowed[key])}"`)
  }
}
