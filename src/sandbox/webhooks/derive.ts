/** The events of changed records. */
import type {
  Block,
  Comment,
  Database,
  DataSource,
  FileUpload,
  Json,
  JsonObject,
  Page,
  Parent,
  PropertySchema,
  Stamps,
  View,
} from '../model.ts'
import { encodedId, titleColumn } from '../query/columns.ts'
import { fileImportResult } from '../render/file-uploads.ts'
import type { Store } from '../store.ts'
import type { ChangeSet, RecordChange } from './change-set.ts'
import { containerOf, isTemplate, pageIdOf, parentOf } from './containers.ts'
import type { Changes, DraftEvent, Entity, WebhookEventType } from './event-types.ts'

const isSame = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b)

/** Returns whether one of the fields differs. */
function differs<T>(before: T, after: T, fields: readonly (keyof T)[]): boolean {
  return fields.some((field) => !isSame(before[field], after[field]))
}

const listOf = (field: Changes['field'], entries: readonly (readonly [string, JsonObject | string])[]): Changes => ({
  field,
  entries: new Map(entries),
})

/** Parts of an event that differ from event to event. */
type Details = Pick<DraftEvent, 'data' | 'changes' | 'visibility'>

/**
 * Calls `emit` for each event of the changes. The store contains the state after them.
 *
 * Content that comes with a new page or data source is part of its `created` event. A row that is added, removed,
 * trashed or moved updates the content of its data source; a changed value does not.
 */
export function deriveEvents(store: Store, changes: ChangeSet, now: number, emit: (draft: DraftEvent) => void): void {
  function send(
    type: WebhookEventType,
    entity: Entity,
    record: Partial<Stamps> & { workspaceId: string },
    to: Details,
  ) {
    const author = changes.author ?? record.lastEditedBy
    const authors = new Set(author === undefined ? [] : [author])
    emit({ type, entity, workspaceId: record.workspaceId, authors, time: now, ...to })
  }

  /** Reports that a page or data source shows a block, page or database that was added, changed or removed. */
  function contentChanged(parent: Parent, by: Partial<Stamps>, entry: { readonly id: string; readonly type: string }) {
    const container = containerOf(store, parent)
    if (container !== undefined) containerChanged(container, by, entry)
  }
  function containerChanged(
    container: Page | DataSource,
    by: Partial<Stamps>,
    entry: { readonly id: string; readonly type: string },
  ) {
    const isPage = 'children' in container
    const own = changes.get(isPage ? 'pages' : 'dataSources', container.id)
    if (own !== undefined && own.before === undefined) return
    const type = isPage ? 'page' : 'data_source'
    send(
      `${type}.content_updated`,
      { type, id: container.id },
      { ...by, workspaceId: container.workspaceId },
      {
        visibility: { content: container.id },
        data: { parent: isPage ? parentOf(store, container) : databaseParent(container) },
        changes: listOf('updated_blocks', [[entry.id, { ...entry }]]),
      },
    )
  }
  const databaseParent = ({ databaseId }: DataSource | View) => ({ id: databaseId, type: 'database' })

  /** Returns the ids of properties with another value, without those that a change of the schema rewrote. */
  function changedProperties(before: Page, after: Page): string[] {
    const source = after.parent.type === 'data_source_id' ? after.parent.id : undefined
    const columns = source === undefined ? [titleColumn] : (store.dataSources.get(source)?.properties ?? [])
    const schema = source === undefined ? undefined : changes.get('dataSources', source)
    const typeBefore = (id: string) => schema?.before?.properties.find((column) => column.id === id)?.type
    return columns
      .filter(({ id, type }) => schema?.before === undefined || typeBefore(id) === type)
      .filter(({ id }) => !isSame(before.properties[id], after.properties[id]))
      .map(encodedId)
  }

  function pageEvents({ before, after }: RecordChange<Page>) {
    if (after === undefined || isTemplate(after)) return
    const entity: Entity = { type: 'page', id: after.id }
    const visibility = { content: after.id }
    const data = { parent: parentOf(store, after) }
    const entry = { id: after.id, type: 'page' }
    if (before === undefined) {
      send('page.created', entity, after, { visibility, data })
      return contentChanged(after.parent, after, entry)
    }
    if (before.inTrash !== after.inTrash) {
      send(after.inTrash ? 'page.deleted' : 'page.undeleted', entity, after, { visibility, data })
      contentChanged(after.parent, after, entry)
    }
    if (before.isLocked !== after.isLocked) {
      send(after.isLocked ? 'page.locked' : 'page.unlocked', entity, after, { visibility, data })
    }
    if (!isSame(before.parent, after.parent)) {
      send('page.moved', entity, after, { visibility, data })
      contentChanged(before.parent, after, entry)
      contentChanged(after.parent, after, entry)
    } else {
      const ids = changedProperties(before, after)
      const list = listOf(
        'updated_properties',
        ids.map((id) => [id, id]),
      )
      if (ids.length > 0) send('page.properties_updated', entity, after, { visibility, data, changes: list })
    }
    if (differs(before, after, ['icon', 'cover'])) containerChanged(after, after, entry)
  }

  function blockEvents({ before, after }: RecordChange<Block>) {
    if (after === undefined) return
    if (before !== undefined && !differs(before, after, ['content', 'inTrash', 'parent', 'type'])) return
    contentChanged(after.parent, after, { id: after.id, type: 'block' })
  }

  function databaseEvents({ before, after }: RecordChange<Database>) {
    if (after === undefined) return
    const entity: Entity = { type: 'database', id: after.id }
    const details = { visibility: { content: after.id }, data: { parent: parentOf(store, after) } }
    const entry = { id: after.id, type: 'database' }
    if (before === undefined) {
      send('database.created', entity, after, details)
      return contentChanged(after.parent, after, entry)
    }
    const isMoved = !isSame(before.parent, after.parent)
    const isTrashed = before.inTrash !== after.inTrash
    if (isTrashed) send(after.inTrash ? 'database.deleted' : 'database.undeleted', entity, after, details)
    if (isMoved) {
      send('database.moved', entity, after, details)
      contentChanged(before.parent, after, entry)
    }
    if (isMoved || isTrashed || differs(before, after, ['title', 'description', 'icon', 'cover', 'isInline'])) {
      contentChanged(after.parent, after, entry)
    }
  }

  function dataSourceEvents({ before, after }: RecordChange<DataSource>) {
    if (after === undefined) return
    const entity: Entity = { type: 'data_source', id: after.id }
    const details = { visibility: { content: after.id }, data: { parent: databaseParent(after) } }
    if (before === undefined) return send('data_source.created', entity, after, details)
    if (before.inTrash !== after.inTrash) {
      send(after.inTrash ? 'data_source.deleted' : 'data_source.undeleted', entity, after, details)
    }
    if (before.databaseId !== after.databaseId) send('data_source.moved', entity, after, details)
    const columns = changedColumns(before.properties, after.properties)
    if (columns.length > 0) {
      const list = listOf('updated_properties', columns)
      send('data_source.schema_updated', entity, after, { ...details, changes: list })
    } else if (differs(before, after, ['title', 'description', 'icon'])) {
      send('data_source.schema_updated', entity, after, details)
    }
  }

  function viewEvents({ before, after }: RecordChange<View>) {
    const view = after ?? before
    if (view === undefined) return
    const entity: Entity = { type: 'view', id: view.id }
    const visibility = { content: view.databaseId }
    const parent: Json = {
      ...databaseParent(view),
      ...(view.dataSourceId !== null && { data_source_id: view.dataSourceId }),
    }
    if (after === undefined) return send('view.deleted', entity, view, { visibility, data: { parent } })
    if (before === undefined) {
      if (isDefaultView(after)) return
      return send('view.created', entity, view, { visibility, data: { parent, view_type: view.type } })
    }
    const fields = viewFields.filter(([, keys]) => differs(before, after, keys)).map(([name]) => name)
    const list = listOf(
      'updated_fields',
      fields.map((name) => [name, name]),
    )
    if (fields.length > 0) send('view.updated', entity, view, { visibility, data: { parent }, changes: list })
  }

  /** The sandbox stores the first view of a database when it is first read. At Notion it is part of the database. */
  function isDefaultView({ databaseId, createdTime }: View): boolean {
    const isNew = changes.get('databases', databaseId)?.before === undefined && changes.get('databases', databaseId)
    return !isNew && store.databases.get(databaseId)?.createdTime === createdTime
  }

  function commentEvents({ before, after }: RecordChange<Comment>) {
    const comment = after ?? before
    if (comment === undefined || comment.parent.type === 'workspace') return
    if (before && after && !differs(before, after, ['richText', 'displayName', 'attachments'])) return
    const pageId = pageIdOf(store, comment.parent)
    if (pageId === undefined) return
    const type = before === undefined ? 'comment.created' : after === undefined ? 'comment.deleted' : 'comment.updated'
    const parent = { id: comment.parent.id, type: comment.parent.type.slice(0, -'_id'.length) }
    const entity: Entity = { type: 'comment', id: comment.id }
    send(type, entity, comment, { visibility: { content: pageId }, data: { parent, page_id: pageId } })
  }

  function fileUploadEvents({ before, after }: RecordChange<FileUpload>) {
    if (after === undefined) return
    const entity: Entity = { type: 'file_upload', id: after.id }
    const details = { visibility: { bot: after.createdBy } }
    if (before === undefined) send('file_upload.created', entity, after, details)
    if (before?.status === after.status) return
    if (after.status === 'uploaded') send('file_upload.completed', entity, after, details)
    if (after.status === 'expired') send('file_upload.expired', entity, after, details)
    if (after.status === 'failed') {
      const data = { file_import_result: fileImportResult(after) ?? null }
      send('file_upload.upload_failed', entity, after, { ...details, data })
    }
  }

  for (const change of changes.of('pages')) pageEvents(change)
  for (const change of changes.of('blocks')) blockEvents(change)
  for (const change of changes.of('databases')) databaseEvents(change)
  for (const change of changes.of('dataSources')) dataSourceEvents(change)
  for (const change of changes.of('views')) viewEvents(change)
  for (const change of changes.of('comments')) commentEvents(change)
  for (const change of changes.of('fileUploads')) fileUploadEvents(change)
}

const viewFields: readonly (readonly [name: string, keys: readonly (keyof View)[]])[] = [
  ['name', ['name']],
  ['filter', ['filter', 'quickFilters']],
  ['sorts', ['sorts']],
  ['configuration', ['configuration']],
]

/** Returns what happened to each column that is not the same in both schemas. */
function changedColumns(before: readonly PropertySchema[], after: readonly PropertySchema[]) {
  const entry = (column: PropertySchema, action: string) =>
    [column.id, { id: encodedId(column), name: column.name, action }] as const
  const updated = after.flatMap((column) => {
    const old = before.find(({ id }) => id === column.id)
    if (old === undefined) return [entry(column, 'created')]
    return isSame(old, column) ? [] : [entry(column, 'updated')]
  })
  const removed = before.filter(({ id }) => !after.some((column) => column.id === id))
  return [...updated, ...removed.map((column) => entry(column, 'deleted'))]
}
