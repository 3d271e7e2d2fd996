/**
 * File uploads. The sandbox stores the type and size of a file and discards its bytes.
 *
 * @see https://developers.notion.com/reference/file-upload
 */
import type { CallContext } from '../context.ts'
import { objectNotFound, validationError } from '../errors.ts'
import type { FileUpload } from '../model.ts'
import { renderFileUpload } from '../render/file-uploads.ts'
import { partOf, renderList } from '../render/lists.ts'
import { InvalidInput, missing, number, oneOf, string } from '../validation/check.ts'
import { pagingOfQuery } from '../validation/paging.ts'
import { bodyOf, pathId } from './endpoint.ts'
import { editStamps, newStamps } from './tree.ts'

/** Time in milliseconds after which a pending upload expires. */
const lifetimeMs = 3_600_000

/** Maximum size in bytes of a file or part in one request. */
export const maxPartBytes = 20 * 1024 * 1024

/** Minimum size in bytes of all parts except the last. */
const minPartBytes = 5 * 1024 * 1024

const typesByExtension: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  json: 'application/json',
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  svg: 'image/svg+xml',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  mp4: 'video/mp4',
  zip: 'application/zip',
}

function typeOfName(filename: string | undefined): string | null {
  const extension = filename?.split('.').at(-1)?.toLowerCase() ?? ''
  return Object.hasOwn(typesByExtension, extension) ? (typesByExtension[extension] ?? null) : null
}

/** Returns the upload in the path with its current status. Throws 404 when this connection did not create it. */
function requireUpload(context: CallContext): FileUpload {
  const id = pathId(context, 'file_upload_id')
  const upload = context.store.fileUploads.get(id)
  if (upload?.createdBy !== context.access.bot.id) {
    throw objectNotFound('file upload', id, context.access.client.name)
  }
  return asOfNow(context, upload)
}

function asOfNow(context: CallContext, upload: FileUpload): FileUpload {
  const isOver = upload.expiryTime !== null && upload.expiryTime <= context.now().getTime()
  return upload.status === 'pending' && isOver ? { ...upload, status: 'expired' } : upload
}

/**
 * Returns the status of an import. The sandbox does not fetch the URL: the file counts as imported immediately, unless
 * its host cannot exist.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6761#section-6.4
 */
function importStatus(url: string): 'uploaded' | 'failed' {
  return URL.canParse(url) && /(^|\.)invalid\.?$/.test(new URL(url).hostname) ? 'failed' : 'uploaded'
}

/** `POST /v1/file_uploads`. */
export function createFileUpload(context: CallContext): unknown {
  const body = bodyOf(context)
  const mode =
    body.mode === undefined
      ? 'single_part'
      : oneOf('single_part', 'multi_part', 'external_url').read(body.mode, 'body.mode', ['`undefined`'])
  const text = (key: string, max: number) =>
    body[key] === undefined ? undefined : string({ min: 1, max }).read(body[key], `body.${key}`, ['`undefined`'])
  const filename = text('filename', 900)
  const contentType = text('content_type', 200)
  const externalUrl = text('external_url', 2000)
  const parts =
    body.number_of_parts === undefined
      ? undefined
      : number({ integer: true, min: 1, max: 10_000 }).read(body.number_of_parts, 'body.number_of_parts')
  if (mode === 'multi_part') {
    if (filename === undefined) throw missing('body.filename')
    if (parts === undefined) throw missing('body.number_of_parts')
  }
  if (mode === 'external_url') {
    if (externalUrl === undefined) throw missing('body.external_url')
    if (!/^https:\/\/./i.test(externalUrl)) throw new InvalidInput(['body.external_url should be a valid HTTPS URL.'])
  }
  const urlName = externalUrl?.split(/[?#]/, 1)[0]?.split('/').pop() || undefined
  const name = filename ?? urlName
  const stamps = newStamps(context)
  const upload: FileUpload = {
    id: context.newId(),
    workspaceId: context.access.workspace.id,
    status: externalUrl === undefined || mode !== 'external_url' ? 'pending' : importStatus(externalUrl),
    mode,
    filename: name ?? null,
    contentType: contentType ?? typeOfName(name),
    contentLength: null,
    expiryTime: stamps.createdTime + lifetimeMs,
    numberOfParts: parts ?? null,
    sentParts: [],
    archived: false,
    ...stamps,
  }
  context.store.fileUploads.put(upload)
  return renderFileUpload(context, upload)
}

async function readForm(context: CallContext): Promise<FormData> {
  const { raw } = context
  if (raw === undefined || !/^multipart\/form-data\b/i.test(raw.contentType)) {
    throw new InvalidInput(['body should be multipart/form-data.'])
  }
  try {
    const headers = { 'content-type': raw.contentType }
    return await new Response(new Uint8Array(raw.bytes), { headers }).formData()
  } catch {
    throw new InvalidInput(['body should be valid multipart/form-data.'])
  }
}

function readPart(upload: FileUpload, form: FormData): number {
  const text = form.get('part_number')
  if (upload.mode === 'single_part') {
    if (text !== null) throw validationError('part_number must not be sent for a single_part file upload.')
    return 1
  }
  if (text === null) throw missing('body.part_number')
  const part = Number(text)
  const total = upload.numberOfParts ?? 1
  if (!Number.isInteger(part) || part < 1 || part > total) {
    throw new InvalidInput([
      `body.part_number should be an integer between 1 and ${total}, instead was \`${String(text)}\`.`,
    ])
  }
  return part
}

/** `POST /v1/file_uploads/{file_upload_id}/send`. */
export async function sendFileUpload(context: CallContext): Promise<unknown> {
  const upload = requireUpload(context)
  if (upload.status !== 'pending' || upload.mode === 'external_url') {
    throw validationError(`The file upload has status "${upload.status}" and does not accept content.`)
  }
  const form = await readForm(context)
  const file = form.get('file')
  if (file === null || typeof file === 'string') throw missing('body.file')
  const part = readPart(upload, form)
  const isLast = part === (upload.numberOfParts ?? 1)
  if (file.size > maxPartBytes)
    throw new InvalidInput([`body.file.size should be ≤ \`${maxPartBytes}\`, instead was \`${file.size}\`.`])
  if (upload.mode === 'multi_part' && !isLast && file.size < minPartBytes) {
    throw new InvalidInput([`body.file.size should be ≥ \`${minPartBytes}\`, instead was \`${file.size}\`.`])
  }
  if (upload.sentParts.includes(part)) throw validationError(`Part ${part} was sent before.`)
  const length = (upload.contentLength ?? 0) + file.size
  if (length > context.access.workspace.maxFileUploadSizeInBytes) {
    throw validationError('The file is larger than the workspace allows.')
  }
  // Another part may have been stored while this request was read.
  const latest = context.store.fileUploads.get(upload.id) ?? upload
  const isWhole = upload.mode === 'single_part'
  const changed: FileUpload = {
    ...latest,
    status: isWhole ? 'uploaded' : 'pending',
    filename: latest.filename ?? (file.name || 'file'),
    contentType: latest.contentType ?? (file.type || typeOfName(file.name) || 'application/octet-stream'),
    contentLength: (latest.contentLength ?? 0) + file.size,
    sentParts: isWhole ? [] : [...latest.sentParts, part],
    ...editStamps(context),
  }
  context.store.fileUploads.put(changed)
  return renderFileUpload(context, changed)
}

/** `POST /v1/file_uploads/{file_upload_id}/complete`. */
export function completeFileUpload(context: CallContext): unknown {
  const upload = requireUpload(context)
  if (upload.mode !== 'multi_part') throw validationError('Only multi_part file uploads can be completed.')
  if (upload.status !== 'pending') throw validationError(`The file upload has status "${upload.status}".`)
  if (upload.sentParts.length !== upload.numberOfParts) {
    throw validationError(`${upload.sentParts.length} of ${upload.numberOfParts ?? 0} parts were sent.`)
  }
  const changed: FileUpload = { ...upload, status: 'uploaded', ...editStamps(context) }
  context.store.fileUploads.put(changed)
  return renderFileUpload(context, changed)
}

/** `GET /v1/file_uploads/{file_upload_id}`. */
export function retrieveFileUpload(context: CallContext): unknown {
  return renderFileUpload(context, requireUpload(context))
}

/** `GET /v1/file_uploads`: returns the uploads of this connection, newest first. */
export function listFileUploads(context: CallContext): unknown {
  const { store, access } = context
  const status = context.query.get('status')
  const wanted =
    status === null
      ? undefined
      : oneOf('pending', 'uploaded', 'expired', 'failed').read(status, 'query.status', ['`undefined`'])
  const uploads = [...store.fileUploadsOf(access.bot.id)].reverse().flatMap((id) => {
    const upload = store.fileUploads.get(id)
    const current = upload && asOfNow(context, upload)
    return current === undefined || (wanted !== undefined && current.status !== wanted) ? [] : [current]
  })
  const { elements, next } = partOf(uploads, pagingOfQuery(context, { zero: 'refuse' }), ({ id }) => id)
  return renderList(
    'file_upload',
    elements.map((upload) => renderFileUpload(context, upload)),
    next,
  )
}
