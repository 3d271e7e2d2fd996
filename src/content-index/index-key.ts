import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import type { GrantKey } from '../accounts/connected-account.ts'
import { Secret } from '../vault/secret.ts'
import type { SealingContext } from '../vault/vault.ts'

/** The keys of the index of one grant, derived from the key that the vault seals. */
export interface IndexKey {
  /** Returns the 31-bit number that assigns entries with this beginning to buckets: the first bits of an HMAC-SHA-256. */
  bucketNumber(beginning: string): number
  /** The AES-256-GCM key of documents and segments. */
  readonly sealing: Buffer
}

/** Returns a new key of an index: 32 random bytes in base64url. */
export const newIndexKey = (): Secret => new Secret(randomBytes(32).toString('base64url'))

/** The context that the key of an index is sealed for: its grant. */
export const indexKeyContext = ({ environmentId, grantId }: GrantKey): SealingContext => ({
  environmentId,
  subject: grantId,
  field: 'content_index_key',
  version: 1,
})

/** Derives the keys of an index (HKDF with SHA-256, RFC 5869), one for each purpose. */
export function deriveIndexKey(key: Secret): IndexKey {
  const bytes = Buffer.from(key.reveal(), 'base64url')
  const derived = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', bytes, Buffer.alloc(0), `valetkey content index ${purpose} v2`, 32))
  const buckets = derived('buckets')
  const known = new Map<string, number>()
  return {
    sealing: derived('sealing'),
    bucketNumber(beginning) {
      let number = known.get(beginning)
      if (number === undefined) {
        number = createHmac('sha256', buckets).update(beginning, 'utf8').digest().readUInt32BE() >>> 1
        known.set(beginning, number)
      }
      return number
    },
  }
}
