/** Rich text from Notion's markdown; `inline-write.ts` tells the syntax and is the way back. */
import { limits } from '../context.ts'
import type { Json, JsonObject, RichTextItem, StoredRichText } from '../model.ts'
import { parseUuid } from '../uuid.ts'
import { compactRichText, storedDate } from '../validation/rich-text.ts'
import { isIsoDate, isTimeZone } from '../validation/scalars.ts'
import { closing, closingBracket, closingTag, codeEnd, type Effort, MAX_EFFORT } from './closings.ts'
import { readColor, readTag, type Tag } from './tags.ts'

/** A URL in the parentheses of a link; its own parentheses stand in pairs or behind backslashes. */
export const URL_SOURCE = String.raw`((?:\\.|[^()\s\\]|\([^()\s]*\))*)`

const LINK_TARGET = new RegExp(String.raw`^\]\(${URL_SOURCE}\)`)

/** The URL that stands in a link. */
export function readUrl(source: string): string {
  return source.replace(/\\(.)/g, '$1')
}

type Style = Readonly<Record<string, Json>>

interface Context {
  readonly style: Style
  readonly link: string | undefined
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
      if (start === undefined || !isIsoDate(start)) return undefined
      const zone = timeZone !== undefined && isTimeZone(timeZone) ? timeZone : null
      return {
        type: 'date',
        date: storedDate({ start, end: end !== undefined && isIsoDate(end) ? end : null, time_zone: zone }),
      }
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
  readonly effort: Effort = { spent: 0 }
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
    const end = codeEnd(text, index, out.effort)
    if (end < 0) return -1
    const fence = /^`+/.exec(rest)?.[0].length ?? 1
    const code = text.slice(index + fence, end - fence).replace(/^ (?=`)|(?<=`) $/g, '')
    out.text(code, { ...context, style: { ...context.style, code: true } })
    return end
  }
  for (const [mark, name] of MARKS) {
    if (!rest.startsWith(mark) || /^\s/.test(rest.slice(mark.length))) continue
    const end = closing(text, index + mark.length, mark, out.effort)
    if (end < 0) continue
    const style = { ...context.style, [name]: true }
    readInto(text.slice(index + mark.length, end), { ...context, style }, out, depth + 1)
    return end + mark.length
  }
  if (rest.startsWith('[')) {
    const end = closingBracket(text, index + 1, out.effort)
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
    const end = closingTag(text, after, 'span', out.effort)
    if (end < 0) return -1
    readInto(text.slice(after, end), { ...context, style: { ...context.style, ...spanStyle(tag) } }, out, depth + 1)
    return end + close.length
  }
  const mention = mentionOf(tag)
  if (mention === undefined) return -1
  out.add({ type: 'mention', mention, ...annotated(context) })
  if (tag.selfClosing) return after
  // What stands between is the name of what is mentioned, never long.
  const end = text.slice(after, after + limits.textLength * 2).indexOf(close)
  return end < 0 ? after : after + end + close.length
}

function readInto(text: string, context: Context, out: Reader, depth: number): void {
  for (let index = 0; index < text.length; ) {
    const mayNest = depth < MAX_NESTING && out.effort.spent < MAX_EFFORT
    const end = mayNest ? readConstruct(text, index, context, out, depth) : -1
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
