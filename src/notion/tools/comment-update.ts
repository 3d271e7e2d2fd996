import { z } from 'zod'
import { changing } from '../call.ts'
import { checked, commentContent, idField, markdownField, richTextField } from '../input.ts'
import { commentOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/update-a-comment */
export const commentUpdate = notionTool({
  name: 'notion_comment_update',
  title: 'Change a comment',
  description: 'Replace the text of a comment that this connection wrote.',
  readOnly: false,
  destructive: true,
  capability: 'INSERT_COMMENTS',
  errors: objectErrors,
  input: z.strictObject({
    comment_id: idField('comment', 'Comment ID'),
    rich_text: richTextField().optional(),
    markdown: markdownField().optional(),
  }),
  ...commentOutput,
  run(call, { comment_id, ...comment }) {
    const content = checked((at) => commentContent(comment, at))
    return call.write((notion) => notion.comments.update({ comment_id, ...content }), changing('comment', comment_id))
  },
})
