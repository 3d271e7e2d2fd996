import * as z from 'zod'
import { idField } from '../input.ts'
import { commentOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/retrieve-comment */
export const commentRetrieve = notionTool({
  name: 'notion_comment_retrieve',
  title: 'Get a comment',
  description: 'Get one comment by its ID.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_COMMENTS',
  errors: objectErrors,
  input: z.strictObject({ comment_id: idField('comment', 'Comment ID') }),
  ...commentOutput,
  run: (call, { comment_id }) =>
    call.read((notion) => notion.comments.retrieve({ comment_id }), { target: { id: comment_id, kind: 'comment' } }),
})
