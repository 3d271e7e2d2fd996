import { changing } from '../call.ts'
import { checked, commentContent, idField, markdownField, richTextField } from '../input.ts'
import { changesOfComment, commentKeys } from '../returned/comments.ts'
import { takingBack, unwrapped } from '../returned/facts.ts'
import { commentOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** What a result may contain of what this tool takes. */
const resultKeys = [...['rich_text'], ...commentKeys]

/** https://developers.notion.com/reference/update-a-comment */
export const commentUpdate = notionTool({
  name: 'notion_comment_update',
  title: 'Change a comment',
  description: 'Replace the text of a comment that this connection wrote.',
  readOnly: false,
  destructive: true,
  capability: 'INSERT_COMMENTS',
  errors: objectErrors,
  input: takingBack(
    {
      comment_id: idField('comment', 'Comment ID'),
      rich_text: richTextField().optional(),
      markdown: markdownField().optional(),
    },
    commentKeys,
  ),
  ...commentOutput,
  run: (call, { comment_id, ...input }) =>
    unwrapped(input, resultKeys, async (passed) => {
      const { content: given, current } = await changesOfComment(call, comment_id, passed)
      if (current !== null && given.rich_text === undefined && given.markdown === undefined) return current
      const content = checked((at) => commentContent(given, at))
      return call.write((notion) => notion.comments.update({ comment_id, ...content }), changing('comment', comment_id))
    }),
})
