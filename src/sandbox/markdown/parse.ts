/**
 * Parses Notion's markdown into blocks. Indentation by tabs or spaces nests blocks, blank lines have no meaning. Plain
 * markdown is supported too: `*` lists, pipe tables, headings below level 3.
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
import { idInUrl, parseInline, readUrl, urlSource } from './inline-parse.ts'
import { readColor, readTag, type Tag } from './tags.ts'

/** Types of parsed blocks that refer to an existing page, database or unknown block. */
export const referenceTypes: ReadonlySet<string> = new Set(['child_page', 'child_database', 'unknown_reference'])

interface Line {
  readonly text: string
  /** The white space before the text. */
  readonly space: string
  /** Width of the white space. */
  readonly indent: number
  /** The complete line, for code. */
  readonly raw: string
}

const tabWidth = 4

const imageTargetPattern = new RegExp(String.raw`^\]\(${urlSource}\)$`)

function toLines(markdown: string): Line[] {
  return markdown.split(/\r\n?|\n/).map((raw) => {
    const text = raw.trimStart()
    const space = raw.slice(0, raw.length - text.length)
    const indent = [...space].reduce((width, char) => width + (char === '\t' ? tabWidth : 1), 0)
    return { text: text.trimEnd(), space, indent, raw }
  })
}

/** Maximum nesting of blocks. Deeper blocks are dropped. */
const maxDepth = 50

function parseLines(lines: readonly Line[], depth: number): NewBlock[] {
  let index = 0

  function currentLine(): Line | undefined {
    return lines[index]
  }

  /** Returns and consumes the next lines that are indented more than `than`. */
  function takeIndented(than: number): Line[] {
    const start = index
    let end = start
    for (let at = start; at < lines.length; at += 1) {
      const line = lines[at]
      if (line === undefined) break
      if (line.text === '') continue
      if (line.indent <= than) break
      end = at + 1
    }
    index = end
    return lines.slice(start, end)
  }

  function nestedBlocks(inner: readonly Line[]): NewBlock[] {
    return depth < maxDepth ? parseLines(inner, depth + 1) : []
  }

  function childrenOf(line: Line): NewBlock[] {
    return nestedBlocks(takeIndented(line.indent))
  }

  function nextBlocks(): NewBlock[] {
    const line = currentLine()
    index += 1
    if (line === undefined || line.text === '') return []
    const { text } = line
    const [fence] = /^(?:`{3,}|~{3,})/.exec(text) ?? []
    if (fence !== undefined) return [codeBlock(line, fence, text.slice(fence.length))]
    if (text === '$$') return [equationBlock()]
    const inlineEquation = /^\$\$(.+)\$\$$/.exec(text)
    if (inlineEquation !== null) return [block('equation', { expression: inlineEquation[1] ?? '' })]
    if (/^(-{3,}|\*{3,}|_{3,})$/.test(text)) return [block('divider', {})]
    const heading = /^(#{1,6})\s(.*)$/s.exec(text)
    if (heading !== null) return headingBlocks(line, heading[1]?.length ?? 1, heading[2]?.trimStart() ?? '')
    const todo = /^[-*+]\s+\[([ xX])\](?:\s(.*))?$/s.exec(text)
    if (todo !== null)
      return [textBlock('to_do', todo[2]?.trimStart() ?? '', childrenOf(line), { checked: todo[1] !== ' ' })]
    const bullet = /^[-*+](?:\s(.*))?$/s.exec(text)
    if (bullet !== null) return [textBlock('bulleted_list_item', bullet[1]?.trimStart() ?? '', childrenOf(line))]
    const numbered = /^\d+[.)](?:\s(.*))?$/s.exec(text)
    if (numbered !== null) return [textBlock('numbered_list_item', numbered[1]?.trimStart() ?? '', childrenOf(line))]
    const quote = /^>\s?(.*)$/.exec(text)
    if (quote !== null) return [textBlock('quote', quote[1] ?? '', childrenOf(line))]
    const target = text.startsWith('![') ? text.lastIndexOf('](') : -1
    const [, url] = imageTargetPattern.exec(text.slice(target)) ?? []
    if (target > 0 && url !== undefined) return [mediaBlock('image', readUrl(url), text.slice(2, target))]
    if (text.startsWith('|') && /^\|?[\s:|-]+\|?$/.test(currentLine()?.text ?? '')) return [pipeTable(line)]
    const tag = readTag(text)
    const tagged = tag === undefined ? undefined : taggedBlocks(line, tag)
    return tagged ?? [textBlock('paragraph', text, childrenOf(line))]
  }

  /** Returns a heading of level 1 to 4. The children of a heading that is not toggleable follow it. */
  function headingBlocks(line: Line, level: number, source: string): NewBlock[] {
    const { text, color, toggle } = attributesOf(source)
    const children = childrenOf(line)
    const content = { rich_text: stored(parseInline(text)), color, is_toggleable: toggle }
    const type = `heading_${Math.min(level, 4)}`
    return toggle ? [block(type, content, children)] : [block(type, content), ...children]
  }

  function codeBlock(line: Line, fence: string, info: string): NewBlock {
    const source: string[] = []
    for (let next = currentLine(); next !== undefined; next = currentLine()) {
      index += 1
      if (next.text.startsWith(fence) && next.text.replaceAll(fence[0] ?? '`', '') === '') break
      source.push(rawText(next, line.space))
    }
    const rich = chunked(source.join('\n'))
    return block('code', { rich_text: stored(rich), language: languageNamed(info || 'plain text'), caption: '' })
  }

  function equationBlock(): NewBlock {
    const source: string[] = []
    for (let next = currentLine(); next !== undefined; next = currentLine()) {
      index += 1
      if (next.text === '$$') break
      source.push(next.text)
    }
    return block('equation', { expression: source.join('\n') })
  }

  function pipeTable(first: Line): NewBlock {
    index += 1
    const rows = [cellsOf(first.text)]
    for (let next = currentLine(); next?.text.startsWith('|') === true; next = currentLine()) {
      rows.push(cellsOf(next.text))
      index += 1
    }
    return tableBlock(rows, true, false)
  }

  /** Returns and consumes the lines up to the closing tag, or all lines if there is none. Tags of the same name nest. */
  function takeInside(line: Line, tag: Tag): Line[] {
    const close = `</${tag.name}>`
    const rest = line.text.slice(tag.length)
    const own = (text: string): Line[] => (text === '' ? [] : [{ ...line, text, raw: line.space + text }])
    if (rest.endsWith(close)) return own(rest.slice(0, -close.length))
    const inside = own(rest)
    for (let depth = 1, next = currentLine(); next !== undefined; next = currentLine()) {
      index += 1
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

  function taggedBlocks(line: Line, tag: Tag): NewBlock[] | undefined {
    const color = readColor(tag.attributes.color)
    switch (tag.name) {
      case 'empty-block':
        return [textBlock('paragraph', '', childrenOf(line))]
      case 'table_of_contents':
        return [block('table_of_contents', { color })]
      case 'callout':
        return [calloutBlock(tag, color, nestedBlocks(takeInside(line, tag)))]
      case 'details':
        return [toggleBlock(takeInside(line, tag), color)]
      case 'columns':
        return [
          block(
            'column_list',
            {},
            nestedBlocks(takeInside(line, tag)).filter(({ type }) => type === 'column'),
          ),
        ]
      case 'column':
        return [block('column', {}, nestedBlocks(takeInside(line, tag)))]
      case 'synced_block':
        return [block('synced_block', { synced_from: null }, nestedBlocks(takeInside(line, tag)))]
      case 'synced_block_reference': {
        const id = idInUrl(tag.attributes.url ?? '')
        takeInside(line, tag)
        return id === undefined ? [] : [block('synced_block', { synced_from: { type: 'block_id', block_id: id } })]
      }
      case 'table':
        return [
          htmlTable(
            tag,
            takeInside(line, tag).map(({ text }) => text),
          ),
        ]
      case 'video':
      case 'audio':
      case 'pdf':
      case 'file': {
        const [caption] = tag.selfClosing ? [] : takeInside(line, tag)
        return [mediaBlock(tag.name, tag.attributes.src ?? '', caption?.text ?? '')]
      }
      case 'page':
      case 'database':
      case 'unknown':
        return referenceBlocks(line, tag)
      default:
        return undefined
    }
  }

  function referenceBlocks(line: Line, tag: Tag): NewBlock[] {
    if (!tag.selfClosing) takeInside(line, tag)
    const id = idInUrl(tag.attributes.url ?? '')
    if (id === undefined) return []
    return [block(tag.name === 'unknown' ? 'unknown_reference' : `child_${tag.name}`, { id })]
  }

  function toggleBlock(inside: readonly Line[], color: string): NewBlock {
    const [first, ...rest] = inside.filter(({ text }, index) => index > 0 || text !== '')
    const summary = /^<summary>(.*)<\/summary>$/.exec(first?.text ?? '')
    const rich = stored(parseInline(summary?.[1] ?? ''))
    return block('toggle', { rich_text: rich, color }, nestedBlocks(summary === null ? inside : rest))
  }

  const blocks: NewBlock[] = []
  while (index < lines.length) blocks.push(...nextBlocks())
  return blocks
}

/** Returns a line of code without the indentation of the block around it. */
function rawText({ raw, text }: Line, outer: string): string {
  if (raw.startsWith(outer)) return raw.slice(outer.length)
  return text
}

/** Returns the blocks of a markdown text. Existing pages and databases are references, see `referenceTypes`. */
export function parseMarkdown(markdown: string): NewBlock[] {
  return parseLines(toLines(markdown), 0)
}

/** Returns blocks without references to existing content, for new content. */
export function withoutReferences(blocks: readonly NewBlock[]): NewBlock[] {
  return blocks
    .filter(({ type }) => !referenceTypes.has(type))
    .map((one) => ({ ...one, children: withoutReferences(one.children) }))
}
