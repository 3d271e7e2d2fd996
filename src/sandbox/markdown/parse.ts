/**
 * Notion's markdown as blocks. Indentation (tabs, or any spaces) nests; blank lines mean nothing. Plain markdown, as
 * models write it, is understood too: `*` lists, pipe tables, headings below the third.
 */
import type { NewBlock } from '../validation/blocks.ts'
import { languageNamed } from '../validation/languages.ts'
import {
  attributesOf,
  block,
  calloutBlock,
  cellsOf,
  chunked,
  htmlTable,
  mediaBlock,
  stored,
  tableBlock,
  textBlock,
} from './build.ts'
import { idInUrl, parseInline, readUrl, URL_SOURCE } from './inline-parse.ts'
import { readColor, readTag, type Tag } from './tags.ts'

/** Types by which the parser names what exists already and is only pointed to: a page, a database, an unknown block. */
export const REFERENCE_TYPES: ReadonlySet<string> = new Set(['child_page', 'child_database', 'unknown_reference'])

interface Line {
  readonly text: string
  /** The white space before the text, and how wide it is. */
  readonly space: string
  readonly indent: number
  /** As it was written; in code all of it counts. */
  readonly raw: string
}

const TAB_WIDTH = 4

const IMAGE = new RegExp(String.raw`^!\[(.*)\]\(${URL_SOURCE}\)$`)

function toLines(markdown: string): Line[] {
  return markdown.split(/\r\n?|\n/).map((raw) => {
    const text = raw.trimStart()
    const space = raw.slice(0, raw.length - text.length)
    const indent = [...space].reduce((width, char) => width + (char === '\t' ? TAB_WIDTH : 1), 0)
    return { text: text.trimEnd(), space, indent, raw }
  })
}

/** A tree this deep no agent writes; what is deeper stays at this level. */
const MAX_DEPTH = 50

class Parser {
  readonly #lines: readonly Line[]
  #index = 0
  readonly #depth: number

  constructor(lines: readonly Line[], depth: number) {
    this.#lines = lines
    this.#depth = depth
  }

  all(): NewBlock[] {
    const blocks: NewBlock[] = []
    while (this.#index < this.#lines.length) blocks.push(...this.#next())
    return blocks
  }

  #line(): Line | undefined {
    return this.#lines[this.#index]
  }

  /** The lines that are indented more than a line before them. */
  #indented(than: number): Line[] {
    const start = this.#index
    let end = start
    for (let at = start; at < this.#lines.length; at += 1) {
      const line = this.#lines[at]
      if (line === undefined) break
      if (line.text === '') continue
      if (line.indent <= than) break
      end = at + 1
    }
    this.#index = end
    return this.#lines.slice(start, end)
  }

  #nested(lines: readonly Line[]): NewBlock[] {
    return this.#depth < MAX_DEPTH ? new Parser(lines, this.#depth + 1).all() : []
  }

  #children(line: Line): NewBlock[] {
    return this.#nested(this.#indented(line.indent))
  }

  #next(): NewBlock[] {
    const line = this.#line()
    this.#index += 1
    if (line === undefined || line.text === '') return []
    const { text } = line
    const fence = /^(`{3,}|~{3,})(.*)$/.exec(text)
    if (fence !== null) return [this.#code(line, fence[1] ?? '```', fence[2] ?? '')]
    if (text === '$$') return [this.#equation()]
    const inlineEquation = /^\$\$(.+)\$\$$/.exec(text)
    if (inlineEquation !== null) return [block('equation', { expression: inlineEquation[1] ?? '' })]
    if (/^(-{3,}|\*{3,}|_{3,})$/.test(text)) return [block('divider', {})]
    const heading = /^(#{1,6})\s+(.*)$/.exec(text)
    if (heading !== null) return this.#heading(line, heading[1]?.length ?? 1, heading[2] ?? '')
    const todo = /^[-*+]\s+\[([ xX])\](?:\s+(.*))?$/.exec(text)
    if (todo !== null) return [textBlock('to_do', todo[2] ?? '', this.#children(line), { checked: todo[1] !== ' ' })]
    const bullet = /^[-*+](?:\s+(.*))?$/.exec(text)
    if (bullet !== null) return [textBlock('bulleted_list_item', bullet[1] ?? '', this.#children(line))]
    const numbered = /^\d+[.)](?:\s+(.*))?$/.exec(text)
    if (numbered !== null) return [textBlock('numbered_list_item', numbered[1] ?? '', this.#children(line))]
    const quote = /^>\s?(.*)$/.exec(text)
    if (quote !== null) return [textBlock('quote', quote[1] ?? '', this.#children(line))]
    const image = IMAGE.exec(text)
    if (image !== null) return [mediaBlock('image', readUrl(image[2] ?? ''), image[1] ?? '')]
    if (text.startsWith('|') && /^\|?[\s:|-]+\|?$/.test(this.#line()?.text ?? '')) return [this.#pipeTable(line)]
    const tag = readTag(text)
    const tagged = tag === undefined ? undefined : this.#tagged(line, tag)
    return tagged ?? [textBlock('paragraph', text, this.#children(line))]
  }

  /** The fourth level and below become the third; what hangs below a heading that does not toggle follows it. */
  #heading(line: Line, level: number, source: string): NewBlock[] {
    const { text, color, toggle } = attributesOf(source)
    const children = this.#children(line)
    const content = { rich_text: stored(parseInline(text)), color, is_toggleable: toggle }
    const type = `heading_${Math.min(level, 3)}`
    return toggle ? [block(type, content, children)] : [block(type, content), ...children]
  }

  #code(line: Line, fence: string, info: string): NewBlock {
    const source: string[] = []
    for (let next = this.#line(); next !== undefined; next = this.#line()) {
      this.#index += 1
      if (next.text.startsWith(fence) && next.text.replaceAll(fence[0] ?? '`', '') === '') break
      source.push(rawText(next, line.space))
    }
    const rich = chunked(source.join('\n'))
    return block('code', { rich_text: stored(rich), language: languageNamed(info || 'plain text'), caption: '' })
  }

  #equation(): NewBlock {
    const source: string[] = []
    for (let next = this.#line(); next !== undefined; next = this.#line()) {
      this.#index += 1
      if (next.text === '$$') break
      source.push(next.text)
    }
    return block('equation', { expression: source.join('\n') })
  }

  #pipeTable(first: Line): NewBlock {
    this.#index += 1
    const rows = [cellsOf(first.text)]
    for (let next = this.#line(); next?.text.startsWith('|') === true; next = this.#line()) {
      rows.push(cellsOf(next.text))
      this.#index += 1
    }
    return tableBlock(rows, true, false)
  }

  /** The lines up to the tag that closes one, over others of its name inside; all that follow if it is never closed. */
  #inside(line: Line, tag: Tag): Line[] {
    const close = `</${tag.name}>`
    const rest = line.text.slice(tag.length)
    const own = (text: string): Line[] => (text === '' ? [] : [{ ...line, text, raw: line.space + text }])
    if (rest.endsWith(close)) return own(rest.slice(0, -close.length))
    const inside = own(rest)
    for (let depth = 1, next = this.#line(); next !== undefined; next = this.#line()) {
      this.#index += 1
      const opened = readTag(next.text)
      if (opened?.name === tag.name && !opened.selfClosing && !next.text.endsWith(close)) depth += 1
      if (next.text === close) {
        depth -= 1
        if (depth === 0) break
      }
      inside.push(next)
    }
    return inside
  }

  #tagged(line: Line, tag: Tag): NewBlock[] | undefined {
    const color = readColor(tag.attributes.color)
    switch (tag.name) {
      case 'empty-block':
        return [textBlock('paragraph', '', this.#children(line))]
      case 'table_of_contents':
        return [block('table_of_contents', { color })]
      case 'callout':
        return [calloutBlock(tag, color, this.#nested(this.#inside(line, tag)))]
      case 'details':
        return [this.#toggle(this.#inside(line, tag), color)]
      case 'columns':
        return [
          block(
            'column_list',
            {},
            this.#nested(this.#inside(line, tag)).filter(({ type }) => type === 'column'),
          ),
        ]
      case 'column':
        return [block('column', {}, this.#nested(this.#inside(line, tag)))]
      case 'synced_block':
        return [block('synced_block', { synced_from: null }, this.#nested(this.#inside(line, tag)))]
      case 'synced_block_reference': {
        const id = idInUrl(tag.attributes.url ?? '')
        this.#inside(line, tag)
        return id === undefined ? [] : [block('synced_block', { synced_from: { type: 'block_id', block_id: id } })]
      }
      case 'table':
        return [
          htmlTable(
            tag,
            this.#inside(line, tag).map(({ text }) => text),
          ),
        ]
      case 'video':
      case 'audio':
      case 'pdf':
      case 'file': {
        const [caption] = tag.selfClosing ? [] : this.#inside(line, tag)
        return [mediaBlock(tag.name, tag.attributes.src ?? '', caption?.text ?? '')]
      }
      case 'page':
      case 'database':
      case 'unknown':
        return this.#reference(line, tag)
      default:
        return undefined
    }
  }

  #reference(line: Line, tag: Tag): NewBlock[] {
    if (!tag.selfClosing) this.#inside(line, tag)
    const id = idInUrl(tag.attributes.url ?? '')
    if (id === undefined) return []
    return [block(tag.name === 'unknown' ? 'unknown_reference' : `child_${tag.name}`, { id })]
  }

  #toggle(inside: readonly Line[], color: string): NewBlock {
    const [first, ...rest] = inside.filter(({ text }, index) => index > 0 || text !== '')
    const summary = /^<summary>(.*)<\/summary>$/.exec(first?.text ?? '')
    const rich = stored(parseInline(summary?.[1] ?? ''))
    return block('toggle', { rich_text: rich, color }, this.#nested(summary === null ? inside : rest))
  }
}

/** The text of a line of code: its own indentation counts, that of the block around it does not. */
function rawText({ raw, text }: Line, outer: string): string {
  if (raw.startsWith(outer)) return raw.slice(outer.length)
  return text
}

/** The blocks that a markdown text stands for. Of what exists already there are references, see REFERENCE_TYPES. */
export function parseMarkdown(markdown: string): NewBlock[] {
  return new Parser(toLines(markdown), 0).all()
}

/** Blocks without references to what exists already, for content that is made anew. */
export function withoutReferences(blocks: readonly NewBlock[]): NewBlock[] {
  return blocks
    .filter(({ type }) => !REFERENCE_TYPES.has(type))
    .map((one) => ({ ...one, children: withoutReferences(one.children) }))
}
