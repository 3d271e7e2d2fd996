import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { VaultError } from './vault-error.ts'

/**
 * The stored form of a ciphertext: a JWE (RFC 7516) with `alg` `dir` and `enc` `A256GCM`, written as
 * `<protected header>..<iv>.<ciphertext>.<tag>` like the compact serialization. Unlike a compact JWE it has additional
 * authenticated data. They are not stored, so that only a caller who knows them can decrypt. With node:crypto, because
 * libraries for JWE hand each token to another thread, which takes longer than to encrypt it here.
 */

/** AES-GCM of `A256GCM`, with the lengths of its IV and tag in bytes (RFC 7518, section 5.3). */
const aes = { cipher: 'aes-256-gcm', ivBytes: 12, tagBytes: 16 } as const

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Maximum length of a ciphertext in characters; far above any token or stored tool result. */
const maxLength = 16 * 1024 * 1024

/** Returns the protected header of every ciphertext of the data key `kid`: the part before the first dot. */
export function protectedHeader(kid: string): string {
  return Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid })).toString('base64url')
}

/** Encrypts with the key. The same `aad` is required to decrypt. Each call uses a new random 96-bit IV. */
export function encrypt(key: KeyObject, kid: string, plaintext: Uint8Array, aad: Uint8Array): string {
  const header = protectedHeader(kid)
  const iv = randomBytes(aes.ivBytes)
  const cipher = createCipheriv(aes.cipher, key, iv, { authTagLength: aes.tagBytes }).setAAD(authenticated(header, aad))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return [header, '', ...[iv, ciphertext, cipher.getAuthTag()].map((part) => part.toString('base64url'))].join('.')
}

/** The parts of a ciphertext and the ID of its data key. */
export interface ParsedCiphertext {
  readonly kid: string
  readonly header: string
  readonly iv: Uint8Array
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
}

/**
 * Parses a ciphertext. Only the exact form that {@link encrypt} writes is accepted: base64url has several spellings for
 * some bytes, and a lenient parser would accept a changed ciphertext. Throws a `malformed` {@link VaultError}.
 */
export function parseCiphertext(sealed: string): ParsedCiphertext {
  const parts = sealed.length <= maxLength ? sealed.split('.') : []
  const [header, encryptedKey, ...encoded] = parts
  if (parts.length !== 5 || header === undefined || encryptedKey !== '') throw malformed()
  const [iv, ciphertext, tag] = encoded.map(bytesOf)
  if (iv?.length !== aes.ivBytes || !ciphertext || tag?.length !== aes.tagBytes) throw malformed()
  const kid = keyIdOf(header)
  if (kid === null || protectedHeader(kid) !== header) throw malformed()
  return { kid, header, iv, ciphertext, tag }
}

/** Decrypts. Throws a `does_not_open` {@link VaultError} for another key, other `aad` or any changed bit. */
export function decrypt(key: KeyObject, parsed: ParsedCiphertext, aad: Uint8Array): Uint8Array {
  const { header, iv, ciphertext, tag } = parsed
  const decipher = createDecipheriv(aes.cipher, key, iv, { authTagLength: aes.tagBytes })
    .setAAD(authenticated(header, aad))
    .setAuthTag(tag)
  try {
    // What `update` returns may be anything until `final` has checked the tag.
    return Buffer.concat([decipher.update(ciphertext), decipher.final()])
  } catch {
    throw new VaultError(
      'does_not_open',
      'The ciphertext does not open: it was changed, or belongs to another context or key.',
    )
  }
}

/** Returns additional data as a JSON array. In a joined string, `["a","bc"]` and `["ab","c"]` would be equal. */
export function additionalData(...parts: readonly (string | number)[]): Uint8Array {
  return encoder.encode(JSON.stringify(['v1', ...parts]))
}

/** Copies the 32 bytes of an AES key to where neither logs nor errors show them. */
export function importDataKey(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes)
}

/** What AES-GCM authenticates: the header, and the additional data of the caller (RFC 7516, section 5.1, step 14). */
const authenticated = (header: string, aad: Uint8Array): Buffer =>
  Buffer.from(`${header}.${Buffer.from(aad).toString('base64url')}`, 'ascii')

function keyIdOf(header: string): string | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(Buffer.from(header, 'base64url')))
    if (typeof value !== 'object' || value === null || !('kid' in value)) return null
    return typeof value.kid === 'string' ? value.kid : null
  } catch {
    return null
  }
}

/** Null when the value is not how base64url spells these bytes. */
function bytesOf(value: string): Uint8Array | null {
  const decoded = Buffer.from(value, 'base64url')
  return decoded.toString('base64url') === value ? decoded : null
}

const malformed = () => new VaultError('malformed', 'The value is not a ciphertext of this vault.')
