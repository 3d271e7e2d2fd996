import * as z from 'zod'
import { rereadCreated } from '../call.ts'
import { checked, idField, objectField, richTextField, shortRichText } from '../input.ts'
import { isObject } from '../json.ts'
import { newProperties, withDataSources } from '../property-configs.ts'
import { databaseOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** The parent page: its id, or Notion's object with the id. */
const pageParent = z.preprocess(
  (value) => {
    if (typeof value === 'string') return { page_id: value }
    if (!isObject(value) || value.type !== 'page_id') return value
    const { type: _type, ...rest } = value
    return rest
  },
  z.strictObject({ page_id: idField('page') }).meta({ description: 'ID or link of the parent page', shorthand: true }),
)

/** https://developers.notion.com/reference/create-a-database */
export const databaseCreate = notionTool({
  name: 'notion_database_create',
  title: 'Create a database',
  description: 'Create a database under a page.',
  readOnly: false,
  inDefaultSet: true,
  capability: 'INSERT_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    parent: pageParent,
    title: richTextField('Title as plain text'),
    properties: objectField('Columns by name, such as {"Name":"title","Stage":{"select":{"options":["New"]}}}'),
  }),
  ...databaseOutput,
  async run(call, input) {
    const { title, properties } = checked((at) => ({
      properties: newProperties(input.properties, at('properties')),
      title: shortRichText(input.title, at('title')),
    }))
    const { page_id } = input.parent
    const initial_data_source = { properties: await withDataSources(call, properties) }
    return call.write(
      (notion) => notion.databases.create({ parent: { type: 'page_id', page_id }, title, initial_data_source }),
      {
        target: { id: page_id, kind: 'page' },
        names: { 'initial_data_source.properties': 'properties' },
        reread: rereadCreated('database'),
      },
    )
  },
})
