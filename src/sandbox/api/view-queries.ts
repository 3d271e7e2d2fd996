/**
 * Queries of views: their rows, cached for some minutes.
 *
 * @see https://developers.notion.com/reference/create-view-query
 */
import type { CallContext } from '../context.ts'
import { objectNotFound, validationError } from '../errors.ts'
import type { ViewQuery } from '../model.ts'
import { findRows } from '../query/run.ts'
import { timestamp } from '../render/frame.ts'
import { partOf, renderList } from '../render/lists.ts'
import { pagingOfBody, pagingOfQuery } from '../validation/paging.ts'
import { bodyOf, pathId } from './endpoint.ts'
import { requireView } from './views.ts'

/** How long the rows are available, in milliseconds. */
const lifetimeMs = 15 * 60_000

const references = (ids: readonly string[]) => ids.map((id) => ({ object: 'page', id }))

/** `POST /v1/views/{view_id}/queries`: runs the filter and sorts of the view. */
export function createViewQuery(context: CallContext): unknown {
  const { store, access } = context
  const view = requireView(context)
  bodyOf(context, ['page_size'])
  if (view.dataSourceId === null) throw validationError('A dashboard has no rows. Query the views of its widgets.')
  const source = access.requireVisible('data source', view.dataSourceId)
  const rows = findRows(context, source, view.filter ?? undefined, view.sorts ?? undefined)
  const query: ViewQuery = {
    id: context.newId(),
    viewId: view.id,
    grantId: access.grant.id,
    rowIds: rows.slice(0, context.limits.queryRows).map(({ id }) => id),
    expiresTime: context.now().getTime() + lifetimeMs,
  }
  store.viewQueries.put(query)
  const { size } = pagingOfBody(context)
  const { elements, next } = partOf(query.rowIds, { size, cursor: undefined }, (id) => id)
  return {
    object: 'view_query',
    id: query.id,
    view_id: view.id,
    expires_at: timestamp(query.expiresTime),
    total_count: query.rowIds.length,
    results: references(elements),
    next_cursor: next,
    has_more: next !== null,
  }
}

function find(context: CallContext): ViewQuery | undefined {
  const query = context.store.viewQueries.get(pathId(context, 'query_id'))
  if (query?.viewId !== requireView(context).id || query.grantId !== context.access.grant.id) return undefined
  return query.expiresTime > context.now().getTime() ? query : undefined
}

/** `GET /v1/views/{view_id}/queries/{query_id}`. */
export function listViewQuery(context: CallContext): unknown {
  const query = find(context)
  if (query === undefined) {
    throw objectNotFound('view query', pathId(context, 'query_id'), context.access.client.name)
  }
  const { elements, next } = partOf(query.rowIds, pagingOfQuery(context, { zero: 'refuse' }), (id) => id)
  return renderList('page', references(elements), next)
}

/** `DELETE /v1/views/{view_id}/queries/{query_id}`: succeeds as well when the query is gone. */
export function deleteViewQuery(context: CallContext): unknown {
  const query = find(context)
  if (query !== undefined) context.store.viewQueries.delete(query.id)
  return { object: 'view_query', id: pathId(context, 'query_id'), deleted: true }
}
