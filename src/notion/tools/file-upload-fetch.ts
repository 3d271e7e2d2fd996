import * as z from 'zod'
import { idField } from '../input.ts'
import { fileUploadOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { unsharedObjectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/retrieve-file-upload */
export const fileUploadFetch = notionTool({
  name: 'notion_file_upload_fetch',
  title: 'Get an upload',
  description: 'Get the status of a file upload.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: unsharedObjectErrors,
  input: z.strictObject({ file_upload_id: idField('file_upload', 'Upload ID') }),
  ...fileUploadOutput,
  run: (call, { file_upload_id }) =>
    call.read((notion) => notion.fileUploads.retrieve({ file_upload_id }), {
      target: { id: file_upload_id, kind: 'file_upload' },
    }),
})
