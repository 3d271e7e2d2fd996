import { z } from 'zod'
import { changing } from '../call.ts'
import {
  checked,
  decorations,
  iconField,
  idField,
  objectField,
  refuse,
  richTextField,
  shortRichText,
} from '../input.ts'
import { columnConfigs, withDataSources } from '../property-configs.ts'
import { dataSourceOutput } from '../shape/database-output.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/update-a-data-source */
export const dataSourceUpdate = notionTool({
  name: 'notion_data_source_update',
  title: 'Change columns',
  description:
    'Add, change, rename or remove columns of a data source, or change its title. notion_database_fetch gives its id.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    data_source_id: idField('data_source'),
    title: richTextField().optional(),
    properties: objectField('by name: a schema, {name} renames, null removes').optional(),
    icon: iconField().optional(),
    in_trash: z.boolean().describe('true trashes, false restores').optional(),
  }),
  ...dataSourceOutput,
  async run(call, { data_source_id, title, properties, icon, in_trash }) {
    const { columns, ...body } = checked((at) => ({
      columns: properties === undefined ? null : columnConfigs(properties, at('properties'), true),
      ...(title !== undefined && { title: shortRichText(title, at('title')) }),
      ...decorations({ icon }, at),
      ...(in_trash !== undefined && { in_trash }),
    }))
    if (columns === null && Object.keys(body).length === 0) refuse('', 'names nothing to change')
    const changed = columns === null ? {} : { properties: await withDataSources(call, columns) }
    const source = await call.send(
      { method: 'patch', path: `data_sources/${data_source_id}`, body: { ...changed, ...body } },
      // A column that is not there is complained of in the words of a filter.
      { ...changing('data_source', data_source_id), names: { filter: 'properties' } },
    )
    call.dataSources.forget(call, data_source_id)
    return source
  },
})
