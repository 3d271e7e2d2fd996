/** What objects of several kinds have in common in answers. */
import type { CallContext } from '../context.ts'
import type { Block, Database, DataSource, JsonObject, Page, Parent, Stamps } from '../model.ts'
import type { Store } from '../store.ts'
import { partialUser } from './users.ts'

/** A time as Notion writes it. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** `created_time`, `created_by` and the like. */
export function renderStamps(record: Stamps): JsonObject {
  return {
    created_time: timestamp(record.createdTime),
    created_by: partialUser(record.createdBy),
    last_edited_time: timestamp(record.lastEditedTime),
    last_edited_by: partialUser(record.lastEditedBy),
  }
}

type Content = Page | Block | Database | DataSource

/** What content hangs below; undefined at the top of the workspace. */
export function parentRecord(store: Store, record: Content): Content | undefined {
  if ('databaseId' in record) return store.databases.get(record.databaseId)
  return record.parent.type === 'workspace' ? undefined : store.find(record.parent.id)
}

/** Whether content is in the trash, by itself or because something above it is. */
export function isInTrash(store: Store, record: Content): boolean {
  for (let at: Content | undefined = record; at !== undefined; at = parentRecord(store, at)) {
    if (at.inTrash) return true
  }
  return false
}

/** `in_trash`, and `archived` as versions before 2026-03-11 call it too. */
export function renderTrash(context: CallContext, inTrash: boolean): JsonObject {
  return context.version === '2026-03-11' ? { in_trash: inTrash } : { archived: inTrash, in_trash: inTrash }
}

/** A parent; that of a row also tells the database, and before 2025-09-03 only the database. */
export function renderParent(context: CallContext, parent: Parent): JsonObject {
  switch (parent.type) {
    case 'workspace':
      return { type: 'workspace', workspace: true }
    case 'data_source_id': {
      const databaseId = context.store.dataSources.get(parent.id)?.databaseId ?? parent.id
      if (context.version === '2022-06-28') return { type: 'database_id', database_id: databaseId }
      return { type: 'data_source_id', data_source_id: parent.id, database_id: databaseId }
    }
    default:
      return { type: parent.type, [parent.type]: parent.id }
  }
}
