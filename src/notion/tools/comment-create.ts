import * as z from 'zod'
import { rereadCreated } from '../call.ts'
import { notionId } from '../ids.ts'
import { checked, commentContent, idField, markdownField, refuse, richTextField, shorthandField } from '../input.ts'
import type { JsonObject } from '../json.ts'
import { commentKeys, copyOfComment } from '../returned/comments.ts'
import { takingBack, unwrapped } from '../returned/facts.ts'
import { addIssue, type InputContext } from '../rich-text.ts'
import { jsonRichText } from '../rich-text-input.ts'
import { commentOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/create-a-comment */
export const commentCreate = notionTool({
  name: 'notion_comment_create',
  title: 'Add a comment',
  description: 'Comment on a page or block, or reply to a discussion.',
  readOnly: false,
  inDefaultSet: true,
  capability: 'INSERT_COMMENTS',
  errors: objectErrors,
  input: z.strictObject({
    comment: z.preprocess(
      (value) => (typeof value === 'string' ? { rich_text: jsonRichText(value, 'rich_text') ?? value } : value),
      takingBack({ rich_text: richTextField().optional(), markdown: markdownField().optional() }, commentKeys).meta({
        ...{ description: 'Text of the comment', shorthand: true, plainText: true },
        additionalProperties: false,
      }),
    ),
    parent: shorthandField('Page ID, or {"block_id":"…"}', (page_id) => ({ page_id })).optional(),
    discussion_id: idField('discussion', 'Discussion to reply to, instead of parent').optional(),
  }),
  ...commentOutput,
  async run(call, { comment: passed, parent, discussion_id }) {
    if ((parent === undefined) === (discussion_id === undefined)) {
      refuse(parent === undefined ? 'parent' : 'discussion_id', 'exactly one of parent and discussion_id is required')
    }
    const comment = await unwrapped(
      passed,
      ['rich_text', ...commentKeys],
      (content) => copyOfComment(call, content),
      'comment',
    )
    const { content, target } = checked((at) => ({
      content: commentContent(comment, (key) => at(`comment.${key}`)),
      target:
        discussion_id === undefined
          ? parentOf(parent ?? {}, at('parent'))
          : ({ kind: 'discussion', id: discussion_id } as const),
    }))
    return call.write((notion) => notion.comments.create({ ...placeOf(target), ...content }), {
      target,
      names: { rich_text: 'comment.rich_text', markdown: 'comment.markdown' },
      reread: rereadCreated('comment'),
    })
  },
})

function placeOf({ kind, id }: { readonly kind: 'page' | 'block' | 'discussion'; readonly id: string }) {
  switch (kind) {
    case 'discussion':
      return { discussion_id: id }
    case 'page':
      return { parent: { type: 'page_id' as const, page_id: id } }
    case 'block':
      return { parent: { type: 'block_id' as const, block_id: id } }
  }
}

function parentOf(parent: JsonObject, context: InputContext): { readonly kind: 'page' | 'block'; readonly id: string } {
  const { type: _type, ...ids } = parent
  const [kind] = (['page', 'block'] as const).filter((one) => ids[`${one}_id`] !== undefined)
  const given = kind === undefined ? undefined : ids[`${kind}_id`]
  const id = typeof given === 'string' && kind !== undefined ? notionId(given, kind) : null
  if (id === null || Object.keys(ids).length !== 1) {
    addIssue(context, 'must be {"page_id": "…"} or {"block_id": "…"} with an id or a link')
  }
  return { kind: kind ?? 'page', id: id ?? '' }
}
