import * as z from 'zod'
import { changing } from '../call.ts'
import { idField } from '../input.ts'
import { pageOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/patch-page with in_trash */
export const pageRestore = notionTool({
  name: 'notion_page_restore',
  title: 'Restore a page',
  description: 'Restore a page or row from the trash.',
  readOnly: false,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ page_id: idField('page') }),
  ...pageOutput,
  run: (call, { page_id }) =>
    call.write((notion) => notion.pages.update({ page_id, in_trash: false }), changing('page', page_id)),
})
