import { z } from 'zod'
import { rereadCreated } from '../call.ts'
import { checked, idField, objectField, richTextField, shortRichText } from '../input.ts'
import { isObject } from '../json.ts'
import { columnConfigs, withDataSources } from '../property-configs.ts'
import { complain } from '../rich-text.ts'
import { databaseOutput } from '../shape/database-output.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** The page that something new goes under: its id, alone or as Notion writes it. */
const pageParent = z.preprocess(
  (value) => {
    if (typeof value === 'string') return { page_id: value }
    if (!isObject(value) || value.type !== 'page_id') return value
    const { type: _type, ...rest } = value
    return rest
  },
  z.strictObject({ page_id: idField('page') }),
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
    parent: pageParent.meta({ documentation: 'The page that it goes under.' }),
    title: richTextField(),
    properties: objectField('{Name:{title:{}},Stage:{select:{options:[{name}]}}}'),
  }),
  ...databaseOutput,
  async run(call, input) {
    const { title, columns } = checked((at) => {
      const columns = columnConfigs(input.properties, at('properties'), false)
      const titles = Object.values(columns).filter((column) => isObject(column) && column.type === 'title').length
      if (titles !== 1)
        complain(at('properties'), `has to have one title property, such as "Name": {"title": {}}, not ${titles}`)
      return { columns, title: shortRichText(input.title, at('title')) }
    })
    return call.send(
      {
        method: 'post',
        path: 'databases',
        body: {
          parent: { type: 'page_id', page_id: input.parent.page_id },
          title,
          initial_data_source: { properties: await withDataSources(call, columns) },
        },
      },
      {
        target: { id: input.parent.page_id, kind: 'page' },
        names: { 'initial_data_source.properties': 'properties' },
        reread: rereadCreated('database'),
      },
    )
  },
})
