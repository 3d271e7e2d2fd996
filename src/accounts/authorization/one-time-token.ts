import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * Returns a token of 256 random bits (base64url, 43 characters) that one browser, one URL or one application holds. Only
 * its hash is stored, so that a copy of the database can neither start, continue nor confirm an authorization.
 */
export function newOneTimeToken(): string {
  return randomBytes(32).toString('base64url')
}

/** SHA-256, hex. Random tokens of this length need no slower hash. */
export function hashOneTimeToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

/** Whether a token has this hash, in constant time. */
export function matchesHash(token: string, hash: string): boolean {
  const found = Buffer.from(hashOneTimeToken(token), 'utf8')
  const expected = Buffer.from(hash, 'utf8')
  return found.length === expected.length && timingSafeEqual(found, expected)
}
