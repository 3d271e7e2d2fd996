import * as z from 'zod'
import { cursorField, idField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { blocksOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/get-block-children */
export const blockList = notionTool({
  name: 'notion_block_list',
  title: 'List blocks',
  description: 'List the direct children of a page or block, with their IDs.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  listKey: 'results',
  input: z.strictObject({
    block_id: idField('block', 'ID or link of the parent page or block'),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  ...blocksOutput,
  run(call, { block_id, ...input }) {
    const paging = pagingOf(input, { fallback: 50, uuid: true })
    return call.read((notion) => notion.blocks.children.list({ block_id, ...paging }), {
      target: { id: block_id, kind: 'block' },
    })
  },
})
