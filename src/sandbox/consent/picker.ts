import { accessLevelOf } from '../access.ts'
import type { Database, Id, Page } from '../model.ts'
import type { Store } from '../store.ts'

/** A page or database that a person can share, with what it holds. */
export interface PickerNode {
  readonly id: Id
  readonly kind: 'page' | 'database'
  readonly title: string
  readonly children: readonly PickerNode[]
}

/** What a person can share, and how many entries did not fit. */
export interface PickerTree {
  readonly nodes: readonly PickerNode[]
  readonly leftOut: number
}

/** More checkboxes would not be usable: entries beyond this are counted and not shown. */
const maxEntries = 300

const isShareable = (store: Store, userId: Id, id: Id) => {
  const resource = store.find(id)
  return resource !== undefined && !isTrashed(store, id) && accessLevelOf(store, userId, id) === 'full'
}

const isTrashed = (store: Store, id: Id) => store.find(id)?.inTrash === true

/**
 * The ids at the top of the workspace that a person has full access to: what "everything" means in a consent. Content
 * in the trash is left out.
 */
export function shareableRoots(store: Store, userId: Id): Id[] {
  const workspaceId = store.users.get(userId)?.workspaceId
  if (workspaceId === undefined) return []
  return [...store.topLevelOf(workspaceId)].filter((id) => isShareable(store, userId, id))
}

/**
 * The page or database that an id in a consent identifies, if the person can share it; the id of a data source is read as
 * that of its database, because sharing is per database.
 */
export function shareableResource(store: Store, userId: Id, id: Id): Id | undefined {
  const root = store.dataSources.get(id)?.databaseId ?? id
  const isPageOrDatabase = store.pages.get(root) ?? store.databases.get(root)
  return isPageOrDatabase && isShareable(store, userId, root) ? root : undefined
}

/** The pages and databases that a person can share, as a tree. Rows are left out: they come with their database. */
export function pickerTree(store: Store, userId: Id): PickerTree {
  let entries = 0
  let leftOut = 0

  /** Pages and databases directly below, looking through blocks such as columns and toggles. */
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
        leftOut += 1
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
  return { nodes, leftOut }
}

/** The text of a title without formatting; mentions are skipped. */
function plainTitle(title: unknown): string {
  if (typeof title === 'string') return title
  if (!Array.isArray(title)) return ''
  return title.map((item: { text?: { content?: string } }) => item.text?.content ?? '').join('')
}
