import type { CreateDatabaseParameters } from '@notionhq/client'
import { didYouMean } from '../did-you-mean.ts'
import type { InputIssue } from '../errors.ts'
import { type Bounds, type Counted, characters, countRule } from '../tools/bounds.ts'
import { isObject } from './json.ts'

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

/** Adds an issue, with what was given, where something has too many or too few of its parts. */
export function checkCount(count: number, bounds: Bounds, context: InputContext, counted: Counted = characters): void {
  const { min = 0, max = Number.POSITIVE_INFINITY } = bounds
  if (count < min || count > max) addIssue(context, countRule(count, bounds, counted))
}

/** Returns whether a value is a string of limited length. Adds an issue for any other. */
export function isLine(value: unknown, bounds: Bounds, context: InputContext): value is string {
  const before = context.issues.length
  if (typeof value !== 'string') addIssue(context, 'must be a string')
  else checkCount(value.length, bounds, context)
  return context.issues.length === before
}

/** What {@link textLimits} count: the pieces that one list of rich text may have. */
export const pieces: Counted = [
  `piece of ${textLimits.content} characters`,
  `pieces of ${textLimits.content} characters`,
]

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
 * has some. Grapheme clusters (what a reader sees as one character, such as a family emoji) stay whole; one that is longer
 * than a piece is cut between code points.
 *
 * @see https://unicode.org/reports/tr29/
 */
export function splitText(text: string, limit: number = textLimits.content): readonly string[] {
  const pieces: string[] = []
  let rest = text
  while (rest.length > limit) {
    const space = Math.max(rest.lastIndexOf(' ', limit - 1), rest.lastIndexOf('\n', limit - 1))
    const cut = clusterStart(rest, space > limit * 0.8 ? space + 1 : limit) || clusterStart(rest, limit) || limit
    const end = cut === limit && isHighSurrogate(rest.charCodeAt(cut - 1)) ? cut - 1 : cut
    pieces.push(rest.slice(0, end))
    rest = rest.slice(end)
  }
  pieces.push(rest)
  return pieces
}

const clusters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Returns where the grapheme cluster at a position starts. Characters after the next one do not matter to it. */
const clusterStart = (text: string, position: number): number =>
  clusters.segment(text.slice(0, position + 2)).containing(position)?.index ?? position

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff

/** Returns a string as rich text items, as many as needed. */
export function textItems(text: string): RichText {
  return splitText(text).map((content) => ({ type: 'text', text: { content } }))
}

/** Whether rich text that Notion returned is nothing but its plain text, so that a string can replace it without loss. */
export function isPlain(value: unknown): boolean {
  if (!Array.isArray(value)) return true
  return value.every((item) => {
    if (!isObject(item) || item.type !== 'text' || (item.href ?? null) !== null) return false
    const { text, annotations } = item
    if (isObject(text) && (text.link ?? null) !== null) return false
    return Object.values(isObject(annotations) ? annotations : {}).every((one) => one === false || one === 'default')
  })
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
