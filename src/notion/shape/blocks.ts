import { z } from 'zod'
import { asJson, flagAt, isObject, type Json, type JsonObject, objectAt, textAt } from '../json.ts'
import { plainText } from '../rich-text.ts'
import { present } from './compact.ts'
import { notionParent, parentOf } from './objects.ts'
import { richTextMarkdown, table } from './rich-text-markdown.ts'

export const notionBlock = z
  .object({
    id: z.string().describe('The id of the block.'),
    type: z.string().describe('The type of the block, such as paragraph or to_do.'),
    text: z.string().describe('The text without formatting; empty for blocks without text.'),
    hasChildren: z
      .boolean()
      .describe('Whether the block has children. Call notion_block_list with its id to list them.'),
    parent: notionParent.nullable().describe('The parent of the block.'),
    inTrash: z.boolean().describe('Whether the block is in the trash.'),
    createdTime: z.iso.datetime().nullable().describe('When the block was created.'),
    lastEditedTime: z.iso.datetime().nullable().describe('When the block was last edited.'),
    content: z.json().nullable().describe('The content that Notion returns for the type.'),
  })
  .meta({ id: 'NotionBlock', description: 'A part of the content of a page.' })

const contentOf = (block: JsonObject) => objectAt(block, textAt(block, 'type') ?? '')

/** Returns the text of a block without formatting. */
export function blockText(block: JsonObject): string {
  const content = contentOf(block)
  if (Array.isArray(content.rich_text)) return plainText(content.rich_text)
  if (Array.isArray(content.cells)) return content.cells.map(plainText).join(' | ')
  return textAt(content, 'title') ?? textAt(content, 'expression') ?? plainText(content.caption)
}

/** Converts a block to the typed result. */
export function toBlock(block: JsonObject): z.input<typeof notionBlock> {
  return {
    id: textAt(block, 'id') ?? '',
    type: textAt(block, 'type') ?? '',
    text: blockText(block),
    hasChildren: flagAt(block, 'has_children'),
    parent: parentOf(block),
    inTrash: flagAt(block, 'in_trash') || flagAt(block, 'archived'),
    createdTime: textAt(block, 'created_time'),
    lastEditedTime: textAt(block, 'last_edited_time'),
    content: asJson(contentOf(block)),
  }
}

/** Converts a block to the compact form: its id, its type and a line of Markdown. */
export function compactBlock(block: JsonObject): Json {
  return present({
    id: textAt(block, 'id'),
    type: textAt(block, 'type'),
    text: lineOf(block),
    ...(flagAt(block, 'has_children') && { has_children: true }),
    ...(flagAt(block, 'in_trash') && { in_trash: true }),
  })
}

const prefixes: Readonly<Record<string, string>> = {
  heading_1: '# ',
  heading_2: '## ',
  heading_3: '### ',
  bulleted_list_item: '- ',
  toggle: '- ',
  quote: '> ',
}

function lineOf(block: JsonObject): string {
  const type = textAt(block, 'type') ?? ''
  const content = contentOf(block)
  const address =
    textAt(objectAt(content, 'external'), 'url') ?? textAt(objectAt(content, 'file'), 'url') ?? textAt(content, 'url')
  switch (type) {
    case 'equation':
      return `$$${textAt(content, 'expression') ?? ''}$$`
    case 'to_do':
      return richTextMarkdown(content.rich_text)
    case 'child_page':
    case 'child_database':
      return textAt(content, 'title') ?? ''
    case 'table_row':
      return Array.isArray(content.cells) ? content.cells.map(richTextMarkdown).join(' | ') : ''
    case 'link_to_page':
      return Object.values(content).find((value) => typeof value === 'string' && value.includes('-')) as string
    default:
      if (Array.isArray(content.rich_text)) return richTextMarkdown(content.rich_text)
      if (address !== null)
        return `[${richTextMarkdown(content.caption) || textAt(content, 'name') || type}](${address})`
      return ''
  }
}

/** Returns blocks as Markdown. A block with children is followed by its id. */
export function blocksMarkdown(blocks: readonly JsonObject[]): string {
  const lines: string[] = []
  let number = 0
  for (let index = 0; index < blocks.length; index += 1) {
    const block = blocks[index]
    if (!isObject(block)) continue
    const type = textAt(block, 'type') ?? ''
    number = type === 'numbered_list_item' ? number + 1 : 0
    if (type === 'table_row') {
      const rows: JsonObject[] = []
      while (blocks[index]?.type === 'table_row') {
        const row = blocks[index]
        if (row !== undefined) rows.push(row)
        index += 1
      }
      index -= 1
      lines.push(tableOf(rows))
      continue
    }
    const more = flagAt(block, 'has_children') ? ` (more under ${textAt(block, 'id') ?? ''})` : ''
    lines.push(`${blockMarkdown(block, type, number)}${more}`)
  }
  return lines.join('\n')
}

function blockMarkdown(block: JsonObject, type: string, number: number): string {
  const content = contentOf(block)
  const line = lineOf(block)
  switch (type) {
    case 'numbered_list_item':
      return `${number}. ${line}`
    case 'to_do':
      return `- [${content.checked === true ? 'x' : ' '}] ${line}`
    case 'code':
      return `\`\`\`${textAt(content, 'language') ?? ''}\n${plainText(content.rich_text)}\n\`\`\``
    case 'divider':
      return '---'
    case 'callout':
      return `> ${line}`
    case 'child_page':
      return `Page: ${line} (${textAt(block, 'id') ?? ''})`
    case 'child_database':
      return `Database: ${line} (${textAt(block, 'id') ?? ''})`
    case 'link_to_page':
      return `Link to ${line}`
    default:
      return line === '' && prefixes[type] === undefined && type !== 'paragraph'
        ? `[${type}]`
        : `${prefixes[type] ?? ''}${line}`
  }
}

function tableOf(rows: readonly JsonObject[]): string {
  const cells = rows.map((row) => {
    const list = contentOf(row).cells
    return Array.isArray(list) ? list.map(richTextMarkdown) : []
  })
  const [header = [], ...rest] = cells
  return table(header, rest)
}
