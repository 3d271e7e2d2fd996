/**
 * Views of databases.
 *
 * @see https://developers.notion.com/reference/view
 */
import type { CallContext } from '../context.ts'
import { objectNotFound, validationError } from '../errors.ts'
import type { Database, DataSource, Id, Json, JsonObject, View } from '../model.ts'
import { encodedId } from '../query/columns.ts'
import { createEvaluation } from '../query/computed.ts'
import { compileFilter } from '../query/filter.ts'
import { compileSorts } from '../query/sort.ts'
import { partOf, renderList } from '../render/lists.ts'
import { partialView, renderView } from '../render/views.ts'
import { anyObject, InvalidInput, isObject, missing, notPresent, object, oneOf, string } from '../validation/check.ts'
import { pagingOfQuery } from '../validation/paging.ts'
import { uuid } from '../validation/scalars.ts'
import { bodyOf, optionalField, pathId } from './endpoint.ts'
import { atEnd, attach, editStamps, newStamps, type Place, requireNotInTrash } from './tree.ts'

export const viewTypes = [
  ...(['table', 'board', 'list', 'calendar', 'timeline'] as const),
  ...(['gallery', 'form', 'chart', 'map', 'dashboard'] as const),
] as const

/** What the configuration of a type must have. */
const requiredSettings: Readonly<Record<string, string>> = {
  board: 'group_by',
  calendar: 'date_property_id',
  timeline: 'date_property_id',
  chart: 'chart_type',
}

/** Returns a visible view. Throws 404 `object_not_found` when there is none. */
export function requireView(context: CallContext): View {
  const id = pathId(context, 'view_id')
  const view = context.store.views.get(id)
  if (view === undefined || !context.access.canSee(view.databaseId)) {
    throw objectNotFound('view', id, context.access.client.name)
  }
  return view
}

function requireEditableView(context: CallContext): View {
  const view = requireView(context)
  requireNotInTrash(context, context.access.requireEditable('database', view.databaseId))
  return view
}

const empty = { filter: null, sorts: null, quickFilters: {}, configuration: null, dashboardId: null } as const

/** Returns the views of a database. One without views gets the table that Notion creates with a database. */
function viewsOf(context: CallContext, database: Database): View[] {
  const { store } = context
  const ids = store.viewsOf(database.id)
  const [dataSourceId] = database.dataSourceIds
  if (ids.size === 0 && dataSourceId !== undefined) {
    store.views.put({
      ...empty,
      id: context.newId(),
      workspaceId: database.workspaceId,
      databaseId: database.id,
      dataSourceId,
      name: 'Default view',
      type: 'table',
      createdTime: database.createdTime,
      lastEditedTime: database.createdTime,
      createdBy: database.createdBy,
      lastEditedBy: database.createdBy,
    })
  }
  return [...store.viewsOf(database.id)].flatMap((id) => store.views.get(id) ?? [])
}

function queryId(context: CallContext, name: string): Id | undefined {
  const text = context.query.get(name)
  return text === null ? undefined : uuid.read(text, `query.${name}`)
}

/** `GET /v1/views`: references to the views of a database, or of a data source in all databases. */
export function listViews(context: CallContext): unknown {
  const { store, access } = context
  const databaseId = queryId(context, 'database_id')
  const dataSourceId = queryId(context, 'data_source_id')
  if (databaseId === undefined && dataSourceId === undefined) {
    throw missing('query.database_id', 'query.data_source_id')
  }
  const ofDatabase = databaseId === undefined ? [] : viewsOf(context, access.requireVisible('database', databaseId))
  const source = dataSourceId === undefined ? undefined : access.requireVisible('data source', dataSourceId)
  const own = source && store.databases.get(source.databaseId)
  if (own !== undefined) viewsOf(context, own)
  const everywhere = [...store.views.values()].filter((view) => access.canSee(view.databaseId))
  const views = (databaseId === undefined ? everywhere : ofDatabase).filter(
    (view) => source === undefined || view.dataSourceId === source.id,
  )
  const { elements, next } = partOf(views, pagingOfQuery(context, { zero: 'refuse' }), ({ id }) => id)
  return renderList(
    'view',
    elements.map(({ id }) => ({ object: 'view', id })),
    next,
  )
}

/** `GET /v1/views/{view_id}`. */
export function retrieveView(context: CallContext): unknown {
  return renderView(requireView(context))
}

/** Returns the filter, sorts, quick filters and configuration of a body. `null` clears a field. */
function readSettings(
  context: CallContext,
  type: string,
  source: DataSource | undefined,
  body: Record<string, unknown>,
) {
  const evaluation = createEvaluation(context.store, context.now().getTime())
  const given = (key: string) => body[key] !== undefined && body[key] !== null
  for (const key of ['filter', 'sorts', 'quick_filters']) {
    if (given(key) && source === undefined) throw validationError(`A view without a data source has no ${key}.`)
  }
  if (source !== undefined) {
    if (given('filter')) compileFilter(evaluation, source, anyObject.read(body.filter, 'body.filter'))
    if (given('sorts')) compileSorts(evaluation, source, body.sorts)
    for (const [name, condition] of given('quick_filters')
      ? Object.entries(anyObject.read(body.quick_filters, 'body.quick_filters'))
      : []) {
      if (condition === null) continue
      compileFilter(evaluation, source, {
        property: name,
        ...anyObject.read(condition, `body.quick_filters.${name}`, ['`null`']),
      })
    }
  }
  if (given('configuration')) checkConfiguration(type, source, anyObject.read(body.configuration, 'body.configuration'))
  return {
    ...(body.filter !== undefined && { filter: body.filter as JsonObject | null }),
    ...(body.sorts !== undefined && { sorts: body.sorts as readonly Json[] | null }),
    ...(given('configuration') && { configuration: body.configuration as JsonObject }),
  }
}

/** Throws InvalidInput for a configuration of another type, or that names a property which the data source lacks. */
function checkConfiguration(
  type: string,
  source: DataSource | undefined,
  configuration: Record<string, unknown>,
): void {
  if (type === 'dashboard') throw notPresent('body.configuration', configuration)
  oneOf(type).read(configuration.type, 'body.configuration.type')
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) value.forEach((item, index) => void walk(item, `${path}[${index}]`))
    if (!isObject(value)) return
    for (const [key, inner] of Object.entries(value)) {
      const names = key === 'property_id' || key.endsWith('_property_id')
      if (
        names &&
        typeof inner === 'string' &&
        !source?.properties.some((column) => column.id === inner || encodedId(column) === inner)
      ) {
        throw new InvalidInput([`${path}.${key}: Could not find property with id: ${inner}`])
      }
      walk(inner, `${path}.${key}`)
    }
  }
  walk(configuration, 'body.configuration')
}

const createKeys = [
  ...(['data_source_id', 'name', 'type', 'database_id', 'view_id', 'create_database', 'filter', 'sorts'] as const),
  ...(['quick_filters', 'configuration', 'position', 'placement'] as const),
]
const places = ['database_id', 'view_id', 'create_database'] as const

/** Creates a linked database on a page, for a view of another database's data. */
function linkedDatabase(context: CallContext, value: unknown): Id {
  const source = anyObject.read(value, 'body.create_database')
  const parent = object({ page_id: uuid }).read(source.parent, 'body.create_database.parent')
  const page = context.access.requireEditable('page', parent.page_id)
  requireNotInTrash(context, page, 'page')
  const after = optionalField(source, 'position', object({ type: oneOf('after_block'), block_id: uuid }))
  const position: Place = after === undefined ? atEnd : { after: after.block_id }
  const id = context.newId()
  context.store.databases.put({
    id,
    workspaceId: context.access.workspace.id,
    parent: { type: 'page_id', id: page.id },
    title: '',
    description: '',
    icon: null,
    cover: null,
    isInline: true,
    isLocked: false,
    inTrash: false,
    publicUrl: null,
    access: null,
    dataSourceIds: [],
    ...newStamps(context),
  })
  attach(context, page.id, [id], position)
  return id
}

/** Returns the database of a new view, and the dashboard of a widget. */
function readPlace(context: CallContext, body: Record<string, unknown>) {
  const [first, second] = places.filter((key) => body[key] !== undefined)
  if (first === undefined || second !== undefined) {
    throw new InvalidInput([`body should have exactly one of ${places.map((key) => `\`${key}\``).join(', ')}.`])
  }
  if (first === 'create_database') return { databaseId: linkedDatabase(context, body[first]), dashboardId: null }
  const id = uuid.read(body[first], `body.${first}`)
  if (first === 'database_id') {
    requireNotInTrash(context, context.access.requireEditable('database', id))
    return { databaseId: id, dashboardId: null }
  }
  const dashboard = requireEditableView({ ...context, params: { view_id: id } })
  if (dashboard.type !== 'dashboard') throw validationError('Widgets can only be added to a dashboard view.')
  return { databaseId: dashboard.databaseId, dashboardId: dashboard.id }
}

/** `POST /v1/views`. */
export function createView(context: CallContext): unknown {
  const { store, access } = context
  const body = bodyOf(context, createKeys)
  const source = access.requireVisible('data source', uuid.read(body.data_source_id, 'body.data_source_id'))
  const name = string().read(body.name, 'body.name')
  const type = oneOf(...viewTypes).read(body.type, 'body.type')
  const required = requiredSettings[type]
  const settings = readSettings(context, type, source, body)
  if (required !== undefined && settings.configuration?.[required] === undefined) {
    throw missing(`body.configuration.${required}`)
  }
  const { databaseId, dashboardId } = readPlace(context, body)
  const database = store.databases.get(databaseId)
  if (database !== undefined && dashboardId === null) viewsOf(context, database)
  const view: View = {
    ...empty,
    id: context.newId(),
    workspaceId: access.workspace.id,
    databaseId,
    dashboardId,
    dataSourceId: type === 'dashboard' ? null : source.id,
    name,
    type,
    quickFilters: (body.quick_filters ?? {}) as JsonObject,
    ...(type === 'dashboard' && { configuration: { type, rows: [] } }),
    ...settings,
    ...newStamps(context),
  }
  store.views.put(view)
  if (dashboardId !== null) addWidget(context, dashboardId, view.id)
  return renderView(view)
}

function addWidget(context: CallContext, dashboardId: Id, viewId: Id): void {
  const dashboard = context.store.views.get(dashboardId)
  if (dashboard === undefined) return
  const rows = dashboard.configuration?.rows
  const row = { id: context.newId(), widgets: [{ id: context.newId(), view_id: viewId }] }
  const configuration = { type: 'dashboard', rows: [...(Array.isArray(rows) ? (rows as Json[]) : []), row] }
  context.store.views.put({ ...dashboard, configuration, ...editStamps(context) })
}

/** `PATCH /v1/views/{view_id}`. Its type and data source cannot change. */
export function updateView(context: CallContext): unknown {
  const view = requireEditableView(context)
  const body = bodyOf(context, ['name', 'filter', 'sorts', 'quick_filters', 'configuration'])
  const source = view.dataSourceId === null ? undefined : context.store.dataSources.get(view.dataSourceId)
  const name = optionalField(body, 'name', string())
  const settings = readSettings(context, view.type, source, body)
  for (const [index, sort] of (settings.sorts ?? []).entries())
    if (isObject(sort) && sort.property === undefined) throw missing(`body.sorts[${index}].property`)
  const changes = body.quick_filters === null ? {} : { ...view.quickFilters, ...(body.quick_filters as JsonObject) }
  const changed: View = {
    ...view,
    ...settings,
    ...(name !== undefined && { name }),
    ...(settings.configuration !== undefined && {
      configuration: withoutNulls({ ...view.configuration, ...settings.configuration }),
    }),
    quickFilters: withoutNulls(changes),
    ...editStamps(context),
  }
  context.store.views.put(changed)
  return renderView(changed)
}

const withoutNulls = (value: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null))

/** `DELETE /v1/views/{view_id}`. A database must have a view. */
export function deleteView(context: CallContext): unknown {
  const view = requireEditableView(context)
  const others = [...context.store.viewsOf(view.databaseId)].filter((id) => id !== view.id)
  if (others.length === 0) throw validationError('The last view of a database cannot be deleted.')
  context.store.views.delete(view.id)
  return partialView(view)
}
