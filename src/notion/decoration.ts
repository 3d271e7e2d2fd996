import type { CreatePageParameters } from '@notionhq/client'
import { checkKeys, jsonIn, keysUnder, type PlaceOf } from './input-values.ts'
import { asText, isObject, type JsonObject } from './json.ts'
import { addIssue, checkCount, type InputContext, textLimits, under, unknown } from './rich-text.ts'
import { idAt } from './rich-text-input.ts'

/** The icon and cover of a request in Notion's form; absent where the input has none. */
export type Decoration = Pick<CreatePageParameters, 'icon' | 'cover'>

/** Notion's objects for an icon and a cover. */
type Icon = NonNullable<CreatePageParameters['icon']>
type Picture = NonNullable<CreatePageParameters['cover']>

/** The colors of Notion's own icons. */
const iconColors = ['gray', 'lightgray', 'brown', 'yellow', 'orange', 'green', 'blue', 'purple', 'pink', 'red']

/**
 * Returns an icon in Notion's form: an emoji, the URL of a picture, or Notion's object for either, for an upload, for a
 * custom emoji or for one of Notion's own icons. The object may be a string of JSON. Null removes the icon.
 */
export function icon(value: unknown, context: InputContext): Icon | null {
  const given = typeof value === 'string' ? (jsonIn(value) ?? value.trim()) : value
  if (typeof given === 'string' && given !== '' && !/^https?:/i.test(given)) return emoji(given, context)
  if (isObject(given)) {
    const { emoji: sign, custom_emoji: custom, icon: own } = given
    if (typeof sign === 'string') {
      checkKeys(given, typed('emoji', given, context), context, 'in an icon')
      return emoji(sign, under(context, 'emoji'))
    }
    if (isObject(custom)) {
      checkKeys(given, typed('custom_emoji', given, context), context, 'in an icon')
      const at = under(context, 'custom_emoji')
      checkKeys(custom, ['id', 'name', 'url'], at, 'in a custom emoji')
      return { type: 'custom_emoji', custom_emoji: { id: idAt(custom.id, 'custom_emoji', under(at, 'id')) } }
    }
    if (isObject(own)) {
      checkKeys(given, typed('icon', given, context), context, 'in an icon')
      return ownIcon(own, under(context, 'icon'))
    }
  }
  return picture(given, context)
}

function ownIcon({ name, color, ...more }: JsonObject, context: InputContext): Icon {
  checkKeys({ name, color, ...more }, ['name', 'color'], context, 'in an icon')
  if (typeof name !== 'string' || name === '') addIssue(under(context, 'name'), 'must be the name of an icon')
  const known = iconColors.find((one) => one === color)
  if (known === undefined && color !== undefined && color !== null)
    addIssue(under(context, 'color'), unknown('color', asText(color), iconColors))
  return { type: 'icon', icon: { name: asText(name), ...(known !== undefined && { color: known }) } } as Icon
}

// Notion decides which emojis are valid. It refuses words and :shortcodes:.
function emoji(text: string, context: InputContext): Icon {
  if (/^[\x20-\x7e]*$/.test(text)) addIssue(context, 'must be an emoji or the http(s) URL of a picture')
  return { type: 'emoji', emoji: text as Extract<Icon, { emoji: unknown }>['emoji'] }
}

/** Returns the keys that an object of a kind may have. Adds an issue where its `type` names another kind. */
function typed(kind: string, value: JsonObject, context: InputContext): readonly string[] {
  if (value.type !== undefined && value.type !== kind)
    addIssue(under(context, 'type'), `must be "${kind}", as the content is`)
  return ['type', kind]
}

/**
 * Returns a cover in Notion's form: the URL of a picture, or Notion's object for one or for an upload, which may be a
 * string of JSON. Null removes the cover.
 */
export function picture(value: unknown, context: InputContext): Picture | null {
  const given = typeof value === 'string' ? (jsonIn(value) ?? value.trim()) : value
  return given === null ? null : fileSource(given, context)
}

/** Returns the file that a URL, `{url}`, `{external}` or `{file_upload}` names. `more` are other keys it may have. */
export function fileSource(
  value: unknown,
  context: InputContext,
  placeOf: PlaceOf = isObject(value) ? keysUnder(context) : () => context,
): Picture | null {
  const given = isObject(value) ? value : { url: value }
  const { external, file_upload: upload } = given
  if (isObject(upload)) {
    checkKeys(given, typed('file_upload', given, context), context, 'in an upload')
    const at = placeOf('file_upload')
    checkKeys(upload, ['id'], at, 'in an upload')
    return { type: 'file_upload', file_upload: { id: idAt(upload.id, 'file_upload', under(at, 'id')) } }
  }
  const url = isObject(external) ? external.url : (external ?? given.url)
  if (typeof url !== 'string') {
    addIssue(context, 'must be a URL, {"external": {"url": "…"}} or {"file_upload": {"id": "…"}}')
    return null
  }
  const kind = external === undefined ? 'url' : 'external'
  checkKeys(given, ['type', kind], context, 'in a file')
  if (given.type !== undefined && given.type !== 'external')
    addIssue(placeOf('type'), 'must be "external", as the content is')
  if (isObject(external)) checkKeys(external, ['url'], placeOf('external'), 'in an external file')
  const at = isObject(external) ? under(placeOf('external'), 'url') : placeOf(kind)
  if (!/^https?:\/\//i.test(url)) addIssue(at, 'must be an http(s) URL')
  checkCount(url.length, { max: textLimits.url }, at)
  return { type: 'external', external: { url } }
}
