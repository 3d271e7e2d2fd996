/** Parents of pages. */
import type { CallContext } from '../context.ts'
import type { DataSource, Page, Parent } from '../model.ts'
import { branchOf, oneOf } from '../validation/check.ts'
import { uuid } from '../validation/scalars.ts'
import { onlyDataSource } from './databases.ts'
import { requireNotInTrash } from './tree.ts'

/** The parent of a page: another page, a data source, or the workspace. */
export type PagePlace =
  | { readonly type: 'page'; readonly parent: Parent; readonly page: Page }
  | { readonly type: 'row'; readonly parent: Parent; readonly dataSource: DataSource }
  | { readonly type: 'workspace'; readonly parent: Parent }

/** Kinds of parents of new pages. */
export const pageParentKinds = ['page_id', 'database_id', 'data_source_id', 'workspace'] as const

function inDataSource(context: CallContext, dataSource: DataSource): PagePlace {
  requireNotInTrash(context, dataSource, 'page')
  return { type: 'row', parent: { type: 'data_source_id', id: dataSource.id }, dataSource }
}

/**
 * Returns the parent of a page in a request. `kinds` are the valid kinds of parents. Throws NotionApiError 404 when the
 * parent is not shared, 403 when the user may only view it, and 400 when it is in the trash.
 */
export function readPagePlace(
  context: CallContext,
  value: unknown,
  path: string,
  kinds: readonly (typeof pageParentKinds)[number][],
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
      return inDataSource(
        context,
        onlyDataSource(context, context.access.requireEditable('database', uuid.read(source[kind], at))),
      )
    case 'data_source_id':
      return inDataSource(context, context.access.requireEditable('data source', uuid.read(source[kind], at)))
    case 'workspace':
      oneOf(true).read(source[kind], at)
      return { type: 'workspace', parent: { type: 'workspace' } }
  }
}
