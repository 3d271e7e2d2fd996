/**
 * Single properties of pages with all their references.
 *
 * @see https://developers.notion.com/reference/retrieve-a-page-property
 */
import type { CallContext } from '../context.ts'
import { objectNotFound } from '../errors.ts'
import type { Json, JsonObject, Page, PropertySchema } from '../model.ts'
import { dataSourceOf, idsCell } from '../query/cells.ts'
import { columnOf, encodedId, findColumn } from '../query/columns.ts'
import type { Rollup } from '../query/evaluation.ts'
import { invalidCursor } from '../render/lists.ts'
import { columnsOfPage } from '../render/pages.ts'
import { evaluationOf, renderContent, renderRollup, storedText, visibleRelations } from '../render/property-values.ts'
import { renderRichText } from '../render/rich-text.ts'
import { renderUserValue } from '../render/users.ts'
import { pagingOfQuery } from '../validation/paging.ts'
import { pathId } from './endpoint.ts'

function item(column: PropertySchema, type: string, value: Json): JsonObject {
  return { object: 'property_item', id: encodedId(column), type, [type]: value }
}

/** Returns the elements of a property. */
function elements(context: CallContext, column: PropertySchema, page: Page): JsonObject[] {
  switch (column.type) {
    case 'title':
    case 'rich_text':
      return renderRichText(context, storedText(column, page)).map((one) => item(column, column.type, one))
    case 'people':
      return idsCell(column, page).map((id) => item(column, 'people', renderUserValue(context, id)))
    case 'relation':
      return visibleRelations(context, column, page).map((id) => item(column, 'relation', { id }))
    default: {
      const content = renderContent(context, column, page, evaluationOf(context))
      return content === undefined ? [] : [item(column, column.type, content)]
    }
  }
}

/** Returns the elements of a rollup: the collected values, or the related pages of a computed value. */
function rollupElements(context: CallContext, column: PropertySchema, page: Page, rollup: Rollup): JsonObject[] {
  if (rollup.type === 'array') return rollup.elements.flatMap((one) => elements(context, one.column, one.page))
  const source = dataSourceOf(context.store, page)
  const { relation_property_id, relation_property_name } = column.config
  const relation = source && columnOf(source, relation_property_id, relation_property_name)
  return relation === undefined ? [] : elements(context, relation, page)
}

const paginatedTypes = new Set(['title', 'rich_text', 'people', 'relation', 'rollup'])

/** Returns the link to the next page of a list. */
function nextUrl(context: CallContext, page: Page, column: PropertySchema, cursor: string | null, size: number) {
  if (cursor === null) return null
  const path = `/v1/pages/${page.id}/properties/${encodeURIComponent(encodedId(column))}`
  return `${context.publicUrl}${path}?start_cursor=${encodeURIComponent(cursor)}&page_size=${size}`
}

/** Returns a cursor with the index of an element, because elements have no ids. */
const cursorOf = (index: number) => Buffer.from(`item:${index}`).toString('base64url')

function indexOf(cursor: string | undefined, length: number): number {
  if (cursor === undefined) return 0
  const match = /^item:(\d+)$/.exec(Buffer.from(cursor, 'base64url').toString())
  const index = match === null ? Number.NaN : Number(match[1])
  if (!(index < length)) throw invalidCursor(cursor)
  return index
}

function renderItems(context: CallContext, column: PropertySchema, page: Page): JsonObject {
  const evaluation = evaluationOf(context)
  const rollup = column.type === 'rollup' ? evaluation.rollup(column, page) : undefined
  const all = rollup === undefined ? elements(context, column, page) : rollupElements(context, column, page, rollup)
  const { size, cursor } = pagingOfQuery(context, { cursors: 'any' })
  const start = indexOf(cursor, all.length)
  const next = start + size < all.length ? cursorOf(start + size) : null
  const summary: Json =
    rollup === undefined
      ? {}
      : rollup.type === 'array'
        ? { type: 'array', array: [], function: column.config.function ?? null }
        : renderRollup(context, column, rollup, 0, evaluation)
  return {
    object: 'list',
    results: all.slice(start, start + size),
    next_cursor: next,
    has_more: next !== null,
    type: 'property_item',
    property_item: {
      id: encodedId(column),
      next_url: nextUrl(context, page, column, next, size),
      type: column.type,
      [column.type]: summary,
    },
  }
}

/** `GET /v1/pages/{page_id}/properties/{property_id}`. */
export function retrieveProperty(context: CallContext): unknown {
  const page = context.access.requireVisible('page', pathId(context, 'page_id'))
  const key = context.params.property_id ?? ''
  const columns = columnsOfPage(context, page)
  const column = columns.find((one) => one.id === key || encodedId(one) === key) ?? findColumn(columns, key)
  if (column === undefined) throw objectNotFound('property', key, context.access.client.name)
  if (paginatedTypes.has(column.type)) return renderItems(context, column, page)
  const [only] = elements(context, column, page)
  if (only === undefined) throw objectNotFound('property', key, context.access.client.name)
  return only
}
