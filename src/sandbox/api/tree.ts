/** The tree of pages, blocks and databases: what hangs where, in which order, and when it was changed. */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { Block, Database, DataSource, Id, Page, Parent, Stamps } from '../model.ts'
import { isInTrash, parentRecord } from '../render/frame.ts'
import type { NewBlock } from '../validation/blocks.ts'

type Content = Page | Block | Database | DataSource

/** Where among the children something is put. */
export type Place = { readonly at: 'start' | 'end' } | { readonly after: Id }

/** At the end, where everything goes that is not put elsewhere. */
export const AT_END: Place = { at: 'end' }

/** The stamps of what this call makes. */
export function newStamps(context: CallContext): Stamps {
  const now = context.now().getTime()
  const by = context.access.bot.id
  return { createdTime: now, lastEditedTime: now, createdBy: by, lastEditedBy: by }
}

/** The stamps of what this call changes. */
export function editStamps(context: CallContext): Pick<Stamps, 'lastEditedTime' | 'lastEditedBy'> {
  return { lastEditedTime: context.now().getTime(), lastEditedBy: context.access.bot.id }
}

/** Puts a changed record into its table. */
export function save(context: CallContext, record: Content): void {
  const { store } = context
  if ('databaseId' in record) store.dataSources.put(record)
  else if ('dataSourceIds' in record) store.databases.put(record)
  else if ('content' in record) store.blocks.put(record)
  else store.pages.put(record)
}

/** Stamps the page that holds a block as edited; blocks between them keep their own stamps. */
export function touchPageOf(context: CallContext, record: Content): void {
  // The record may be older than what is stored by now, and must not be stored again.
  let at = context.store.find(record.id)
  for (; at !== undefined; at = parentRecord(context.store, at)) {
    if ('isArchived' in at) {
      context.store.pages.put({ ...at, ...editStamps(context) })
      return
    }
  }
}

/** Refuses changes of what is in the trash, in Notion's words. */
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

/** The parent by which the children of a page or block name it. */
export function parentFor(record: Page | Block): Parent {
  return 'content' in record ? { type: 'block_id', id: record.id } : { type: 'page_id', id: record.id }
}

/** A list of children with others put into it. */
function placed(children: readonly Id[], added: readonly Id[], place: Place): Id[] {
  if ('after' in place) {
    const index = children.indexOf(place.after)
    if (index >= 0) return [...children.slice(0, index + 1), ...added, ...children.slice(index + 1)]
  }
  return 'at' in place && place.at === 'start' ? [...added, ...children] : [...children, ...added]
}

/** Lists ids as children of a page or block. The records that they name must name it as their parent. */
export function attach(context: CallContext, parentId: Id, ids: readonly Id[], place: Place = AT_END): void {
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

/** Takes an id out of the children of a page or block. */
export function detach(context: CallContext, parent: Parent, id: Id): void {
  if (parent.type === 'workspace') return
  const record = context.store.find(parent.id)
  if (record === undefined || !('children' in record)) return
  save(context, { ...record, children: record.children.filter((child) => child !== id), ...editStamps(context) })
}

/** Makes blocks with all that is nested in them; the caller lists the ids that it gets as children of the parent. */
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

/** Blocks as they would be sent to make them again; pages and databases among them are left out. */
export function copyOf(context: CallContext, ids: readonly Id[]): NewBlock[] {
  return ids.flatMap((id) => {
    const block = context.store.blocks.get(id)
    if (block === undefined || block.inTrash) return []
    return [{ type: block.type, content: block.content, children: copyOf(context, block.children) }]
  })
}

/** Moves content to the trash or back. */
export function setTrash(context: CallContext, record: Content, inTrash: boolean): void {
  if (record.inTrash === inTrash) return
  save(context, { ...record, inTrash, ...editStamps(context) })
  if ('content' in record) touchPageOf(context, record)
}

/** Whether something hangs below a record, or is it. */
export function isWithin(context: CallContext, record: Content, ancestorId: Id): boolean {
  for (let at: Content | undefined = record; at !== undefined; at = parentRecord(context.store, at)) {
    if (at.id === ancestorId) return true
  }
  return false
}
