import * as z from 'zod'
import { idField } from '../input.ts'
import { commentOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/delete-a-comment */
export const commentDelete = notionTool({
  name: 'notion_comment_delete',
  title: 'Delete a comment',
  description: 'Delete a comment that this connection wrote.',
  readOnly: false,
  destructive: true,
  capability: 'INSERT_COMMENTS',
  errors: objectErrors,
  input: z.strictObject({ comment_id: idField('comment', 'Comment ID') }),
  ...commentOutput,
  run: (call, { comment_id }) =>
    call.write((notion) => notion.comments.delete({ comment_id }), { target: { id: comment_id, kind: 'comment' } }),
})
