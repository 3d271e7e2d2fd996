/** Where content is: the parent of an event, and the page or data source whose content it is. */
import type { Block, Database, DataSource, JsonObject, Page, Parent } from '../model.ts'
import type { Store } from '../store.ts'

/** Returns a parent as in events. That of a row is the database, with the data source. */
export function parentOf(store: Store, record: Page | Block | Database): JsonObject {
  const { parent } = record
  switch (parent.type) {
    case 'workspace':
      return { id: record.workspaceId, type: 'space' }
    case 'data_source_id': {
      const databaseId = store.dataSources.get(parent.id)?.databaseId ?? parent.id
      return { id: databaseId, type: 'database', data_source_id: parent.id }
    }
    default:
      return { id: parent.id, type: parent.type.slice(0, -'_id'.length) }
  }
}

/** Returns whether a page is the template of a data source, which is not content of its own. */
export const isTemplate = (page: Page) => page.parent.type === 'database_id'

/**
 * Returns the page or data source that shows what is below a parent. Returns undefined at the top level, in templates
 * and in records that do not exist.
 */
export function containerOf(store: Store, parent: Parent): Page | DataSource | undefined {
  const seen = new Set<string>()
  let at = parent
  for (;;) {
    if (at.type === 'workspace' || at.type === 'database_id' || seen.has(at.id)) return undefined
    if (at.type === 'data_source_id') return store.dataSources.get(at.id)
    const page = store.pages.get(at.id)
    if (page !== undefined) return isTemplate(page) ? undefined : page
    const block = store.blocks.get(at.id)
    if (block === undefined) return undefined
    seen.add(at.id)
    at = block.parent
  }
}

/** Returns the id of the page that shows what is below a parent, undefined if there is none. */
export function pageIdOf(store: Store, parent: Parent): string | undefined {
  const container = containerOf(store, parent)
  return container !== undefined && 'children' in container ? container.id : undefined
}
