/** Builds blocks from parsed markdown. */
import type { Json, JsonObject, StoredRichText } from '../model.ts'
import type { NewBlock } from '../validation/blocks.ts'
import { parseInline } from './inline-parse.ts'
import { readColor, type Tag } from './tags.ts'

/** Returns a block with the content under the key of its type. */
export function block(type: string, content: JsonObject, children: readonly NewBlock[] = []): NewBlock {
  return { type, content, children }
}

/** Returns rich text as part of the content of a block. */
export function stored(rich: StoredRichText): Json {
  return rich as Json
}

interface Attributes {
  readonly text: string
  readonly color: string
  readonly toggle: boolean
}

/** Returns the text of a line and the attributes at its end, such as `{color="red"}`. */
export function attributesOf(text: string): Attributes {
  const match = /(?:^|\s)(?<!\\)\{((?:\s*\w+="[^"]*")+)\s*\}$/.exec(text)
  if (match === null) return { text, color: 'default', toggle: false }
  const source = match[1] ?? ''
  return {
    text: text.slice(0, match.index).trimEnd(),
    color: readColor(/color="([^"]*)"/.exec(source)?.[1]),
    toggle: /toggle="true"/.test(source),
  }
}

/** Returns a block with a line of text, which can end with a color. */
export function textBlock(
  type: string,
  source: string,
  children: readonly NewBlock[] = [],
  extra: JsonObject = {},
): NewBlock {
  const { text, color } = attributesOf(source)
  return block(type, { rich_text: stored(parseInline(text)), color, ...extra }, children)
}

/** Returns code as text elements of at most 2000 characters. */
export function chunked(source: string): StoredRichText {
  if (source.length <= 2000) return source
  const items = []
  for (let from = 0; from < source.length; from += 2000) {
    items.push({ type: 'text' as const, text: { content: source.slice(from, from + 2000) } })
  }
  return items
}

/** Returns a block with the file at a URL. */
export function mediaBlock(type: string, url: string, caption: string): NewBlock {
  return block(type, { caption: stored(parseInline(caption)), type: 'external', external: { url } })
}

/** Returns a callout. If its first child is a paragraph without formatting, that is its text. */
export function calloutBlock(tag: Tag, color: string, inside: readonly NewBlock[]): NewBlock {
  const [first, ...rest] = inside
  const isText = first?.type === 'paragraph' && first.children.length === 0 && first.content.color === 'default'
  const { icon } = tag.attributes
  return block(
    'callout',
    {
      rich_text: isText ? (first.content.rich_text ?? '') : '',
      color,
      icon: icon === undefined ? null : { type: 'emoji', emoji: icon },
    },
    isText ? rest : inside,
  )
}

/** Returns the cells of a row in a pipe table. */
export function cellsOf(line: string): string[] {
  const inner = line.replace(/^\|/, '').replace(/(?<!\\)\|$/, '')
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim())
}

/** Returns a table with the width of its widest row. */
export function tableBlock(rows: readonly (readonly string[])[], columnHeader: boolean, rowHeader: boolean): NewBlock {
  const width = Math.max(1, ...rows.map((row) => row.length))
  const children = rows.map((row) => {
    const cells = Array.from({ length: width }, (_, index) => stored(parseInline(row[index] ?? '')))
    return block('table_row', { cells })
  })
  return block('table', { table_width: width, has_column_header: columnHeader, has_row_header: rowHeader }, children)
}

/** Returns what each closing tag closes. Tags of one name do not nest. */
function insideTags(source: string, opening: RegExp, closing: string | RegExp): readonly string[] {
  const closed = source.split(closing).slice(0, -1)
  return closed.flatMap((piece) => {
    const start = piece.search(opening)
    const end = start === -1 ? -1 : piece.indexOf('>', start)
    return end === -1 ? [] : [piece.slice(end + 1)]
  })
}

/** Returns the table for the lines between `<table>` and `</table>`. */
export function htmlTable(tag: Tag, inside: readonly string[]): NewBlock {
  const source = inside.join('\n')
  const rows = insideTags(source, /<tr\b/, '</tr>').map((row) =>
    insideTags(row, /<t[dh]\b/, /<\/t[dh]>/).map((cell) => cell.trim()),
  )
  const { attributes } = tag
  return tableBlock(rows, attributes['header-row'] === 'true', attributes['header-column'] === 'true')
}
