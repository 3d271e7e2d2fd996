import type { SearchParameters } from '@notionhq/client'
import { z } from 'zod'
import { checked, cursorField, pageSizeField, shorthandField } from '../input.ts'
import type { JsonObject } from '../json.ts'
import { pagingOf } from '../paging.ts'
import { addIssue, type InputContext, under, unknown } from '../rich-text.ts'
import { searchOutput } from '../shape/outputs.ts'
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
  ...searchOutput,
  run(call, input) {
    const paging = pagingOf(input, { fallback: 20, uuid: true })
    const conditions = checked((at) => ({
      ...(input.query !== undefined && { query: input.query }),
      ...(input.filter !== undefined && { filter: filterOf(input.filter, at('filter')) }),
      ...(input.sort !== undefined && { sort: sortOf(input.sort, at('sort')) }),
    }))
    return call.read((notion) => notion.search({ ...conditions, ...paging }))
  },
})

const kinds: Readonly<Record<string, 'page' | 'data_source'>> = {
  page: 'page',
  database: 'data_source',
  data_source: 'data_source',
}

function filterOf(filter: JsonObject, context: InputContext): NonNullable<SearchParameters['filter']> {
  const value = typeof filter.value === 'string' ? kinds[filter.value] : undefined
  if (value === undefined) addIssue(under(context, 'value'), 'must be page or database')
  strict(filter, { property: 'object', value: filter.value }, context)
  return { property: 'object', value: value ?? 'page' }
}

function sortOf(sort: JsonObject, context: InputContext): NonNullable<SearchParameters['sort']> {
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
