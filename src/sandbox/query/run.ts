/**
 * Queries of data sources.
 *
 * @see https://developers.notion.com/reference/query-a-data-source
 */
import type { CallContext } from '../context.ts'
import type { DataSource, Page } from '../model.ts'
import { isInTrash } from '../render/frame.ts'
import { invalidCursor } from '../render/lists.ts'
import { boolean, isObject, oneOf } from '../validation/check.ts'
import { pagingOfBody } from '../validation/paging.ts'
import { createEvaluation } from './computed.ts'
import { compileFilter } from './filter.ts'
import { compileSorts } from './sort.ts'

/** A page of rows. */
export interface QueryResult {
  readonly rows: readonly Page[]
  /** Cursor for the next page: the id of its first row. Null on the last page. */
  readonly next: string | null
  /** True on the last page of a query that matched more rows than Notion returns. */
  readonly isCut: boolean
}

/** Returns the visible rows of a data source in order of creation. `marker` is included, in the trash or not. */
function rowsOf(context: CallContext, dataSource: DataSource, inTrash: boolean, marker: Page | undefined): Page[] {
  const { store, access } = context
  // The rows of a data source in the trash are in the trash too.
  const allInTrash = isInTrash(store, dataSource)
  if (allInTrash && !inTrash) return []
  const rows: Page[] = []
  for (const id of store.rowsOf(dataSource.id)) {
    const row = store.pages.get(id)
    if (row === undefined) continue
    const fits = allInTrash || row.inTrash === inTrash || row === marker
    // A row without its own access rule has the access of its data source.
    if (fits && (row.access === null || access.canSee(id))) rows.push(row)
  }
  return rows
}

/** Returns the row of a cursor, even if it no longer matches. Throws InvalidInput when it is not in the data source. */
function markerOf(context: CallContext, dataSource: DataSource, cursor: string): Page {
  const row = context.store.pages.get(cursor)
  const isRow = row?.parent.type === 'data_source_id' && row.parent.id === dataSource.id
  if (row === undefined || !isRow) throw invalidCursor(cursor)
  return row
}

/** Returns all rows that match a filter, sorted. Throws InvalidInput when the filter or sorts are not valid. */
export function findRows(
  context: CallContext,
  dataSource: DataSource,
  filter: unknown,
  sorts: unknown,
): readonly Page[] {
  const evaluation = createEvaluation(context.store, context.now().getTime())
  const test = compileFilter(evaluation, dataSource, filter)
  const sorter = compileSorts(evaluation, dataSource, sorts)
  const rows = rowsOf(context, dataSource, false, undefined)
  const matching = test === undefined ? rows : rows.filter(test)
  return sorter === undefined ? matching : sorter(matching)
}

/**
 * Runs the query in the body of a call. A cursor is the id of a row and stays valid when the row no longer matches.
 *
 * Throws InvalidInput, in Notion's words, when the query or the cursor is not valid.
 */
export function runQuery(context: CallContext, dataSource: DataSource): QueryResult {
  const body = isObject(context.body) ? context.body : {}
  const { size, cursor } = pagingOfBody(context)
  const evaluation = { ...createEvaluation(context.store, context.now().getTime()), me: context.access.user.id }
  const filter = compileFilter(evaluation, dataSource, body.filter)
  const sorter = compileSorts(evaluation, dataSource, body.sorts)
  const trash = body.in_trash ?? body.archived
  const inTrash = trash === undefined ? false : boolean.read(trash, 'body.in_trash', ['`undefined`'])
  if (body.result_type !== undefined) {
    const type = oneOf('page', 'data_source').read(body.result_type, 'body.result_type', ['`undefined`'])
    // Only wikis contain data sources, and the sandbox has no wikis.
    if (type === 'data_source') return { rows: [], next: null, isCut: false }
  }

  const marker = cursor === undefined ? undefined : markerOf(context, dataSource, cursor)
  const all = rowsOf(context, dataSource, inTrash, marker)
  const matching = filter === undefined ? all : all.filter((row) => row === marker || filter(row))
  const sorted = sorter === undefined ? matching : sorter(matching)
  const isCut = sorted.length > context.limits.queryRows
  const within = isCut ? sorted.slice(0, context.limits.queryRows) : sorted
  const start = marker === undefined ? 0 : within.indexOf(marker)
  if (start < 0) throw invalidCursor(cursor ?? '')

  const isStale = marker !== undefined && (marker.inTrash !== inTrash || filter?.(marker) === false)
  const first = isStale ? start + 1 : start
  const next = within[first + size]
  return { rows: within.slice(first, first + size), next: next?.id ?? null, isCut: isCut && next === undefined }
}
