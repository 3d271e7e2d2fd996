import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { deflateRaw, inflateRaw, inflateRawSync } from 'node:zlib'
import { VaultError } from '../vault/vault-error.ts'
import type { IndexKey } from './index-key.ts'

const compress = promisify(deflateRaw)
const decompressLarge = promisify(inflateRaw)

/** Up to this length, in bytes, another thread would take longer to ask than to decompress. */
const maxSyncBytes = 16 * 1024

const ivBytes = 12
const tagBytes = 16

/** The most bytes that are decompressed: far above the text of a page, and a bucket. */
const maxBytes = 64 * 1024 * 1024

/** Bytes that something has in common with many others, which makes it smaller: a preset dictionary of RFC 1950. */
interface Common {
  readonly dictionary?: Buffer
}

/**
 * Compresses and encrypts bytes (AES-256-GCM) for one place, which are names and values: the IV, the ciphertext and the tag. They
 * open only with the same dictionary.
 */
export async function sealBytes(
  { sealing }: Pick<IndexKey, 'sealing'>,
  place: readonly (string | number)[],
  bytes: Buffer,
  common: Common = {},
): Promise<Buffer> {
  const compressed = await compress(bytes, common)
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', sealing, iv).setAAD(Buffer.from(JSON.stringify(place)))
  return Buffer.concat([iv, cipher.update(compressed), cipher.final(), cipher.getAuthTag()])
}

/** Opens what was sealed. Throws a `does_not_open` VaultError for another key or place, or a changed bit. */
export async function openBytes(
  { sealing }: Pick<IndexKey, 'sealing'>,
  place: readonly (string | number)[],
  sealed: Uint8Array,
  common: Common = {},
): Promise<Buffer> {
  let compressed: Buffer
  try {
    const decipher = createDecipheriv('aes-256-gcm', sealing, sealed.subarray(0, ivBytes), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(Buffer.from(JSON.stringify(place)))
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
    compressed = Buffer.concat([decipher.update(sealed.subarray(ivBytes, sealed.length - tagBytes)), decipher.final()])
  } catch {
    throw new VaultError('does_not_open', 'It does not open: it was changed, or belongs to another index.')
  }
  const decompress = compressed.length <= maxSyncBytes ? inflateRawSync : decompressLarge
  return decompress(compressed, { ...common, maxOutputLength: maxBytes })
}
