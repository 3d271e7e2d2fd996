import * as z from 'zod'
import { idField } from '../input.ts'
import { dataSourceOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/retrieve-a-data-source */
export const dataSourceFetch = notionTool({
  name: 'notion_data_source_fetch',
  title: 'Get a data source',
  description: 'Get the schema of one data source of a database.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ data_source_id: idField('data_source') }),
  ...dataSourceOutput,
  run: (call, { data_source_id }) =>
    call.read((notion) => notion.dataSources.retrieve({ data_source_id }), {
      target: { id: data_source_id, kind: 'data_source' },
    }),
})
