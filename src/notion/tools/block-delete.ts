import * as z from 'zod'
import { changing } from '../call.ts'
import { idField } from '../input.ts'
import { blockOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/delete-a-block */
export const blockDelete = notionTool({
  name: 'notion_block_delete',
  title: 'Delete a block',
  description: 'Move a block and everything under it to the trash.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ block_id: idField('block') }),
  ...blockOutput,
  run: (call, { block_id }) => call.write((notion) => notion.blocks.delete({ block_id }), changing('block', block_id)),
})
