import type { BlockObjectRequest } from '@notionhq/client'
import { type Bounds, countRule, numberRule } from '../tools/bounds.ts'
import { numberIn } from '../tools/numeral.ts'
import { type BlockRules, checkBlockKeys, language, mediaTypes, blockRules as rules, textKeys } from './block-rules.ts'
import { fileSource, icon } from './decoration.ts'
import { checkKeys, type Found, foundAt, onlyValue, type PlaceOf, readFlag } from './input-values.ts'
import { isObject, type JsonObject } from './json.ts'
import { dictionary } from './names.ts'
import {
  addIssue,
  checkCount,
  type InputContext,
  isLine,
  pieces,
  plainText,
  textItems,
  textLimits,
  under,
  unknown,
} from './rich-text.ts'
import { idAt, richText } from './rich-text-input.ts'
import { checkWebAddress } from './urls.ts'

/** A block to be written: its own content and its children. */
export interface NewBlock {
  /** Where the input of the tool has it. */
  readonly path: string
  readonly type: string
  readonly content: JsonObject
  readonly children: readonly NewBlock[]
}

/** The entries of a list in a request: cells of a row, columns, blocks. */
const maxList = 100

// Far more than Notion's own editor allows.
const maxDepth = 20

/**
 * Returns blocks as a model wrote them in Notion's form. A string is a paragraph; `type` and `object` may be missing; the
 * content and the children may be next to the type instead of under it, and the main part of the content may stand for
 * it; rich text is as {@link richText} accepts it, under `rich_text`, `text` or `content`, and a block with more of it than
 * one block holds becomes several. What Notion returns with a block (ids, times, the author) is left out. Adds an issue for
 * any other key, and for two different values of the same one.
 */
export function newBlocks(value: readonly unknown[], context: InputContext, depth = 0): readonly NewBlock[] {
  if (depth > maxDepth) {
    addIssue(context, `must not be nested deeper than ${maxDepth} levels`)
    return []
  }
  return value.flatMap((block, index) => newBlock(block, under(context, index), depth))
}

function newBlock(value: unknown, context: InputContext, depth: number): readonly NewBlock[] {
  if (typeof value === 'string')
    return spread({ path: context.path, type: 'paragraph', content: { rich_text: textItems(value) }, children: [] })
  if (!isObject(value)) {
    addIssue(context, 'must be a block, such as {"paragraph": {"rich_text": […]}}')
    return []
  }
  const type = blockType(value)
  const rule = type === null ? undefined : rules[type]
  if (type === null || rule === undefined) {
    addIssue(context, unknownType(value))
    return []
  }
  const parts = partsOf(value, type, rule, context)
  const { children: list } = parts
  const content = { ...blockContent(type, rule, parts) } as Record<string, unknown>
  const at = list?.context ?? under(under(context, type), 'children')
  if (list !== undefined && !Array.isArray(list.value)) addIssue(at, 'must be a list of blocks')
  const children = Array.isArray(list?.value) ? newBlocks(list.value, at, depth + 1) : []
  if (children.length > 0 && !rule.children) addIssue(at, `must be left out: a ${type} has no children`)
  const [more] = list === undefined ? foundAt(value, ['has_children', 'hasChildren'], context) : []
  if (more?.value === true) addIssue(more.context, 'must be left out, or the children must be included')
  checkFamily(type, Array.isArray(list?.value) ? list.value : [], at)
  if (children.length > 0 && type.startsWith('heading_')) {
    // Only such a heading takes children, and those that follow in later requests would be refused.
    if (content.is_toggleable === false)
      addIssue(parts.placeOf('is_toggleable'), 'must be true: the heading has children')
    content.is_toggleable = true
  }
  return spread({
    path: context.path,
    type,
    content: type === 'table' ? tableContent(content, children, at) : content,
    children,
  })
}

function blockType(block: JsonObject): string | null {
  if (typeof block.type === 'string') return block.type
  return Object.keys(block).find((key) => Object.hasOwn(rules, key)) ?? null
}

function unknownType(block: JsonObject): string {
  const named = typeof block.type === 'string' ? block.type : (Object.keys(block).find((key) => key !== 'object') ?? '')
  return unknown('block type', named, Object.keys(rules))
}

/** What Notion returns with a block, as it names it and as the typed results do. */
const echoed = new Set([
  ...['object', 'id', 'type', 'parent', 'request_id', 'has_children', 'archived', 'in_trash', 'children'],
  ...['created_time', 'created_by', 'last_edited_time', 'last_edited_by'],
  ...['hasChildren', 'inTrash', 'createdTime', 'lastEditedTime'],
])

/** The part of the content that may stand for all of it, by type. */
const mainParts = dictionary<string>({
  equation: 'expression',
  table_row: 'cells',
  link_to_page: 'page_id',
  synced_block: 'synced_from',
  ...Object.fromEntries([...mediaTypes, 'embed', 'bookmark'].map((type) => [type, 'url'])),
})

/** What a caller wrote of a block. */
interface BlockParts {
  readonly own: JsonObject
  /** The place of all of the content. */
  readonly at: InputContext
  readonly placeOf: PlaceOf
  readonly children: Found | undefined
}

/** Returns the content of a block with its places, from under its type and from next to it, and the children. */
function partsOf(block: JsonObject, type: string, rule: BlockRules, context: InputContext): BlockParts {
  const trashed = foundAt(block, ['in_trash', 'archived', 'inTrash'], context).find((one) => one.value === true)
  if (trashed !== undefined) addIssue(trashed.context, 'must not be true. Call notion_block_delete to delete a block')
  // The typed results have the content under `content`, and its plain text next to it.
  const typed = block[type] === undefined && isObject(block.content) && !isTextItem(block.content)
  const held = typed ? block.content : block[type]
  const at = under(context, typed ? 'content' : type)
  const next = Object.fromEntries(
    Object.entries(block).filter(
      ([key]) => !echoed.has(key) && key !== type && !(typed && (key === 'content' || isEcho(key, block))),
    ),
  )
  const isGiven = held !== undefined && held !== null
  const main = isGiven ? mainOf(held, type, rule) : undefined
  const { children: within, ...own } = isGiven ? objectOf(held, main, at) : ({} as JsonObject)
  // The place of a value that is all of the content is that of the content.
  const heldAt: PlaceOf = (key) => (main === undefined ? under(at, key) : at)
  checkBlockKeys(type, rule, next, context)
  checkBlockKeys(type, rule, own, at)
  for (const { value, context: place } of foundAt(next, Object.keys(own), context)) {
    const key = place.path.slice(context.path.length + 1)
    if (own[key] !== null) onlyValue([...foundAt(own, [key], heldAt), { value, context: place }])
  }
  const children = onlyValue([
    ...foundAt({ children: within }, ['children'], at),
    ...foundAt(block, ['children'], context),
  ])
  return {
    own: { ...next, ...own },
    at: isGiven && Object.keys(own).length > 0 ? at : context,
    placeOf: (key) =>
      Object.hasOwn(own, key)
        ? heldAt(key)
        : Object.hasOwn(next, key) || !isGiven
          ? under(context, key)
          : under(at, key),
    children,
  }
}

const isTextItem = (value: JsonObject) => ['text', 'mention', 'equation', 'plain_text'].some((key) => key in value)

const isEcho = (key: string, block: JsonObject) =>
  key === 'text' && (block.text === '' || block.text === plainText((block.content as JsonObject).rich_text))

/** Returns the key of the part that a value under the type of a block is; undefined for an object with the parts. */
function mainOf(value: unknown, type: string, rule: BlockRules): string | undefined {
  const main = rule.texts.includes('rich_text') ? 'rich_text' : mainParts[type]
  if (!isObject(value)) return typeof value === 'string' || Array.isArray(value) ? main : undefined
  const isText = main === 'rich_text' && isTextItem(value) && !('rich_text' in value) && !('text' in value)
  return isText ? main : undefined
}

function objectOf(value: unknown, main: string | undefined, context: InputContext): JsonObject {
  if (main !== undefined) return { [main]: value }
  if (isObject(value)) return value
  addIssue(context, 'must be an object')
  return {}
}

/** Returns a change of a block: its type, and the parts of its content that are replaced. Null clears a part. */
export function blockUpdate(
  value: JsonObject,
  context: InputContext,
): { readonly type: string; readonly content: JsonObject } {
  const type = blockType(value)
  const rule = type === null ? undefined : rules[type]
  if (type === null || rule === undefined) {
    addIssue(context, unknownType(value))
    return { type: '', content: {} }
  }
  const parts = partsOf(value, type, rule, context)
  const { own, children } = parts
  if (type === 'column_list') {
    addIssue(under(context, type), 'has no content of its own: update its columns or their blocks by their ids')
  } else if (Object.keys(own).length === 0 && children === undefined) {
    addIssue(context, 'must contain the new content under its type')
  }
  if (children !== undefined) {
    addIssue(children.context, 'must be left out: append, update or delete the children by their ids')
  }
  const { type: _kind, ...content } = blockContent(type, rule, parts, true)
  const items = content.rich_text
  if (Array.isArray(items) && items.length > textLimits.items) {
    const rule = countRule(items.length, { max: textLimits.items }, pieces)
    const place = parts.placeOf(textKeys.find((key) => own[key] != null) ?? 'rich_text')
    addIssue(place, `${rule}. Append the rest with notion_block_append`)
  }
  return { type, content: wireContent(content) }
}

/** How the keys of content that are neither text nor part of a file are read. */
const readers = dictionary<(value: unknown, context: InputContext) => unknown>({
  checked: readFlag,
  is_toggleable: readFlag,
  has_column_header: readFlag,
  has_row_header: readFlag,
  table_width: tableWidth,
  width_ratio: widthRatio,
  icon,
  language: (value, context) => (typeof value === 'string' ? language(value, context) : notText(context)),
  cells,
  name: (value, context) => (typeof value === 'string' ? value : notText(context)),
  synced_from: original,
})

function blockContent(type: string, rule: BlockRules, parts: BlockParts, update = false): JsonObject {
  const { own, at: context, placeOf } = parts
  const content: Record<string, unknown> = {}
  for (const key of rule.texts) {
    const keys = key === 'rich_text' ? textKeys : [key]
    const given = onlyValue(foundAt(own, keys, placeOf))
    const cleared = update && keys.some((one) => own[one] === null)
    if (given !== undefined) content[key] = (key === 'caption' ? oneList : richText)(given.value, given.context)
    else if (cleared || (key === 'rich_text' && !update)) content[key] = []
  }
  for (const key of rule.keys) {
    const [value, at] = [own[key], placeOf(key)]
    const read = readers[key]
    if (value === undefined || (value === null && key !== 'synced_from')) {
      // Notion refuses null for these parts of a block.
      if (value === null && update && key === 'color') content.color = 'default'
      else if (value === null && update) addIssue(at, 'must not be null: Notion cannot clear it')
    } else if (read !== undefined) content[key] = read(value, at)
    else if (!sourceKeys.includes(key) || type === 'embed' || type === 'bookmark') content[key] = value
  }
  if (type === 'code' && !update) content.language ??= 'plain text'
  if (type === 'synced_block' && !update) content.synced_from ??= null
  if (type === 'table_row') content.cells ??= cells(own.cells, placeOf('cells'))
  if (type === 'equation') isLine(own.expression, { max: textLimits.equation }, placeOf('expression'))
  if ((type === 'embed' || type === 'bookmark') && !(update && own.url === undefined)) {
    if (typeof own.url === 'string') checkWebAddress(own.url, placeOf('url'))
    else addIssue(placeOf('url'), 'must be a string')
  }
  if (type === 'link_to_page') return linkTarget(parts)
  if (mediaTypes.includes(type)) {
    const source = Object.fromEntries(sourceKeys.flatMap((key) => (own[key] == null ? [] : [[key, own[key]]])))
    if (Object.keys(source).length > 0 || !update) Object.assign(content, fileSource(source, context, placeOf))
  }
  return content
}

function tableWidth(value: unknown, context: InputContext): number | undefined {
  const number = numberOf(value, context)
  if (number === null) return undefined
  if (Number.isInteger(number) && number >= 1 && number <= maxList) return number
  addIssue(context, Number.isInteger(number) ? numberRule(number, { min: 1, max: maxList }) : 'must be a whole number')
  return undefined
}

function widthRatio(value: unknown, context: InputContext): number {
  const number = numberOf(value, context)
  if (number !== null && (number <= 0 || number >= 1))
    addIssue(context, `must be more than 0 and less than 1, as a share of the whole width, not ${number}`)
  return number ?? 0.5
}

function numberOf(value: unknown, context: InputContext): number | null {
  const number = typeof value === 'string' ? numberIn(value) : value
  if (typeof number === 'number' && Number.isFinite(number)) return number
  addIssue(context, 'must be a number')
  return null
}

function notText(context: InputContext): string {
  addIssue(context, 'must be a string')
  return ''
}

/** Returns what a synced block shows: null for an original, otherwise the id of one. */
function original(value: unknown, context: InputContext): unknown {
  if (value === null) return null
  if (!isObject(value)) return { type: 'block_id', block_id: idAt(value, 'block', context) }
  checkKeys(value, ['type', 'block_id'], context, 'in a synced_from')
  return { type: 'block_id', block_id: idAt(value.block_id, 'block', under(context, 'block_id')) }
}

const sourceKeys = ['type', 'url', 'external', 'file_upload']

const linkKinds = { page_id: 'page', database_id: 'database', comment_id: 'comment' } as const

function linkTarget({ own, at: context, placeOf }: BlockParts): JsonObject {
  const kinds = Object.keys(linkKinds) as (keyof typeof linkKinds)[]
  const [key, second] = [...kinds, 'url' as const].filter((one) => own[one] != null)
  if (key === undefined || second !== undefined) {
    addIssue(context, `must have exactly one of: ${kinds.join(', ')}`)
    return {}
  }
  // A link alone does not show what it leads to; a type next to it may.
  const kind = key !== 'url' ? key : (kinds.find((one) => one === own.type) ?? 'page_id')
  if (own.type != null && own.type !== kind) addIssue(placeOf('type'), `must be "${kind}", as the content is`)
  return { type: kind, [kind]: idAt(own[key], linkKinds[kind], placeOf(key)) }
}

function cells(value: unknown, context: InputContext): unknown {
  if (!Array.isArray(value)) {
    addIssue(context, 'must be a list with the rich text of each cell')
    return []
  }
  checkCount(value.length, { max: maxList }, context, ['cell', 'cells'])
  return value.map((cell, index) => oneList(cell, under(context, index)))
}

/** Returns rich text that no second block continues. */
function oneList(value: unknown, context: InputContext): ReturnType<typeof richText> {
  const items = richText(value, context)
  checkCount(items.length, { max: textLimits.items }, context, pieces)
  return items
}

function tableContent(content: JsonObject, rows: readonly NewBlock[], context: InputContext): JsonObject {
  const widths = rows.map((row) => (Array.isArray(row.content.cells) ? row.content.cells.length : 0))
  const width = typeof content.table_width === 'number' ? content.table_width : Math.max(1, ...widths)
  for (const [index, cells] of widths.entries()) {
    if (cells !== width)
      addIssue(under(context, index), `must have ${width} cells, as the table is ${width} wide, not ${cells}`)
  }
  return { ...content, table_width: width }
}

const childTypes = dictionary<{ readonly type: string } & Bounds>({
  table: { type: 'table_row', min: 1 },
  // One request creates them all.
  column_list: { type: 'column', min: 2, max: maxList },
  tab: { type: 'paragraph', min: 1 },
})

function checkFamily(type: string, children: readonly unknown[], context: InputContext): void {
  const wanted = childTypes[type]
  if (wanted === undefined) return
  checkCount(children.length, wanted, context, [`${wanted.type} block`, `${wanted.type} blocks`])
  for (const [index, child] of children.entries()) {
    const found = isObject(child) ? blockType(child) : 'paragraph'
    if (found !== wanted.type) addIssue(under(context, index), `must be a ${wanted.type} block`)
  }
}

// 2000 characters can take 6000 bytes and more, and a request contains more than one block's text.
const maxTextBytes = 300_000

/** Splits a block with more rich text than one block holds. The last part gets the children, and the caption. */
function spread(block: NewBlock): readonly NewBlock[] {
  const items = block.content.rich_text
  if (!Array.isArray(items) || items.length <= 1) return [block]
  const parts: unknown[][] = [[]]
  let bytes = 0
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item))
    const part = parts.at(-1) ?? []
    if (part.length > 0 && (part.length >= textLimits.items || bytes + size > maxTextBytes)) {
      parts.push([item])
      bytes = size
    } else {
      part.push(item)
      bytes += size
    }
  }
  const { caption: _, ...first } = block.content
  return parts.map((rich_text, index) => ({
    ...block,
    content: index === parts.length - 1 ? { ...block.content, rich_text } : { ...first, rich_text },
    children: index === parts.length - 1 ? block.children : [],
  }))
}

/** Returns the block as a request holds it, with the given children instead of its own. */
export function wireBlock(block: NewBlock, children: readonly BlockObjectRequest[]): BlockObjectRequest {
  const content = wireContent(block.content)
  // The content was checked for the type, which names the member of the SDK's union.
  return {
    object: 'block',
    type: block.type,
    [block.type]: children.length > 0 ? { ...content, children } : content,
  } as unknown as BlockObjectRequest
}

/** Returns the block with everything under it. */
export function wireTree(block: NewBlock): BlockObjectRequest {
  return wireBlock(block, block.children.map(wireTree))
}

const wireContent = (content: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined))
