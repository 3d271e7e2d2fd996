/** Blocks out of the parts of markdown. */
import type { Json, JsonObject, StoredRichText } from '../model.ts'
import type { NewBlock } from '../validation/blocks.ts'
import { parseInline } from './inline-parse.ts'
import { readColor, type Tag } from './tags.ts'

/** A block with what stands under its type's key. */
export function block(type: string, content: JsonObject, children: readonly NewBlock[] = []): NewBlock {
  return { type, content, children }
}

/** A rich text as a part of a block's content. */
export function stored(rich: StoredRichText): Json {
  return rich as Json
}

interface Attributes {
  readonly text: string
  readonly color: string
  readonly toggle: boolean
}

/** The text of a line and the `{color="red"}` at its end. */
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

/** A block around a line of text, whose color may stand at the end of the line. */
export function textBlock(
  type: string,
  source: string,
  children: readonly NewBlock[] = [],
  extra: JsonObject = {},
): NewBlock {
  const { text, color } = attributesOf(source)
  return block(type, { rich_text: stored(parseInline(text)), color, ...extra }, children)
}

/** Code as text elements of at most 2000 characters. */
export function chunked(source: string): StoredRichText {
  if (source.length <= 2000) return source
  const items = []
  for (let from = 0; from < source.length; from += 2000) {
    items.push({ type: 'text' as const, text: { content: source.slice(from, from + 2000) } })
  }
  return items
}

/** A block around the file at a URL. */
export function mediaBlock(type: string, url: string, caption: string): NewBlock {
  return block(type, { caption: stored(parseInline(caption)), type: 'external', external: { url } })
}

/** A callout; the paragraph that it begins with is its text. */
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

/** The cells of a row between pipes. */
export function cellsOf(line: string): string[] {
  const inner = line.replace(/^\|/, '').replace(/(?<!\\)\|$/, '')
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim())
}

/** A table as wide as its widest row. */
export function tableBlock(rows: readonly (readonly string[])[], columnHeader: boolean, rowHeader: boolean): NewBlock {
  const width = Math.max(1, ...rows.map((row) => row.length))
  const children = rows.map((row) => {
    const cells = Array.from({ length: width }, (_, index) => stored(parseInline(row[index] ?? '')))
    return block('table_row', { cells })
  })
  return block('table', { table_width: width, has_column_header: columnHeader, has_row_header: rowHeader }, children)
}

/** The table that stands between `<table>` and `</table>`. */
export function htmlTable(tag: Tag, inside: readonly string[]): NewBlock {
  const source = inside.join('\n')
  const rows = [...source.matchAll(/<tr\b[^>]*>([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t[dh]\b[^>]*>([\s\S]*?)<\/t[dh]>/g)].map(([, cell = '']) => cell.trim()),
  )
  const { attributes } = tag
  return tableBlock(rows, attributes['header-row'] === 'true', attributes['header-column'] === 'true')
}
