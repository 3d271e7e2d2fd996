import { z } from 'zod'
import { appendBlocks, type Position } from '../content.ts'
import { blocksField, blocksOf, checked, idField, refuse } from '../input.ts'
import { isObject } from '../json.ts'
import { blocksOutput } from '../shape/block-output.ts'
import { results } from '../shape/lists.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/patch-block-children */
export const blockAppend = notionTool({
  name: 'notion_block_append',
  title: 'Append blocks',
  description:
    'Add blocks to a page or under a block: at the end, or where position or after_block_id says. Any amount and depth.',
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    block_id: idField('block', 'page or block'),
    children: blocksField(),
    position: z.enum(['start', 'end']).describe('where').optional(),
    after_block_id: idField('block', 'a block directly under block_id').optional(),
  }),
  ...blocksOutput,
  // Of what was written the rest can be listed, and not be asked for here again.
  list: {
    length: (body) => results(body).length,
    take: (body, length) => ({ ...(isObject(body) ? body : {}), results: results(body).slice(0, length) }),
  },
  run(call, { block_id, children, position, after_block_id }) {
    if (children.length === 0) refuse('children', 'is empty')
    if (position !== undefined && after_block_id !== undefined) refuse('position', 'cannot go with after_block_id')
    const blocks = checked((at) => blocksOf(children, at('children')))
    const place: Position | undefined =
      after_block_id !== undefined
        ? { type: 'after_block', after_block: { id: after_block_id } }
        : position === undefined
          ? undefined
          : { type: position }
    return appendBlocks(call, block_id, blocks, place)
  },
})
