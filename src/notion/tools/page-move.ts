import type { MovePageParameters } from '@notionhq/client'
import * as z from 'zod'
import { changing } from '../call.ts'
import { resolveDataSource } from '../data-sources.ts'
import { dataSourceField, idField, refuse } from '../input.ts'
import { pageOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/move-page */
export const pageMove = notionTool({
  name: 'notion_page_move',
  title: 'Move a page',
  description: 'Move a page under another page or into a database. Pass either parent_page_id or database_id.',
  readOnly: false,
  capability: 'UPDATE_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    page_id: idField('page', 'ID or link of the page to move'),
    parent_page_id: idField('page', 'ID or link of the new parent page').optional(),
    database_id: idField('database', 'ID or link of the new parent database').optional(),
    data_source: dataSourceField(),
  }),
  ...pageOutput,
  async run(call, { page_id, parent_page_id, database_id, data_source }) {
    if ((database_id === undefined) === (parent_page_id === undefined)) {
      refuse(
        database_id === undefined ? 'parent_page_id' : 'database_id',
        'exactly one of database_id and parent_page_id is required',
      )
    }
    if (data_source !== undefined && database_id === undefined)
      refuse('data_source', 'must not be passed without database_id')
    const parent: MovePageParameters['parent'] =
      database_id === undefined
        ? { type: 'page_id', page_id: parent_page_id ?? '' }
        : { type: 'data_source_id', data_source_id: (await resolveDataSource(call, database_id, data_source)).id }
    const page = await call.write((notion) => notion.pages.move({ page_id, parent }), {
      ...changing('page', page_id),
      names: { 'parent.page_id': 'parent_page_id', 'parent.data_source_id': 'database_id' },
    })
    call.schemas.forget(call.account, page_id)
    return page
  },
})
