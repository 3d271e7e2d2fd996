import type { UpdateBlockParameters } from '@notionhq/client'
import { z } from 'zod'
import { blockUpdate as changeOf } from '../blocks.ts'
import { changing } from '../call.ts'
import { checked, idField, objectField } from '../input.ts'
import { blockOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/update-a-block */
export const blockUpdate = notionTool({
  name: 'notion_block_update',
  title: 'Update a block',
  description: 'Replace the content of a block. Its type cannot change. Call notion_block_list first to read it.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    block_id: idField('block'),
    block: objectField(
      'JSON of the new content under the type of the block: {"to_do":{"rich_text":"Buy milk","checked":true}}',
    ),
  }),
  ...blockOutput,
  run(call, { block_id, block }) {
    const { type, content } = checked((at) => changeOf(block, at('block')))
    // The type decides which member the SDK's union needs; the content was checked for it.
    const change = { type, [type]: content } as Omit<UpdateBlockParameters, 'block_id'>
    return call.write((notion) => notion.blocks.update({ block_id, ...change }), {
      ...changing('block', block_id),
      names: { [type]: `block.${type}`, type: 'block' },
      place: 'block',
    })
  },
})
