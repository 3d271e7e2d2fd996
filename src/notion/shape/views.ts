import * as z from 'zod'
import { asJson, type JsonObject, objectAt, textAt, toObject } from '../json.ts'
import { present } from './compact.ts'
import { compactViewSchema, markedSchema } from './compact-schema.ts'
import { compactList, listBody, listFields, markdownList, objectBody, results, toListFields } from './lists.ts'
import { markedData, markedText } from './marking.ts'
import { table } from './rich-text-markdown.ts'

export const notionView = z
  .object({
    id: z.string().describe('The id of the view.'),
    name: z.string().describe('The name of the view.'),
    type: z.string().describe('The layout, such as table, board or calendar.'),
    url: z.string().nullable().describe('The URL in Notion.'),
    databaseId: z.string().nullable().describe('The id of the database that shows the view.'),
    dataSourceId: z.string().nullable().describe('The id of the data source of its rows; null for a dashboard.'),
    filter: z.json().nullable().describe('The filter in the form of a query; null without one.'),
    sorts: z.json().nullable().describe('The sorts in the form of a query; null without any.'),
    quickFilters: z.json().nullable().describe('The conditions of the filter bar by property; null without any.'),
    configuration: z.json().nullable().describe('The settings of the layout.'),
    createdTime: z.iso.datetime().nullable().describe('The time of creation.'),
    lastEditedTime: z.iso.datetime().nullable().describe('The time of the last edit.'),
  })
  .meta({ id: 'NotionView', description: 'A view of a database: a layout with a filter and sorts.' })

/** Converts a view to the typed result. One that was deleted has its id, type and database only. */
export function toView(view: JsonObject): z.input<typeof notionView> {
  const json = (key: string) => asJson(view[key]) as z.input<typeof notionView>['filter']
  return {
    id: textAt(view, 'id') ?? '',
    name: textAt(view, 'name') ?? '',
    type: textAt(view, 'type') ?? '',
    url: textAt(view, 'url'),
    databaseId: textAt(objectAt(view, 'parent'), 'database_id'),
    dataSourceId: textAt(view, 'data_source_id'),
    filter: json('filter'),
    sorts: json('sorts'),
    quickFilters: json('quick_filters'),
    configuration: json('configuration'),
    createdTime: textAt(view, 'created_time'),
    lastEditedTime: textAt(view, 'last_edited_time'),
  }
}

function compactView(view: JsonObject) {
  const { id, name, type, url, databaseId, dataSourceId, createdTime, lastEditedTime } = toView(view)
  return present({
    ...{ id, name, type, url, database_id: databaseId, data_source_id: dataSourceId },
    ...{ filter: asJson(view.filter), sorts: asJson(view.sorts), quick_filters: asJson(view.quick_filters) },
    ...{ configuration: asJson(view.configuration), created_time: createdTime, last_edited_time: lastEditedTime },
  })
}

/** Returns views as a table, without columns that are empty for all views. */
function viewsTable(views: readonly JsonObject[]): string {
  const rows = views.map((view) => {
    const { name, type, url, databaseId, dataSourceId, createdTime, lastEditedTime, id } = toView(view)
    const json = (key: string) => (view[key] == null ? '' : JSON.stringify(view[key]))
    return {
      ...{ View: name, Type: type, Filter: json('filter'), Sorts: json('sorts') },
      ...{ 'Quick filters': json('quick_filters'), Configuration: json('configuration') },
      ...{ Database: databaseId, 'Data source': dataSourceId, URL: url },
      ...{ Created: createdTime, 'Last edited': lastEditedTime, id },
    }
  })
  const all = Object.keys(rows[0] ?? {}) as (keyof (typeof rows)[number])[]
  const names = all.filter((name) => ['View', 'id'].includes(name) || rows.some((row) => row[name]))
  return table(
    names,
    rows.map((row) => names.map((name) => row[name] ?? '')),
  )
}

export const viewOutput = {
  output: objectBody('view'),
  compact: markedSchema(compactViewSchema),
  result: z.object({ view: notionView.describe('The view.') }),
  toResult: (body: unknown) => ({ view: toView(toObject(body)) }),
  toCompact: (body: unknown) => markedData(compactView(toObject(body))),
  toMarkdown: (body: unknown) => markedText(viewsTable([toObject(body)])),
}

export const viewsOutput = {
  output: listBody,
  compact: markedSchema(z.array(compactViewSchema)),
  result: z.object({ views: z.array(notionView).describe('The views, in their order.'), ...listFields }),
  toResult: (body: unknown) => ({ views: results(body).map(toView), ...toListFields(body) }),
  toCompact: (body: unknown) => compactList(body, compactView),
  toMarkdown: (body: unknown) => markdownList(body, viewsTable(results(body))),
}
