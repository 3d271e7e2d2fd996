import type { UpdateViewParameters } from '@notionhq/client'
import * as z from 'zod'
import { changing } from '../call.ts'
import { uuidAt } from '../ids.ts'
import { idField, objectField, objectsField, refuse } from '../input.ts'
import { textAt } from '../json.ts'
import { addIssue } from '../rich-text.ts'
import { viewOutput } from '../shape/views.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'
import { checkedSettings } from '../view-settings.ts'
import { viewFields } from './view-create.ts'

/** https://developers.notion.com/reference/update-a-view */
export const viewUpdate = notionTool({
  name: 'notion_view_update',
  title: 'Change a view',
  description:
    'Change the name, filter, sorts or layout of a view. Its type cannot change. Call notion_view_fetch first to read it.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    view_id: idField('view'),
    name: z.string().min(1).max(2000).describe('New name').optional(),
    ...viewFields,
    filter: objectField('New condition as in notion_database_query; {} removes the filter').optional(),
    sorts: objectsField('New order by properties, as in notion_database_query; [] removes it', 50).optional(),
  }),
  ...viewOutput,
  async run(call, input) {
    const { view_id, name, ...settings } = input
    if (name === undefined && Object.values(settings).every((value) => value === undefined))
      refuse('name', 'must be passed, or another property to change')
    let changes: object = {}
    if (Object.values(settings).some((value) => value !== undefined)) {
      const view = await call.read((notion) => notion.views.retrieve({ view_id }), {
        target: { id: view_id, kind: 'view' },
      })
      const source = uuidAt(view, 'data_source_id')
      if (source === null) refuse('view_id', 'must be a view of rows: a dashboard can only be renamed')
      changes = await checkedSettings(call, source, settings, textAt(view, 'type') ?? '', (at) => {
        for (const [index, { timestamp }] of (settings.sorts ?? []).entries()) {
          if (timestamp !== undefined)
            addIssue(
              at(`sorts.${index}.timestamp`),
              'must be left out: a view is sorted by properties, such as {"property":"Name","direction":"ascending"}',
            )
        }
      })
    }
    const body = { view_id, ...(name !== undefined && { name }), ...changes } as UpdateViewParameters
    return call.write((notion) => notion.views.update(body), changing('view', view_id))
  },
})
