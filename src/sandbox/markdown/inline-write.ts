/**
 * Writes rich text in Notion's markdown: `**bold**`, `*italic*`, `~~strikethrough~~`, `` `code` ``, `[text](url)`,
 * `` $`x^2`$ ``, `<span underline="true" color="red">`, `<mention-page url="…">` and other mentions. A backslash escapes
 * the next character. `inline-parse.ts` parses this syntax.
 */
import type { Json, JsonObject, RichTextItem, StoredRichText } from '../model.ts'
import { richTextItems } from '../render/rich-text.ts'
import { writeColor, writeTag } from './tags.ts'

/** Names and links of the objects that rich text mentions. */
export interface Names {
  /** Returns the title of a page or database. */
  title(id: string): string
  /** Returns the link of a page or database. */
  url(id: string): string
  /** Returns the name of a user. */
  user(id: string): string
}

const specialPattern = /[\\*~`$[\]<>{}|^]/g

/** Returns plain text with a backslash before characters with a meaning in markdown. */
export function escapeText(text: string): string {
  return text.replace(specialPattern, '\\$&').replaceAll('\n', '<br>')
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

/** Returns a URL with escapes for the parentheses of a link. */
export function writeUrl(url: string): string {
  return url.replace(/[\\() ]/g, '\\$&').replace(/(?<!\s)\s*\n\s*/g, '')
}

function styled(text: string, annotations: JsonObject, link: string | undefined): string {
  // White space at the edges must be outside the marks.
  const core = text.trim()
  const start = text.length - text.trimStart().length
  const [before, after] = [text.slice(0, start), text.slice(start + core.length)]
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

/** Returns a code span with a longer fence than any run of backticks in the text. */
function writeCode(text: string): string {
  const runs = [...text.matchAll(/`+/g)].map(([run]) => run.length)
  const fence = '`'.repeat(Math.max(0, ...runs) + 1)
  const before = text.startsWith('`') ? ' ' : ''
  const after = text.endsWith('`') ? ' ' : ''
  return `${fence}${before}${text.replaceAll('\n', ' ')}${after}${fence}`
}

function writeItem(item: RichTextItem, names: Names): string {
  if (item.equation !== undefined) return `$\`${item.equation.expression.replaceAll('\n', ' ')}\`$`
  if (item.mention !== undefined) return writeMention(item.mention, names)
  return styled(item.text?.content ?? '', item.annotations ?? {}, item.text?.link?.url)
}

/** Returns whether the marks of two neighbours would merge, as in `**a***b*`. */
function collides(left: string, right: string): boolean {
  const [end, start] = [left.at(-1), right[0]]
  return end !== undefined && end === start && '*~`$'.includes(end) && !left.endsWith(`\\${end}`)
}

/** Returns a piece in a span, so that its marks do not merge with those before it. White space at its end stays outside. */
function separated(written: string): string {
  const [blanks = ''] = /(?<!\s|<br>)(?:\s|<br>)+$/.exec(written) ?? []
  return `<span>${written.slice(0, written.length - blanks.length)}</span>${blanks}`
}

/** Returns rich text as one line of markdown. */
export function writeInline(stored: StoredRichText, names: Names): string {
  let result = ''
  for (const item of richTextItems(stored)) {
    const written = writeItem(item, names)
    result += collides(result, written) ? separated(written) : written
  }
  return result
}
