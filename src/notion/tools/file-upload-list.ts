import { z } from 'zod'
import { cursorField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { compactFileUpload } from '../shape/compact.ts'
import { fileUploadsTable, notionFileUpload, toFileUpload } from '../shape/file-upload-output.ts'
import { compactList, listBody, listFields, markdownList, results, toListFields } from '../shape/lists.ts'
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
  output: listBody,
  result: z.object({ fileUploads: z.array(notionFileUpload).describe('The uploads.'), ...listFields }),
  run(call, input) {
    const paging = pagingOf(input, { fallback: 50, uuid: false })
    const { status } = input
    return call.read((notion) => notion.fileUploads.list({ ...paging, ...(status !== undefined && { status }) }))
  },
  toResult: (body) => ({ fileUploads: results(body).map(toFileUpload), ...toListFields(body) }),
  toCompact: (body) => compactList(body, compactFileUpload),
  toMarkdown: (body) => markdownList(body, fileUploadsTable(results(body))),
})
