import * as z from 'zod'
import { asJson, flagAt, isObject, type Json, type JsonObject, objectAt, textAt } from '../json.ts'
import { dictionary } from '../names.ts'
import { plainText } from '../rich-text.ts'
import { present, statesOf } from './compact.ts'
import { iconText, inTrash, notionParent, parentOf } from './objects.ts'
import { valueText } from './property-value.ts'
import { fenced, link, richTextMarkdown, table } from './rich-text-markdown.ts'

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
    inTrash: inTrash(block),
    createdTime: textAt(block, 'created_time'),
    lastEditedTime: textAt(block, 'last_edited_time'),
    content: asJson(contentOf(block)),
  }
}

/**
 * Converts a block to the compact form: its id, its type, its text as Markdown, and what else its content has, such as
 * `checked`, `language`, `icon`, `url` or `caption`.
 */
export function compactBlock(block: JsonObject): Json {
  return present({
    id: textAt(block, 'id'),
    type: textAt(block, 'type'),
    text: textOf(block),
    ...detailsOf(block),
    ...(flagAt(block, 'has_children') && { has_children: true }),
    ...statesOf(block),
  })
}

/** Returns the text of a block as Markdown; empty for blocks without text. */
function textOf(block: JsonObject): string {
  const content = contentOf(block)
  if (Array.isArray(content.rich_text)) {
    return block.type === 'code' ? plainText(content.rich_text) : richTextMarkdown(content.rich_text)
  }
  const expression = textAt(content, 'expression')
  if (expression !== null) return `$$${expression}$$`
  return Array.isArray(content.title) ? richTextMarkdown(content.title) : (textAt(content, 'title') ?? '')
}

/** Keys of the content that {@link textOf} shows, that a request for the children shows, or that name another key. */
const textKeys = new Set(['rich_text', 'title', 'expression', 'children', 'type'])
/** Keys of a block, which those of its content must not replace. */
const blockKeys = new Set(['id', 'text', 'has_children', 'in_trash', 'is_archived', 'is_locked'])

/** Returns the content of a block apart from its text, without defaults. An unchecked to-do is not a default. */
function detailsOf(block: JsonObject): { [key: string]: Json } {
  const content = contentOf(block)
  const details = Object.entries(content).flatMap(([key, value]): [string, Json][] => {
    if (textKeys.has(key) || (value === false && key !== 'checked') || value === 'default') return []
    if (isObject(value) && Object.keys(value).length === 0) return []
    switch (key) {
      case 'caption':
        return [[key, richTextMarkdown(value)]]
      case 'icon':
        return [[key, iconText(content)]]
      case 'cells':
        return [[key, Array.isArray(value) ? value.map(richTextMarkdown) : null]]
      case 'external':
      case 'file':
        return [['url', textAt(value, 'url')]]
      default:
        return [[blockKeys.has(key) ? `content ${key}` : key, asJson(value)]]
    }
  })
  return present(Object.fromEntries(details))
}

/** Where the type of a block begins each of its first lines, and what begins its other lines. */
const prefixes = dictionary<readonly [first: string, others: string]>({
  bulleted_list_item: ['- ', '  '],
  toggle: ['- ', '  '],
  quote: ['> ', '> '],
  callout: ['> ', '> '],
})

/** Details that {@link blockMarkdown} shows within the block. */
const shownInside = new Set(['checked', 'language', 'icon', 'url', 'caption', 'name', 'cells'])

/**
 * Returns blocks as Markdown. A comment before each block has its id, its type, whether it has children, and what else is
 * in its content: `<!-- block 1234… to_do, has children -->`. The rows of a table are one table with their ids.
 */
export function blocksMarkdown(blocks: readonly JsonObject[]): string {
  const parts: string[] = []
  let number = 0
  for (let index = 0; index < blocks.length; index += 1) {
    const block = blocks[index]
    if (!isObject(block)) continue
    if (block.type === 'table_row') {
      const end = blocks.findIndex((one, at) => at > index && one.type !== 'table_row')
      const rows = blocks.slice(index, end === -1 ? blocks.length : end)
      parts.push(rowsMarkdown(rows))
      index += rows.length - 1
      number = 0
      continue
    }
    const first = contentOf(block).list_start_index
    if (block.type === 'numbered_list_item') number = number > 0 ? number + 1 : typeof first === 'number' ? first : 1
    else number = 0
    parts.push(`${headOf(block)}\n${withoutMarks(block, blockMarkdown(block, number))}`)
  }
  return parts.join('\n')
}

function headOf(block: JsonObject): string {
  const others = Object.entries(detailsOf(block)).filter(
    ([key]) => !shownInside.has(key) || (key === 'icon' && block.type !== 'callout'),
  )
  const facts = [
    ...(flagAt(block, 'has_children') ? ['has children'] : []),
    ...(inTrash(block) ? ['in the trash'] : []),
    ...others.map(([key, value]) => (value === true ? key : `${key}: ${valueText(value)}`)),
  ]
  const text = [`block ${textAt(block, 'id') ?? ''} ${textAt(block, 'type') ?? ''}`, ...facts].join(', ')
  // Two hyphens would end the comment.
  return `<!-- ${text.replaceAll('--', '- -').replaceAll(/\s+/g, ' ')} -->`
}

// A text must not look like the head of another block or open a fence that hides the next ones.
const withoutMarks = (block: JsonObject, markdown: string) =>
  block.type === 'code'
    ? markdown
    : markdown
        .replaceAll(/<!--(?=\s*block)/g, '&lt;!--')
        .replaceAll(/^((?:> |- )?[ ]{0,3})(?=`{3,}[^`\n]*$|~{3})/gm, '$1\\')

function blockMarkdown(block: JsonObject, number: number): string {
  const type = textAt(block, 'type') ?? ''
  const text = textOf(block)
  const details = detailsOf(block)
  const caption = typeof details.caption === 'string' ? details.caption : ''
  const heading = /^heading_(\d)$/.exec(type)
  if (heading !== null) return `${'#'.repeat(Number(heading[1]))} ${text.replaceAll('\n', '<br>')}`
  switch (type) {
    case 'numbered_list_item':
      return prefixed(text, `${number}. `, ' '.repeat(`${number}. `.length))
    case 'to_do':
      return prefixed(text, `- [${details.checked === true ? 'x' : ' '}] `, '  ')
    case 'code': {
      const code = fenced(text, typeof details.language === 'string' ? details.language : '')
      return caption === '' ? code : `${code}\n${caption}`
    }
    case 'divider':
      return '---'
    case 'callout': {
      const icon = typeof details.icon === 'string' ? details.icon : ''
      const shown = /^https?:/.test(icon) ? link('icon', icon) : icon
      return prefixed(shown === '' ? text : `${shown} ${text}`, '> ', '> ')
    }
    case 'child_page':
      return `Page: ${text} (${textAt(block, 'id') ?? ''})`
    case 'child_database':
      return `Database: ${text} (${textAt(block, 'id') ?? ''})`
    default: {
      if (typeof details.url === 'string') {
        const address = link(typeof details.name === 'string' ? details.name : type, details.url)
        return caption === '' ? address : `${address} ${caption}`
      }
      const [first, others] = prefixes[type] ?? ['', '']
      return text === '' && first === '' && type !== 'paragraph' ? `[${type}]` : prefixed(text, first, others)
    }
  }
}

const prefixed = (text: string, first: string, others: string) => `${first}${text.replaceAll('\n', `\n${others}`)}`

function rowsMarkdown(rows: readonly JsonObject[]): string {
  const cells = rows.map((row) => {
    const list = contentOf(row).cells
    return [...(Array.isArray(list) ? list.map(richTextMarkdown) : []), textAt(row, 'id') ?? '']
  })
  const columns = Math.max(...cells.map((row) => row.length)) - 1
  return table([...Array.from({ length: columns }, (_, at) => `column ${at + 1}`), 'block id'], cells)
}
