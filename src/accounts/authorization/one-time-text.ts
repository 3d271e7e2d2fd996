import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * A text of 256 random bits (base64url, 43 characters) that is known to one browser, one URL or one application. Only its
 * hash is stored, so that a copy of the database starts, continues and confirms nothing.
 */
export function newOneTimeText(): string {
  return randomBytes(32).toString('base64url')
}

/** SHA-256, hex. Random texts of this length need no slower hash. */
export function hashOneTimeText(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

/** Whether a text has this hash, in a time that does not tell how much of it fits. */
export function matchesHash(text: string, hash: string): boolean {
  const found = Buffer.from(hashOneTimeText(text), 'utf8')
  const expected = Buffer.from(hash, 'utf8')
  return found.length === expected.length && timingSafeEqual(found, expected)
}
