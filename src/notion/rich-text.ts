import type { InputIssue } from '../errors.ts'
import { isObject, type JsonObject } from './json.ts'

/** Notion's limits for text (https://developers.notion.com/reference/request-limits), in UTF-16 code units. */
export const textLimits = { content: 2000, url: 2000, equation: 1000, items: 100 } as const

/** A place in the input and the list that its problems are added to. */
export interface Checking {
  readonly path: string
  readonly issues: InputIssue[]
}

/** The same check one step deeper. */
export const under = (checking: Checking, step: string | number): Checking => ({
  path: checking.path === '' ? String(step) : `${checking.path}.${step}`,
  issues: checking.issues,
})

/** Notes a problem of a place. */
export const complain = (checking: Checking, message: string): void => {
  checking.issues.push({ path: checking.path, message })
}

/**
 * A text in pieces of at most `limit` UTF-16 code units, cut after white space where there is some in the last part of a
 * piece, and never within a surrogate pair.
 */
export function splitText(text: string, limit: number = textLimits.content): readonly string[] {
  const pieces: string[] = []
  let rest = text
  while (rest.length > limit) {
    const space = Math.max(rest.lastIndexOf(' ', limit - 1), rest.lastIndexOf('\n', limit - 1))
    let cut = space > limit * 0.8 ? space + 1 : limit
    if (isHighSurrogate(rest.charCodeAt(cut - 1))) cut -= 1
    pieces.push(rest.slice(0, cut))
    rest = rest.slice(cut)
  }
  pieces.push(rest)
  return pieces
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff

/** A text as rich text items, as many as it takes. */
export function textItems(text: string): readonly JsonObject[] {
  return splitText(text).map((content) => ({ type: 'text', text: { content } }))
}

/**
 * Rich text as Notion takes it (https://developers.notion.com/reference/rich-text): a list of items, a single item, or a
 * plain text. Items with text over the limit become several with the same link and annotations. What Notion only sends
 * (`plain_text`, `href`) is left out, so that what was read can be written back. The list may be longer than one request
 * takes: see {@link textLimits}.
 */
export function richText(value: unknown, checking: Checking): readonly JsonObject[] {
  if (typeof value === 'string') return textItems(value)
  const items = Array.isArray(value) ? value : isObject(value) ? [value] : null
  if (items === null) {
    complain(checking, 'has to be a list of rich text objects, such as [{"text": {"content": "…"}}], or a text')
    return []
  }
  return items.flatMap((item, index) => richTextItem(item, Array.isArray(value) ? under(checking, index) : checking))
}

/** https://developers.notion.com/reference/rich-text#the-annotation-object, for blocks and for text. */
const colors: ReadonlySet<string> = new Set([
  ...['default', 'gray', 'brown', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink'],
  ...[
    'red',
    'default_background',
    'gray_background',
    'brown_background',
    'orange_background',
    'yellow_background',
    'green_background',
    'blue_background',
    'purple_background',
  ],
  ...['pink_background', 'red_background'],
])

/** Refuses what is no colour of Notion's. */
export function checkColor(value: unknown, checking: Checking): void {
  if (value === undefined || value === null || (typeof value === 'string' && colors.has(value))) return
  complain(checking, `is no colour (there is: ${[...colors].join(', ')})`)
}

const annotations = ['bold', 'italic', 'strikethrough', 'underline', 'code', 'color']

/** Refuses annotations that there are not, which would fail a request that may come after others that wrote. */
function checkAnnotations(given: JsonObject, checking: Checking): void {
  for (const [key, value] of Object.entries(given)) {
    const at = under(checking, key)
    if (!annotations.includes(key)) complain(at, `is no annotation (there is: ${annotations.join(', ')})`)
    else if (key === 'color') checkColor(value, at)
    else if (typeof value !== 'boolean') complain(at, 'has to be true or false')
  }
}

const mentions = new Set(['user', 'date', 'page', 'database', 'template_mention', 'custom_emoji', 'link_mention'])

function richTextItem(item: unknown, checking: Checking): readonly JsonObject[] {
  if (typeof item === 'string') return textItems(item)
  if (!isObject(item)) {
    complain(checking, 'has to be a rich text object, such as {"text": {"content": "…"}}')
    return []
  }
  const common = isObject(item.annotations) ? { annotations: item.annotations } : {}
  if (isObject(item.annotations)) checkAnnotations(item.annotations, under(checking, 'annotations'))
  if (isObject(item.text)) {
    const { content, link } = item.text
    if (typeof content !== 'string') {
      complain(under(checking, 'text'), 'needs content, a text')
      return []
    }
    const url = typeof link === 'string' ? link : isObject(link) ? link.url : null
    if (typeof url === 'string' && url.length > textLimits.url) {
      complain(under(checking, 'text.link.url'), `has ${url.length} characters; Notion takes ${textLimits.url}`)
    }
    const linked = typeof url === 'string' && url !== '' ? { link: { url } } : {}
    return splitText(content).map((piece) => ({ type: 'text', text: { content: piece, ...linked }, ...common }))
  }
  if (isObject(item.equation)) {
    const { expression } = item.equation
    if (typeof expression !== 'string' || expression.length > textLimits.equation) {
      complain(under(checking, 'equation.expression'), `has to be a text of at most ${textLimits.equation} characters`)
    }
    return [{ type: 'equation', equation: { expression }, ...common }]
  }
  if (isObject(item.mention)) {
    const kind = Object.keys(item.mention).find((key) => mentions.has(key))
    if (kind === undefined) complain(under(checking, 'mention'), `has to name one of: ${[...mentions].join(', ')}`)
    return [{ type: 'mention', mention: item.mention, ...common }]
  }
  if (typeof item.plain_text === 'string') return textItems(item.plain_text)
  if (typeof item.content === 'string') return textItems(item.content)
  complain(checking, 'has to have text, mention or equation')
  return []
}

/** The text of rich text as Notion sends it. */
export function plainText(value: unknown): string {
  if (!Array.isArray(value)) return ''
  return value
    .filter(isObject)
    .map((item) => {
      if (typeof item.plain_text === 'string') return item.plain_text
      const content = isObject(item.text) ? item.text.content : isObject(item.equation) ? item.equation.expression : ''
      return typeof content === 'string' ? content : ''
    })
    .join('')
}
