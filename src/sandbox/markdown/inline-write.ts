/**
 * Rich text in Notion's markdown: `**bold**`, `*italic*`, `~~struck~~`, `` `code` ``, `[text](url)`, `` $`x^2`$ ``,
 * `<span underline="true" color="red">`, `<mention-page url="…">` and the like; a backslash takes away the meaning of
 * the character after it.
 *
 * This is the way out; `inline-parse.ts` is the way in.
 */
import type { Json, JsonObject, RichTextItem, StoredRichText } from '../model.ts'
import { richTextItems } from '../render/rich-text.ts'
import { writeColor, writeTag } from './tags.ts'

/** What markdown needs to know of what a rich text points to. */
export interface Names {
  /** The title of a page or database. */
  title(id: string): string
  /** The link of a page or database. */
  url(id: string): string
  /** The name of a user. */
  user(id: string): string
}

const SPECIAL = /[\\*~`$[\]<>{}|^]/g

/** Plain text with a backslash before whatever markdown would take for more. */
export function escapeText(text: string): string {
  return text.replace(SPECIAL, '\\$&').replaceAll('\n', '<br>')
}

function field(value: Json | undefined, key: string): string {
  const inner = typeof value === 'object' && value !== null ? (value as JsonObject)[key] : undefined
  return typeof inner === 'string' ? inner : ''
}

function writeMention(mention: JsonObject, names: Names): string {
  const { type } = mention
  switch (type) {
    case 'user': {
      const id = field(mention.user, 'id')
      return `${writeTag('mention-user', { url: `user://${id}` })}${escapeText(names.user(id))}</mention-user>`
    }
    case 'page':
    case 'database': {
      const id = field(mention[type], 'id')
      return `${writeTag(`mention-${type}`, { url: names.url(id) })}${escapeText(names.title(id))}</mention-${type}>`
    }
    case 'date': {
      const end = field(mention.date, 'end') || undefined
      const zone = field(mention.date, 'time_zone') || undefined
      return writeTag('mention-date', { start: field(mention.date, 'start'), end, timeZone: zone }, '/')
    }
    case 'custom_emoji':
      return `:${field(mention.custom_emoji, 'name') || 'emoji'}:`
    default:
      return ''
  }
}

/** A URL as it stands in a link. */
export function writeUrl(url: string): string {
  return url.replace(/[\\() ]/g, '\\$&').replace(/\s*\n\s*/g, '')
}

/** Characters at the edges that markdown would not take as part of what stands between its marks. */
const EDGES = /^(\s*)([\s\S]*?)(\s*)$/

function styled(text: string, annotations: JsonObject, link: string | undefined): string {
  const [, before = '', core = '', after = ''] = EDGES.exec(text) ?? []
  if (core === '') return escapeText(text)
  let result = annotations.code === true ? writeCode(core) : escapeText(core)
  if (annotations.italic === true) result = `*${result}*`
  if (annotations.bold === true) result = `**${result}**`
  if (annotations.strikethrough === true) result = `~~${result}~~`
  const color = writeColor(annotations.color)
  const underline = annotations.underline === true ? 'true' : undefined
  if (color !== undefined || underline !== undefined)
    result = `${writeTag('span', { underline, color })}${result}</span>`
  if (link !== undefined) result = `[${result}](${writeUrl(link)})`
  return `${escapeText(before)}${result}${escapeText(after)}`
}

/** Code between as many backticks as it takes to tell its end. */
function writeCode(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  const before = text.startsWith('`') ? ' ' : ''
  const after = text.endsWith('`') ? ' ' : ''
  return `${fence}${before}${text.replaceAll('\n', ' ')}${after}${fence}`
}

function writeItem(item: RichTextItem, names: Names): string {
  if (item.equation !== undefined) return `$\`${item.equation.expression.replaceAll('\n', ' ')}\`$`
  if (item.mention !== undefined) return writeMention(item.mention, names)
  return styled(item.text?.content ?? '', item.annotations ?? {}, item.text?.link?.url)
}

/** Whether two neighbours would run together, as in `**a***b*`. */
function collides(left: string, right: string): boolean {
  const [end, start] = [left.at(-1), right[0]]
  return end !== undefined && end === start && '*~`$'.includes(end) && !left.endsWith(`\\${end}`)
}

/** Keeps a piece from running into the one before it. Blanks at its end are plain text and stay outside, as they are read. */
function apart(written: string): string {
  const [blanks = ''] = /(?:\s|<br>)*$/.exec(written) ?? []
  return `<span>${written.slice(0, written.length - blanks.length)}</span>${blanks}`
}

/** A rich text as one line of markdown. */
export function writeInline(stored: StoredRichText, names: Names): string {
  let result = ''
  for (const item of richTextItems(stored)) {
    const written = writeItem(item, names)
    result += collides(result, written) ? apart(written) : written
  }
  return result
}
