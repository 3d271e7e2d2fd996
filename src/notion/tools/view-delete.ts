import * as z from 'zod'
import { idField } from '../input.ts'
import { viewOutput } from '../shape/views.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/delete-a-view */
export const viewDelete = notionTool({
  name: 'notion_view_delete',
  title: 'Delete a view',
  description: 'Delete a view of a database for good. The rows remain.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ view_id: idField('view') }),
  ...viewOutput,
  run: (call, { view_id }) =>
    call.write((notion) => notion.views.delete({ view_id }), { target: { id: view_id, kind: 'view' } }),
})
