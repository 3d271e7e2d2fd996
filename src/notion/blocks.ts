import type { BlockObjectRequest } from '@notionhq/client'
import { type BlockRules, checkBlockKeys, language, blockRules as rules } from './block-rules.ts'
import { icon, picture } from './decoration.ts'
import { isObject, type JsonObject } from './json.ts'
import { addIssue, type InputContext, richText, textItems, textLimits, under, unknown } from './rich-text.ts'

/** A block to be written: its own content and its children. */
export interface NewBlock {
  readonly type: string
  readonly content: JsonObject
  readonly children: readonly NewBlock[]
}

// Far more than Notion's own editor allows.
const maxDepth = 20

/**
 * Returns blocks as a model wrote them in Notion's form. A string is a paragraph; `type` and `object` may be missing;
 * children may be next to the content instead of in it; rich text is as {@link richText} accepts it, and a block with
 * more of it than one block holds becomes several.
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
    return spread({ type: 'paragraph', content: { rich_text: textItems(value) }, children: [] })
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
  const inner = value[type] === undefined ? {} : value[type]
  if (!isObject(inner)) {
    addIssue(under(context, type), 'must be an object')
    return []
  }
  const { children: within, ...own } = inner
  const content = blockContent(type, rule, own, under(context, type))
  const list = within ?? value.children ?? []
  const at = under(under(context, type), 'children')
  if (!Array.isArray(list)) addIssue(at, 'must be a list of blocks')
  const children = Array.isArray(list) ? newBlocks(list, at, depth + 1) : []
  if (children.length > 0 && !rule.children) addIssue(at, `must be left out: a ${type} has no children`)
  checkFamily(type, children, at)
  return spread({ type, content: type === 'table' ? tableContent(content, children, at) : content, children })
}

function blockType(block: JsonObject): string | null {
  if (typeof block.type === 'string') return block.type
  return Object.keys(block).find((key) => Object.hasOwn(rules, key)) ?? null
}

function unknownType(block: JsonObject): string {
  const named = typeof block.type === 'string' ? block.type : (Object.keys(block).find((key) => key !== 'object') ?? '')
  return unknown('block type', named, Object.keys(rules))
}

/** Returns a change of a block: its type, and the parts of its content that are replaced. */
export function blockUpdate(
  value: JsonObject,
  context: InputContext,
): { readonly type: string; readonly content: JsonObject } {
  const type = blockType(value)
  const rule = type === null ? undefined : rules[type]
  const inner = type === null ? undefined : value[type]
  if (type === null || rule === undefined || !isObject(inner)) {
    addIssue(context, rule === undefined ? unknownType(value) : 'must contain the new content under its type')
    return { type: '', content: {} }
  }
  if (type === 'column_list') {
    addIssue(under(context, type), 'has no content of its own: update its columns or their blocks by their ids')
  }
  const { children, type: _type, ...own } = inner
  if (children !== undefined || value.children !== undefined) {
    addIssue(under(context, type), 'must not contain children: append, update or delete them by their ids')
  }
  const { type: _kind, ...content } = blockContent(type, rule, own, under(context, type), true)
  const items = content.rich_text
  if (Array.isArray(items) && items.length > textLimits.items) {
    addIssue(under(context, type), `must fit into one block: append the rest with notion_block_append`)
  }
  return { type, content: wireContent(content) }
}

function blockContent(
  type: string,
  rule: BlockRules,
  own: JsonObject,
  context: InputContext,
  update = false,
): JsonObject {
  checkBlockKeys(type, rule, own, context)
  // Notion refuses most keys whose value is null.
  const content: Record<string, unknown> = Object.fromEntries(
    Object.entries(own).filter(([key, value]) => value !== null || key === 'synced_from'),
  )
  for (const key of rule.texts) {
    if (key === 'rich_text' && (own.rich_text ?? own.text ?? (update ? undefined : [])) !== undefined) {
      content[key] = richText(own.rich_text ?? own.text ?? [], under(context, key))
    } else if (own[key] !== undefined) content[key] = richText(own[key], under(context, key))
  }
  if (rule.texts.includes('rich_text')) delete content.text
  if (type === 'code' && typeof own.language === 'string') {
    content.language = language(own.language, under(context, 'language'))
  } else if (type === 'code' && !update) content.language = 'plain text'
  if (type === 'callout' && own.icon !== undefined) {
    if (own.icon === null) delete content.icon
    else content.icon = icon(own.icon, under(context, 'icon'))
  }
  if (type === 'table_row') content.cells = cells(own.cells, under(context, 'cells'))
  if (type === 'equation' && (typeof own.expression !== 'string' || own.expression.length > textLimits.equation)) {
    addIssue(under(context, 'expression'), `must be a string of at most ${textLimits.equation} characters`)
  }
  if ((type === 'embed' || type === 'bookmark') && (typeof own.url !== 'string' || own.url.length > textLimits.url)) {
    addIssue(under(context, 'url'), `must be a URL of at most ${textLimits.url} characters`)
  }
  if (['image', 'video', 'pdf', 'file', 'audio'].includes(type)) {
    const named = own.url !== undefined || own.external !== undefined || own.file_upload !== undefined
    if (named || !update) Object.assign(content, mediaSource(own, context))
  }
  return content
}

function mediaSource(own: JsonObject, context: InputContext): JsonObject {
  const address = typeof own.url === 'string' ? own.url : own
  const found = picture(address, context)
  return found === null ? {} : { ...found, url: undefined }
}

function cells(value: unknown, context: InputContext): unknown {
  if (!Array.isArray(value)) {
    addIssue(context, 'must be a list with the rich text of each cell')
    return []
  }
  return value.map((cell, index) => richText(cell, under(context, index)))
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

const childTypes: Readonly<Record<string, { readonly type: string; readonly min: number }>> = {
  table: { type: 'table_row', min: 1 },
  column_list: { type: 'column', min: 2 },
}

function checkFamily(type: string, children: readonly NewBlock[], context: InputContext): void {
  const wanted = childTypes[type]
  if (wanted === undefined) return
  if (children.length < wanted.min) addIssue(context, `must have at least ${wanted.min} ${wanted.type} blocks`)
  if (children.some((child) => child.type !== wanted.type)) addIssue(context, `must be ${wanted.type} blocks`)
}

// 2000 characters can take 6000 bytes and more, and a request contains more than one block's text.
const maxTextBytes = 300_000

/** Splits a block with more rich text than one block holds. The last part gets the children. */
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
  return parts.map((rich_text, index) => ({
    ...block,
    content: { ...block.content, rich_text },
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
