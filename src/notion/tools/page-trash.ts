import * as z from 'zod'
import { changing } from '../call.ts'
import { idField } from '../input.ts'
import { pageOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/patch-page with in_trash */
export const pageTrash = notionTool({
  name: 'notion_page_trash',
  title: 'Trash a page',
  description: 'Move a page or row and everything under it to the trash. Call notion_page_restore to undo it.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ page_id: idField('page') }),
  ...pageOutput,
  run: (call, { page_id }) =>
    call.write((notion) => notion.pages.update({ page_id, in_trash: true }), changing('page', page_id)),
})
