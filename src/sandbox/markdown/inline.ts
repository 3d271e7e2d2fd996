/**
 * Rich text in Notion's markdown: `**bold**`, `*italic*`, `~~struck~~`, `` `code` ``, `[text](url)`, `` $`x^2`$ ``,
 * `<span underline="true" color="red">`, `<mention-page url="…">` and the like; a backslash takes away the meaning of
 * the character after it.
 */
import { limits } from '../context.ts'
import type { Json, JsonObject, RichTextItem, StoredRichText } from '../model.ts'
import { richTextItems } from '../render/rich-text.ts'
import { compactRichText } from '../validation/rich-text.ts'
import { parseUuid } from '../validation/scalars.ts'
import { readColor, readTag, type Tag, writeColor, writeTag } from './tags.ts'

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

/** A URL in the parentheses of a link; its own parentheses stand in pairs or behind backslashes. */
export const URL_SOURCE = String.raw`((?:\\.|[^()\s\\]|\([^()\s]*\))*)`

const LINK_TARGET = new RegExp(String.raw`^\]\(${URL_SOURCE}\)`)

/** A URL as it stands in a link. */
export function writeUrl(url: string): string {
  return url.replace(/[\\() ]/g, '\\$&').replace(/\s*\n\s*/g, '')
}

/** The URL that stands in a link. */
export function readUrl(source: string): string {
  return source.replace(/\\(.)/g, '$1')
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
  if (link !== undefined)
    result = `[${result}](${writeUrl(link)})`
  return `${escapeText(before)}${result}${escapeText(after)}`
}

/** Code between as many backticks as it takes to tell its end. */
function writeCode(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  const padding = text.startsWith('`') || text.endsWith('`') ? ' ' : ''
  return `${fence}${padding}${text.replaceAll('\n', ' ')}${padding}${fence}`
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

/** A rich text as one line of markdown. */
export function writeInline(stored: StoredRichText, names: Names): string {
  let result = ''
  for (const item of richTextItems(stored)) {
    const written = writeItem(item, names)
    result += collides(result, written) ? `<span>${written}</span>` : written
  }
  return result
}

type Style = Readonly<Record<string, Json>>

interface Context {
  readonly style: Style
  readonly link: string | undefined
}

/** The index after a code span that starts at an index, or -1 if there is none. */
function codeEnd(text: string, from: number): number {
  const fence = /^`+/.exec(text.slice(from))?.[0] ?? ''
  const end = new RegExp(`(?<!\`)${fence}(?!\`)`, 'g')
  end.lastIndex = from + fence.length
  const match = fence === '' ? null : end.exec(text)
  return match === null ? -1 : match.index + fence.length
}

/**
 * The index of the mark that closes what starts at an index, or -1. What stands between may hold other marks in
 * pairs, code and escaped characters.
 */
function closing(text: string, from: number, mark: string): number {
  const isItalic = mark === '*'
  let singles = 0
  for (let index = from; index < text.length; index += 1) {
    const char = text[index]
    if (char === '\\') index += 1
    else if (char === '`') {
      const end = codeEnd(text, index)
      if (end > 0) index = end - 1
    } else if (char === '*' && isItalic && text[index + 1] === '*') {
      const inner = closing(text, index + 2, '**')
      if (inner > 0) index = inner + 1
      else return index > from && !/\s/.test(text[index - 1] ?? ' ') ? index : -1
    } else if (text.startsWith(mark, index)) {
      const isOpenInside = mark === '**' && singles % 2 === 1
      if (index > from && !isOpenInside && !/\s/.test(text[index - 1] ?? ' ')) return index
      if (isOpenInside) singles += 1
    } else if (char === '*') singles += 1
  }
  return -1
}

/** The index of the bracket that closes a link's text which starts at an index, or -1. */
function closingBracket(text: string, from: number): number {
  let depth = 0
  for (let index = from; index < text.length; index += 1) {
    const char = text[index]
    if (char === '\\') index += 1
    else if (char === '`') {
      const end = codeEnd(text, index)
      if (end > 0) index = end - 1
    } else if (char === '[') depth += 1
    else if (char === ']') {
      if (depth === 0) return index
      depth -= 1
    }
  }
  return -1
}

/** The last 32 hexadecimal digits of a link, or a UUID in it, as an id. */
export function idInUrl(url: string): string | undefined {
  const [path = ''] = url.split(/[?#]/, 1)
  const fragment = url.split('#')[1]
  for (const part of [fragment, path]) {
    const match = /([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(part ?? '')
    const id = parseUuid(match?.[1])
    if (id !== undefined) return id
  }
  return undefined
}

function mentionOf({ name, attributes }: Tag): JsonObject | undefined {
  const id = idInUrl(attributes.url ?? '')
  switch (name) {
    case 'mention-user':
      return id === undefined ? undefined : { type: 'user', user: { id } }
    case 'mention-page':
      return id === undefined ? undefined : { type: 'page', page: { id } }
    case 'mention-database':
      return id === undefined ? undefined : { type: 'database', database: { id } }
    case 'mention-date': {
      const { start, end, timeZone } = attributes
      if (start === undefined) return undefined
      return { type: 'date', date: { start, end: end ?? null, time_zone: timeZone ?? null } }
    }
    default:
      return undefined
  }
}

function spanStyle({ attributes }: Tag): Style {
  const color = readColor(attributes.color)
  return {
    ...(attributes.underline === 'true' && { underline: true }),
    ...(color !== 'default' && { color }),
  }
}

const MARKS = [
  ['**', 'bold'],
  ['~~', 'strikethrough'],
  ['*', 'italic'],
] as const

/** Markdown links may nest as deep as marks do; deeper ones are taken as text. */
const MAX_NESTING = 20

class Reader {
  readonly items: RichTextItem[] = []
  #pending = ''
  #pendingContext: Context | undefined

  text(content: string, context: Context): void {
    if (this.#pendingContext !== undefined && !sameContext(this.#pendingContext, context)) this.flush()
    this.#pendingContext = context
    this.#pending += content
  }

  add(item: RichTextItem): void {
    this.flush()
    this.items.push(item)
  }

  flush(): void {
    const { style = {}, link } = this.#pendingContext ?? {}
    // One text element holds 2000 characters at most; longer text becomes several.
    for (let from = 0; from < this.#pending.length; from += limits.textLength) {
      const content = this.#pending.slice(from, from + limits.textLength)
      this.items.push({
        type: 'text',
        text: { content, ...(link !== undefined && { link: { url: link } }) },
        ...(Object.keys(style).length > 0 && { annotations: style }),
      })
    }
    this.#pending = ''
    this.#pendingContext = undefined
  }
}

function sameContext(a: Context, b: Context): boolean {
  return a.link === b.link && JSON.stringify(a.style) === JSON.stringify(b.style)
}

/** Reads one construct that starts at an index; gives the index after it, or -1 if there is none. */
function readConstruct(text: string, index: number, context: Context, out: Reader, depth: number): number {
  const rest = text.slice(index)
  if (rest.startsWith('\\') && /^\\[!-/:-@[-`{-~]/.test(rest)) {
    out.text(rest[1] ?? '', context)
    return index + 2
  }
  const equation = /^\$`([^`]+)`\$/.exec(rest)
  if (equation !== null) {
    out.add({ type: 'equation', equation: { expression: equation[1] ?? '' }, ...annotated(context) })
    return index + equation[0].length
  }
  if (rest.startsWith('`')) {
    const end = codeEnd(text, index)
    if (end < 0) return -1
    const fence = /^`+/.exec(rest)?.[0].length ?? 1
    const code = text.slice(index + fence, end - fence).replace(/^ (?=`)|(?<=`) $/g, '')
    out.text(code, { ...context, style: { ...context.style, code: true } })
    return end
  }
  for (const [mark, name] of MARKS) {
    if (!rest.startsWith(mark) || /^\s/.test(rest.slice(mark.length))) continue
    const end = closing(text, index + mark.length, mark)
    if (end < 0) continue
    const style = { ...context.style, [name]: true }
    readInto(text.slice(index + mark.length, end), { ...context, style }, out, depth + 1)
    return end + mark.length
  }
  if (rest.startsWith('[')) {
    const end = closingBracket(text, index + 1)
    const target = end < 0 ? null : LINK_TARGET.exec(text.slice(end))
    if (target === null) return -1
    readInto(text.slice(index + 1, end), { ...context, link: readUrl(target[1] ?? '') }, out, depth + 1)
    return end + target[0].length
  }
  return rest.startsWith('<') ? readTagged(text, index, context, out, depth) : -1
}

function annotated(context: Context): { annotations?: JsonObject } {
  return Object.keys(context.style).length > 0 ? { annotations: context.style } : {}
}

function readTagged(text: string, index: number, context: Context, out: Reader, depth: number): number {
  const tag = readTag(text.slice(index))
  if (tag === undefined) return -1
  const after = index + tag.length
  if (tag.name === 'br') {
    out.text('\n', context)
    return after
  }
  const close = `</${tag.name}>`
  if (tag.name === 'span') {
    const end = closingTag(text, after, 'span')
    if (end < 0) return -1
    readInto(text.slice(after, end), { ...context, style: { ...context.style, ...spanStyle(tag) } }, out, depth + 1)
    return end + close.length
  }
  const mention = mentionOf(tag)
  if (mention === undefined) return -1
  out.add({ type: 'mention', mention, ...annotated(context) })
  if (tag.selfClosing) return after
  const end = text.indexOf(close, after)
  return end < 0 ? after : end + close.length
}

/** The index of the tag that closes one which ended before an index, over others of its name inside. */
function closingTag(text: string, from: number, name: string): number {
  let depth = 0
  for (const match of text.slice(from).matchAll(new RegExp(`<(/?)${name}\\b[^>]*>`, 'g'))) {
    if (match[1] !== '/') depth += 1
    else if (depth === 0) return from + match.index
    else depth -= 1
  }
  return -1
}

function readInto(text: string, context: Context, out: Reader, depth: number): void {
  for (let index = 0; index < text.length; ) {
    const end = depth < MAX_NESTING ? readConstruct(text, index, context, out, depth) : -1
    if (end > index) index = end
    else {
      // Text up to the next character that could mean something.
      const plain = /^.[^\\*~`$[<]*/s.exec(text.slice(index))?.[0] ?? ''
      out.text(plain, context)
      index += plain.length
    }
  }
}

/** The rich text that a line of markdown stands for. */
export function parseInline(text: string): StoredRichText {
  const out = new Reader()
  readInto(text, { style: {}, link: undefined }, out, 0)
  out.flush()
  return compactRichText(out.items)
}
