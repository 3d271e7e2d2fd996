import * as z from 'zod'
import { appendBlocks, type Position } from '../content.ts'
import { blocksField, blocksOf, checked, idField, refuse } from '../input.ts'
import { toObject } from '../json.ts'
import { results } from '../shape/lists.ts'
import { blocksOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/patch-block-children */
export const blockAppend = notionTool({
  name: 'notion_block_append',
  title: 'Append blocks',
  description:
    'Append any number of blocks, nested to any depth, to a page or block. They go to the end unless you pass position or after_block_id.',
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    block_id: idField('block', 'ID or link of the parent page or block'),
    children: blocksField(),
    position: z.enum(['start', 'end']).describe('Start or end of the parent; instead of after_block_id').optional(),
    after_block_id: idField('block', 'ID of the child of block_id that the new blocks follow').optional(),
  }),
  ...blocksOutput,
  list: {
    length: (body) => results(body).length,
    take: (body, length) => ({ ...toObject(body), results: results(body).slice(0, length) }),
    rest: 'Call notion_block_list with the same block_id to list them.',
  },
  run(call, { block_id, children, position, after_block_id }) {
    if (children.length === 0) refuse('children', 'must not be empty')
    if (position !== undefined && after_block_id !== undefined)
      refuse('position', 'must not be combined with after_block_id')
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
