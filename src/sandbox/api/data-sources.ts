/**
 * Data sources.
 *
 * @see https://developers.notion.com/reference/data-source
 */
import { apiVersions, type CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { DataSource, JsonObject } from '../model.ts'
import { runQuery } from '../query/run.ts'
import { renderDataSource } from '../render/databases.ts'
import { renderList } from '../render/lists.ts'
import { renderRows } from '../render/pages.ts'
import { plainText } from '../render/rich-text.ts'
import { anyObject, missing, nullable, refuseUnknown } from '../validation/check.ts'
import { icon } from '../validation/files.ts'
import { readPropertyConfigs } from '../validation/property-configs.ts'
import { richText } from '../validation/rich-text.ts'
import { uuid } from '../validation/scalars.ts'
import { draftColumns, onlyDataSource, saveColumns, saveDataSource } from './databases.ts'
import { bodyOf, optionalField, pathId, queryList, trashKeys, trashOf } from './endpoint.ts'
import { requireUploaded } from './property-writes.ts'
import { newColumns } from './schema-writes.ts'
import { editStamps, isWithin, requireNotInTrash } from './tree.ts'

/** `GET /v1/data_sources/{data_source_id}`. */
export function retrieveDataSource(context: CallContext): unknown {
  return renderDataSource(context, context.access.requireVisible('data source', pathId(context, 'data_source_id')))
}

/** Returns the database that is the parent of a data source. */
function readDatabase(context: CallContext, value: unknown) {
  const source = anyObject.read(value, 'body.parent')
  refuseUnknown(source, 'body.parent', (key) => key === 'database_id' || key === 'type')
  const database = context.access.requireEditable('database', uuid.read(source.database_id, 'body.parent.database_id'))
  requireNotInTrash(context, database)
  return database
}

/** `POST /v1/data_sources`. */
export function createDataSource(context: CallContext): unknown {
  const body = bodyOf(context)
  if (body.parent === undefined) throw missing('body.parent')
  const database = readDatabase(context, body.parent)
  if (body.properties === undefined) throw missing('body.properties')
  const inputs = readPropertyConfigs(body.properties, 'body.properties')
  const title = optionalField(body, 'title', richText) ?? ''
  const newIcon: JsonObject | null = optionalField(body, 'icon', nullable(icon)) ?? null
  requireUploaded(context, newIcon)
  const id = context.newId()
  const draft = newColumns(context, { dataSourceId: id, title: plainText(context.store, title) }, inputs)
  const dataSource = saveDataSource(context, { id, databaseId: database.id, title, icon: newIcon }, draft)
  context.store.databases.put({
    ...database,
    dataSourceIds: [...database.dataSourceIds, id],
    ...editStamps(context),
  })
  return renderDataSource(context, context.store.dataSources.get(id) ?? dataSource)
}

/** Moves a data source to another database. */
function moveTo(context: CallContext, dataSource: DataSource, databaseId: string): void {
  const { databases } = context.store
  const from = databases.get(dataSource.databaseId)
  if (from !== undefined) {
    databases.put({
      ...from,
      dataSourceIds: from.dataSourceIds.filter((id) => id !== dataSource.id),
      ...editStamps(context),
    })
  }
  const to = databases.get(databaseId)
  if (to !== undefined) {
    databases.put({ ...to, dataSourceIds: [...to.dataSourceIds, dataSource.id], ...editStamps(context) })
  }
}

/** `PATCH /v1/data_sources/{data_source_id}`. */
export function updateDataSource(context: CallContext): unknown {
  const { store, access } = context
  const dataSource = access.requireEditable('data source', pathId(context, 'data_source_id'))
  const body = bodyOf(context)
  const inTrash = trashOf(context, body)
  if (inTrash !== false || !dataSource.inTrash) requireNotInTrash(context, dataSource)
  const title = optionalField(body, 'title', richText)
  const newIcon = optionalField(body, 'icon', nullable(icon))
  requireUploaded(context, newIcon)
  const parent = body.parent === undefined ? undefined : readDatabase(context, body.parent)
  if (parent !== undefined && isWithin(context, parent, dataSource.id)) {
    throw validationError('A data source cannot be moved into a database below it.')
  }
  const draft = draftColumns(context, dataSource, body.properties)

  saveColumns(context, dataSource, draft, {
    ...(title !== undefined && { title }),
    ...(newIcon !== undefined && { icon: newIcon }),
    ...(inTrash !== undefined && { inTrash }),
    ...(parent !== undefined && { databaseId: parent.id }),
  })
  if (parent !== undefined && parent.id !== dataSource.databaseId) moveTo(context, dataSource, parent.id)
  return renderDataSource(context, store.dataSources.get(dataSource.id) ?? dataSource)
}

const queryKeys = ['sorts', 'filter', 'start_cursor', 'page_size', 'in_trash', 'archived', 'result_type'] as const

function answer(context: CallContext, dataSource: DataSource, type: string): unknown {
  const { rows, next, isCut } = runQuery(context, dataSource)
  const results = renderRows(context, dataSource, rows, queryList(context, 'filter_properties'))
  const status = isCut ? { type: 'incomplete', incomplete_reason: 'query_result_limit_reached' } : { type: 'complete' }
  return { ...renderList(type, results, next), request_status: status }
}

/** `POST /v1/data_sources/{data_source_id}/query`. */
export function queryDataSource(context: CallContext): unknown {
  const dataSource = context.access.requireVisible('data source', pathId(context, 'data_source_id'))
  const known = context.version === '2026-03-11' ? queryKeys.filter((key) => key !== 'archived') : queryKeys
  bodyOf(context, [...known, ...trashKeys(context)])
  return answer(context, dataSource, 'page_or_data_source')
}

/** `POST /v1/databases/{database_id}/query` before 2025-09-03. The database must have one data source. */
export function queryDatabase(context: CallContext): unknown {
  const database = context.access.requireVisible('database', pathId(context, 'database_id'))
  bodyOf(context)
  return answer(context, onlyDataSource(context, database), 'page_or_database')
}

/** API versions without data sources. */
export const beforeDataSources = apiVersions.slice(0, 1)
