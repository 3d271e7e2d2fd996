import type { QueryDataSourceParameters } from '@notionhq/client'
import * as z from 'zod'
import { uuidAt } from '../ids.ts'
import { cursorField, idField, pageSizeField, refuse } from '../input.ts'
import { isObject } from '../json.ts'
import { pagingOf } from '../paging.ts'
import { rowsOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/**
 * The rows that a view shows: its filter and sorts as a query of its data source. Notion's own queries of views
 * (https://developers.notion.com/reference/create-view-query) return ids only, for some minutes.
 */
export const viewQuery = notionTool({
  name: 'notion_view_query',
  title: 'Query a view',
  description: 'List the rows of a view, filtered and sorted as the view is.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  listKey: 'results',
  input: z.strictObject({
    view_id: idField('view'),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  ...rowsOutput,
  async run(call, input) {
    const paging = pagingOf(input, { fallback: 10, uuid: true })
    const { view_id } = input
    const view = await call.read((notion) => notion.views.retrieve({ view_id }), {
      target: { id: view_id, kind: 'view' },
    })
    const data_source_id = uuidAt(view, 'data_source_id')
    if (data_source_id === null) {
      refuse('view_id', 'must be a view of rows, not a dashboard. Call notion_view_list to list the other views')
    }
    const { filter, sorts } = view as Pick<QueryDataSourceParameters, 'filter' | 'sorts'>
    const conditions = { ...(isObject(filter) && { filter }), ...(Array.isArray(sorts) && { sorts }) }
    return call.read((notion) => notion.dataSources.query({ data_source_id, ...conditions, ...paging }), {
      target: { id: data_source_id, kind: 'data_source' },
      names: { filter: 'view_id', sorts: 'view_id' },
    })
  },
})
