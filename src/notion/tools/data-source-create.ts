import { z } from 'zod'
import { rereadCreated } from '../call.ts'
import { checked, idField, objectField, richTextField, shortRichText } from '../input.ts'
import { isObject } from '../json.ts'
import { columnConfigs, withDataSources } from '../property-configs.ts'
import { complain } from '../rich-text.ts'
import { dataSourceOutput } from '../shape/database-output.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/create-a-data-source */
export const dataSourceCreate = notionTool({
  name: 'notion_data_source_create',
  title: 'Add a data source',
  description: 'Add another data source (table) to a database. For a new database use notion_database_create.',
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    database_id: idField('database'),
    title: richTextField().optional(),
    properties: objectField('as for notion_database_create'),
  }),
  ...dataSourceOutput,
  async run(call, { database_id, title, properties }) {
    const body = checked((at) => {
      const columns = columnConfigs(properties, at('properties'), false)
      const titles = Object.values(columns).filter((column) => isObject(column) && column.type === 'title').length
      if (titles !== 1) complain(at('properties'), `has to have one title property, not ${titles}`)
      return { columns, ...(title !== undefined && { title: shortRichText(title, at('title')) }) }
    })
    const { columns, ...rest } = body
    const resolved = await withDataSources(call, columns)
    return call.dataSources.onDatabase(call, database_id, async (id) => {
      const source = await call.send(
        {
          method: 'post',
          path: 'data_sources',
          body: { parent: { type: 'database_id', database_id: id }, properties: resolved, ...rest },
        },
        { target: { id, kind: 'database' }, reread: rereadCreated('data_source') },
      )
      call.dataSources.forget(call, id)
      return source
    })
  },
})
