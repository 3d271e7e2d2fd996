import type { CreateViewParameters } from '@notionhq/client'
import * as z from 'zod'
import { rereadCreated } from '../call.ts'
import { resolveDataSource } from '../data-sources.ts'
import { dataSourceField, idField, objectField, objectsField, refuse } from '../input.ts'
import { viewOutput } from '../shape/views.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'
import { checkedSettings, checkRequired, viewTypes } from '../view-settings.ts'

/** The settings that creating and changing a view have in common. */
export const viewFields = {
  filter: objectField('Condition as in notion_database_query').optional(),
  sorts: objectsField('Order as in notion_database_query', 50).optional(),
  quick_filters: objectField('Conditions of the filter bar, such as {"Stage":{"select":{"equals":"New"}}}').optional(),
  configuration: objectField('Layout, such as {"group_by":"Stage"}, or {"date_property_id":"Due"}').optional(),
}

/** https://developers.notion.com/reference/create-a-view */
export const viewCreate = notionTool({
  name: 'notion_view_create',
  title: 'Create a view',
  description:
    'Add a view to a database, to a dashboard, or as a linked database to a page. Call notion_database_fetch first to get the property names.',
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    database_id: idField('database', 'Database whose rows it shows'),
    name: z.string().min(1).max(2000).describe('Name of the view'),
    type: z.enum(viewTypes).describe('Layout. board needs group_by, calendar and timeline date_property_id'),
    ...viewFields,
    dashboard_view_id: idField('view', 'Dashboard to add it to as a widget').optional(),
    page_id: idField('page', 'Page to add it to as a linked database').optional(),
    data_source: dataSourceField(),
  }),
  ...viewOutput,
  async run(call, input) {
    const { name, type, dashboard_view_id, page_id } = input
    if (dashboard_view_id !== undefined && page_id !== undefined)
      refuse('page_id', 'must not be combined with dashboard_view_id')
    const source = await resolveDataSource(call, input.database_id, input.data_source)
    const settings = await checkedSettings(call, source.id, input, type, (at) =>
      checkRequired(type, input, at('configuration')),
    )
    const place =
      dashboard_view_id !== undefined
        ? { view_id: dashboard_view_id }
        : page_id !== undefined
          ? { create_database: { parent: { type: 'page_id' as const, page_id } } }
          : { database_id: source.databaseId ?? input.database_id }
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null))
    const body = { data_source_id: source.id, name, type, ...place, ...given } as CreateViewParameters
    return call.write((notion) => notion.views.create(body), {
      target:
        dashboard_view_id !== undefined
          ? { id: dashboard_view_id, kind: 'view' }
          : page_id !== undefined
            ? { id: page_id, kind: 'page' }
            : { id: source.databaseId ?? input.database_id, kind: 'database' },
      names: { 'create_database.parent.page_id': 'page_id', view_id: 'dashboard_view_id' },
      reread: rereadCreated('view'),
    })
  },
})
