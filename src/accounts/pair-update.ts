import type { GrantKey } from './connected-account.ts'

/** A token pair as the columns of `grants` hold it. */
export interface SealedPair {
  readonly access_token: string
  readonly refresh_token: string | null
}

/** A pair to store, and the grant that receives it, as the caller last saw it. */
export interface PairUpdate extends GrantKey {
  readonly status: 'pending' | 'active'
  /** The version that the pair replaces. The stored pair belongs to the next one. */
  readonly version: number
  readonly sealed: SealedPair
  /** When the provider issued the access token. Null: now, by the database's clock. */
  readonly issuedAt: Date | null
  /** Counted from now. Null where the provider does not announce it. */
  readonly expiresInSeconds: number | null
  readonly learnedLifetimeSeconds: number | null
  /** When the grant must be verified by, where that is known already. */
  readonly verifyBy?: Date | null
}

/** Stores a pair, if its grant still has the given status and version. Returns whether it was stored. */
export type StorePair = (update: PairUpdate) => Promise<boolean>
