/**
 * Files, icons and covers in responses.
 *
 * @see https://developers.notion.com/reference/file-object
 */
import type { CallContext } from '../context.ts'
import type { Id, Json, JsonObject } from '../model.ts'

/** Lifetime of a link to a hosted file: one hour, as in Notion. */
const linkLifetimeMs = 3_600_000

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** Returns a link to an uploaded file that expires after one hour. */
export function uploadedFile(context: CallContext, uploadId: Id): { url: string; expiry_time: string } {
  const upload = context.store.fileUploads.get(uploadId)
  const name = encodeURIComponent(upload?.filename ?? 'file')
  return {
    url: `${context.publicUrl}/files/${uploadId}/${name}`,
    expiry_time: new Date(context.now().getTime() + linkLifetimeMs).toISOString(),
  }
}

/** Returns the type and location of a file. Uploads become hosted files with a link that expires. */
export function renderFile(context: CallContext, stored: JsonObject): JsonObject {
  switch (stored.type) {
    case 'file_upload':
      return { type: 'file', file: uploadedFile(context, String(object(stored.file_upload).id)) }
    case 'file': {
      const { url, expiry_time } = object(stored.file)
      const expires = expiry_time ?? new Date(context.now().getTime() + linkLifetimeMs).toISOString()
      return { type: 'file', file: { url: url ?? '', expiry_time: expires } }
    }
    case 'custom_emoji': {
      const { id, name, url } = object(stored.custom_emoji)
      const link = url ?? `${context.publicUrl}/files/emoji/${String(id)}`
      return { type: 'custom_emoji', custom_emoji: { id: id ?? null, name: name ?? 'emoji', url: link } }
    }
    case 'icon':
      return { type: 'icon', icon: stored.icon ?? {} }
    case 'emoji':
      return { type: 'emoji', emoji: stored.emoji ?? '' }
    default:
      return { type: 'external', external: { url: object(stored.external).url ?? '' } }
  }
}

/** Returns an icon or cover, or null. */
export function renderIcon(context: CallContext, stored: JsonObject | null): JsonObject | null {
  return stored === null ? null : renderFile(context, stored)
}

/** Returns the name of a file, of its upload, or the last segment of its URL. */
export function fileName(context: CallContext, stored: JsonObject): string {
  if (typeof stored.name === 'string') return stored.name
  if (stored.type === 'file_upload') {
    return context.store.fileUploads.get(String(object(stored.file_upload).id))?.filename ?? 'file'
  }
  const url = String(object(stored[String(stored.type)]).url ?? '')
  return url.split(/[?#]/, 1)[0]?.split('/').pop() || 'file'
}
