import type { CreatePageParameters } from '@notionhq/client'
import { toUuid } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Checking, complain, textLimits } from './rich-text.ts'

/** Icon and cover of a request in Notion's form, as far as they were given. */
export type Decoration = Pick<CreatePageParameters, 'icon' | 'cover'>

/** Notion's objects for an icon and a cover. */
type Icon = NonNullable<CreatePageParameters['icon']>
type Picture = NonNullable<CreatePageParameters['cover']>

/**
 * Returns an icon in Notion's form: an emoji, the URL of a picture, or Notion's object for either, for an upload or for
 * a custom emoji.
 */
export function icon(value: unknown, checking: Checking): Icon | null {
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

// Notion decides which emojis it takes. It takes no words and :shortcodes:.
function emoji(text: string, checking: Checking): Icon {
  if (/^[\x20-\x7e]*$/.test(text)) complain(checking, 'must be an emoji or the http(s) URL of a picture')
  return { type: 'emoji', emoji: text as Extract<Icon, { emoji: unknown }>['emoji'] }
}

/** Returns a cover in Notion's form: the URL of a picture, or Notion's object for one or for an upload. */
export function picture(value: unknown, checking: Checking): Picture | null {
  if (value === null) return null
  const url =
    typeof value === 'string' ? value : isObject(value) && isObject(value.external) ? value.external.url : null
  if (typeof url === 'string') {
    if (!/^https?:\/\//i.test(url) || url.length > textLimits.url) {
      complain(checking, `must be an http(s) URL of at most ${textLimits.url} characters`)
    }
    return { type: 'external', external: { url } }
  }
  if (isObject(value) && isObject(value.file_upload)) {
    return { type: 'file_upload', file_upload: { id: idOf(value.file_upload, checking) } }
  }
  complain(checking, 'must be a URL, {"external": {"url": "…"}} or {"file_upload": {"id": "…"}}')
  return null
}

function idOf(value: JsonObject, checking: Checking): string {
  const id = typeof value.id === 'string' ? toUuid(value.id) : null
  if (id === null) complain(checking, 'must have an id')
  return id ?? ''
}
