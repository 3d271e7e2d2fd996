/** Parses rich text from Notion's markdown. `inline-write.ts` documents the syntax. */
import { limits } from '../context.ts'
import type { Json, JsonObject, RichTextItem, StoredRichText } from '../model.ts'
import { parseUuid } from '../uuid.ts'
import { compactRichText, storedDate } from '../validation/rich-text.ts'
import { isIsoDate, isTimeZone } from '../validation/scalars.ts'
import { closing, closingBracket, closingTag, codeEnd, type Effort, maxEffort } from './closings.ts'
import { readColor, readTag, type Tag } from './tags.ts'

/** Pattern of a URL in the parentheses of a link. Parentheses in the URL are in pairs or escaped. */
export const urlSource = String.raw`((?:\\.|[^()\s\\]|\([^()\s]*\))*)`

const linkTargetPattern = new RegExp(String.raw`^\]\(${urlSource}\)`)

/** Returns the URL of a link without escapes. */
export function readUrl(source: string): string {
  return source.replace(/\\(.)/g, '$1')
}

type Style = Readonly<Record<string, Json>>

interface Context {
  readonly style: Style
  readonly link: string | undefined
}

/** Returns the id at the end of the fragment or path of a link, or undefined if there is none. */
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

const marks = [
  ['**', 'bold'],
  ['~~', 'strikethrough'],
  ['*', 'italic'],
] as const

/** Maximum nesting of marks and links. Deeper ones are plain text. */
const maxNesting = 20

/** Collects the elements of rich text. */
interface Output {
  readonly effort: Effort
  /** Appends text. Text with the same context as before becomes one element. */
  text(content: string, context: Context): void
  add(item: RichTextItem): void
  /** Returns all elements. */
  items(): readonly RichTextItem[]
}

function createOutput(): Output {
  const items: RichTextItem[] = []
  let pending = ''
  let pendingContext: Context | undefined

  function flush(): void {
    const { style = {}, link } = pendingContext ?? {}
    // A text element holds at most 2000 characters.
    for (let from = 0; from < pending.length; from += limits.textLength) {
      const content = pending.slice(from, from + limits.textLength)
      items.push({
        type: 'text',
        text: { content, ...(link !== undefined && { link: { url: link } }) },
        ...(Object.keys(style).length > 0 && { annotations: style }),
      })
    }
    pending = ''
    pendingContext = undefined
  }

  return {
    effort: { spent: 0 },
    text(content, context) {
      if (pendingContext !== undefined && !sameContext(pendingContext, context)) flush()
      pendingContext = context
      pending += content
    },
    add(item) {
      flush()
      items.push(item)
    },
    items() {
      flush()
      return items
    },
  }
}

function sameContext(a: Context, b: Context): boolean {
  return a.link === b.link && JSON.stringify(a.style) === JSON.stringify(b.style)
}

/** Reads the construct at an index. Returns the index after it, or -1 if there is none. */
function readConstruct(text: string, index: number, context: Context, out: Output, depth: number): number {
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
  for (const [mark, name] of marks) {
    if (!rest.startsWith(mark) || /^\s/.test(rest.slice(mark.length))) continue
    const end = closing(text, index + mark.length, mark, out.effort)
    if (end < 0) continue
    const style = { ...context.style, [name]: true }
    readInto(text.slice(index + mark.length, end), { ...context, style }, out, depth + 1)
    return end + mark.length
  }
  if (rest.startsWith('[')) {
    const end = closingBracket(text, index + 1, out.effort)
    const target = end < 0 ? null : linkTargetPattern.exec(text.slice(end))
    if (target === null) return -1
    readInto(text.slice(index + 1, end), { ...context, link: readUrl(target[1] ?? '') }, out, depth + 1)
    return end + target[0].length
  }
  return rest.startsWith('<') ? readTagged(text, index, context, out, depth) : -1
}

function annotated(context: Context): { annotations?: JsonObject } {
  return Object.keys(context.style).length > 0 ? { annotations: context.style } : {}
}

function readTagged(text: string, index: number, context: Context, out: Output, depth: number): number {
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
  // The text up to the closing tag is the name of the mentioned object and is short.
  const end = text.slice(after, after + limits.textLength * 2).indexOf(close)
  return end < 0 ? after : after + end + close.length
}

function readInto(text: string, context: Context, out: Output, depth: number): void {
  for (let index = 0; index < text.length; ) {
    const mayNest = depth < maxNesting && out.effort.spent < maxEffort
    const end = mayNest ? readConstruct(text, index, context, out, depth) : -1
    if (end > index) index = end
    else {
      // Plain text up to the next character with a meaning.
      const plain = /^.[^\\*~`$[<]*/s.exec(text.slice(index))?.[0] ?? ''
      out.text(plain, context)
      index += plain.length
    }
  }
}

/** Returns the rich text of a line of markdown. */
export function parseInline(text: string): StoredRichText {
  const out = createOutput()
  readInto(text, { style: {}, link: undefined }, out, 0)
  return compactRichText(out.items())
}
