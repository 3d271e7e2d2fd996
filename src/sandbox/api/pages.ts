/**
 * Retrieves, updates and moves pages.
 *
 * @see https://developers.notion.com/reference/page
 */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { DataSource, Json, Page } from '../model.ts'
import { dataSourceOf } from '../query/cells.ts'
import { findColumn, titleColumn } from '../query/columns.ts'
import { renderPage } from '../render/pages.ts'
import { boolean, missing, nullable } from '../validation/check.ts'
import { cover, icon } from '../validation/files.ts'
import { bodyOf, optionalField, pathId, queryList, trashKeys, trashOf } from './endpoint.ts'
import { uniqueIds } from './page-create.ts'
import { type PagePlace, readPagePlace } from './page-parents.ts'
import { readPropertyWrite, requireUploaded, saveNewOptions, syncRelations } from './property-writes.ts'
import { templateOf } from './templates.ts'
import {
  atEnd,
  attach,
  copyOf,
  createBlocks,
  detach,
  editStamps,
  isWithin,
  requireNotInTrash,
  setTrash,
} from './tree.ts'

/** `GET /v1/pages/{page_id}`. */
export function retrievePage(context: CallContext): unknown {
  const page = context.access.requireVisible('page', pathId(context, 'page_id'))
  return renderPage(context, page, queryList(context, 'filter_properties'))
}

/** Moves all content of a page to the trash. */
function erase(context: CallContext, page: Page): void {
  for (const id of page.children) {
    const child = context.store.find(id)
    if (child !== undefined) setTrash(context, child, true)
  }
}

function placeOf(page: Page, dataSource: DataSource | undefined): PagePlace {
  return dataSource === undefined
    ? { type: 'workspace', parent: page.parent }
    : { type: 'row', parent: page.parent, dataSource }
}

const updateKeys = ['properties', 'icon', 'cover', 'is_locked', 'template', 'erase_content', 'is_archived'] as const

/** `PATCH /v1/pages/{page_id}`. */
export function updatePage(context: CallContext): unknown {
  const { store, access } = context
  const page = access.requireEditable('page', pathId(context, 'page_id'))
  const body = bodyOf(context, [...updateKeys, ...trashKeys(context)])
  const inTrash = trashOf(context, body)
  // A trashed page can only be restored. The same request may also change it.
  if (inTrash !== false || !page.inTrash) requireNotInTrash(context, page)
  const dataSource = dataSourceOf(store, page)
  const write = readPropertyWrite(context, dataSource?.properties ?? [titleColumn], body.properties)
  const newIcon = optionalField(body, 'icon', nullable(icon))
  const newCover = optionalField(body, 'cover', nullable(cover))
  requireUploaded(context, newIcon)
  requireUploaded(context, newCover)
  const isLocked = optionalField(body, 'is_locked', boolean)
  const isArchived = optionalField(body, 'is_archived', boolean)
  const erases = optionalField(body, 'erase_content', boolean) === true
  const template = templateOf(context, body.template, placeOf(page, dataSource))

  if (erases) erase(context, page)
  const added =
    template?.page === undefined
      ? []
      : createBlocks(context, { type: 'page_id', id: page.id }, copyOf(context, template.page.children))
  const changed: Page = {
    ...page,
    properties: { ...page.properties, ...write.values },
    children: [...(erases ? [] : page.children), ...added],
    ...(newIcon !== undefined && { icon: newIcon }),
    ...(newCover !== undefined && { cover: newCover }),
    ...(isLocked !== undefined && { isLocked }),
    ...(isArchived !== undefined && { isArchived }),
    ...(inTrash !== undefined && { inTrash }),
    ...editStamps(context),
  }
  store.pages.put(changed)
  if (dataSource !== undefined) {
    saveNewOptions(context, dataSource.id, write)
    syncRelations(context, dataSource, page.id, page.properties, changed.properties)
  }
  return renderPage(context, store.pages.get(page.id) ?? changed)
}

/** Types whose values are valid in every data source. */
const portableTypes = new Set([
  'rich_text',
  'number',
  'checkbox',
  'url',
  'email',
  'phone_number',
  'date',
  'people',
  'files',
  'place',
])

/** Returns the values of a moved page: its title, and values with a column of the same name and type in the target. */
function movedValues(page: Page, from: DataSource | undefined, to: DataSource | undefined): Record<string, Json> {
  const titleOf = (source: DataSource | undefined) =>
    source?.properties.find(({ type }) => type === 'title') ?? titleColumn
  const values: Record<string, Json> = {}
  const title = page.properties[titleOf(from).id]
  if (title !== undefined) values[titleOf(to).id] = title
  for (const column of from?.properties ?? []) {
    const target = to && findColumn(to.properties, column.name)
    const value = page.properties[column.id]
    if (value !== undefined && target?.type === column.type && portableTypes.has(column.type)) values[target.id] = value
  }
  return values
}

/** `POST /v1/pages/{page_id}/move`. */
export function movePage(context: CallContext): unknown {
  const { store, access } = context
  const page = access.requireEditable('page', pathId(context, 'page_id'))
  const body = bodyOf(context)
  if (body.parent === undefined) throw missing('body.parent')
  requireNotInTrash(context, page, 'page')
  const place = readPagePlace(context, body.parent, 'body.parent', ['page_id', 'data_source_id'])
  const target = place.type === 'row' ? place.dataSource : place.type === 'page' ? place.page : undefined
  if (target !== undefined && isWithin(context, target, page.id)) {
    throw validationError('A page cannot be moved into itself or into a page below it.')
  }
  const from = dataSourceOf(store, page)
  const to = place.type === 'row' ? place.dataSource : undefined
  const isSame = JSON.stringify(page.parent) === JSON.stringify(place.parent)
  if (isSame) return renderPage(context, page)

  detach(context, page.parent, page.id)
  if (from !== undefined) syncRelations(context, from, page.id, page.properties, {})
  const properties = { ...movedValues(page, from, to), ...(to && uniqueIds(to)) }
  store.pages.put({ ...page, parent: place.parent, properties, ...editStamps(context) })
  if (to !== undefined) store.dataSources.put({ ...to, nextUniqueId: to.nextUniqueId + 1 })
  if (place.type === 'page') attach(context, place.page.id, [page.id], atEnd)
  return renderPage(context, store.pages.get(page.id) ?? page)
}
