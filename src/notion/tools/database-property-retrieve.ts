import * as z from 'zod'
import type { NotionCall } from '../call.ts'
import { onDataSource, schemaOf } from '../data-sources.ts'
import { checked, cursorField, dataSourceField, idField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { addIssue } from '../rich-text.ts'
import { queryRows } from '../row-queries.ts'
import { unknownProperty } from '../rows.ts'
import { findProperty } from '../schema-cache.ts'
import { rowsOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/query-a-data-source with filter_properties */
export const databasePropertyRetrieve = notionTool({
  name: 'notion_database_property_retrieve',
  title: 'Read chosen properties',
  description: 'List the rows of a database with only some properties.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: dataSourceErrors,
  listKey: 'results',
  input: z.strictObject({
    database_id: idField('database'),
    property_id: z
      .preprocess(
        (value) => (typeof value === 'string' ? [value] : value),
        z.array(z.string().min(1).max(500)).max(100),
      )
      .describe('Names or IDs of the properties to return')
      .optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
    data_source: dataSourceField(),
  }),
  ...rowsOutput,
  run(call, input) {
    const paging = pagingOf(input, { fallback: 10, uuid: true })
    return onDataSource(call, input.database_id, input.data_source, async (source) => {
      const ids = await propertyIds(call, source.id, input.property_id ?? [])
      return queryRows(call, source, {}, paging, ids)
    })
  },
})

async function propertyIds(
  call: NotionCall,
  dataSourceId: string,
  wanted: readonly string[],
): Promise<readonly string[]> {
  if (wanted.length === 0) return []
  const schema = await schemaOf(call, dataSourceId)
  const found = wanted.map((name) => findProperty(schema.properties, name))
  if (found.every((property) => property !== undefined)) return found.map(({ id }) => id)
  const { properties } = schema.fresh ? schema : await schemaOf(call, dataSourceId, { fresh: true })
  return checked((at) =>
    wanted.map((name, index) => {
      const property = findProperty(properties, name)
      if (property === undefined) addIssue(at(`property_id.${index}`), unknownProperty(properties, name))
      return property?.id ?? ''
    }),
  )
}
