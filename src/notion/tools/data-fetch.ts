import type { SearchParameters } from '@notionhq/client'
import * as z from 'zod'
import { entriesAt } from '../cut-lists.ts'
import { checked, cursorField, pageSizeField, shorthandField } from '../input.ts'
import { readFlag } from '../input-values.ts'
import type { JsonObject } from '../json.ts'
import { dictionary } from '../names.ts'
import { addIssue, type InputContext, under, unknown } from '../rich-text.ts'
import { firstResults, search } from '../search/search.ts'
import { searchOutput } from '../shape/search.ts'
import { notionTool } from '../tool-definition.ts'

/** https://developers.notion.com/reference/post-search */
export const dataFetch = notionTool({
  name: 'notion_data_fetch',
  title: 'Search',
  description: 'Find pages and databases by title or content.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: [],
  input: z.strictObject({
    query: z.string().max(2000).describe('Words, "phrase", in:Tasks, edited:>2026-01, by:me; omit for all').optional(),
    filter: shorthandField('Kind of object: page or database', (value) => ({ value })).optional(),
    sort: shorthandField('By last edit: ascending or descending', (order) =>
      order === 'relevance' ? { property: order } : { direction: order },
    ).optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  ...searchOutput,
  list: { length: (body) => entriesAt(body, 'results').length, take: firstResults },
  run(call, { query, page_size, start_cursor, ...input }) {
    const options = checked((at) => {
      const [filter, sort] = [filterOf(input.filter ?? {}, at('filter')), sortOf(input.sort ?? {}, at('sort'))]
      return { ...(filter !== undefined && { filter }), ...(sort !== undefined && { sort }) }
    })
    return search(call, { query, options, page_size, start_cursor })
  },
})

const kinds = dictionary<'page' | 'data_source'>({
  page: 'page',
  database: 'data_source',
  data_source: 'data_source',
})

function filterOf(given: JsonObject, context: InputContext): SearchParameters['filter'] {
  const { in_trash, ...filter } = given
  const trash =
    in_trash === undefined || in_trash === null ? {} : { in_trash: readFlag(in_trash, under(context, 'in_trash')) }
  if (Object.keys(filter).length === 0) return trash.in_trash === undefined ? undefined : trash
  const value = typeof filter.value === 'string' ? kinds[filter.value] : undefined
  if (value === undefined) addIssue(under(context, 'value'), 'must be page or database')
  strict(filter, { property: 'object', value: filter.value }, context)
  return { property: 'object', value: value ?? 'page', ...trash }
}

function sortOf(sort: JsonObject, context: InputContext): SearchParameters['sort'] {
  if (Object.keys(sort).length === 0) return undefined
  if (sort.property !== undefined) {
    strict(sort, { property: 'relevance' }, context)
    return { property: 'relevance' }
  }
  const { direction = 'descending' } = sort
  const known = direction === 'ascending' || direction === 'descending'
  if (!known) addIssue(under(context, 'direction'), 'must be ascending or descending')
  strict(sort, { timestamp: 'last_edited_time', direction }, context)
  return { timestamp: 'last_edited_time', direction: known ? direction : 'descending' }
}

/** Refuses unknown keys, and values other than the allowed ones. */
function strict(given: JsonObject, allowed: JsonObject, context: InputContext): void {
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(allowed, key)) addIssue(under(context, key), unknown('key', key, Object.keys(allowed)))
    else if (value !== allowed[key]) addIssue(under(context, key), `must be "${String(allowed[key])}"`)
  }
}
