import * as z from 'zod'
import { changing } from '../call.ts'
import {
  checked,
  clearableTextField,
  decorations,
  iconField,
  idField,
  objectField,
  refuse,
  removable,
  shortRichText,
} from '../input.ts'
import { exactKeys, propertyChanges, withDataSources } from '../property-configs.ts'
import { changesOfDataSource, dataSourceKeys } from '../returned/databases.ts'
import { takingBack, unwrapped } from '../returned/facts.ts'
import { dataSourceOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** What a result may contain of what this tool takes. */
const resultKeys = [...['title', 'properties', 'icon', 'in_trash'], ...dataSourceKeys]

/** https://developers.notion.com/reference/update-a-data-source */
export const dataSourceUpdate = notionTool({
  name: 'notion_data_source_update',
  title: 'Update a data source',
  description:
    'Add, change, rename or remove properties of a data source, or change its title. Call notion_database_fetch first to get its ID.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: dataSourceErrors,
  input: takingBack(
    {
      data_source_id: idField('data_source'),
      title: clearableTextField(),
      properties: objectField(
        'Changes by property name: a type such as "date", {"name":"…"} to rename, or null to remove',
      ).optional(),
      icon: removable(iconField(), 'Emoji or image URL'),
      in_trash: z.boolean().describe('true moves it to the trash, false restores it').optional(),
    },
    dataSourceKeys,
  ),
  ...dataSourceOutput,
  run: (call, { data_source_id, ...input }) =>
    unwrapped(input, resultKeys, async (passed) => {
      const { input: differing, current } = await changesOfDataSource(call, data_source_id, passed)
      const { title, properties, icon, in_trash } = differing
      const { changes, ...body } = checked((at) => ({
        changes: properties === undefined ? null : propertyChanges(properties, at('properties')),
        ...(title !== undefined && { title: shortRichText(title ?? [], at('title')) }),
        ...decorations({ icon }, at),
        ...(in_trash !== undefined && { in_trash }),
      }))
      if (changes === null && Object.keys(body).length === 0)
        return current ?? refuse('', 'must contain something to change')
      const changed =
        changes === null
          ? {}
          : { properties: await withDataSources(call, await exactKeys(call, data_source_id, changes)) }
      const source = await call.write(
        (notion) => notion.dataSources.update({ data_source_id, ...changed, ...body }),
        // Notion reports an unknown property in the words of a filter.
        { ...changing('data_source', data_source_id), names: { filter: 'properties' } },
      )
      call.schemas.forget(call.account, data_source_id)
      return source
    }),
})
