import * as z from 'zod'
import { WrongResourceTypeError } from '../../errors.ts'
import type { NotionCall } from '../call.ts'
import { uuidAt } from '../ids.ts'
import { cursorField, idField } from '../input.ts'
import { objectsAt } from '../json.ts'
import { type Paging, pagingOf } from '../paging.ts'
import { viewsOutput } from '../shape/views.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/list-views, and retrieve-a-view for each, as Notion lists ids only */
export const viewList = notionTool({
  name: 'notion_view_list',
  title: 'List views',
  description: 'List the views of a database with their filters, sorts and layout.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  listKey: 'results',
  input: z.strictObject({
    database_id: idField('database'),
    page_size: z.int().min(1).max(25).describe('Up to 25 results').optional(),
    start_cursor: cursorField(),
  }),
  ...viewsOutput,
  async run(call, input) {
    const list = await listOf(call, input.database_id, pagingOf(input, { fallback: 10, uuid: false }))
    const views = objectsAt(list, 'results').map(async (reference) => {
      const id = uuidAt(reference, 'id')
      const answer = id === null ? null : await call.lookUp({ kind: 'view', id })
      // A view that was deleted since, or that may not be read, is listed as Notion lists it.
      return answer !== null && 'body' in answer ? answer.body : reference
    })
    return { ...list, results: await Promise.all(views) }
  },
})

/** The id of a data source, which searches return, is accepted for that of its database. */
async function listOf(call: NotionCall, id: string, paging: Paging) {
  try {
    return await call.read((notion) => notion.views.list({ database_id: id, ...paging }), {
      target: { id, kind: 'database' },
    })
  } catch (error) {
    if (!(error instanceof WrongResourceTypeError) || error.actual !== 'data source') throw error
    return call.read((notion) => notion.views.list({ data_source_id: id, ...paging }), {
      target: { id, kind: 'data_source' },
    })
  }
}
