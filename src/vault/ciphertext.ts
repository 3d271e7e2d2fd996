import { type CryptoKey, FlattenedEncrypt, flattenedDecrypt } from 'jose'
import { VaultError } from './vault-error.ts'

/**
 * The stored form of a ciphertext: a JWE (RFC 7516) with `alg` `dir` and `enc` `A256GCM`, written as
 * `<protected header>..<iv>.<ciphertext>.<tag>` like the compact serialization. Unlike a compact JWE it has additional
 * authenticated data. They are not stored, so that only a caller who knows them can decrypt.
 */

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Maximum length of a ciphertext in characters; far above any token or stored tool result. */
const maxLength = 16 * 1024 * 1024

/** Returns the protected header of every ciphertext of the data key `kid`: the part before the first dot. */
export function protectedHeader(kid: string): string {
  return Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid })).toString('base64url')
}

/** Encrypts with the key. The same `aad` is required to decrypt. Each call uses a new random 96-bit IV. */
export async function encrypt(key: CryptoKey, kid: string, plaintext: Uint8Array, aad: Uint8Array): Promise<string> {
  const jwe = await new FlattenedEncrypt(plaintext)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
    .setAdditionalAuthenticatedData(aad)
    .encrypt(key)
  return `${jwe.protected}..${jwe.iv}.${jwe.ciphertext}.${jwe.tag}`
}

/** The parts of a ciphertext and the ID of its data key. */
export interface ParsedCiphertext {
  readonly kid: string
  readonly protected: string
  readonly iv: string
  readonly ciphertext: string
  readonly tag: string
}

/**
 * Parses a ciphertext. Only the exact form that {@link encrypt} writes is accepted: base64url has several spellings for
 * some bytes, and a lenient parser would accept a changed ciphertext. Throws a `malformed` {@link VaultError}.
 */
export function parseCiphertext(sealed: string): ParsedCiphertext {
  const parts = sealed.length <= maxLength ? sealed.split('.') : []
  const [header, encryptedKey, iv, ciphertext, tag] = parts
  if (
    parts.length !== 5 ||
    header === undefined ||
    encryptedKey !== '' ||
    !isBase64url(iv, 12) ||
    !isBase64url(ciphertext) ||
    !isBase64url(tag, 16)
  )
    throw malformed()
  const kid = keyIdOf(header)
  if (kid === null || protectedHeader(kid) !== header) throw malformed()
  return { kid, protected: header, iv, ciphertext, tag }
}

/** Decrypts. Throws a `does_not_open` {@link VaultError} for another key, other `aad` or any changed bit. */
export async function decrypt(key: CryptoKey, parsed: ParsedCiphertext, aad: Uint8Array): Promise<Uint8Array> {
  const { protected: header, iv, ciphertext, tag } = parsed
  try {
    const { plaintext } = await flattenedDecrypt(
      { protected: header, iv, ciphertext, tag, aad: Buffer.from(aad).toString('base64url') },
      key,
      { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
    )
    return plaintext
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

/** Imports a 256-bit AES-GCM key that cannot be exported again. */
export function importDataKey(bytes: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', Uint8Array.from(bytes), { name: 'AES-GCM' }, false, ['encrypt', 'decrypt'])
}

function keyIdOf(header: string): string | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(Buffer.from(header, 'base64url')))
    if (typeof value !== 'object' || value === null || !('kid' in value)) return null
    return typeof value.kid === 'string' ? value.kid : null
  } catch {
    return null
  }
}

function isBase64url(value: string | undefined, bytes?: number): value is string {
  if (value === undefined) return false
  const decoded = Buffer.from(value, 'base64url')
  return decoded.toString('base64url') === value && (bytes === undefined || decoded.length === bytes)
}

const malformed = () => new VaultError('malformed', 'The value is not a ciphertext of this vault.')
