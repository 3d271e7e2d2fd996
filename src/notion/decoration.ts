import type { CreatePageParameters } from '@notionhq/client'
import { toUuid } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { addIssue, type InputContext, textLimits } from './rich-text.ts'

/** The icon and cover of a request in Notion's form; absent where the input has none. */
export type Decoration = Pick<CreatePageParameters, 'icon' | 'cover'>

/** Notion's objects for an icon and a cover. */
type Icon = NonNullable<CreatePageParameters['icon']>
type Picture = NonNullable<CreatePageParameters['cover']>

/**
 * Returns an icon in Notion's form: an emoji, the URL of a picture, or Notion's object for either, for an upload or for
 * a custom emoji.
 */
export function icon(value: unknown, context: InputContext): Icon | null {
  if (typeof value === 'string' && value !== '' && !/^https?:/i.test(value)) {
    return emoji(value, context)
  }
  if (isObject(value)) {
    if (typeof value.emoji === 'string') return emoji(value.emoji, context)
    if (isObject(value.custom_emoji)) {
      return { type: 'custom_emoji', custom_emoji: { id: idOf(value.custom_emoji, context) } }
    }
  }
  return picture(value, context)
}

// Notion decides which emojis are valid. It refuses words and :shortcodes:.
function emoji(text: string, context: InputContext): Icon {
  if (/^[\x20-\x7e]*$/.test(text)) addIssue(context, 'must be an emoji or the http(s) URL of a picture')
  return { type: 'emoji', emoji: text as Extract<Icon, { emoji: unknown }>['emoji'] }
}

/** Returns a cover in Notion's form: the URL of a picture, or Notion's object for one or for an upload. */
export function picture(value: unknown, context: InputContext): Picture | null {
  if (value === null) return null
  const url =
    typeof value === 'string' ? value : isObject(value) && isObject(value.external) ? value.external.url : null
  if (typeof url === 'string') {
    if (!/^https?:\/\//i.test(url) || url.length > textLimits.url) {
      addIssue(context, `must be an http(s) URL of at most ${textLimits.url} characters`)
    }
    return { type: 'external', external: { url } }
  }
  if (isObject(value) && isObject(value.file_upload)) {
    return { type: 'file_upload', file_upload: { id: idOf(value.file_upload, context) } }
  }
  addIssue(context, 'must be a URL, {"external": {"url": "…"}} or {"file_upload": {"id": "…"}}')
  return null
}

function idOf(value: JsonObject, context: InputContext): string {
  const id = typeof value.id === 'string' ? toUuid(value.id) : null
  if (id === null) addIssue(context, 'must have an id')
  return id ?? ''
}
