import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import type { GrantKey } from '../accounts/connected-account.ts'
import { Secret } from '../vault/secret.ts'
import type { SealingContext } from '../vault/vault.ts'

/** The keys of the index of one grant, derived from the key that the vault seals. */
export interface IndexKey {
  /** Returns a term as Postgres stores it: the first 64 bits of an HMAC-SHA-256, as a signed decimal number. */
  term(kind: TermKind, text: string): string
  /** The AES-256-GCM key of the documents. */
  readonly documents: Buffer
}

/** What a term stands for; equal strings of different kinds have different terms. */
export type TermKind = 'word' | 'beginning' | 'character' | 'pair'

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
    Buffer.from(hkdfSync('sha256', bytes, Buffer.alloc(0), `valetkey content index ${purpose} v1`, 32))
  const terms = derived('terms')
  return {
    documents: derived('documents'),
    term: (kind, text) =>
      createHmac('sha256', terms)
        .update(JSON.stringify([kind, text]), 'utf8')
        .digest()
        .readBigInt64BE()
        .toString(),
  }
}
