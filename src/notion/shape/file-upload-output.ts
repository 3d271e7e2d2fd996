import { z } from 'zod'
import { isObject, type JsonObject, textAt } from '../json.ts'
import { compactFileUpload } from './compact.ts'
import { objectBody } from './lists.ts'
import { markedData, markedText } from './marking.ts'
import { table } from './rich-text-markdown.ts'

/** An upload, which can be attached until it expires. */
export const notionFileUpload = z
  .object({
    id: z.string().describe('The id of the upload; attach it as {"file_upload": {"id": …}}.'),
    status: z.string().describe('pending, uploaded, expired or failed.'),
    filename: z.string().nullable().describe('The name of the file.'),
    contentType: z.string().nullable().describe('The media type of the file.'),
    contentLength: z.number().nullable().describe('The size of the file in bytes.'),
    expiryTime: z.iso.datetime().nullable().describe('Until when it has to be attached; null once it is.'),
    createdTime: z.iso.datetime().nullable().describe('When it was made.'),
  })
  .meta({ id: 'NotionFileUpload', description: 'A file that was given to Notion, to be attached to something.' })

/** An upload as the typed results hold it. */
export function toFileUpload(upload: JsonObject): z.input<typeof notionFileUpload> {
  return {
    id: textAt(upload, 'id') ?? '',
    status: textAt(upload, 'status') ?? '',
    filename: textAt(upload, 'filename'),
    contentType: textAt(upload, 'content_type'),
    contentLength: typeof upload.content_length === 'number' ? upload.content_length : null,
    expiryTime: textAt(upload, 'expiry_time'),
    createdTime: textAt(upload, 'created_time'),
  }
}

/** Uploads as a table. */
export function fileUploadsTable(uploads: readonly JsonObject[]): string {
  return table(
    ['File', 'Type', 'Status', 'Expires', 'id'],
    uploads
      .map(toFileUpload)
      .map(({ id, status, filename, contentType, expiryTime }) => [
        filename ?? '',
        contentType ?? '',
        status,
        expiryTime ?? '',
        id,
      ]),
  )
}

/** The forms of a result that is one upload. */
export const fileUploadOutput = {
  output: objectBody('file_upload'),
  result: z.object({ fileUpload: notionFileUpload.describe('The upload.') }),
  toResult: (body: unknown) => ({ fileUpload: toFileUpload(isObject(body) ? body : {}) }),
  toCompact: (body: unknown) => markedData(compactFileUpload(isObject(body) ? body : {})),
  toMarkdown: (body: unknown) => markedText(fileUploadsTable(isObject(body) ? [body] : [])),
}
