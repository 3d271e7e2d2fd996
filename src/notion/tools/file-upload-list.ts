import * as z from 'zod'
import { cursorField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { fileUploadsOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'

/** https://developers.notion.com/reference/list-file-uploads */
export const fileUploadList = notionTool({
  name: 'notion_file_upload_list',
  title: 'List uploads',
  description: 'List the file uploads of this connection.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: [],
  listKey: 'results',
  input: z.strictObject({
    status: z.enum(['pending', 'uploaded', 'expired', 'failed']).describe('Only uploads with this status').optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  ...fileUploadsOutput,
  run(call, input) {
    const paging = pagingOf(input, { fallback: 50, uuid: false })
    const { status } = input
    return call.read((notion) => notion.fileUploads.list({ ...paging, ...(status !== undefined && { status }) }))
  },
})
