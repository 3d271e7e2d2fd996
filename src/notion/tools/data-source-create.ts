import * as z from 'zod'
import { rereadCreated } from '../call.ts'
import { onDatabase } from '../data-sources.ts'
import { checked, idField, objectField, richTextField, shortRichText } from '../input.ts'
import { newProperties, withDataSources } from '../property-configs.ts'
import { dataSourceOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/create-a-data-source */
export const dataSourceCreate = notionTool({
  name: 'notion_data_source_create',
  title: 'Add a data source',
  description: 'Add another data source (table) to a database. To create a new database, call notion_database_create.',
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    database_id: idField('database'),
    title: richTextField().optional(),
    properties: objectField('Columns by name, such as {"Name":"title","Stage":{"select":{"options":["New"]}}}'),
  }),
  ...dataSourceOutput,
  async run(call, { database_id, title, properties }) {
    const { wanted, ...rest } = checked((at) => ({
      wanted: newProperties(properties, at('properties')),
      ...(title !== undefined && { title: shortRichText(title, at('title')) }),
    }))
    const resolved = await withDataSources(call, wanted)
    return onDatabase(call, database_id, async (id) => {
      const parent = { type: 'database_id', database_id: id } as const
      const source = await call.write(
        (notion) => notion.dataSources.create({ parent, properties: resolved, ...rest }),
        { target: { id, kind: 'database' }, reread: rereadCreated('data_source') },
      )
      call.schemas.forget(call.account, id)
      return source
    })
  },
})
