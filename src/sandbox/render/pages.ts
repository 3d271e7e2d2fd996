/**
 * Pages in responses.
 *
 * @see https://developers.notion.com/reference/page
 */
import type { CallContext } from '../context.ts'
import type { DataSource, JsonObject, Page, PropertySchema } from '../model.ts'
import { findColumn, titleColumn } from '../query/columns.ts'
import { renderIcon } from './files.ts'
import { isInTrash, renderParent, renderStamps, renderTrash } from './frame.ts'
import { pageUrl } from './links.ts'
import { evaluationOf, renderProperty } from './property-values.ts'
import { titleOf } from './rich-text.ts'
import { shownColumns } from './schema.ts'

/** Returns the visible columns of a page: those of its data source, or only the title. */
export function columnsOfPage(context: CallContext, page: Page): readonly PropertySchema[] {
  if (page.parent.type !== 'data_source_id') return [titleColumn]
  const dataSource = context.store.dataSources.get(page.parent.id)
  return dataSource === undefined ? [titleColumn] : shownColumns(context, dataSource)
}

function renderPageWith(context: CallContext, page: Page, columns: readonly PropertySchema[]): JsonObject {
  const evaluation = evaluationOf(context)
  // Object.fromEntries, because a column can have the name `__proto__`.
  const properties = Object.fromEntries(
    columns.flatMap((column) => {
      const value = renderProperty(context, column, page, evaluation)
      return value === undefined ? [] : [[column.name, value]]
    }),
  )
  return {
    object: 'page',
    id: page.id,
    ...renderStamps(page),
    parent: renderParent(context, page.parent),
    ...renderTrash(context, isInTrash(context.store, page)),
    is_archived: page.isArchived,
    is_locked: page.isLocked,
    icon: renderIcon(context, page.icon),
    cover: renderIcon(context, page.cover),
    properties,
    url: pageUrl(page.id, titleOf(context.store, page.id)),
    public_url: page.publicUrl,
  }
}

/** Returns a page object. `only` are names or ids of properties to include, by default all. */
export function renderPage(context: CallContext, page: Page, only?: readonly string[]): JsonObject {
  return renderPageWith(context, page, pick(columnsOfPage(context, page), only))
}

function pick(columns: readonly PropertySchema[], only: readonly string[] | undefined): readonly PropertySchema[] {
  if (only === undefined) return columns
  const wanted = new Set(only.map((key) => findColumn(columns, key)))
  return columns.filter((column) => wanted.has(column))
}

/** Returns page objects for rows of one data source. Computes the columns once. */
export function renderRows(
  context: CallContext,
  dataSource: DataSource,
  rows: readonly Page[],
  only?: readonly string[],
): JsonObject[] {
  const columns = pick(shownColumns(context, dataSource), only)
  return rows.map((row) => renderPageWith(context, row, columns))
}
