import * as z from 'zod'
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
  description: 'List the rows of a database. Call notion_database_fetch first to get the property names.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: dataSourceErrors,
  listKey: 'results',
  input: z.strictObject({
    database_id: idField('database'),
    filter: objectField(
      'Condition, such as {"property":"Stage","select":{"equals":"New"}}, or {"and":[…]} of several',
    ).optional(),
    sorts: objectsField('Order, such as [{"property":"Name","direction":"ascending"}]', 50).optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
    data_source: dataSourceField(),
  }),
  ...rowsOutput,
  run(call, input) {
    const paging = pagingOf(input, { fallback: 10, uuid: true })
    // Models pass an empty filter for none.
    const filter = Object.keys(input.filter ?? {}).length > 0 ? input.filter : undefined
    const conditions = checked((at) => {
      if (filter !== undefined) checkFilter(filter, at('filter'))
      return {
        ...(filter !== undefined && { filter: filterOf(filter) }),
        ...(input.sorts !== undefined && input.sorts.length > 0 && { sorts: checkSorts(input.sorts, at('sorts')) }),
      }
    })
    return onDataSource(call, input.database_id, input.data_source, (source) =>
      queryRows(call, source, conditions, paging),
    )
  },
})
