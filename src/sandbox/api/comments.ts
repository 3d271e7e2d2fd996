/**
 * Comments.
 *
 * @see https://developers.notion.com/reference/comment-object
 */
import type { CallContext } from '../context.ts'
import { objectNotFound, validationError } from '../errors.ts'
import { parseInline } from '../markdown/inline-parse.ts'
import type { Block, Comment, Database, Discussion, Id, JsonObject, Page, StoredRichText } from '../model.ts'
import { isDatabase, isPlainBlock } from '../render/blocks.ts'
import { renderComment } from '../render/comments.ts'
import { isInTrash, parentRecord } from '../render/frame.ts'
import { partOf, renderList } from '../render/lists.ts'
import {
  anyObject,
  array,
  branchOf,
  InvalidInput,
  missing,
  notPresent,
  object,
  oneOf,
  optional,
  string,
} from '../validation/check.ts'
import { pagingOfQuery } from '../validation/paging.ts'
import { richText } from '../validation/rich-text.ts'
import { uuid } from '../validation/scalars.ts'
import { bodyOf, pathId } from './endpoint.ts'
import { requireUploaded } from './property-writes.ts'
import { editStamps, newStamps, parentFor, requireNotInTrash } from './tree.ts'

function notFound(context: CallContext, kind: 'comment' | 'discussion', id: Id) {
  return objectNotFound(kind, id, context.access.client.name)
}

/** Returns the comment in the path. Throws 404 when it does not exist or its page is not visible. */
function requireComment(context: CallContext): Comment {
  const id = pathId(context, 'comment_id')
  const comment = context.store.comments.get(id)
  const discussion = comment && context.store.discussions.get(comment.discussionId)
  if (comment === undefined || discussion === undefined || !context.access.canSee(discussion.pageId)) {
    throw notFound(context, 'comment', id)
  }
  return comment
}

/** Returns the id of the page that contains a block. Access to the page is access to the comments. */
function pageOf(context: CallContext, record: Page | Block | Database): Id {
  let at: Page | Block | Database = record
  while (isPlainBlock(at)) {
    const parent = parentRecord(context.store, at)
    if (parent === undefined || 'databaseId' in parent) break
    at = parent
  }
  return at.id
}

function target(context: CallContext, parent: unknown): Page | Block {
  const { kind, value } = branchOf(parent, 'body.parent', ['page_id', 'block_id'] as const, { closed: false })
  const id = uuid.read(value[kind], `body.parent.${kind}`)
  const record = context.access.requireVisible(kind === 'page_id' ? 'page' : 'block', id)
  if (isDatabase(record)) throw validationError('Comments cannot be added to databases.')
  return record
}

/** Returns the discussion of a new comment: the one in the request, or a new one on a page or block. */
function discussionFor(context: CallContext, body: Record<string, unknown>): Discussion {
  const { store, access } = context
  if (body.discussion_id !== undefined) {
    if (body.parent !== undefined) throw notPresent('body.parent', body.parent)
    const id = uuid.read(body.discussion_id, 'body.discussion_id')
    const discussion = store.discussions.get(id)
    if (discussion === undefined || !access.canSee(discussion.pageId)) throw notFound(context, 'discussion', id)
    const page = store.pages.get(discussion.pageId)
    if (page !== undefined) requireNotInTrash(context, page)
    return discussion
  }
  if (body.parent === undefined) throw missing('body.parent', 'body.discussion_id')
  const record = target(context, body.parent)
  requireNotInTrash(context, record)
  return {
    id: context.newId(),
    workspaceId: access.workspace.id,
    parent: parentFor(record),
    pageId: pageOf(context, record),
    resolved: false,
  }
}

/** Returns the text of a comment, from rich text or inline markdown. */
function readText(body: Record<string, unknown>): StoredRichText {
  if (body.rich_text !== undefined && body.markdown !== undefined) throw notPresent('body.markdown', body.markdown)
  if (body.markdown === undefined) return richText.read(body.rich_text, 'body.rich_text')
  const source = string({ min: 1 }).read(body.markdown, 'body.markdown')
  const text = parseInline(source)
  if (typeof text !== 'string' && text.length > 100) {
    throw new InvalidInput([
      `body.markdown should make at most \`100\` rich text elements, instead was \`${text.length}\`.`,
    ])
  }
  return text
}

const attachments = array(object({ file_upload_id: uuid, type: optional(oneOf('file_upload')) }), { max: 3 })

function readAttachments(context: CallContext, value: unknown): JsonObject[] {
  if (value === undefined) return []
  return attachments.read(value, 'body.attachments', ['`undefined`']).map(({ file_upload_id }) => {
    requireUploaded(context, { type: 'file_upload', file_upload: { id: file_upload_id } })
    return { type: 'file_upload', file_upload_id }
  })
}

const custom = object({ name: string({ min: 1 }) })

function readDisplayName(value: unknown): JsonObject | null {
  if (value === undefined) return null
  const source = anyObject.read(value, 'body.display_name', ['`undefined`'])
  const type = oneOf('integration', 'user', 'custom').read(source.type, 'body.display_name.type')
  return type === 'custom' ? { type, custom: { ...custom.read(source.custom, 'body.display_name.custom') } } : { type }
}

/** `POST /v1/comments`. */
export function createComment(context: CallContext): unknown {
  const body = bodyOf(context)
  const text = readText(body)
  const attached = readAttachments(context, body.attachments)
  const displayName = readDisplayName(body.display_name)
  const discussion = discussionFor(context, body)
  if (text === '' || (typeof text !== 'string' && text.length === 0)) {
    if (attached.length === 0) throw new InvalidInput(['body.rich_text.length should be ≥ `1`, instead was `0`.'])
  }
  if (context.store.discussions.get(discussion.id) === undefined) context.store.discussions.put(discussion)
  const comment: Comment = {
    id: context.newId(),
    workspaceId: discussion.workspaceId,
    discussionId: discussion.id,
    parent: discussion.parent,
    richText: text,
    displayName,
    attachments: attached,
    ...newStamps(context),
  }
  context.store.comments.put(comment)
  return renderComment(context, comment)
}

/** `GET /v1/comments/{comment_id}`. */
export function retrieveComment(context: CallContext): unknown {
  return renderComment(context, requireComment(context))
}

/** Returns the comment in the path. Throws 400 when another connection created it. */
function requireOwnComment(context: CallContext): Comment {
  const comment = requireComment(context)
  if (comment.createdBy !== context.access.bot.id) {
    throw validationError('Only comments that were created by this connection can be changed.')
  }
  return comment
}

/** `PATCH /v1/comments/{comment_id}`. */
export function updateComment(context: CallContext): unknown {
  const comment = requireOwnComment(context)
  const text = readText(bodyOf(context))
  const changed: Comment = { ...comment, richText: text, ...editStamps(context) }
  context.store.comments.put(changed)
  return renderComment(context, changed)
}

/** `DELETE /v1/comments/{comment_id}`: returns the deleted comment. */
export function deleteComment(context: CallContext): unknown {
  const comment = requireOwnComment(context)
  const { store } = context
  store.comments.delete(comment.id)
  if (store.commentsIn(comment.discussionId).size === 0) store.discussions.delete(comment.discussionId)
  return renderComment(context, comment)
}

/** `GET /v1/comments?block_id=…`: returns the open comments on a page or block, without those on its children. */
export function listComments(context: CallContext): unknown {
  const { store, access } = context
  const wanted = context.query.get('block_id') ?? undefined
  const record = access.requireVisible('block', uuid.read(wanted, 'query.block_id'))
  const paging = pagingOfQuery(context, { zero: 'refuse' })
  const comments = [...store.commentsOf(record.id)].flatMap((id) => {
    const comment = store.comments.get(id)
    if (comment === undefined || store.discussions.get(comment.discussionId)?.resolved === true) return []
    return [comment]
  })
  const shown = isInTrash(store, record) ? [] : comments
  const { elements, next } = partOf(shown, paging, ({ id }) => id)
  return renderList(
    'comment',
    elements.map((comment) => renderComment(context, comment)),
    next,
  )
}
