import { accessLevelOf } from '../access.ts'
import type { Database, Id, Page } from '../model.ts'
import type { Store } from '../store.ts'

/** A page or database that a user can share, with the pages and databases below it. */
export interface PickerNode {
  readonly id: Id
  readonly kind: 'page' | 'database'
  readonly title: string
  readonly children: readonly PickerNode[]
}

/** Pages and databases that a user can share, and the number of entries that are not listed. */
export interface PickerTree {
  readonly nodes: readonly PickerNode[]
  readonly omitted: number
}

/** Maximum number of entries on the page. Further entries are only counted. */
const maxEntries = 300

const isShareable = (store: Store, userId: Id, id: Id) => {
  const resource = store.find(id)
  return resource !== undefined && !isTrashed(store, id) && accessLevelOf(store, userId, id) === 'full'
}

const isTrashed = (store: Store, id: Id) => store.find(id)?.inTrash === true

/**
 * Returns the ids of top-level content to which a user has full access, without the trash. A consent to everything
 * shares these.
 */
export function shareableRoots(store: Store, userId: Id): Id[] {
  const workspaceId = store.users.get(userId)?.workspaceId
  if (workspaceId === undefined) return []
  return [...store.topLevelOf(workspaceId)].filter((id) => isShareable(store, userId, id))
}

/**
 * Returns the id of the page or database for an id in a consent, or undefined if the user cannot share it. For a data
 * source, returns its database: sharing is per database.
 */
export function shareableResource(store: Store, userId: Id, id: Id): Id | undefined {
  const root = store.dataSources.get(id)?.databaseId ?? id
  const isPageOrDatabase = store.pages.get(root) ?? store.databases.get(root)
  return isPageOrDatabase && isShareable(store, userId, root) ? root : undefined
}

/** Returns the pages and databases that a user can share as a tree, without rows. */
export function pickerTree(store: Store, userId: Id): PickerTree {
  let entries = 0
  let omitted = 0

  /** Returns the pages and databases directly below, including those in blocks such as columns and toggles. */
  function below(ids: readonly Id[]): Id[] {
    return ids.flatMap((id) => {
      const block = store.blocks.get(id)
      return block ? below(block.children) : [id]
    })
  }

  function nodesOf(ids: readonly Id[]): PickerNode[] {
    return ids.flatMap((id) => {
      const resource: Page | Database | undefined = store.pages.get(id) ?? store.databases.get(id)
      if (!resource || !isShareable(store, userId, id)) return []
      if (entries >= maxEntries) {
        omitted += 1
        return []
      }
      entries += 1
      const isPage = 'children' in resource
      return {
        id,
        kind: isPage ? ('page' as const) : ('database' as const),
        title: plainTitle(isPage ? resource.properties.title : resource.title) || 'Untitled',
        children: isPage ? nodesOf(below(resource.children)) : [],
      }
    })
  }

  const workspaceId = store.users.get(userId)?.workspaceId
  const nodes = workspaceId === undefined ? [] : nodesOf([...store.topLevelOf(workspaceId)])
  return { nodes, omitted }
}

/** Returns a title as plain text, without mentions. */
function plainTitle(title: unknown): string {
  if (typeof title === 'string') return title
  if (!Array.isArray(title)) return ''
  return title.map((item: { text?: { content?: string } }) => item.text?.content ?? '').join('')
}
