/** The tree of pages, blocks and databases: parents, order of children, trash and edit times. */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { Block, Database, DataSource, Id, Page, Parent, Stamps } from '../model.ts'
import { isInTrash, parentRecord } from '../render/frame.ts'
import type { NewBlock } from '../validation/blocks.ts'

type Content = Page | Block | Database | DataSource

/** A position among the children of a page or block. */
export type Place = { readonly at: 'start' | 'end' } | { readonly after: Id }

/** The default position. */
export const atEnd: Place = { at: 'end' }

/** Returns the stamps of content that this call creates. */
export function newStamps(context: CallContext): Stamps {
  const now = context.now().getTime()
  const by = context.access.bot.id
  return { createdTime: now, lastEditedTime: now, createdBy: by, lastEditedBy: by }
}

/** Returns the changed stamps of content that this call edits. */
export function editStamps(context: CallContext): Pick<Stamps, 'lastEditedTime' | 'lastEditedBy'> {
  return { lastEditedTime: context.now().getTime(), lastEditedBy: context.access.bot.id }
}

/** Stores a changed record in its table. */
export function save(context: CallContext, record: Content): void {
  const { store } = context
  if ('databaseId' in record) store.dataSources.put(record)
  else if ('dataSourceIds' in record) store.databases.put(record)
  else if ('content' in record) store.blocks.put(record)
  else store.pages.put(record)
}

/** Updates the edit stamps of the page that contains a block, and not of the blocks between them. */
export function touchPageOf(context: CallContext, record: Content): void {
  // The stored record may be newer than `record`, which must not be stored again.
  let at = context.store.find(record.id)
  for (; at !== undefined; at = parentRecord(context.store, at)) {
    if ('isArchived' in at) {
      context.store.pages.put({ ...at, ...editStamps(context) })
      return
    }
  }
}

/** Throws 400 `validation_error` when a record or one of its ancestors is in the trash. */
export function requireNotInTrash(context: CallContext, record: Content, kind = 'block'): void {
  if (record.inTrash) {
    throw validationError(`Can't edit ${kind} that is archived. You must unarchive the ${kind} before editing.`)
  }
  const parent = parentRecord(context.store, record)
  if (parent !== undefined && isInTrash(context.store, parent)) {
    throw validationError(
      `Can't edit ${kind} on block with an archived ancestor. You must unarchive the ancestor before editing.`,
    )
  }
}

/** Returns a page or block as the parent of its children. */
export function parentFor(record: Page | Block): Parent {
  return 'content' in record ? { type: 'block_id', id: record.id } : { type: 'page_id', id: record.id }
}

/** Returns a list of children with more ids at a position. */
function placed(children: readonly Id[], added: readonly Id[], place: Place): Id[] {
  if ('after' in place) {
    const index = children.indexOf(place.after)
    if (index >= 0) return [...children.slice(0, index + 1), ...added, ...children.slice(index + 1)]
  }
  return 'at' in place && place.at === 'start' ? [...added, ...children] : [...children, ...added]
}

/** Adds ids to the children of a page or block. The caller sets the parent of their records. */
export function attach(context: CallContext, parentId: Id, ids: readonly Id[], place: Place = atEnd): void {
  const { pages, blocks } = context.store
  const page = pages.get(parentId)
  if (page !== undefined) {
    pages.put({ ...page, children: placed(page.children, ids, place), ...editStamps(context) })
    return
  }
  const block = blocks.get(parentId)
  if (block === undefined) return
  blocks.put({ ...block, children: placed(block.children, ids, place), ...editStamps(context) })
  touchPageOf(context, block)
}

/** Removes an id from the children of a page or block. */
export function detach(context: CallContext, parent: Parent, id: Id): void {
  if (parent.type === 'workspace') return
  const record = context.store.find(parent.id)
  if (record === undefined || !('children' in record)) return
  save(context, { ...record, children: record.children.filter((child) => child !== id), ...editStamps(context) })
}

/** Creates blocks with their children and returns their ids. The caller adds the ids to the children of the parent. */
export function createBlocks(context: CallContext, parent: Parent, blocks: readonly NewBlock[]): Id[] {
  return blocks.map((block) => {
    const id = context.newId()
    const children = createBlocks(context, { type: 'block_id', id }, block.children)
    context.store.blocks.put({
      id,
      workspaceId: context.access.workspace.id,
      parent,
      type: block.type,
      content: block.content,
      inTrash: false,
      children,
      ...newStamps(context),
    })
    return id
  })
}

/** Returns blocks as new blocks with the same content, without pages and databases. */
export function copyOf(context: CallContext, ids: readonly Id[]): NewBlock[] {
  return ids.flatMap((id) => {
    const block = context.store.blocks.get(id)
    if (block === undefined || block.inTrash) return []
    return [{ type: block.type, content: block.content, children: copyOf(context, block.children) }]
  })
}

/** Moves content to the trash or restores it. */
export function setTrash(context: CallContext, record: Content, inTrash: boolean): void {
  if (record.inTrash === inTrash) return
  save(context, { ...record, inTrash, ...editStamps(context) })
  if ('content' in record) touchPageOf(context, record)
}

/** Returns whether a record is the ancestor or is below it. */
export function isWithin(context: CallContext, record: Content, ancestorId: Id): boolean {
  for (let at: Content | undefined = record; at !== undefined; at = parentRecord(context.store, at)) {
    if (at.id === ancestorId) return true
  }
  return false
}
