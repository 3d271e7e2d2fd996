import * as z from 'zod'
import {
  blocksField,
  blocksOf,
  checked,
  coverField,
  dataSourceField,
  decorations,
  iconField,
  idField,
  objectField,
  pagePropertiesHint,
} from '../input.ts'
import { insertRow } from '../page-writing.ts'
import { copyOf } from '../returned/pages.ts'
import { pageOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/post-page */
export const databaseInsertRow = notionTool({
  name: 'notion_database_insert_row',
  title: 'Insert a row',
  description: 'Add a row to a database. Call notion_database_fetch first to get the property names.',
  readOnly: false,
  inDefaultSet: true,
  capability: 'INSERT_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    database_id: idField('database'),
    properties: objectField(pagePropertiesHint),
    child_blocks: blocksField().optional(),
    icon: iconField().optional(),
    cover: coverField().optional(),
    data_source: dataSourceField(),
  }),
  ...pageOutput,
  async run(call, passed) {
    const input = await copyOf(call, passed)
    const content = checked((at) => ({
      blocks: blocksOf(input.child_blocks, at('child_blocks')),
      decoration: decorations(input, at),
    }))
    return insertRow(call, input, content)
  },
})
