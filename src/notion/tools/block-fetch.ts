import * as z from 'zod'
import { idField } from '../input.ts'
import { blockOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/retrieve-a-block */
export const blockFetch = notionTool({
  name: 'notion_block_fetch',
  title: 'Get a block',
  description: 'Get one block, without its children.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ block_id: idField('block') }),
  ...blockOutput,
  run: (call, { block_id }) =>
    call.read((notion) => notion.blocks.retrieve({ block_id }), { target: { id: block_id, kind: 'block' } }),
})
