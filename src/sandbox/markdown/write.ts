/** Writes blocks as Notion's markdown. Children are indented by a tab. */
import type { Json, JsonObject, StoredRichText } from '../model.ts'
import { escapeText, type Names, writeInline, writeUrl } from './inline-write.ts'
import { writeColor, writeTag } from './tags.ts'

/** A block, page or database with its children. */
export interface MarkdownBlock {
  readonly id: string
  readonly type: string
  readonly content: JsonObject
  readonly children: readonly MarkdownBlock[]
  /** URL of the file of a media block. */
  readonly fileUrl?: string
}

/** Blocks as markdown. */
export interface Written {
  readonly markdown: string
  /** Ids of blocks without a markdown form. They are written as `<unknown url alt/>`. */
  readonly unknownIds: readonly string[]
}

interface Writer {
  readonly names: Names
  readonly unknownIds: string[]
  /** Returns the link of a block in the page. */
  blockUrl(id: string): string
}

const indented = (lines: readonly string[]) => lines.map((line) => (line === '' ? line : `\t${line}`))

function text(writer: Writer, content: JsonObject, key = 'rich_text'): string {
  // Markdown ignores white space at the edges of a line.
  return writeInline((content[key] ?? '') as StoredRichText, writer.names).trim()
}

/** Start of a line that would turn a paragraph into another block. */
const blockStartPattern = /^(#{1,6}\s|[-+]\s|[-+]$|\d+[.)](\s|$)|-{3,}|!\[)/

/** Returns the text of a paragraph, escaped if it would be another block. */
function escapeStart(line: string): string {
  if (!blockStartPattern.test(line)) return line
  const number = /^(\d+)([.)])/.exec(line)
  return number === null ? `\\${line}` : `${number[1]}\\${line.slice(number[1]?.length)}`
}

function attributes(content: JsonObject): string {
  const color = writeColor(content.color)
  const toggle = content.is_toggleable === true ? ' toggle="true"' : ''
  const colored = color === undefined ? '' : ` color="${color}"`
  return toggle === '' && colored === '' ? '' : ` {${`${toggle}${colored}`.trim()}}`
}

function line(writer: Writer, prefix: string, block: MarkdownBlock): string[] {
  const body = text(writer, block.content)
  return [`${prefix}${body}${attributes(block.content)}`, ...indented(writeAll(writer, block.children))]
}

function paragraph(writer: Writer, block: MarkdownBlock): string[] {
  const body = escapeStart(text(writer, block.content))
  const suffix = attributes(block.content)
  const first = body === '' && suffix === '' ? '<empty-block/>' : `${body}${suffix}`
  return [first, ...indented(writeAll(writer, block.children))]
}

function container(writer: Writer, block: MarkdownBlock, open: string, name: string, own: readonly string[] = []) {
  return [open, ...indented([...own, ...writeAll(writer, block.children)]), `</${name}>`]
}

function callout(writer: Writer, block: MarkdownBlock): string[] {
  const { content } = block
  const icon = content.icon as JsonObject | null | undefined
  const symbol = icon?.type === 'emoji' ? String(icon.emoji) : undefined
  const body = escapeStart(text(writer, content))
  const own = body === '' ? (block.children.length > 0 ? ['<empty-block/>'] : []) : [body]
  return container(
    writer,
    block,
    writeTag('callout', { icon: symbol, color: writeColor(content.color) }),
    'callout',
    own,
  )
}

function toggle(writer: Writer, block: MarkdownBlock): string[] {
  const open = writeTag('details', { color: writeColor(block.content.color) })
  const summary = `<summary>${text(writer, block.content)}</summary>`
  return [open, summary, ...indented(writeAll(writer, block.children)), '</details>']
}

function code(block: MarkdownBlock): string[] {
  const stored = block.content.rich_text as StoredRichText | undefined
  const source = typeof stored === 'string' ? stored : (stored ?? []).map((item) => item.text?.content ?? '').join('')
  const runs = [...source.matchAll(/`{3,}/g)].map(([run]) => run.length)
  const fence = '`'.repeat(Math.max(2, ...runs) + 1)
  const language = String(block.content.language ?? 'plain text')
  return [`${fence}${language}`, ...source.split('\n'), fence]
}

function table(writer: Writer, block: MarkdownBlock): string[] {
  const { has_column_header, has_row_header } = block.content
  const open = writeTag('table', {
    'header-row': has_column_header === true ? 'true' : undefined,
    'header-column': has_row_header === true ? 'true' : undefined,
  })
  const rows = block.children.flatMap((row) => {
    const cells = Array.isArray(row.content.cells) ? (row.content.cells as Json[]) : []
    const written = cells.map((cell) => `<td>${writeInline(cell as StoredRichText, writer.names)}</td>`)
    return ['<tr>', ...written, '</tr>']
  })
  return [open, ...rows, '</table>']
}

function media(writer: Writer, block: MarkdownBlock): string[] {
  const caption = text(writer, block.content, 'caption')
  const url = block.fileUrl ?? ''
  if (block.type === 'image') return [`![${caption}](${writeUrl(url)})`]
  return [`${writeTag(block.type, { src: url })}${caption}</${block.type}>`]
}

function synced(writer: Writer, block: MarkdownBlock): string[] {
  const from = block.content.synced_from as JsonObject | null | undefined
  const name = from ? 'synced_block_reference' : 'synced_block'
  const url = writer.blockUrl(from ? String(from.block_id) : block.id)
  return container(writer, block, writeTag(name, { url }), name)
}

function writeBlock(writer: Writer, block: MarkdownBlock): string[] {
  switch (block.type) {
    case 'paragraph':
      return paragraph(writer, block)
    case 'heading_1':
      return line(writer, '# ', block)
    case 'heading_2':
      return line(writer, '## ', block)
    case 'heading_3':
      return line(writer, '### ', block)
    case 'heading_4':
      return line(writer, '#### ', block)
    case 'bulleted_list_item':
      return line(writer, '- ', block)
    case 'to_do':
      return line(writer, block.content.checked === true ? '- [x] ' : '- [ ] ', block)
    case 'quote':
      return line(writer, '> ', block)
    case 'toggle':
      return toggle(writer, block)
    case 'callout':
      return callout(writer, block)
    case 'code':
      return code(block)
    case 'equation':
      return ['$$', ...String(block.content.expression ?? '').split('\n'), '$$']
    case 'divider':
      return ['---']
    case 'table_of_contents':
      return [writeTag('table_of_contents', { color: writeColor(block.content.color) }, '/')]
    case 'table':
      return table(writer, block)
    case 'column_list':
      return container(writer, block, '<columns>', 'columns')
    case 'column':
      return container(writer, block, '<column>', 'column')
    case 'synced_block':
      return synced(writer, block)
    case 'image':
    case 'video':
    case 'audio':
    case 'pdf':
    case 'file':
      return media(writer, block)
    case 'child_page':
    case 'child_database': {
      const name = block.type === 'child_page' ? 'page' : 'database'
      return [
        `${writeTag(name, { url: writer.names.url(block.id) })}${escapeText(writer.names.title(block.id))}</${name}>`,
      ]
    }
    default:
      writer.unknownIds.push(block.id)
      return [writeTag('unknown', { url: writer.blockUrl(block.id), alt: block.type }, '/')]
  }
}

function writeAll(writer: Writer, blocks: readonly MarkdownBlock[]): string[] {
  let number = 0
  return blocks.flatMap((block) => {
    number = block.type === 'numbered_list_item' ? number + 1 : 0
    return number > 0 ? line(writer, `${number}. `, block) : writeBlock(writer, block)
  })
}

/** Returns blocks as markdown. `pageUrl` is the link of their page, for links to single blocks. */
export function writeMarkdown(blocks: readonly MarkdownBlock[], names: Names, pageUrl: string): Written {
  const unknownIds: string[] = []
  const blockUrl = (id: string) => `${pageUrl}#${id.replaceAll('-', '')}`
  const lines = writeAll({ names, unknownIds, blockUrl }, blocks)
  return { markdown: lines.join('\n'), unknownIds }
}
