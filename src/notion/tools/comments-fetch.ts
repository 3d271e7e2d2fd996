import * as z from 'zod'
import { cursorField, idField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { commentsOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

// A page without comments of its own may have many on its blocks, and Notion lists those only by the id of the block.
const note =
  'Contains the open comments on this page or block itself. Comments on the blocks in it are not included: call notion_block_list to get their ids, then notion_comments_fetch with the id of a block. Resolved comments are not available.'

/** https://developers.notion.com/reference/list-comments */
export const commentsFetch = notionTool({
  name: 'notion_comments_fetch',
  title: 'List comments',
  description: 'List the unresolved comments of a page or block.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_COMMENTS',
  errors: objectErrors,
  listKey: 'results',
  input: z.strictObject({
    block_id: idField('block', 'ID or link of the page or block'),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  ...commentsOutput,
  result: commentsOutput.result.extend({ note: z.string().describe('What the list does not contain.') }),
  toResult: (body) => ({ ...commentsOutput.toResult(body), note }),
  toCompact: (body) => ({ ...commentsOutput.toCompact(body), note }),
  toMarkdown: (body) => `${commentsOutput.toMarkdown(body)}\n${note}`,
  run(call, { block_id, ...input }) {
    const paging = pagingOf(input, { fallback: 50, uuid: false })
    return call.read((notion) => notion.comments.list({ block_id, ...paging }), {
      target: { id: block_id, kind: 'block' },
    })
  },
})
