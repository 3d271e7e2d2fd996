import type { AppendBlockChildrenParameters, BlockObjectRequest } from '@notionhq/client'
import { OutcomeUnknownError } from '../errors.ts'
import { type NewBlock, wireBlock, wireTree } from './blocks.ts'
import { afterWriting, type NotionCall, rereadChildren } from './call.ts'
import { uuidAt } from './ids.ts'
import { type JsonObject, objectsAt, textAt } from './json.ts'
import type { InputNames } from './places.ts'

/** What one request may contain (https://developers.notion.com/reference/request-limits), with some room in the bytes. */
const limits = { list: 100, blocks: 1000, bytes: 400_000, levels: 3 } as const

/** Where the first of the blocks goes; the others follow it. */
export type Position = NonNullable<AppendBlockChildrenParameters['position']>

/** Returns as many of the first blocks as one request takes with everything under them, and the rest. */
export function firstPart(blocks: readonly NewBlock[]): {
  readonly sent: BlockObjectRequest[]
  readonly rest: readonly NewBlock[]
} {
  const sent: BlockObjectRequest[] = []
  let count = 0
  let bytes = 0
  for (const block of blocks) {
    const wire = wireTree(block)
    count += countOf(block)
    bytes += sizeOf(wire)
    if (!fits(block, 0) || sent.length >= limits.list || count > limits.blocks || bytes > limits.bytes) break
    sent.push(wire)
  }
  return { sent, rest: blocks.slice(sent.length) }
}

/**
 * Appends blocks to a page or block, in order, in as many requests as Notion's limits require: 100 in a list, two levels
 * of nesting, 1000 blocks and 500 KB a request. A block whose subtree is too much for one request is sent without its
 * children, which follow under its id. Returns the body of the first request with the blocks of all requests that were
 * appended to the parent itself. If a request fails after another was written, the error names all that was written.
 */
export async function appendBlocks(
  call: NotionCall,
  parentId: string,
  blocks: readonly NewBlock[],
  position?: Position,
): Promise<JsonObject> {
  const written: string[] = []
  const done = () => `${written.length} blocks were appended to ${parentId} or below.`
  return afterWriting(written, done, () => appendTo(call, parentId, blocks, written, { position, name: 'children' }))
}

/**
 * {@link appendBlocks} as a part of a larger write: adds the ids of what it writes to `written`, for the error of the
 * caller. `name` is the name of the blocks in the input of the tool.
 */
export async function appendTo(
  call: NotionCall,
  parentId: string,
  blocks: readonly NewBlock[],
  written: string[],
  { position, name }: { readonly position?: Position | undefined; readonly name: string },
): Promise<JsonObject> {
  const bodies: JsonObject[] = []
  let place = position
  for (const batch of batches(blocks)) {
    const body = await appendOnce(call, parentId, batch, place, name)
    const ids = objectsAt(body, 'results').map((block) => uuidAt(block, 'id') ?? '')
    written.push(...ids.filter((id) => id !== ''))
    const last = ids.at(-1)
    // "start" and "after" are about the first batch. The next ones follow the blocks that were just added.
    if (place !== undefined && place.type !== 'end' && last !== undefined) {
      place = { type: 'after_block', after_block: { id: last } }
    }
    for (const [index, item] of batch.entries()) {
      if (item.later.length > 0 || item.within !== undefined) await finish(call, named(ids[index]), item, written, name)
    }
    bodies.push(withChildren(body, batch))
  }
  const [first, ...others] = bodies
  if (first === undefined) return { object: 'list', results: [], next_cursor: null, has_more: false }
  return others.length === 0 ? first : { ...first, results: bodies.flatMap((body) => objectsAt(body, 'results')) }
}

/** Returns the body of a request with `has_children` of the blocks whose children were all appended after it. */
function withChildren(body: JsonObject, batch: readonly Item[]): JsonObject {
  if (batch.every(({ later }) => later.length === 0)) return body
  const results = objectsAt(body, 'results').map((block, index) =>
    (batch[index]?.later.length ?? 0) > 0 ? { ...block, has_children: true } : block,
  )
  return { ...body, results }
}

/** Returns the id of a block that was added; its children are appended under it. */
function named(id: string | undefined): string {
  if (id !== undefined && id !== '') return id
  throw new OutcomeUnknownError('Notion did not name all the blocks that it added.')
}

/** Returns where the input of the tool has the blocks of a request, by their places in the request. */
export function blockPlaces(blocks: readonly NewBlock[], list = 'children'): InputNames {
  const places = blocks.map((block, index): InputNames => {
    const at = `${list}.${index}`
    return { [at]: block.path, ...blockPlaces(block.children, `${at}.${block.type}.children`) }
  })
  return Object.assign({}, ...places)
}

interface Item {
  readonly block: NewBlock
  readonly wire: BlockObjectRequest
  /** Children that did not fit into the request. */
  readonly later: readonly NewBlock[]
  /** The blocks of the request, if it has them, whose own children are appended under them later. */
  readonly within?: readonly { readonly block: NewBlock; readonly sent: number }[]
}

async function appendOnce(
  call: NotionCall,
  parentId: string,
  batch: readonly Item[],
  position: Position | undefined,
  name: string,
): Promise<JsonObject> {
  const children = batch.map((item) => item.wire)
  return call.write(
    (notion) =>
      notion.blocks.children.append({ block_id: parentId, children, ...(position !== undefined && { position }) }),
    {
      target: { id: parentId, kind: 'block' },
      get names() {
        const places = blockPlaces(batch.map(({ block }) => block))
        return { children: name, 'position.after_block.id': 'after_block_id', ...places }
      },
      reread: rereadChildren(parentId),
    },
  )
}

/** Appends what did not fit into a request under a block that it created. */
async function finish(call: NotionCall, id: string, item: Item, written: string[], name: string): Promise<void> {
  if (item.within === undefined) {
    await appendTo(call, id, item.later, written, { name })
    return
  }
  // Notion answers with the outer block alone. Its columns or tabs must be listed before anything is appended to them.
  const ids = await childIds(call, id)
  for (const [index, { block, sent }] of item.within.entries()) {
    await appendTo(call, named(ids[index]), block.children.slice(sent), written, { name })
  }
  await appendTo(call, id, item.later, written, { name })
}

async function childIds(call: NotionCall, id: string): Promise<readonly string[]> {
  const body = await call.read((notion) => notion.blocks.children.list({ block_id: id, page_size: 100 }), {
    target: { id, kind: 'block' },
  })
  return objectsAt(body, 'results').map((block) => uuidAt(block, 'id') ?? '')
}

function* batches(blocks: readonly NewBlock[]): Generator<readonly Item[]> {
  let batch: Item[] = []
  let count = 0
  let bytes = 0
  for (const block of blocks) {
    const item = itemOf(block)
    const [items, size] = [countIn(item.wire), sizeOf(item.wire)]
    if (
      batch.length > 0 &&
      (batch.length >= limits.list || count + items > limits.blocks || bytes + size > limits.bytes)
    ) {
      yield batch
      ;[batch, count, bytes] = [[], 0, 0]
    }
    batch.push(item)
    count += items
    bytes += size
  }
  if (batch.length > 0) yield batch
}

function itemOf(block: NewBlock): Item {
  if (fits(block, 0)) return { block, wire: wireTree(block), later: [] }
  if (block.type === 'table') {
    // Notion creates no table without rows.
    const rows = firstWithin(block.children)
    return { block, wire: wireBlock(block, rows.map(wireTree)), later: block.children.slice(rows.length) }
  }
  if (block.type === 'tab') {
    // Notion creates no tab block without tabs.
    const tabs = block.children.slice(0, limits.list)
    const wire = wireBlock(
      block,
      tabs.map((tab) => wireBlock(tab, [])),
    )
    const within = tabs.map((tab) => ({ block: tab, sent: 0 }))
    return { block, wire, later: block.children.slice(tabs.length), within }
  }
  if (block.type === 'column_list') {
    const within = block.children.map((column) => ({
      block: column,
      sent: column.children.slice(0, 1).filter((child) => fits(child, 1)).length,
    }))
    const columns = within.map(({ block: column, sent }) =>
      wireBlock(column, column.children.slice(0, sent).map(wireTree)),
    )
    return { block, wire: wireBlock(block, columns.map(withList)), later: [], within }
  }
  return { block, wire: wireBlock(block, []), later: block.children }
}

// Notion creates no column without a list of children, which may be empty.
function withList(column: BlockObjectRequest): BlockObjectRequest {
  if (!('column' in column) || column.column.children !== undefined) return column
  return { ...column, column: { ...column.column, children: [] } }
}

function firstWithin(rows: readonly NewBlock[]): readonly NewBlock[] {
  let bytes = 0
  const end = rows.findIndex((row, index) => {
    bytes += sizeOf(wireTree(row))
    return index >= limits.list || (index > 0 && bytes > limits.bytes / 2)
  })
  return end === -1 ? rows : rows.slice(0, end)
}

/** Whether one request can contain a block with everything under it at a level of nesting (0 is what it appends). */
function fits(block: NewBlock, level: number): boolean {
  return fitsShape(block, level) && countOf(block) <= limits.blocks && sizeOf(wireTree(block)) <= limits.bytes
}

function fitsShape(block: NewBlock, level: number): boolean {
  if (level >= limits.levels || block.children.length > limits.list) return false
  if (block.type === 'column_list' || block.type === 'column') {
    // Columns are allowed only at the top, and do not count as a level of nesting.
    return level === 0 && block.children.every((child) => fitsShape(child, child.type === 'column' ? 0 : 1))
  }
  // Both have children that must be in the same request.
  if (block.type === 'table') return level < limits.levels - 1
  if (block.type === 'tab' && level >= limits.levels - 1) return false
  return block.children.every((child) => fitsShape(child, level + 1))
}

const countOf = (block: NewBlock): number => block.children.reduce((sum, child) => sum + countOf(child), 1)

function countIn(wire: JsonObject): number {
  const content = wire[textAt(wire, 'type') ?? '']
  return objectsAt(content, 'children').reduce((sum, child) => sum + countIn(child), 1)
}

const sizeOf = (wire: JsonObject): number => Buffer.byteLength(JSON.stringify(wire))
