import { isObject, type JsonObject, objectAt, textAt } from '../json.ts'
import { userAddress } from '../link-list.ts'

/**
 * Returns rich text as Markdown with annotations, links, mentions and equations. A mention of a user is a link to
 * `user://` with the id. Colors and underlines are left out.
 */
export function richTextMarkdown(value: unknown): string {
  if (!Array.isArray(value)) return ''
  return value.filter(isObject).map(itemMarkdown).join('')
}

function itemMarkdown(item: JsonObject): string {
  const plain = textAt(item, 'plain_text') ?? textAt(objectAt(item, 'text'), 'content') ?? ''
  if (item.type === 'equation') return `$${textAt(objectAt(item, 'equation'), 'expression') ?? plain}$`
  const annotations = objectAt(item, 'annotations')
  const url = addressOf(item)
  let text = annotations.code === true ? codeSpan(plain) : url === null ? plain : linkText(plain)
  if (annotations.bold === true) text = around(text, '**')
  if (annotations.italic === true) text = around(text, '_')
  if (annotations.strikethrough === true) text = around(text, '~~')
  return url === null ? text : `[${text || linkText(url)}](${destination(url)})`
}

function addressOf(item: JsonObject): string | null {
  const address = textAt(item, 'href') ?? textAt(objectAt(objectAt(item, 'text'), 'link'), 'url')
  if (address !== null) return address
  const mention = objectAt(item, 'mention')
  const user = textAt(objectAt(mention, 'user'), 'id')
  if (user !== null) return userAddress(user)
  const object = textAt(objectAt(mention, 'page'), 'id') ?? textAt(objectAt(mention, 'database'), 'id')
  return object === null ? null : `https://www.notion.so/${object.replaceAll('-', '')}`
}

/** Returns a Markdown link of a plain text. */
export const link = (text: string, url: string) => `[${linkText(text)}](${destination(url)})`

// A bracket or backslash in the text would end the link or its escape.
const linkText = (text: string) => text.replaceAll(/[\\[\]]/g, String.raw`\$&`)

/** @see https://spec.commonmark.org/0.31.2/#link-destination */
function destination(url: string): string {
  if (/^[^\s()[\]<>\\]+$/.test(url)) return url
  const encoded = url
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('<', '%3C')
    .replaceAll('>', '%3E')
    .replaceAll('\n', '%0A')
    .replaceAll('\r', '%0D')
  return `<${encoded}>`
}

// Emphasis marks must touch the text, so white space goes outside.
function around(text: string, mark: string): string {
  const inner = text.trim()
  const start = text.length - text.trimStart().length
  const end = start + inner.length
  return inner === '' ? text : `${text.slice(0, start)}${mark}${inner}${mark}${text.slice(end)}`
}

const fenceLength = (text: string) => (text.match(/`+/g) ?? []).reduce((max, run) => Math.max(max, run.length), 0)

// Markdown removes one blank at each end of a code span that has both.
function codeSpan(text: string): string {
  if (text === '') return ''
  const inner = fenceLength(text)
  const mark = '`'.repeat(inner + 1)
  const pad = inner > 0 || (text.startsWith(' ') && text.endsWith(' ')) ? ' ' : ''
  return `${mark}${pad}${text}${pad}${mark}`
}

/** Returns a block of code whose fence is longer than any fence in it. */
export function fenced(text: string, language: string): string {
  const mark = '`'.repeat(Math.max(3, fenceLength(text) + 1))
  return `${mark}${language.replaceAll(/[`\s]+/g, ' ')}\n${text}\n${mark}`
}

/** Escapes a string for a cell of a Markdown table. */
export function tableCell(text: string): string {
  // Most cells have nothing to escape.
  if (!/[\\|\n]/.test(text)) return text
  return text
    .replaceAll(/(?<!\\)\\+(?=\||$)/g, (run) => run + run)
    .replaceAll('|', '\\|')
    .replaceAll(/(?<!\s)\s*\n\s*/g, ' ')
}

/** Returns a Markdown table. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(tableCell).join(' | ')} |`
  return [line(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}
