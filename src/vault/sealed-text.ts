import { type CryptoKey, FlattenedEncrypt, flattenedDecrypt } from 'jose'
import { VaultError } from './vault-error.ts'

/**
 * The stored form of a ciphertext: a JWE (RFC 7516) with `alg` `dir` and `enc` `A256GCM`, laid out as the compact
 * serialization `<protected header>..<iv>.<ciphertext>.<tag>`. It differs from a compact JWE in having additional
 * authenticated data, as the flattened serialization has; those are never part of the stored text, so that opening
 * needs someone who knows them.
 */

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** The longest sealed text that is looked at, in characters: far above any token or stored tool result. */
const maxLength = 16 * 1024 * 1024

/** What every text that is sealed under the data key `kid` has before its first dot: the protected header. */
export function sealedHeader(kid: string): string {
  return Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid })).toString('base64url')
}

/** Encrypts under the key; `aad` has to be given again to open. Each call draws a new 96-bit IV. */
export async function sealText(key: CryptoKey, kid: string, plaintext: Uint8Array, aad: Uint8Array): Promise<string> {
  const jwe = await new FlattenedEncrypt(plaintext)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
    .setAdditionalAuthenticatedData(aad)
    .encrypt(key)
  return `${jwe.protected}..${jwe.iv}.${jwe.ciphertext}.${jwe.tag}`
}

/** The key id that a sealed text names, and its parts. Fails with a `malformed` {@link VaultError}. */
export interface ParsedSealedText {
  readonly kid: string
  readonly protected: string
  readonly iv: string
  readonly ciphertext: string
  readonly tag: string
}

/**
 * Takes a sealed text apart. Only what {@link sealText} writes is accepted, character by character: base64url has several
 * spellings for some byte strings, and with a lenient parser a changed text would open.
 */
export function parseSealedText(sealed: string): ParsedSealedText {
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
  if (kid === null || sealedHeader(kid) !== header) throw malformed()
  return { kid, protected: header, iv, ciphertext, tag }
}

/** Decrypts. Fails with a `does_not_open` {@link VaultError} for another key, other `aad` or any changed bit. */
export async function openText(key: CryptoKey, parsed: ParsedSealedText, aad: Uint8Array): Promise<Uint8Array> {
  const { protected: header, iv, ciphertext, tag } = parsed
  try {
    const { plaintext } = await flattenedDecrypt(
      { protected: header, iv, ciphertext, tag, aad: Buffer.from(aad).toString('base64url') },
      key,
      { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
    )
    return plaintext
  } catch {
    throw new VaultError('does_not_open', 'The ciphertext does not open here: it belongs elsewhere or was changed.')
  }
}

/** Additional data as a JSON array: joined text would let `["a","bc"]` pass for `["ab","c"]`. */
export function additionalData(...parts: readonly (string | number)[]): Uint8Array {
  return encoder.encode(JSON.stringify(['v1', ...parts]))
}

/** A 256-bit AES-GCM key that the process itself can use and not read out again. */
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

function isBase64url(text: string | undefined, bytes?: number): text is string {
  if (text === undefined) return false
  const decoded = Buffer.from(text, 'base64url')
  return decoded.toString('base64url') === text && (bytes === undefined || decoded.length === bytes)
}

const malformed = () => new VaultError('malformed', 'The text is not one that this vault has sealed.')
