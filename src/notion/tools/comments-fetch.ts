import { z } from 'zod'
import { cursorField, idField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { commentsOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/list-comments */
export const commentsFetch = notionTool({
  name: 'notion_comments_fetch',
  title: 'List comments',
  description: 'List open comments.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_COMMENTS',
  errors: objectErrors,
  listKey: 'results',
  input: z.strictObject({
    block_id: idField('block', 'Page or block ID'),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  ...commentsOutput,
  run(call, { block_id, ...input }) {
    const paging = pagingOf(input, { fallback: 50, uuid: false })
    return call.read((notion) => notion.comments.list({ block_id, ...paging }), {
      target: { id: block_id, kind: 'block' },
    })
  },
})
