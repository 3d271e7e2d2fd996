/**
 * Checks of rich text in requests.
 *
 * @see https://developers.notion.com/reference/rich-text
 */
import { limits } from '../context.ts'
import { validationError } from '../errors.ts'
import type { Json, JsonObject, RichTextItem, StoredRichText } from '../model.ts'
import {
  anyObject,
  array,
  boolean,
  branchOf,
  type Check,
  type Checked,
  mapped,
  mismatch,
  nullable,
  object,
  oneOf,
  optional,
  string,
} from './check.ts'
import { isLocalTime, isoDate, timeZone, uuid, withOffset } from './scalars.ts'

const colors = ['gray', 'brown', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'red'] as const

/** Checks the color of text or a block. */
export const apiColor = oneOf(
  'default',
  ...colors,
  'default_background',
  ...colors.map((color) => `${color}_background` as const),
)

/** Checks the color of a select option. */
export const selectColor = oneOf('default', ...colors)

/** Checks the length of a URL. */
export const url: Check<string> = string({ max: limits.urlLength })

/** Checks the address of a web page. It may lack the scheme. */
export const webAddress = mapped(string({ min: 1, max: limits.urlLength }), (address) => {
  const scheme = schemeOf(address)
  // A host with a port parses as a scheme.
  const isWeb = /^(?:https?:)?$/.test(scheme) || scheme.includes('.') || scheme === 'localhost:'
  // Notion names no place here.
  if (!isWeb) throw validationError('Invalid URL.')
  return address
})

const dateFields = object(
  { start: isoDate, end: optional(nullable(isoDate)), time_zone: optional(nullable(timeZone)) },
  'closed',
)

/**
 * Checks a date or a range of dates. With a time zone, both are times without an offset.
 *
 * @see https://developers.notion.com/reference/page-property-values#date
 */
export const date: Check<Checked<typeof dateFields>> = {
  expected: dateFields.expected,
  read(value, path, also) {
    const read = dateFields.read(value, path, also)
    for (const key of ['start', 'end'] as const) {
      if (read.time_zone && read[key] && !isLocalTime(read[key]))
        throw mismatch(`${path}.${key}`, ['a time without an offset, as there is a time_zone'], read[key])
    }
    const { start, end } = storedDate(read)
    if (typeof end === 'string' && isBefore(end, String(start)))
      throw mismatch(`${path}.end`, ['a date that is not before the start'], read.end)
    return read
  },
}

function isBefore(date: string, other: string): boolean {
  const isDay = [date, other].some((one) => one.length === 10)
  return isDay ? date.slice(0, 10) < other.slice(0, 10) : Date.parse(date) < Date.parse(other)
}

/** Returns a date in the stored format: Notion's JSON with all three keys. */
export function storedDate(value: Checked<typeof dateFields>): JsonObject {
  const zone = value.time_zone ?? null
  const end = value.end ?? null
  return { start: withOffset(value.start, zone), end: end && withOffset(end, zone), time_zone: zone }
}

const annotations = object({
  bold: optional(boolean),
  italic: optional(boolean),
  strikethrough: optional(boolean),
  underline: optional(boolean),
  code: optional(boolean),
  color: optional(apiColor),
})

const text = object(
  {
    content: string({ max: limits.textLength }),
    link: optional(nullable(object({ url }))),
  },
  'closed',
)

const equation = object({ expression: string({ max: limits.equationLength }) })
const reference = object({ id: uuid })

/** Checks a custom emoji. */
export const customEmoji = object({ id: uuid, name: optional(string()), url: optional(string()) })
const templateMention = object({
  type: optional(oneOf('template_mention_date', 'template_mention_user')),
  template_mention_date: optional(oneOf('today', 'now')),
  template_mention_user: optional(oneOf('me')),
})

const mentionKinds = ['user', 'date', 'page', 'database', 'template_mention', 'custom_emoji'] as const

function readMention(value: unknown, path: string): JsonObject {
  const { kind, value: mention } = branchOf(value, path, mentionKinds, { closed: false })
  const [inner, at] = [mention[kind], `${path}.${kind}`]
  switch (kind) {
    case 'date':
      return { type: kind, date: storedDate(date.read(inner, at)) }
    case 'template_mention': {
      const read = templateMention.read(inner, at)
      const { kind: what } = branchOf(read, at, ['template_mention_date', 'template_mention_user'] as const)
      return { type: kind, template_mention: { type: what, [what]: read[what] ?? null } }
    }
    case 'custom_emoji':
      return { type: kind, custom_emoji: { ...customEmoji.read(inner, at) } }
    default:
      return { type: kind, [kind]: reference.read(inner, at) }
  }
}

/** Returns the annotations that differ from the defaults, or undefined if there are none. */
function changedAnnotations(value: unknown, path: string): JsonObject | undefined {
  if (value === undefined) return undefined
  const changed: Record<string, Json> = {}
  for (const [key, set] of Object.entries(annotations.read(value, path, ['`undefined`']))) {
    if (set !== undefined && set !== false && set !== 'default') changed[key] = set
  }
  return Object.keys(changed).length > 0 ? changed : undefined
}

const contained = new Set(['javascript:', 'vbscript:', 'data:', 'blob:', 'file:', 'about:', 'view-source:'])
const schemeOf = (address: string) => (URL.canParse(address) ? new URL(address).protocol : '')

/** Paths lead within the workspace. */
const isLink = (address: string) =>
  !contained.has(schemeOf(address)) &&
  (/^[/#?]/.test(address) || URL.canParse(address) || URL.canParse(`https://${address}`))

const item: Check<RichTextItem> = {
  expected: ['an object'],
  read(value, path, also = []) {
    const source = anyObject.read(value, path, also)
    const { kind } = branchOf(source, path, ['text', 'mention', 'equation'] as const, { closed: false })
    const changed = changedAnnotations(source.annotations, `${path}.annotations`)
    const styled = changed === undefined ? {} : { annotations: changed }
    const at = `${path}.${kind}`
    switch (kind) {
      case 'text': {
        const { content, link } = text.read(source.text, at)
        // Notion names no place here.
        if (link && !isLink(link.url)) throw validationError('Invalid URL for link.')
        return { type: kind, text: { content, ...(link ? { link: { url: link.url } } : {}) }, ...styled }
      }
      case 'mention':
        return { type: kind, mention: readMention(source.mention, at), ...styled }
      case 'equation':
        return { type: kind, equation: equation.read(source.equation, at), ...styled }
    }
  },
}

/** Returns rich text in its compact stored form: a string if there is only one unformatted element. */
export function compactRichText(items: readonly RichTextItem[]): StoredRichText {
  const [first] = items
  if (first === undefined) return ''
  const isPlain = items.length === 1 && first.type === 'text' && !first.text?.link && !first.annotations
  return isPlain && first.text?.content ? first.text.content : items
}

/** Checks a rich text array of at most 100 elements. */
export const richText: Check<StoredRichText> = {
  expected: ['an array'],
  read: (value, path, also) => compactRichText(items.read(value, path, also)),
}
const items = array(item)
