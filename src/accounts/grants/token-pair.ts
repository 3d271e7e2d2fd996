import { sql } from 'kysely'
import type { Db } from '../../db/database.ts'
import { inSeconds } from '../../db/time.ts'
import type { Secret } from '../../vault/secret.ts'
import type { SealingContext, Vault } from '../../vault/vault.ts'
import { neverOpens } from '../../vault/vault-error.ts'
import type { GrantKey } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { scheduleToken } from './token-lifetime.ts'

/** The columns of `grants` that hold sealed tokens. */
export type TokenColumn = 'access_token' | 'refresh_token'

/** A token pair of one grant. */
export interface TokenPair {
  readonly accessToken: Secret
  /** Null where the provider issued none: the grant then lasts as long as its access token. */
  readonly refreshToken: Secret | null
}

/** A token pair as the columns of `grants` hold it. */
export interface SealedPair {
  readonly access_token: string
  readonly refresh_token: string | null
}

/** The context that a token of an active grant is sealed for: its grant, its column and the grant's version. */
export function tokenContext(
  { environmentId, grantId }: GrantKey,
  column: TokenColumn,
  version: number,
): SealingContext {
  return { environmentId, subject: grantId, field: column, version }
}

/**
 * The context that a token of a pending grant is sealed for. The field differs from that of an active grant, so that a
 * row whose status was changed without its confirmation opens for no tool and no renewal.
 */
export function pendingTokenContext({ environmentId, grantId }: GrantKey, column: TokenColumn): SealingContext {
  return { environmentId, subject: grantId, field: `pending_${column}`, version: 1 }
}

/** Seals a pair for one version of an active grant. Both tokens are sealed together, so that pairs are never mixed. */
export function sealPair(vault: Vault, grant: GrantKey, version: number, pair: TokenPair): Promise<SealedPair> {
  return seal(vault, pair, (column) => tokenContext(grant, column, version))
}

/** Seals the pair of a pending grant. */
export function sealPendingPair(vault: Vault, grant: GrantKey, pair: TokenPair): Promise<SealedPair> {
  return seal(vault, pair, (column) => pendingTokenContext(grant, column))
}

async function seal(
  vault: Vault,
  { accessToken, refreshToken }: TokenPair,
  contextOf: (column: TokenColumn) => SealingContext,
): Promise<SealedPair> {
  const [access_token, refresh_token] = await Promise.all([
    vault.seal(accessToken, contextOf('access_token')),
    refreshToken && vault.seal(refreshToken, contextOf('refresh_token')),
  ])
  return { access_token, refresh_token }
}

/** Opens a token. Returns null for an absent one and for one that can never be opened (see {@link neverOpens}). */
export async function openIfReadable(
  vault: Vault,
  sealed: string | null,
  context: SealingContext,
): Promise<Secret | null> {
  if (sealed === null) return null
  try {
    return await vault.open(sealed, context)
  } catch (error) {
    if (neverOpens(error)) return null
    throw error
  }
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

/**
 * Stores a token pair in a grant, which is active afterwards. This is the only statement that writes the
 * tokens of an active grant: for a refresh, a newer consent and a confirmation alike.
 *
 * The pair is stored only if the grant still has the given status and version; returns whether it was. The version and
 * the fence increase and the lease ends, so that a renewal in progress cannot overwrite the newer pair.
 */
export async function storePair(
  context: Pick<AccountsContext, 'timing'>,
  db: Db,
  update: PairUpdate,
): Promise<boolean> {
  const { sealed, issuedAt, expiresInSeconds, learnedLifetimeSeconds } = update
  const { renewIn, verifyIn } = scheduleToken(context.timing, {
    renewable: sealed.refresh_token !== null,
    expiresInSeconds,
    learnedLifetimeSeconds,
  })
  const stored = await db
    .updateTable('grants')
    .set((eb) => ({
      status: 'active',
      access_token: sealed.access_token,
      refresh_token: sealed.refresh_token,
      version: update.version + 1,
      fence: eb('fence', '+', 1),
      issued_at: issuedAt ?? sql<Date>`clock_timestamp()`,
      expires_at: expiresInSeconds === null ? null : inSeconds(expiresInSeconds),
      last_verified_at: sql<Date>`clock_timestamp()`,
      next_refresh_at: renewIn === null ? null : inSeconds(renewIn),
      next_verify_at: update.verifyBy
        ? sql<Date>`least(${update.verifyBy}::timestamptz, ${inSeconds(verifyIn)})`
        : inSeconds(verifyIn),
      ...noLease,
      fail_count: 0,
      // A refresh does not prove that the API accepts its token; a consent is a new beginning.
      ...(issuedAt !== null && noRefusals),
    }))
    .where('environment_id', '=', update.environmentId)
    .where('id', '=', update.grantId)
    .where('status', '=', update.status)
    .where('version', '=', update.version)
    .returning('id')
    .executeTakeFirst()
  return stored !== undefined
}

/** The columns of a grant that no renewal is working on. */
export const noLease = {
  lease_owner: null,
  lease_until: null,
  phase: 'idle',
  was_sending: false,
} as const

/** The columns of a grant that is known to work: see `refusal-evidence.ts`. */
export const noRefusals = { refusals: 0, refused_since: null } as const

/** The columns of a grant that has ended: its tokens are erased. */
export const ended = {
  ...noLease,
  status: 'ended',
  access_token: null,
  refresh_token: null,
  ended_at: sql<Date>`clock_timestamp()`,
  next_refresh_at: null,
  next_verify_at: null,
} as const
