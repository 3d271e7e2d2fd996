import { type Language, languageOf } from '../../search/inflection.ts'
import { flagAt, isObject, type Json, type JsonObject, objectAt, textAt } from '../json.ts'
import { plainValue, valueText } from '../shape/property-value.ts'
import { titleOf } from '../titles.ts'

/** The characters of one page that are searched. */
const maxTextLength = 300_000

/** What is searched of a page. */
export interface PageText {
  readonly title: string
  readonly text: string
  /** That of the title and the text; null where it was not recognized. */
  readonly language: Language | null
  /** Whether the page has more content than that. */
  readonly isPart: boolean
}

/** Returns what is searched of a page, from it and its content as Notion returns it as Markdown. */
export async function pageText(page: JsonObject, content: object): Promise<PageText> {
  const body = content as JsonObject
  const title = titleOf(page)
  const markdown = markdownText(textAt(body, 'markdown') ?? '')
  const properties = propertyText(page)
  const text = `${properties}\n${markdown}`
  // The values of properties last: many are names, which belong to no language.
  const language = await languageOf([title, markdown, properties].join('\n'))
  const unknown = body.unknown_block_ids
  const lacks = flagAt(body, 'truncated') || (Array.isArray(unknown) && unknown.length > 0)
  const isPart = lacks || text.length > maxTextLength
  return { title, text: text.slice(0, maxTextLength), language, isPart }
}

// An escaped character, the mark of a list or heading, a tag, the address of a link, and marks of emphasis.
const syntax =
  /\\([\\*_~`$[\]<>{}|^])|^[\t ]*(?:#{1,6} |> |(?:[-*+]|\d{1,9}\.) (?:\[[ x]\] )?)|<\/?[a-z][^<>]*>|\]\((?:\\.|[^()\\\s])*\)|!?\[|\*\*|~~|`|\$(?=`)|\{(?:toggle|color)="[^"{}]*"\}/gim

/** Returns Notion's Markdown without its syntax and the addresses of links, so that words are next to each other. */
export function markdownText(markdown: string): string {
  // The content of code has no syntax.
  const parts = markdown.split(/^[\t ]*```.*$/m)
  return parts.map((part, index) => (index % 2 === 1 ? part : withoutSyntax(part))).join('\n')
}

const withoutSyntax = (markdown: string) =>
  withoutChildren(markdown).replace(syntax, (match: string, escaped: string | undefined) => {
    if (escaped !== undefined) return escaped
    return /^<(?:br|\/td|\/th)\b/i.test(match) ? '\n' : ''
  })

/** Leaves out the titles of pages and databases within the page, which are found themselves. */
function withoutChildren(markdown: string): string {
  // The texts at even places, and between them the slash of a closing tag or an empty string.
  const parts = markdown.split(/<(\/?)(?:page|database)\b[^<>]*>/i)
  return parts
    .filter((part, index) => {
      if (index % 2 === 1) return false
      const isTitle = index > 0 && parts[index - 1] === '' && parts[index + 1] === '/' && !part.includes('\n')
      return !isTitle
    })
    .join('')
}

/** Returns the values of the properties of a page as text, one on each line. */
export function propertyText(page: JsonObject): string {
  const lines = Object.values(objectAt(page, 'properties')).flatMap((property) => {
    if (!isObject(property) || skipped.has(String(property.type))) return []
    const text = textOf(plainValue(property))
    return text === '' ? [] : [text]
  })
  return lines.join('\n')
}

// The title is searched as such. The others have no words: ids, yes or no, and times that every page has.
const skipped: ReadonlySet<string> = new Set([
  ...['title', 'relation', 'checkbox', 'button'],
  ...['created_time', 'last_edited_time'],
])

const textOf = (value: Json): string => (Array.isArray(value) ? value.map(valueText).join('\n') : valueText(value))
