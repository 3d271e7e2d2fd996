import { z } from 'zod'
import { cursorField, idField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { compactComment } from '../shape/compact.ts'
import { compactList, listBody, listFields, markdownList, results, toListFields } from '../shape/lists.ts'
import { commentsMarkdown } from '../shape/markdown.ts'
import { notionComment, toComment } from '../shape/objects.ts'
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
  output: listBody,
  result: z.object({ comments: z.array(notionComment).describe('The comments, oldest first.'), ...listFields }),
  run(call, { block_id, ...input }) {
    const paging = pagingOf(input, { fallback: 50, uuid: false })
    return call.read((notion) => notion.comments.list({ block_id, ...paging }), {
      target: { id: block_id, kind: 'block' },
    })
  },
  toResult: (body) => ({ comments: results(body).map(toComment), ...toListFields(body) }),
  toCompact: (body) => compactList(body, compactComment),
  toMarkdown: (body) => markdownList(body, commentsMarkdown(results(body))),
})
