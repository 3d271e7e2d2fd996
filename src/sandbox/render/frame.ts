/** Fields that several types of objects have in responses. */
import type { CallContext } from '../context.ts'
import type { Block, Database, DataSource, JsonObject, Page, Parent, Stamps } from '../model.ts'
import type { Store } from '../store.ts'
import { partialUser } from './users.ts'

/** Returns a time in milliseconds since the epoch as an ISO 8601 string. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** Returns the time and author of the creation and the last change. */
export function renderStamps(record: Stamps): JsonObject {
  return {
    created_time: timestamp(record.createdTime),
    created_by: partialUser(record.createdBy),
    last_edited_time: timestamp(record.lastEditedTime),
    last_edited_by: partialUser(record.lastEditedBy),
  }
}

type Content = Page | Block | Database | DataSource

/** Returns the parent of content. Returns undefined at the top level of the workspace. */
export function parentRecord(store: Store, record: Content): Content | undefined {
  if ('databaseId' in record) return store.databases.get(record.databaseId)
  return record.parent.type === 'workspace' ? undefined : store.find(record.parent.id)
}

/** Returns whether content or one of its ancestors is in the trash. */
export function isInTrash(store: Store, record: Content): boolean {
  for (let at: Content | undefined = record; at !== undefined; at = parentRecord(store, at)) {
    if (at.inTrash) return true
  }
  return false
}

/** Returns `in_trash`, and also `archived` before version 2026-03-11. */
export function renderTrash(context: CallContext, inTrash: boolean): JsonObject {
  return context.version === '2026-03-11' ? { in_trash: inTrash } : { archived: inTrash, in_trash: inTrash }
}

/** Returns a parent. That of a row also includes the database, and in version 2022-06-28 only the database. */
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
