/**
 * Blocks.
 *
 * @see https://developers.notion.com/reference/block
 */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { Block, Id, JsonObject, Page } from '../model.ts'
import { asObject } from '../query/columns.ts'
import { type AnyBlock, findBlock, isDatabase, isPlainBlock, liveChildren, renderBlock } from '../render/blocks.ts'
import { partOf, renderList } from '../render/lists.ts'
import { childrenOfType, type NewBlock, readBlocks, readBlockUpdate, updatableTypes } from '../validation/blocks.ts'
import { anyObject, InvalidInput, mismatch, missing, notPresent } from '../validation/check.ts'
import { pagingOfQuery } from '../validation/paging.ts'
import { uuid } from '../validation/scalars.ts'
import { bodyOf, pathId, trashKeys, trashOf } from './endpoint.ts'
import { requireUploaded } from './property-writes.ts'
import {
  atEnd,
  attach,
  createBlocks,
  editStamps,
  type Place,
  parentFor,
  requireNotInTrash,
  setTrash,
  touchPageOf,
} from './tree.ts'

/** `GET /v1/blocks/{block_id}`. */
export function retrieveBlock(context: CallContext): unknown {
  return renderBlock(context, context.access.requireVisible('block', pathId(context, 'block_id')))
}

/** `DELETE /v1/blocks/{block_id}`: moves the block to the trash. */
export function deleteBlock(context: CallContext): unknown {
  const block = context.access.requireEditable('block', pathId(context, 'block_id'))
  requireNotInTrash(context, block)
  setTrash(context, block, true)
  return renderBlock(context, findBlock(context, block.id) ?? block)
}

/** Returns the content of a block after an update. A new file of a media block replaces the old one, not the caption. */
function mergedContent(block: Block, change: JsonObject): JsonObject {
  if (typeof change.type === 'string' && typeof block.content.type === 'string') {
    const { caption, name } = block.content
    return { ...(caption !== undefined && { caption }), ...(name !== undefined && { name }), ...change }
  }
  return { ...block.content, ...change }
}

function readChange(block: AnyBlock, body: Record<string, unknown>): JsonObject | undefined {
  const type = isPlainBlock(block) ? block.type : isDatabase(block) ? 'child_database' : 'child_page'
  if (body.type !== undefined && body.type !== type) throw mismatch('body.type', [`\`"${type}"\``], body.type)
  const sent = updatableTypes.find((key) => body[key] !== undefined)
  if (sent === undefined) return undefined
  if (sent !== type) throw notPresent(`body.${sent}`, body[sent])
  return readBlockUpdate(type, body[sent], `body.${sent}`)
}

function checkUpdate(block: Block, change: JsonObject): void {
  if (block.type === 'table_row' && Array.isArray(change.cells) && Array.isArray(block.content.cells)) {
    const [width, found] = [block.content.cells.length, change.cells.length]
    if (width !== found) {
      throw new InvalidInput([`body.table_row.cells.length should be \`${width}\`, instead was \`${found}\`.`])
    }
  }
}

/** `PATCH /v1/blocks/{block_id}`. */
export function updateBlock(context: CallContext): unknown {
  const block = context.access.requireEditable('block', pathId(context, 'block_id'))
  const body = bodyOf(context, [...updatableTypes, ...trashKeys(context), 'type', 'object'])
  const inTrash = trashOf(context, body)
  if (inTrash !== false || !block.inTrash) requireNotInTrash(context, block)
  const change = readChange(block, body)
  if (change !== undefined && isPlainBlock(block)) {
    checkUpdate(block, change)
    requireUploaded(context, change)
    context.store.blocks.put({ ...block, content: mergedContent(block, change), ...editStamps(context) })
    touchPageOf(context, block)
  }
  const changed = findBlock(context, block.id) ?? block
  if (inTrash !== undefined) setTrash(context, changed, inTrash)
  return renderBlock(context, findBlock(context, block.id) ?? changed)
}

/** Returns the ids of the children of a page or block. A synced copy has the children of its original. */
function childIds(context: CallContext, record: Page | Block): readonly Id[] {
  if (!isPlainBlock(record) || record.type !== 'synced_block') return record.children
  const from = asObject(record.content.synced_from).block_id
  const original = typeof from === 'string' ? context.store.blocks.get(from) : undefined
  return original !== undefined && context.access.canSee(original.id) ? original.children : record.children
}

/** `GET /v1/blocks/{block_id}/children`. */
export function listChildren(context: CallContext): unknown {
  const parent = context.access.requireVisible('block', pathId(context, 'block_id'))
  const paging = pagingOfQuery(context)
  const children = isDatabase(parent) ? [] : liveChildren(context, childIds(context, parent))
  const visible = children.filter((child) => isPlainBlock(child) || context.access.canSee(child.id))
  const { elements, next } = partOf(visible, paging, ({ id }) => id)
  return renderList(
    'block',
    elements.map((child) => renderBlock(context, child)),
    next,
  )
}

/** Returns the position in a request: `position`, or `after` before version 2026-03-11. */
function readPlace(body: Record<string, unknown>): Place {
  if (body.after !== undefined) {
    if (body.position !== undefined) throw new InvalidInput(['body.after cannot be combined with body.position.'])
    return { after: uuid.read(body.after, 'body.after') }
  }
  if (body.position === undefined) return atEnd
  const source = anyObject.read(body.position, 'body.position', ['`undefined`'])
  if (source.type === 'start') return { at: 'start' }
  if (source.type === 'end') return atEnd
  if (source.type !== 'after_block') {
    throw mismatch('body.position.type', ['`"after_block"`', '`"start"`', '`"end"`'], source.type)
  }
  const after = anyObject.read(source.after_block, 'body.position.after_block')
  return { after: uuid.read(after.id, 'body.position.after_block.id') }
}

/** Throws 404 when a block refers to an unknown upload, and 400 when the upload has no content yet. */
export function requireUploads(context: CallContext, blocks: readonly NewBlock[]): void {
  for (const block of blocks) {
    requireUploaded(context, block.content)
    requireUploads(context, block.children)
  }
}

/**
 * Throws when the parent does not accept the blocks: tables accept only rows, lists of columns only columns, and only
 * they accept them. `parent` is undefined for a page.
 */
export function requireValidChildren(parent: Block | undefined, blocks: readonly NewBlock[]): void {
  const rule = parent === undefined ? 'any' : childrenOfType(parent.type)
  const isClosed = parent?.type.startsWith('heading_') === true && parent.content.is_toggleable !== true
  if (rule === 'none' || isClosed) throw validationError('Block does not support children.')
  const required = { rows: 'table_row', columns: 'column', tabs: 'paragraph', none: undefined, any: undefined }[rule]
  blocks.forEach((block, index) => {
    const isMisplaced = required === undefined && (block.type === 'table_row' || block.type === 'column')
    if (isMisplaced || (required !== undefined && block.type !== required)) {
      const kind = parent?.type ?? 'page'
      throw new InvalidInput([`body.children[${index}] of type ${block.type} cannot be a child of a ${kind}.`])
    }
  })
}

/** `PATCH /v1/blocks/{block_id}/children`. */
export function appendChildren(context: CallContext): unknown {
  const parent = context.access.requireEditable('block', pathId(context, 'block_id'))
  const isOld = context.version !== '2026-03-11'
  const body = bodyOf(context, isOld ? ['children', 'position', 'after'] : ['children', 'position'])
  if (body.children === undefined) throw missing('body.children')
  const blocks = readBlocks(body.children, 'body.children')
  const place = readPlace(body)
  if (isDatabase(parent)) throw validationError('Block does not support children.')
  requireNotInTrash(context, parent)
  requireValidChildren(isPlainBlock(parent) ? parent : undefined, blocks)
  requireUploads(context, blocks)
  if ('after' in place && !parent.children.includes(place.after)) {
    throw validationError(`Could not find block with ID: ${place.after} among the children of the parent.`)
  }
  const ids = createBlocks(context, parentFor(parent), blocks)
  attach(context, parent.id, ids, place)
  return renderList(
    'block',
    liveChildren(context, ids).map((block) => renderBlock(context, block)),
    null,
  )
}
