/**
 * Comments in responses.
 *
 * @see https://developers.notion.com/reference/comment-object
 */
import type { CallContext } from '../context.ts'
import type { Comment, Json, JsonObject } from '../model.ts'
import { asObject } from '../query/columns.ts'
import { uploadedFile } from './files.ts'
import { renderParent, timestamp } from './frame.ts'
import { renderRichText } from './rich-text.ts'
import { partialUser } from './users.ts'

/** Returns the `display_name` of a comment. */
function displayName(context: CallContext, comment: Comment): JsonObject {
  const wanted = comment.displayName ?? {}
  const author = context.store.users.get(comment.createdBy)
  if (wanted.type === 'custom') {
    return { type: 'custom', resolved_name: String(asObject(wanted.custom).name ?? wanted.resolved_name ?? '') }
  }
  if (wanted.type === 'user' || (wanted.type === undefined && author?.type === 'person')) {
    const person = author?.type === 'bot' ? context.store.users.get(author.ownerId) : author
    return { type: 'user', resolved_name: person?.name ?? null }
  }
  return { type: 'integration', resolved_name: author?.name ?? null }
}

function category(contentType: string): string {
  const [kind] = contentType.split('/', 1)
  if (kind === 'image' || kind === 'audio' || kind === 'video') return kind
  return contentType === 'application/pdf' ? 'pdf' : 'productivity'
}

function attachment(context: CallContext, stored: JsonObject): Json {
  const id = String(stored.file_upload_id ?? asObject(stored.file_upload).id)
  const upload = context.store.fileUploads.get(id)
  return { category: category(upload?.contentType ?? ''), file: uploadedFile(context, id) }
}

/** Returns a comment object. */
export function renderComment(context: CallContext, comment: Comment): JsonObject {
  return {
    object: 'comment',
    id: comment.id,
    parent: renderParent(context, comment.parent),
    discussion_id: comment.discussionId,
    created_time: timestamp(comment.createdTime),
    last_edited_time: timestamp(comment.lastEditedTime),
    created_by: partialUser(comment.createdBy),
    rich_text: renderRichText(context, comment.richText),
    display_name: displayName(context, comment),
    ...(comment.attachments.length > 0 && {
      attachments: comment.attachments.map((stored) => attachment(context, stored)),
    }),
  }
}
