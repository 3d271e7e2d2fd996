import type { UpdateBlockParameters } from '@notionhq/client'
import * as z from 'zod'
import { textRequired } from '../block-rules.ts'
import { blockUpdate as changeOf } from '../blocks.ts'
import { changing, type NotionCall } from '../call.ts'
import { checked, idField, objectField } from '../input.ts'
import { type JsonObject, objectAt } from '../json.ts'
import { changesOfBlock } from '../returned/blocks.ts'
import { richText } from '../rich-text-input.ts'
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
      'New content under the type of the block, such as {"to_do":{"rich_text":"Buy milk","checked":true}}',
    ),
  }),
  ...blockOutput,
  async run(call, { block_id, block: passed }) {
    const { block, current } = await changesOfBlock(call, block_id, passed)
    if (current !== null && current.type === block.type) return current
    const { type, content: given } = checked((at) => changeOf(block, at('block')))
    const content =
      textRequired.has(type) && given.rich_text === undefined
        ? { ...given, ...(await currentText(call, block_id, type)) }
        : given
    // The type decides which member the SDK's union needs; the content was checked for it.
    const change = { type, [type]: content } as Omit<UpdateBlockParameters, 'block_id'>
    return call.write((notion) => notion.blocks.update({ block_id, ...change }), {
      ...changing('block', block_id),
      names: { [type]: `block.${type}`, type: 'block' },
      place: 'block',
    })
  },
})

async function currentText(call: NotionCall, block_id: string, type: string): Promise<JsonObject> {
  const block = await call.read((notion) => notion.blocks.retrieve({ block_id }), {
    target: { id: block_id, kind: 'block' },
  })
  const { rich_text } = objectAt(block, type)
  // Of another type: Notion refuses the change.
  return rich_text === undefined ? {} : checked((at) => ({ rich_text: richText(rich_text, at('block')) }))
}
