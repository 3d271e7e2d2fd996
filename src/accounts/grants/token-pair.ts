import { sql } from 'kysely'
import type { Clock } from '../../clock.ts'
import type { Db } from '../../db/database.ts'
import { isConflict, isRefusedRow } from '../../db/errors.ts'
import { givenRows } from '../../db/given-rows.ts'
import { currentTime } from '../../db/time.ts'
import { together } from '../../db/together.ts'
import type { Secret } from '../../vault/secret.ts'
import type { SealingContext, Vault } from '../../vault/vault.ts'
import { neverOpens } from '../../vault/vault-error.ts'
import type { GrantKey } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import type { PairUpdate, SealedPair, StorePair } from '../pair-update.ts'
import { scheduleToken } from './token-lifetime.ts'

/** The columns of `grants` that hold sealed tokens. */
export type TokenColumn = 'access_token' | 'refresh_token'

/** A token pair of one grant. */
export interface TokenPair {
  readonly accessToken: Secret
  /** Null where the provider issued none: the grant then lasts as long as its access token. */
  readonly refreshToken: Secret | null
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

/**
 * Stores a token pair in a grant, which is active afterwards. The pair is stored only if the grant still has the given
 * status and version; returns whether it was. The version and the fence increase and the lease ends, so that a renewal in
 * progress cannot overwrite the newer pair. Waits while the grant is locked.
 */
export async function storePair(
  context: Pick<AccountsContext, 'timing'>,
  db: Db,
  update: PairUpdate,
): Promise<boolean> {
  const [stored = false] = await writePairs(context, db, [update], 'wait')
  return stored
}

/**
 * Creates a {@link storePair} for the renewals of one process: pairs that come at the same time share a statement, and with
 * it a commit. A pair whose grant is locked does not hold up the others, and one that the database refuses fails alone.
 */
export function createPairStore(
  context: Pick<AccountsContext, 'timing'>,
  db: Db,
  clock: Pick<Clock, 'sleep'>,
): StorePair {
  const store = together<PairUpdate, boolean>(clock, async (updates) => {
    try {
      return await writePairs(context, db, updates, 'skip')
    } catch (error) {
      if (!isRefusedRow(error) && !isConflict(error)) throw error
      return updates.map(() => false)
    }
  })
  return async (update) => (await store(update)) || storePair(context, db, update)
}

/** A pair to store, as the statement reads it. */
interface PairRow extends SealedPair {
  readonly environment_id: string
  readonly grant_id: string
  readonly status: 'pending' | 'active'
  readonly version: number
  readonly issued_at: Date | null
  readonly expires_in: number | null
  readonly renew_in: number | null
  readonly verify_in: number
  readonly verify_by: Date | null
}

const pairColumns = {
  environment_id: 'uuid',
  grant_id: 'uuid',
  status: 'text',
  version: 'int',
  access_token: 'text',
  refresh_token: 'text',
  issued_at: 'timestamptz',
  expires_in: 'float8',
  renew_in: 'float8',
  verify_in: 'float8',
  verify_by: 'timestamptz',
} as const

/**
 * Writes pairs, and returns for each whether it was stored. This is the only statement that writes the tokens of an active
 * grant: for a refresh, a newer consent and a confirmation alike. With `skip` it leaves out grants that others have locked,
 * so that it cannot deadlock with those who lock several of them in another order.
 */
async function writePairs(
  { timing }: Pick<AccountsContext, 'timing'>,
  db: Db,
  updates: readonly PairUpdate[],
  locked: 'wait' | 'skip',
): Promise<boolean[]> {
  const pairs = updates.map((update): PairRow => {
    const { sealed, issuedAt, expiresInSeconds, learnedLifetimeSeconds } = update
    const renewable = sealed.refresh_token !== null
    const { renewIn, verifyIn } = scheduleToken(timing, { renewable, expiresInSeconds, learnedLifetimeSeconds })
    return {
      ...sealed,
      environment_id: update.environmentId,
      grant_id: update.grantId,
      status: update.status,
      version: update.version,
      issued_at: issuedAt,
      expires_in: expiresInSeconds,
      renew_in: renewIn,
      verify_in: verifyIn,
      verify_by: update.verifyBy ?? null,
    }
  })
  const free = sql`
    join grants free on free.environment_id = pair.environment_id and free.id = pair.grant_id
    for no key update of free skip locked
  `
  const given = sql<PairRow>`(
    select pair.environment_id, pair.grant_id, pair.status, pair.version, pair.access_token, pair.refresh_token,
      pair.issued_at, pair.expires_in, pair.renew_in, pair.verify_in, pair.verify_by
    from ${givenRows('pair', pairs, pairColumns)}
    ${locked === 'skip' ? free : sql``}
  )`
  const after = (seconds: 'expires_in' | 'renew_in' | 'verify_in') =>
    sql<Date>`${currentTime} + make_interval(secs => ${sql.ref(`pair.${seconds}`)})`
  const rows = await db
    .updateTable('grants')
    .from(given.as('pair'))
    .set((eb) => ({
      status: 'active',
      access_token: eb.ref('pair.access_token'),
      refresh_token: eb.ref('pair.refresh_token'),
      version: eb('grants.version', '+', 1),
      fence: eb('grants.fence', '+', 1),
      issued_at: eb.fn.coalesce('pair.issued_at', currentTime),
      expires_at: after('expires_in'),
      last_verified_at: currentTime,
      next_refresh_at: after('renew_in'),
      // The least of those that are known.
      next_verify_at: sql<Date>`least(pair.verify_by, ${after('verify_in')})`,
      ...noLease,
      fail_count: 0,
      // A refresh does not prove that the API accepts its token; a consent is a new beginning.
      refusals: sql<number>`case when pair.issued_at is null then grants.refusals else 0 end`,
      refused_since: sql<Date | null>`case when pair.issued_at is null then grants.refused_since end`,
    }))
    .whereRef('grants.environment_id', '=', 'pair.environment_id')
    .whereRef('grants.id', '=', 'pair.grant_id')
    .whereRef('grants.status', '=', 'pair.status')
    .whereRef('grants.version', '=', 'pair.version')
    .returning('grants.access_token')
    .execute()
  // By the ciphertext, of which there is only one: two pairs for the same grant cannot both have been stored.
  const stored = new Set(rows.map((row) => row.access_token))
  return pairs.map((pair) => stored.has(pair.access_token))
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
