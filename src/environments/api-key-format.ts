import { createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Secret } from '../vault/secret.ts'

/**
 * `vk_<environment>_<random><checksum>`:
 * - `vk_` marks a Valetkey API key for secret scanners (pattern: {@link apiKeyPattern});
 * - the environment's name, shortened, shows people which key they see;
 * - 30 base62 characters are 178 random bits;
 * - 6 base62 characters are the CRC-32 of everything before them, so that scanners have no false positives, and a
 *   truncated or mistyped key is recognized without a query.
 */
const apiKeyPattern = /^vk_[a-z0-9]{1,16}_[0-9A-Za-z]{36}$/

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomLength = 30
const checksumLength = 6

/** Returns this many random bytes; `crypto.randomBytes` except in tests. */
export type RandomSource = (size: number) => Uint8Array

/** Returns a new API key for an environment of this name, and the beginning of it that may be shown in lists. */
export function newApiKey(
  environmentName: string,
  random: RandomSource = randomBytes,
): { readonly secret: Secret; readonly prefix: string } {
  const label =
    environmentName
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '')
      .slice(0, 16) || 'env'
  const text = `vk_${label}_${randomBase62(randomLength, random)}`
  return { secret: new Secret(text + checksum(text)), prefix: text.slice(0, `vk_${label}_`.length + 4) }
}

/** Whether a string has the form of an API key but a wrong checksum. */
export function isMistypedApiKey(text: string): boolean {
  if (!apiKeyPattern.test(text)) return false
  return checksum(text.slice(0, -checksumLength)) !== text.slice(-checksumLength)
}

/**
 * Returns what is stored of a key: its HMAC-SHA-256 (RFC 2104) under a server secret, in hex. A fast hash is enough for
 * random keys; with the secret, a copy of the database cannot be searched for the weak keys that operators choose.
 */
export function apiKeyHmac(pepper: Secret, key: string): string {
  return createHmac('sha256', pepper.reveal()).update(key, 'utf8').digest('hex')
}

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let place = 0; place < checksumLength; place++) {
    digits = alphabet.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

function randomBase62(length: number, random: RandomSource): string {
  let text = ''
  while (text.length < length) {
    for (const byte of random(length)) {
      // 248 is the largest multiple of 62 in a byte: higher values would make the first characters more likely.
      if (byte < 248 && text.length < length) text += alphabet.charAt(byte % 62)
    }
  }
  return text
}
