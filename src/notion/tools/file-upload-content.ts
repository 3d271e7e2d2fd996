import { z } from 'zod'
import { OutcomeUnknownError } from '../../errors.ts'
import { afterWriting, changing, rereadCreated } from '../call.ts'
import { uuidAt } from '../ids.ts'
import { refuse } from '../input.ts'
import { fileUploadOutput } from '../shape/file-upload-output.ts'
import { notionTool } from '../tool-definition.ts'
import { unsharedObjectErrors } from '../tool-errors.ts'

/** Base64 of 3.75 MB; Notion takes 20 MB in one part, and an answer of GraphQL should not carry that. */
const contentLimit = 5_000_000

/** The name of a file that goes into a multipart header. */
export const filenameField = () =>
  z
    .string()
    .min(1)
    .max(900)
    .regex(/^[^\p{Cc}"\\/]+$/u, 'has to be a plain file name')
    .describe('with extension')

/** A media type (RFC 9110 section 8.3.1) without parameters. */
export const contentTypeField = () =>
  z
    .string()
    .max(200)
    .regex(/^[\w.+-]+\/[\w.+-]+$/, 'has to be a media type such as image/png')
    .describe('media type')

/** https://developers.notion.com/reference/create-file and upload-file */
export const fileUploadContent = notionTool({
  name: 'notion_file_upload_content',
  title: 'Upload a file',
  description:
    'Upload a small file; attach it within an hour as {file_upload:{id}} in a block, property, icon or cover.',
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: unsharedObjectErrors,
  input: z.strictObject({
    filename: filenameField(),
    content_type: contentTypeField(),
    content: z.string().min(1).max(contentLimit).describe('base64'),
  }),
  ...fileUploadOutput,
  async run(call, { filename, content_type, content }) {
    const bytes = decode(content)
    if (bytes === null) refuse('content', 'is no base64 (RFC 4648 section 4)')
    const upload = await call.write(
      (notion) => notion.fileUploads.create({ mode: 'single_part', filename, content_type }),
      { reread: rereadCreated('file_upload') },
    )
    const id = uuidAt(upload, 'id')
    if (id === null) throw new OutcomeUnknownError('Notion made an upload without an id.')
    return afterWriting(
      [id],
      () => `The upload ${id} was made.`,
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
