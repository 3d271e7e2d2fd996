import { toUuid } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Checking, complain, textLimits } from './rich-text.ts'

/**
 * An icon as Notion takes it: an emoji, the address of a picture, or Notion's object for either, for an upload or for a
 * custom emoji.
 */
export function icon(value: unknown, checking: Checking): JsonObject | null {
  if (typeof value === 'string' && value !== '' && !/^https?:/i.test(value)) {
    return emoji(value, checking)
  }
  if (isObject(value)) {
    if (typeof value.emoji === 'string') return emoji(value.emoji, checking)
    if (isObject(value.custom_emoji)) {
      return { type: 'custom_emoji', custom_emoji: { id: idOf(value.custom_emoji, checking) } }
    }
  }
  return picture(value, checking)
}

// Which signs Notion takes, Notion knows; words and :shortcodes: it does not.
function emoji(text: string, checking: Checking): JsonObject {
  if (/^[\x20-\x7e]*$/.test(text)) complain(checking, 'has to be an emoji or the http(s) address of a picture')
  return { type: 'emoji', emoji: text }
}

/** A cover as Notion takes it: the address of a picture, or Notion's object for one or for an upload. */
export function picture(value: unknown, checking: Checking): JsonObject | null {
  if (value === null) return null
  const url =
    typeof value === 'string' ? value : isObject(value) && isObject(value.external) ? value.external.url : null
  if (typeof url === 'string') {
    if (!/^https?:\/\//i.test(url) || url.length > textLimits.url) {
      complain(checking, `has to be an http(s) address of at most ${textLimits.url} characters`)
    }
    return { type: 'external', external: { url } }
  }
  if (isObject(value) && isObject(value.file_upload)) {
    return { type: 'file_upload', file_upload: { id: idOf(value.file_upload, checking) } }
  }
  complain(checking, 'has to be an address, {"external": {"url": "…"}} or {"file_upload": {"id": "…"}}')
  return null
}

function idOf(value: JsonObject, checking: Checking): string {
  const id = typeof value.id === 'string' ? toUuid(value.id) : null
  if (id === null) complain(checking, 'needs an id')
  return id ?? ''
}
