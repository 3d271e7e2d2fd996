/**
 * Blocks in responses.
 *
 * @see https://developers.notion.com/reference/block
 */
import type { CallContext } from '../context.ts'
import type { Block, Database, Id, Json, JsonObject, Page, StoredRichText } from '../model.ts'
import { asObject } from '../query/columns.ts'
import { fileName, renderFile, renderIcon } from './files.ts'
import { isInTrash, renderParent, renderStamps, renderTrash } from './frame.ts'
import { renderRichText, titleOf } from './rich-text.ts'

/** A record that can be in a list of children. */
export type AnyBlock = Block | Page | Database

/** Returns whether a record is a block other than a page or database. */
export function isPlainBlock(record: AnyBlock): record is Block {
  return 'content' in record
}

/** Returns whether a record is a database. */
export function isDatabase(record: AnyBlock): record is Database {
  return 'dataSourceIds' in record
}

/** Returns the block, page or database with this id. */
export function findBlock(context: CallContext, id: Id): AnyBlock | undefined {
  const { blocks, pages, databases } = context.store
  return blocks.get(id) ?? pages.get(id) ?? databases.get(id)
}

/** Returns the children of a page or block in display order, without those in the trash. */
export function liveChildren(context: CallContext, ids: readonly Id[]): AnyBlock[] {
  return ids.flatMap((id) => {
    const child = findBlock(context, id)
    return child === undefined || child.inTrash ? [] : [child]
  })
}

const mediaTypes = new Set(['image', 'video', 'pdf', 'audio', 'file'])

/** Fields that contain rich text in all types. */
const textFields = ['rich_text', 'caption', 'title'] as const

function isStoredRichText(value: Json | undefined): value is string | readonly Json[] {
  return typeof value === 'string' || Array.isArray(value)
}

const coloredText = { rich_text: '', color: 'default' }
const headingDefaults = { ...coloredText, is_toggleable: false }
const withCaption = { caption: '' }

/** Notion's defaults for missing fields. */
const defaults: Readonly<Record<string, JsonObject>> = {
  paragraph: { ...coloredText, icon: null },
  heading_1: headingDefaults,
  heading_2: headingDefaults,
  heading_3: headingDefaults,
  heading_4: headingDefaults,
  bulleted_list_item: coloredText,
  numbered_list_item: coloredText,
  quote: coloredText,
  toggle: coloredText,
  to_do: { ...coloredText, checked: false },
  callout: { ...coloredText, icon: null },
  template: { rich_text: '' },
  code: { rich_text: '', caption: '', language: 'plain text' },
  table_of_contents: { color: 'default' },
  embed: withCaption,
  bookmark: withCaption,
  table: { has_column_header: false, has_row_header: false },
}

function renderContent(context: CallContext, block: Block): JsonObject {
  const content: Record<string, Json> = { ...defaults[block.type], ...block.content }
  for (const field of textFields) {
    const value = content[field]
    if (isStoredRichText(value)) content[field] = renderRichText(context, value as StoredRichText)
  }
  if (block.type === 'table_row' && Array.isArray(content.cells)) {
    content.cells = content.cells.map((cell) => renderRichText(context, cell as StoredRichText))
  }
  if (block.type === 'callout' || content.icon !== undefined) {
    const icon = content.icon ?? null
    content.icon = icon === null ? null : renderIcon(context, asObject(icon))
  }
  if (!mediaTypes.has(block.type)) return content
  const { caption, name } = content
  const named = block.type === 'file' ? { name: name ?? fileName(context, block.content) } : {}
  return { ...renderFile(context, block.content), caption: caption ?? [], ...named }
}

/** Returns the fields that all blocks have. */
function blockFrame(context: CallContext, record: AnyBlock, hasChildren: boolean): JsonObject {
  return {
    object: 'block',
    id: record.id,
    parent: renderParent(context, record.parent),
    ...renderStamps(record),
    has_children: hasChildren,
    ...renderTrash(context, isInTrash(context.store, record)),
  }
}

/** Returns the name of a type in the version of the call. */
function typeIn(context: CallContext, type: string): string {
  return type === 'meeting_notes' && context.version !== '2026-03-11' ? 'transcription' : type
}

/** Returns a block object. Pages and databases become `child_page` and `child_database`. */
export function renderBlock(context: CallContext, record: AnyBlock): JsonObject {
  if (isDatabase(record)) {
    const title = titleOf(context.store, record.id)
    return { ...blockFrame(context, record, false), type: 'child_database', child_database: { title } }
  }
  const hasChildren = record.children.some((id) => findBlock(context, id)?.inTrash === false)
  if (!isPlainBlock(record)) {
    const title = titleOf(context.store, record.id)
    return { ...blockFrame(context, record, hasChildren), type: 'child_page', child_page: { title } }
  }
  const type = typeIn(context, record.type)
  return { ...blockFrame(context, record, hasChildren), type, [type]: renderContent(context, record) }
}
