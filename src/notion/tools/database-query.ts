import { z } from 'zod'
import { onDataSource } from '../data-sources.ts'
import { checkFilter, checkSorts, filterOf } from '../filters.ts'
import { checked, cursorField, dataSourceField, idField, objectField, objectsField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { queryRows } from '../row-queries.ts'
import { rowsOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/query-a-data-source */
export const databaseQuery = notionTool({
  name: 'notion_database_query',
  title: 'Query a database',
  description: 'List rows. Call notion_database_fetch first for property names.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: dataSourceErrors,
  listKey: 'results',
  input: z.strictObject({
    database_id: idField('database'),
    filter: objectField('JSON: {"property":"Stage","select":{"equals":"New"}}').optional(),
    sorts: objectsField('JSON: [{"property":"Name","direction":"ascending"}]', 50).optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
    data_source: dataSourceField(),
  }),
  ...rowsOutput,
  run(call, input) {
    const paging = pagingOf(input, { fallback: 10, uuid: true })
    const conditions = checked((at) => {
      if (input.filter !== undefined) checkFilter(input.filter, at('filter'))
      return {
        ...(input.filter !== undefined && { filter: filterOf(input.filter) }),
        ...(input.sorts !== undefined && input.sorts.length > 0 && { sorts: checkSorts(input.sorts, at('sorts')) }),
      }
    })
    return onDataSource(call, input.database_id, input.data_source, (source) =>
      queryRows(call, source, conditions, paging),
    )
  },
})
