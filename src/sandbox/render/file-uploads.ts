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

/** Returns a file upload object. */
export function renderFileUpload(context: CallContext, upload: FileUpload): JsonObject {
  const imported = upload.mode === 'external_url' && upload.status === 'uploaded'
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
    ...(imported && {
      file_import_result: { imported_time: timestamp(upload.lastEditedTime), type: 'success', success: {} },
    }),
    ...(upload.mode === 'multi_part' && {
      number_of_parts: { total: upload.numberOfParts ?? 0, sent: upload.sentParts.length },
    }),
  }
}
