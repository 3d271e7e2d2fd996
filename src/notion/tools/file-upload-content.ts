import * as z from 'zod'
import { maxRequestBytes } from '../../bounded-body.ts'
import { OutcomeUnknownError } from '../../errors.ts'
import { afterWriting, changing, rereadCreated } from '../call.ts'
import { uuidAt } from '../ids.ts'
import { refuse } from '../input.ts'
import { fileUploadOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { unsharedObjectErrors } from '../tool-errors.ts'

/** What a request may have next to the content: its query, the other arguments and their names. */
const envelopeBytes = 50_000
/** The maximum file in bytes that fits into one request in base64, in whole hundreds of KB. Notion accepts 20 MB. */
const maxFileBytes = Math.floor(((maxRequestBytes - envelopeBytes) * 3) / 4 / 100_000) * 100_000
const contentLimit = Math.ceil(maxFileBytes / 3) * 4

/** The name of a file that goes into a multipart header. */
export const filenameField = () =>
  z
    .string()
    .min(1)
    .max(900)
    .regex(/^[^\p{Cc}"\\/]+$/u, 'must be a file name without a path')
    .describe('File name with extension')

/** A media type (RFC 9110 section 8.3.1) without parameters. */
export const contentTypeField = () =>
  z
    .string()
    .max(200)
    .regex(/^[\w.+-]+\/[\w.+-]+$/, 'must be a media type such as image/png')
    .describe('Media type, such as image/png')

/** https://developers.notion.com/reference/create-file and upload-file */
export const fileUploadContent = notionTool({
  name: 'notion_file_upload_content',
  title: 'Upload a file',
  description: `Upload a file of up to ${maxFileBytes / 1000} KB; for a larger one, call notion_file_upload_link. Attach it within an hour as {"file_upload":{"id":"…"}} in a block, property, icon or cover.`,
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: unsharedObjectErrors,
  input: z.strictObject({
    filename: filenameField(),
    content_type: contentTypeField(),
    content: z.string().min(1).max(contentLimit).describe('Content of the file in base64'),
  }),
  ...fileUploadOutput,
  async run(call, { filename, content_type, content }) {
    const bytes = decode(content)
    if (bytes === null) refuse('content', 'must be base64 (RFC 4648 section 4)')
    const upload = await call.write(
      (notion) => notion.fileUploads.create({ mode: 'single_part', filename, content_type }),
      { reread: rereadCreated('file_upload') },
    )
    const id = uuidAt(upload, 'id')
    if (id === null) throw new OutcomeUnknownError('Notion created an upload without an id.')
    return afterWriting(
      [id],
      () => `The upload ${id} was created.`,
      () =>
        call.write(
          (notion) => {
            const data = new Blob([bytes], { type: content_type })
            return notion.fileUploads.send({ file_upload_id: id, file: { filename, data } })
          },
          changing('file_upload', id),
        ),
    )
  },
})

function decode(text: string): Uint8Array<ArrayBuffer> | null {
  const compact = text.replaceAll(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact) || compact.length % 4 === 1) return null
  return Uint8Array.from(Buffer.from(compact, 'base64'))
}
