import { z } from 'zod'
import { rereadAs } from '../call.ts'
import { checked, idField, refuse, richTextField, shortRichText } from '../input.ts'
import { commentOutput } from '../shape/comment-output.ts'
import { notionTool } from '../tool-definition.ts'

/** https://developers.notion.com/reference/create-a-comment */
export const commentCreate = notionTool({
  name: 'notion_comment_create',
  title: 'Comment',
  description: 'Comment on a page or block (parent), or reply in a thread (discussion_id). Give exactly one.',
  readOnly: false,
  inDefaultSet: true,
  capability: 'INSERT_COMMENTS',
  input: z.strictObject({
    comment: z.preprocess(
      (value) => (typeof value === 'string' ? { rich_text: value } : value),
      z.strictObject({ rich_text: richTextField() }),
    ),
    parent: z.strictObject({ page_id: idField('page').optional(), block_id: idField('block').optional() }).optional(),
    discussion_id: idField('discussion').optional(),
  }),
  ...commentOutput,
  run(call, { comment, parent, discussion_id }) {
    const targets = [parent?.page_id, parent?.block_id, discussion_id].filter((id) => id !== undefined)
    const [id] = targets
    if (id === undefined || targets.length > 1) {
      refuse(
        discussion_id === undefined ? 'parent' : 'discussion_id',
        'give exactly one of parent.page_id, parent.block_id and discussion_id',
      )
    }
    const rich_text = checked((at) => shortRichText(comment.rich_text, at('comment.rich_text')))
    const kind = discussion_id !== undefined ? 'discussion' : parent?.page_id !== undefined ? 'page' : 'block'
    const where = kind === 'discussion' ? { discussion_id: id } : { parent: { type: `${kind}_id`, [`${kind}_id`]: id } }
    return call.send(
      { method: 'post', path: 'comments', body: { ...where, rich_text } },
      {
        target: { id, kind },
        names: { rich_text: 'comment.rich_text' },
        reread: (writtenId) => (writtenId === id ? null : rereadAs('comment')(writtenId)),
      },
    )
  },
})
