/** Where pages can be put. */
import type { CallContext } from '../context.ts'
import { multipleDataSources, objectNotFound } from '../errors.ts'
import type { DataSource, Id, Page, Parent } from '../model.ts'
import { liveDataSources } from '../render/databases.ts'
import { branchOf, oneOf } from '../validation/check.ts'
import { uuid } from '../validation/scalars.ts'
import { requireNotInTrash } from './tree.ts'

/** A place for a page: another page, a data source, or the top of the workspace. */
export type PagePlace =
  | { readonly type: 'page'; readonly parent: Parent; readonly page: Page }
  | { readonly type: 'row'; readonly parent: Parent; readonly dataSource: DataSource }
  | { readonly type: 'workspace'; readonly parent: Parent }

/** The kinds of parent that a new page can have. */
export const PAGE_PARENTS = ['page_id', 'database_id', 'data_source_id', 'workspace'] as const

function inDataSource(context: CallContext, dataSource: DataSource): PagePlace {
  requireNotInTrash(context, dataSource, 'page')
  return { type: 'row', parent: { type: 'data_source_id', id: dataSource.id }, dataSource }
}

/** The one data source of a database: writing to `database_id` is unclear where there are several. */
function onlyDataSource(context: CallContext, databaseId: Id): DataSource {
  const database = context.access.requireEditable('database', databaseId)
  const [first, second] = liveDataSources(context, database)
  if (first === undefined) throw objectNotFound('database', databaseId, context.access.client.name)
  if (second !== undefined) throw multipleDataSources(databaseId, database.dataSourceIds)
  return first
}

/**
 * The place that a request names, if the connection may put pages there.
 *
 * @param value the parent in the request
 * @param kinds which kinds of parent are possible
 * @throws NotionApiError 404 for what is not shared; 400 for what is in the trash
 */
export function readPagePlace(
  context: CallContext,
  value: unknown,
  path: string,
  kinds: readonly (typeof PAGE_PARENTS)[number][],
): PagePlace {
  const { kind, value: source } = branchOf(value, path, kinds)
  const at = `${path}.${kind}`
  switch (kind) {
    case 'page_id': {
      const page = context.access.requireEditable('page', uuid.read(source[kind], at))
      requireNotInTrash(context, page, 'page')
      return { type: 'page', parent: { type: 'page_id', id: page.id }, page }
    }
    case 'database_id':
      return inDataSource(context, onlyDataSource(context, uuid.read(source[kind], at)))
    case 'data_source_id':
      return inDataSource(context, context.access.requireEditable('data source', uuid.read(source[kind], at)))
    case 'workspace':
      oneOf(true).read(source[kind], at)
      return { type: 'workspace', parent: { type: 'workspace' } }
  }
}
