import * as z from 'zod'
import { rereadCreated } from '../call.ts'
import { fileUploadOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { contentTypeField, filenameField } from './file-upload-content.ts'

/** https://developers.notion.com/reference/create-file with mode external_url: Notion downloads the file, not this process. */
export const fileUploadLink = notionTool({
  name: 'notion_file_upload_link',
  title: 'Upload from a link',
  description:
    'Let Notion download a file from a public https URL. Call notion_file_upload_fetch to see whether it arrived.',
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: [],
  input: z.strictObject({
    external_url: z
      .string()
      .max(2000)
      .refine((text) => URL.canParse(text) && new URL(text).protocol === 'https:', 'must be an https URL')
      .describe('Public https URL of the file'),
    filename: filenameField(),
    content_type: contentTypeField().optional(),
  }),
  ...fileUploadOutput,
  run: (call, { external_url, filename, content_type }) =>
    call.write(
      (notion) =>
        notion.fileUploads.create({
          mode: 'external_url',
          external_url,
          filename,
          ...(content_type !== undefined && { content_type }),
        }),
      { reread: rereadCreated('file_upload') },
    ),
})
