import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { deflateRaw, inflateRaw, inflateRawSync } from 'node:zlib'
import { z } from 'zod'
import { VaultError } from '../vault/vault-error.ts'
import type { IndexKey } from './index-key.ts'

const compress = promisify(deflateRaw)
const decompressLarge = promisify(inflateRaw)

/** Up to this length of the compressed text, in bytes, another thread would take longer to ask than to decompress. */
const maxSyncBytes = 8 * 1024

/** What an index holds of an object, apart from its terms. */
export interface DocumentContent {
  readonly title: string
  /** What is searched, apart from the title. */
  readonly text: string
  /** What others wrote about the object, which is searched as well. */
  readonly comments: string
  /** The provider's object, as results have it. */
  readonly object: Readonly<Record<string, unknown>>
  /** Whether the text is a part of that of the object. */
  readonly isPart: boolean
}

const contentSchema = z.object({
  title: z.string(),
  text: z.string(),
  comments: z.string(),
  object: z.record(z.string(), z.unknown()),
  isPart: z.boolean(),
})

/** Where a document belongs. It opens nowhere else. */
export interface DocumentPlace {
  readonly environmentId: string
  readonly grantId: string
  readonly indexId: string
  readonly objectId: string
}

const ivBytes = 12
const tagBytes = 16

/** The largest document that is opened, in bytes: far above the text and the object of a page. */
const maxContentBytes = 16 * 1024 * 1024

const associatedData = ({ environmentId, grantId, indexId, objectId }: DocumentPlace) =>
  Buffer.from(JSON.stringify(['content document v1', environmentId, grantId, indexId, objectId]))

/** Compresses and encrypts a document (AES-256-GCM): the IV, the ciphertext and the tag. */
export async function sealDocument(
  key: Pick<IndexKey, 'documents'>,
  place: DocumentPlace,
  content: DocumentContent,
): Promise<Buffer> {
  const compressed = await compress(JSON.stringify(content))
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key.documents, iv).setAAD(associatedData(place))
  return Buffer.concat([iv, cipher.update(compressed), cipher.final(), cipher.getAuthTag()])
}

/** Opens a document. Throws a `does_not_open` VaultError for another key or place, or a changed bit. */
export async function openDocument(
  key: Pick<IndexKey, 'documents'>,
  place: DocumentPlace,
  sealed: Uint8Array,
): Promise<DocumentContent> {
  let compressed: Buffer
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.documents, sealed.subarray(0, ivBytes), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(associatedData(place))
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
    compressed = Buffer.concat([decipher.update(sealed.subarray(ivBytes, sealed.length - tagBytes)), decipher.final()])
  } catch {
    throw new VaultError('does_not_open', 'The document does not open: it was changed, or belongs to another index.')
  }
  const decompress = compressed.length <= maxSyncBytes ? inflateRawSync : decompressLarge
  const text = await decompress(compressed, { maxOutputLength: maxContentBytes })
  return contentSchema.parse(JSON.parse(text.toString('utf8')))
}
