/** Queries of data sources (https://developers.notion.com/reference/query-a-data-source). */
import type { CallContext } from '../context.ts'
import type { DataSource, Page } from '../model.ts'
import { isInTrash } from '../render/frame.ts'
import { invalidCursor } from '../render/lists.ts'
import { boolean, isObject, oneOf } from '../validation/check.ts'
import { pagingOfBody } from '../validation/paging.ts'
import { createEvaluation } from './computed.ts'
import { compileFilter } from './filter.ts'
import { compileSorts } from './sort.ts'

/** The rows that one answer holds. */
export interface QueryResult {
  readonly rows: readonly Page[]
  /** The id of the row that the next part starts with. */
  readonly next: string | null
  /** True if the query matched more rows than Notion ever gives out; the last part says so. */
  readonly isCut: boolean
}

/** The rows of a data source in the order in which they were added; `kept` is among them whether in the trash or not. */
function rowsOf(context: CallContext, dataSource: DataSource, inTrash: boolean, kept: Page | undefined): Page[] {
  const { store, access } = context
  // What is in the trash takes everything below it along.
  const allInTrash = isInTrash(store, dataSource)
  if (allInTrash && !inTrash) return []
  const rows: Page[] = []
  for (const id of store.rowsOf(dataSource.id)) {
    const row = store.pages.get(id)
    if (row === undefined) continue
    const fits = allInTrash || row.inTrash === inTrash || row === kept
    // A row without access rules of its own is as visible as its data source.
    if (fits && (row.access === null || access.canSee(id))) rows.push(row)
  }
  return rows
}

/** The row that a cursor names; whether it is still in the result does not matter. */
function markerOf(context: CallContext, dataSource: DataSource, cursor: string): Page {
  const row = context.store.pages.get(cursor)
  const isRow = row?.parent.type === 'data_source_id' && row.parent.id === dataSource.id
  if (row === undefined || !isRow) throw invalidCursor(cursor)
  return row
}

/**
 * Runs the query in the body of a call.
 *
 * Cursors are the ids of rows. A row that changed since, so that it no longer matches, still marks its place; only one
 * that never was in the data source is refused.
 *
 * @throws InvalidInput in Notion's words
 */
export function runQuery(context: CallContext, dataSource: DataSource): QueryResult {
  const body = isObject(context.body) ? context.body : {}
  const { size, cursor } = pagingOfBody(context)
  const evaluation = createEvaluation(context.store, context.now().getTime())
  const filter = compileFilter(evaluation, dataSource, body.filter)
  const sorter = compileSorts(evaluation, dataSource, body.sorts)
  const trash = body.in_trash ?? body.archived
  const inTrash = trash === undefined ? false : boolean.read(trash, 'body.in_trash', ['`undefined`'])
  if (body.result_type !== undefined) {
    const type = oneOf('page', 'data_source').read(body.result_type, 'body.result_type', ['`undefined`'])
    // Only wikis hold data sources beside pages, and the sandbox has no wikis.
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
