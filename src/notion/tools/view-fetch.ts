import * as z from 'zod'
import { idField } from '../input.ts'
import { viewOutput } from '../shape/views.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/retrieve-a-view */
export const viewFetch = notionTool({
  name: 'notion_view_fetch',
  title: 'Get a view',
  description: 'Get the filter, sorts and layout of one view of a database.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ view_id: idField('view') }),
  ...viewOutput,
  run: (call, { view_id }) =>
    call.read((notion) => notion.views.retrieve({ view_id }), { target: { id: view_id, kind: 'view' } }),
})
