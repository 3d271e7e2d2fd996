/**
 * Databases.
 *
 * @see https://developers.notion.com/reference/database
 */
import type { CallContext } from '../context.ts'
import { multipleDataSources, objectNotFound, validationError } from '../errors.ts'
import type { Database, DataSource, Id, Json, JsonObject, Parent, StoredRichText } from '../model.ts'
import { liveDataSources, renderDatabase } from '../render/databases.ts'
import { plainText } from '../render/rich-text.ts'
import { renderColumns } from '../render/schema.ts'
import { anyObject, boolean, branchOf, missing, oneOf } from '../validation/check.ts'
import { cover, icon } from '../validation/files.ts'
import { readPropertyChanges, readPropertyConfigs } from '../validation/property-configs.ts'
import { richText } from '../validation/rich-text.ts'
import { uuid } from '../validation/scalars.ts'
import type { SchemaDraft } from './column-configs.ts'
import { bodyOf, optionalField, pathId, trashOf } from './endpoint.ts'
import { requireUploaded } from './property-writes.ts'
import { updateRows } from './row-updates.ts'
import { changedColumns, newColumns } from './schema-writes.ts'
import { attach, detach, editStamps, isWithin, newStamps, requireNotInTrash } from './tree.ts'

/** `GET /v1/databases/{database_id}`. */
export function retrieveDatabase(context: CallContext): unknown {
  return answerOf(context, context.access.requireVisible('database', pathId(context, 'database_id')))
}

/** Whether a call knows no data sources: a database is then its only one, with the properties. */
const isBefore = (context: CallContext) => context.version === '2022-06-28'

/** Returns a database in the version of a call. Throws 400 when an old version cannot show it. */
function answerOf(context: CallContext, database: Database): JsonObject {
  if (!isBefore(context)) return renderDatabase(context, database)
  const { data_sources: _sources, ...rest } = renderDatabase(context, database)
  return { ...rest, properties: renderColumns(context, onlyDataSource(context, database)) }
}

/** Returns the parent of a database: a page or the workspace. */
function readParent(context: CallContext, value: unknown): Parent {
  const { kind, value: source } = branchOf(value, 'body.parent', ['page_id', 'workspace'] as const, { closed: false })
  if (kind === 'workspace') {
    oneOf(true).read(source.workspace, 'body.parent.workspace')
    return { type: 'workspace' }
  }
  const page = context.access.requireEditable('page', uuid.read(source.page_id, 'body.parent.page_id'))
  requireNotInTrash(context, page, 'page')
  return { type: 'page_id', id: page.id }
}

/**
 * Returns the only data source of a database. Throws 404 `object_not_found` when there is none, and 400
 * `validation_error` when there are several.
 */
export function onlyDataSource(context: CallContext, database: Database): DataSource {
  const [first, second] = liveDataSources(context, database)
  if (first === undefined) throw objectNotFound('database', database.id, context.access.client.name)
  if (second !== undefined) throw multipleDataSources(database.id, database.dataSourceIds)
  return first
}

/** Returns the fields of a new or changed database that are in the body. */
function readFields(context: CallContext, body: Record<string, unknown>) {
  const title: StoredRichText | undefined = optionalField(body, 'title', richText)
  const description: StoredRichText | undefined = optionalField(body, 'description', richText)
  const isInline = optionalField(body, 'is_inline', boolean)
  // Null does not remove them, other than those of pages and data sources.
  const newIcon: JsonObject | undefined = optionalField(body, 'icon', icon)
  const newCover: JsonObject | undefined = optionalField(body, 'cover', cover)
  requireUploaded(context, newIcon)
  requireUploaded(context, newCover)
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(isInline !== undefined && { isInline }),
    ...(newIcon !== undefined && { icon: newIcon }),
    ...(newCover !== undefined && { cover: newCover }),
  }
}

/** Stores a new data source with its columns, and their changes of other data sources. */
export function saveDataSource(
  context: CallContext,
  fields: {
    readonly id: Id
    readonly databaseId: Id
    readonly title: StoredRichText
    readonly icon: JsonObject | null
  },
  draft: SchemaDraft,
): DataSource {
  const dataSource: DataSource = {
    ...fields,
    workspaceId: context.access.workspace.id,
    description: '',
    inTrash: false,
    properties: draft.columns,
    templates: [],
    nextUniqueId: 1,
    ...newStamps(context),
  }
  context.store.dataSources.put(dataSource)
  for (const change of draft.after) change()
  return dataSource
}

/** Returns the columns of a data source after the changes in a body. Throws InvalidInput when a change is not valid. */
export function draftColumns(context: CallContext, dataSource: DataSource, value: unknown): SchemaDraft {
  const changes = value === undefined ? new Map() : readPropertyChanges(value, 'body.properties')
  return changedColumns(context, dataSource, changes)
}

/** Stores changed columns with the values of the rows, other changed fields, and changes of other data sources. */
export function saveColumns(
  context: CallContext,
  dataSource: DataSource,
  draft: SchemaDraft,
  fields: Partial<DataSource> = {},
): void {
  const nextUniqueId = updateRows(context, dataSource, draft)
  context.store.dataSources.put({
    ...dataSource,
    properties: draft.columns,
    nextUniqueId,
    ...fields,
    ...editStamps(context),
  })
  for (const change of draft.after) change()
}

/** `POST /v1/databases`. */
export function createDatabase(context: CallContext): unknown {
  const body = bodyOf(context)
  if (body.parent === undefined) throw missing('body.parent')
  const parent = readParent(context, body.parent)
  const fields = readFields(context, body)
  const initial = isBefore(context)
    ? readInitial({ properties: body.properties }, 'body')
    : optionalField(body, 'initial_data_source', {
        expected: ['an object'],
        read: (value, path) => readInitial(value, path),
      })
  const [id, dataSourceId] = [context.newId(), context.newId()]
  const title = plainText(context.store, fields.title ?? '')
  const draft = newColumns(context, { dataSourceId, title }, initial ?? new Map())
  const database: Database = {
    id,
    workspaceId: context.access.workspace.id,
    parent,
    title: '',
    description: '',
    icon: null,
    cover: null,
    isInline: false,
    isLocked: false,
    inTrash: false,
    publicUrl: null,
    access: null,
    dataSourceIds: [dataSourceId],
    ...fields,
    ...newStamps(context),
  }
  if (parent.type === 'workspace') {
    const access = { everyone: 'none', users: { [context.access.user.id]: 'full' } } as const
    context.store.databases.put({ ...database, access })
    context.access.addRoot(id)
  } else {
    context.store.databases.put(database)
    if (parent.type === 'page_id') attach(context, parent.id, [id])
  }
  saveDataSource(context, { id: dataSourceId, databaseId: id, title: database.title, icon: null }, draft)
  return answerOf(context, context.store.databases.get(id) ?? database)
}

function readInitial(value: unknown, path: string) {
  const { properties } = anyObject.read(value, path)
  return readPropertyConfigs((properties ?? {}) as Json, `${path}.properties`)
}

/** `PATCH /v1/databases/{database_id}`. */
export function updateDatabase(context: CallContext): unknown {
  const { store, access } = context
  const database = access.requireEditable('database', pathId(context, 'database_id'))
  const body = bodyOf(context)
  const inTrash = trashOf(context, body)
  if (inTrash !== false || !database.inTrash) requireNotInTrash(context, database)
  const fields = readFields(context, body)
  const isLocked = optionalField(body, 'is_locked', boolean)
  const only = isBefore(context) && body.properties !== undefined ? onlyDataSource(context, database) : undefined
  const draft = only && draftColumns(context, only, body.properties)
  const parent = body.parent === undefined ? undefined : readParent(context, body.parent)
  if (parent?.type === 'page_id') {
    const page = store.pages.get(parent.id)
    if (page !== undefined && isWithin(context, page, database.id)) {
      throw validationError('A database cannot be moved into itself or into a page below it.')
    }
    detach(context, database.parent, database.id)
    attach(context, parent.id, [database.id])
  } else if (parent !== undefined) {
    detach(context, database.parent, database.id)
    access.addRoot(database.id)
  }
  const changed: Database = {
    ...database,
    ...fields,
    ...(isLocked !== undefined && { isLocked }),
    ...(inTrash !== undefined && { inTrash }),
    ...(parent !== undefined && { parent }),
    ...editStamps(context),
  }
  store.databases.put(changed)
  renameOnlySource(context, database, changed)
  const source = only && store.dataSources.get(only.id)
  if (source !== undefined && draft !== undefined) saveColumns(context, source, draft)
  return answerOf(context, changed)
}

/** Renames the only data source of a database together with the database, unless it has another title. */
function renameOnlySource(context: CallContext, before: Database, after: Database): void {
  const [id, second] = before.dataSourceIds
  const dataSource = id === undefined || second !== undefined ? undefined : context.store.dataSources.get(id)
  if (dataSource === undefined) return
  const sameTitle = plainText(context.store, dataSource.title) === plainText(context.store, before.title)
  if (sameTitle) context.store.dataSources.put({ ...dataSource, title: after.title })
}
