/**
 * File uploads in responses.
 *
 * @see https://developers.notion.com/reference/file-upload
 */
import type { CallContext } from '../context.ts'
import type { FileUpload, JsonObject } from '../model.ts'
import { renderTrash, timestamp } from './frame.ts'

/** Returns the links for the next steps of an upload. */
function links(context: CallContext, upload: FileUpload): JsonObject {
  if (upload.status !== 'pending' || upload.mode === 'external_url') return {}
  const base = `${context.publicUrl}/v1/file_uploads/${upload.id}`
  return {
    upload_url: `${base}/send`,
    ...(upload.mode === 'multi_part' && { complete_url: `${base}/complete` }),
  }
}

/** Returns the result of the import from an external URL, undefined if there was no import. */
export function fileImportResult({ mode, status, lastEditedTime }: FileUpload): JsonObject | undefined {
  if (mode !== 'external_url') return undefined
  const imported_time = timestamp(lastEditedTime)
  if (status === 'uploaded') return { imported_time, type: 'success', success: {} }
  const message = 'The file could not be downloaded.'
  const error = { type: 'download_error', code: 'file_download_failed', message, parameter: null, status_code: null }
  return { imported_time, type: 'error', error }
}

/** Returns a file upload object. */
export function renderFileUpload(context: CallContext, upload: FileUpload): JsonObject {
  const result = fileImportResult(upload)
  return {
    object: 'file_upload',
    id: upload.id,
    created_time: timestamp(upload.createdTime),
    created_by: { id: upload.createdBy, type: context.store.users.get(upload.createdBy)?.type ?? 'bot' },
    last_edited_time: timestamp(upload.lastEditedTime),
    ...renderTrash(context, upload.archived),
    expiry_time: upload.expiryTime === null ? null : timestamp(upload.expiryTime),
    status: upload.status,
    filename: upload.filename,
    content_type: upload.contentType,
    content_length: upload.contentLength,
    ...links(context, upload),
    ...(result && { file_import_result: result }),
    ...(upload.mode === 'multi_part' && {
      number_of_parts: { total: upload.numberOfParts ?? 0, sent: upload.sentParts.length },
    }),
  }
}
