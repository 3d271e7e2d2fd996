/**
 * Views in responses.
 *
 * @see https://developers.notion.com/reference/view
 */
import type { JsonObject, View } from '../model.ts'
import { renderStamps } from './frame.ts'
import { undashed } from './links.ts'

/** Returns the part of a view that remains after it is deleted. */
export function partialView(view: View): JsonObject {
  return {
    object: 'view',
    id: view.id,
    parent: { type: 'database_id', database_id: view.databaseId },
    type: view.type,
  }
}

/** Returns a view object. */
export function renderView(view: View): JsonObject {
  return {
    ...partialView(view),
    name: view.name,
    ...renderStamps(view),
    url: `https://app.notion.com/p/${undashed(view.databaseId)}?v=${undashed(view.id)}`,
    data_source_id: view.dataSourceId,
    filter: view.filter,
    sorts: view.sorts,
    quick_filters: Object.keys(view.quickFilters).length > 0 ? view.quickFilters : null,
    configuration: view.configuration,
    ...(view.dashboardId !== null && { dashboard_view_id: view.dashboardId }),
  }
}
