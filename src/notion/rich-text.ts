import type { CreateDatabaseParameters } from '@notionhq/client'
import { didYouMean } from '../did-you-mean.ts'
import type { InputIssue } from '../errors.ts'
import { isObject, type JsonObject } from './json.ts'

/** Notion's limits for text (https://developers.notion.com/reference/request-limits), in UTF-16 code units. */
export const textLimits = { content: 2000, url: 2000, equation: 1000, items: 100 } as const

/** Rich text in Notion's form (https://developers.notion.com/reference/rich-text). */
export type RichText = NonNullable<CreateDatabaseParameters['title']>

/** A place in the input and the list that its issues are added to. */
export interface InputContext {
  readonly path: string
  readonly issues: InputIssue[]
}

/** The same context one step deeper. */
export const under = (context: InputContext, step: string | number): InputContext => ({
  path: context.path === '' ? String(step) : `${context.path}.${step}`,
  issues: context.issues,
})

/** Issues that one check reports. It stops there: an input of 1 MB can have more than 100,000, each with suggestions. */
const maxIssues = 20

/** Thrown by {@link addIssue} to end a check. */
class EnoughIssues extends Error {}

/** Adds an issue about the place of a context, and ends the check after the last one that is reported. */
export const addIssue = (context: InputContext, message: string): void => {
  context.issues.push({ path: context.path, message })
  if (context.issues.length >= maxIssues) throw new EnoughIssues()
}

/** Runs a check that adds issues. The value is undefined when the check ended before it was complete. */
export function collectIssues<T>(check: (issues: InputIssue[]) => T): {
  readonly value: T | undefined
  readonly issues: readonly InputIssue[]
} {
  const issues: InputIssue[] = []
  try {
    return { value: check(issues), issues }
  } catch (error) {
    if (!(error instanceof EnoughIssues)) throw error
    return { value: undefined, issues }
  }
}

const pluralOf = (noun: string) => (noun === 'property' ? 'properties' : `${noun}s`)

/** How many of the known names a message lists. */
const maxListed = 50

/**
 * Returns the message about a name that is not one of the known ones: `unknown key "colour" in a table. Did you mean
 * "color"? Available keys: "color", …`. `candidates` are the names that may be meant, by default the known ones.
 */
export function unknown(
  noun: string,
  name: string,
  known: readonly string[],
  where = '',
  candidates: readonly string[] = known,
): string {
  const listed = known.slice(0, maxListed).map((one) => `"${one}"`)
  const available = listed.length === 0 ? 'none' : `${listed.join(', ')}${known.length > maxListed ? ', …' : ''}`
  return `unknown ${noun} "${name}"${where && ` ${where}`}.${didYouMean(name, candidates)} Available ${pluralOf(noun)}: ${available}`
}

/**
 * Returns a string in pieces of at most `limit` UTF-16 code units, cut after white space where the last fifth of a piece
 * has some, and never within a surrogate pair.
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

/** Returns a string as rich text items, as many as needed. */
export function textItems(text: string): RichText {
  return splitText(text).map((content) => ({ type: 'text', text: { content } }))
}

/**
 * Returns rich text in Notion's form, given as a list of items, a single item, or a string. Items with text over the
 * limit become several with the same link and annotations. Members that Notion only returns (`plain_text`, `href`) are
 * left out, so that what was read can be written back. The list may be longer than one request takes: see
 * {@link textLimits}.
 */
export function richText(value: unknown, context: InputContext): RichText {
  if (typeof value === 'string') return textItems(value)
  const items = Array.isArray(value) ? value : isObject(value) ? [value] : null
  if (items === null) {
    addIssue(context, 'must be a list of rich text objects, such as [{"text": {"content": "…"}}], or a string')
    return []
  }
  return items.flatMap((item, index) => richTextItem(item, Array.isArray(value) ? under(context, index) : context))
}

/** The colors of text; of blocks as well (https://developers.notion.com/reference/rich-text#the-annotation-object). */
const foregrounds = ['default', 'gray', 'brown', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'red']
const colors = [...foregrounds, ...foregrounds.map((color) => `${color}_background`)]

/** Adds an issue for a value that is not one of Notion's colors. */
export function checkColor(value: unknown, context: InputContext): void {
  if (value === undefined || value === null || (typeof value === 'string' && colors.includes(value))) return
  addIssue(context, unknown('color', String(value), colors))
}

const annotationNames = ['bold', 'italic', 'strikethrough', 'underline', 'code', 'color']

/** Adds issues for unknown annotations. Notion would refuse them in a request that may follow requests that wrote. */
function checkAnnotations(given: JsonObject, context: InputContext): void {
  for (const [key, value] of Object.entries(given)) {
    const at = under(context, key)
    if (!annotationNames.includes(key)) addIssue(at, unknown('annotation', key, annotationNames))
    else if (key === 'color') checkColor(value, at)
    else if (typeof value !== 'boolean') addIssue(at, 'must be true or false')
  }
}

const mentions = new Set(['user', 'date', 'page', 'database', 'template_mention', 'custom_emoji', 'link_mention'])

function richTextItem(item: unknown, context: InputContext): RichText {
  if (typeof item === 'string') return textItems(item)
  if (!isObject(item)) {
    addIssue(context, 'must be a rich text object, such as {"text": {"content": "…"}}')
    return []
  }
  const common = isObject(item.annotations) ? { annotations: item.annotations } : {}
  if (isObject(item.annotations)) checkAnnotations(item.annotations, under(context, 'annotations'))
  if (isObject(item.text)) {
    const { content, link } = item.text
    if (typeof content !== 'string') {
      addIssue(under(context, 'text'), 'must have content, a string')
      return []
    }
    const url = typeof link === 'string' ? link : isObject(link) ? link.url : null
    if (typeof url === 'string' && url.length > textLimits.url) {
      addIssue(under(context, 'text.link.url'), `must have at most ${textLimits.url} characters, not ${url.length}`)
    }
    const linked = typeof url === 'string' && url !== '' ? { link: { url } } : {}
    return splitText(content).map((piece) => ({ type: 'text', text: { content: piece, ...linked }, ...common }))
  }
  if (isObject(item.equation)) {
    const { expression } = item.equation
    if (typeof expression !== 'string' || expression.length > textLimits.equation) {
      addIssue(under(context, 'equation.expression'), `must be a string of at most ${textLimits.equation} characters`)
    }
    return [{ type: 'equation', equation: { expression: String(expression) }, ...common }]
  }
  if (isObject(item.mention)) {
    const kind = Object.keys(item.mention).find((key) => mentions.has(key))
    if (kind === undefined) addIssue(under(context, 'mention'), `must contain one of: ${[...mentions].join(', ')}`)
    // Notion checks what a mention contains.
    return [{ type: 'mention', mention: item.mention, ...common } as RichText[number]]
  }
  if (typeof item.plain_text === 'string') return textItems(item.plain_text)
  if (typeof item.content === 'string') return textItems(item.content)
  addIssue(context, 'must have text, mention or equation')
  return []
}

/** Returns the plain text of rich text that Notion returned. */
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
