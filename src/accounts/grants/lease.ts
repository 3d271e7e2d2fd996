import { type ExpressionBuilder, sql } from 'kysely'
import type { Db } from '../../db/database.ts'
import type { Tables } from '../../db/tables.ts'
import { inSeconds } from '../../db/time.ts'
import type { GrantKey } from '../connected-account.ts'
import { type GrantRow, grantRowColumns } from './grant-client.ts'
import { noLease } from './token-pair.ts'

/**
 * The rows of grants as renewals read and write them. Each function is one statement: no transaction and no connection is
 * held while a renewal waits for a provider, and all times are the database's.
 *
 * A renewal holds a lease (owner, end, fence). The lease only prevents simultaneous attempts. What decides is the version:
 * a renewed pair is stored only if the version is still the one that it was made from, so a holder that was suspended past
 * its lease cannot overwrite anything newer.
 */

/** The right to present a grant's refresh token once. */
export interface Lease extends GrantKey {
  readonly oauthAppId: string
  readonly workspaceId: string
  readonly providerUserId: string
  readonly version: number
  readonly fence: number
  readonly sealedAccessToken: string
  readonly sealedRefreshToken: string
  /** Whether an earlier attempt with the same refresh token was interrupted, so that the provider may have acted on it. */
  readonly wasSending: boolean
  readonly failCount: number
  /** The access token's age in seconds. */
  readonly ageSeconds: number
  readonly row: GrantRow
  /** Whether the provider announced when the access token expires. */
  readonly expiryKnown: boolean
  readonly learnedLifetimeSeconds: number | null
}

/** The state of a grant at one moment, for deciding whether and how to renew it. */
export interface GrantSnapshot extends GrantKey {
  readonly oauthAppId: string
  readonly active: boolean
  readonly version: number
  readonly fence: number
  readonly sealedAccessToken: string | null
  readonly renewable: boolean
  /** Milliseconds for which a renewal has the lease; 0 for none. */
  readonly leaseMs: number
  /** Whether the node that has the lease is gone: its renewal has no end, and the lease is over only by its time. */
  readonly holderGone: boolean
  /** Milliseconds of backoff that remain after failures; 0 for none. */
  readonly backoffMs: number
  /** Milliseconds for which renewals of the OAuth app remain paused; 0 for not. */
  readonly appPausedMs: number
  readonly ageSeconds: number
  readonly expired: boolean
  readonly row: GrantRow
}

const leaseIsFree = sql<boolean>`(lease_until is null or lease_until < clock_timestamp())`
const verifyWithin = (ms: number) => sql<Date>`least(next_verify_at, ${inSeconds(ms / 1000)})`
const appPaused = sql<boolean>`exists (
  select from oauth_apps where oauth_apps.id = grants.oauth_app_id and oauth_apps.refresh_paused_until > clock_timestamp()
)`
/** Owners without the ID of a node that shows its presence count as alive. */
const holderGone = sql<boolean>`case when grants.lease_owner ~ '^[0-9]{1,10}$'
  then case when grants.lease_owner::bigint < 2147483648 then is_node_gone(grants.lease_owner::integer) else false end
  else false end`
const ageSeconds = sql<number>`extract(epoch from clock_timestamp() - grants.issued_at)::float8`

/** Returns the current state of a grant, or null when the environment has no such grant. */
export async function readGrant(db: Db, { environmentId, grantId }: GrantKey): Promise<GrantSnapshot | null> {
  const remainingMs = (until: string) =>
    sql<number>`greatest(0, coalesce(extract(epoch from ${sql.ref(until)} - clock_timestamp()) * 1000, 0))::float8`
  const row = await db
    .selectFrom('grants')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'grants.oauth_app_id')
    .where('grants.environment_id', '=', environmentId)
    .where('grants.id', '=', grantId)
    .select([
      ...grantRowColumns,
      'grants.status',
      'grants.version',
      'grants.fence',
      'grants.access_token',
      sql<boolean>`grants.refresh_token is not null`.as('renewable'),
      remainingMs('grants.lease_until').as('lease_ms'),
      holderGone.as('holder_gone'),
      sql<number>`case when grants.fail_count > 0 then ${remainingMs('grants.next_refresh_at')} else 0 end`.as(
        'backoff_ms',
      ),
      remainingMs('oauth_apps.refresh_paused_until').as('app_paused_ms'),
      ageSeconds.as('age_seconds'),
      sql<boolean>`coalesce(
        grants.expires_at <= clock_timestamp(),
        grants.issued_at + make_interval(secs => oauth_apps.token_lifetime_seconds) <= clock_timestamp(),
        false
      )`.as('expired'),
    ])
    .executeTakeFirst()
  if (!row) return null
  return {
    environmentId,
    grantId,
    oauthAppId: row.oauth_app_id,
    active: row.status === 'active',
    version: row.version,
    fence: row.fence,
    sealedAccessToken: row.access_token,
    renewable: row.renewable,
    leaseMs: row.lease_ms,
    holderGone: row.holder_gone,
    backoffMs: row.backoff_ms,
    appPausedMs: row.app_paused_ms,
    ageSeconds: row.age_seconds,
    expired: row.expired,
    row,
  }
}

/**
 * Claims the lease of one grant for the renewal of this version. Returns null when another node holds it, the version has
 * moved on, the grant has ended, or (unless `ignoreBackoff`) it backs off or its OAuth app is paused. {@link readGrant}
 * shows which.
 */
export async function claimRenewal(
  db: Db,
  key: GrantKey & { readonly version: number },
  options: { readonly nodeId: string; readonly leaseMs: number; readonly ignoreBackoff: boolean },
): Promise<Lease | null> {
  let query = db
    .updateTable('grants')
    .set(claim(options))
    .where('environment_id', '=', key.environmentId)
    .where('id', '=', key.grantId)
    .where('status', '=', 'active')
    .where('version', '=', key.version)
    .where('refresh_token', 'is not', null)
    .where(leaseIsFree)
  if (!options.ignoreBackoff)
    query = query
      .where(sql<boolean>`not ${appPaused}`)
      .where(sql<boolean>`(fail_count = 0 or next_refresh_at is null or next_refresh_at <= clock_timestamp())`)
  const row = await query.returning(leaseColumns).executeTakeFirst()
  return row ? toLease(row) : null
}

/**
 * Claims the leases of up to `limit` grants that are due, the most overdue first. Nodes that claim at the same time get
 * different grants. Grants with an interrupted attempt are left out: their old access token is used until it is refused.
 */
export async function claimDueRenewals(
  db: Db,
  limit: number,
  options: { readonly nodeId: string; readonly leaseMs: number },
): Promise<readonly Lease[]> {
  const due = db
    .selectFrom('grants')
    .select('id')
    .where('status', '=', 'active')
    // now() and not clock_timestamp(): only the former can use an index.
    .where('next_refresh_at', '<=', sql<Date>`now()`)
    .where('phase', '=', 'idle')
    .where('refresh_token', 'is not', null)
    .where(leaseIsFree)
    .where(sql<boolean>`not ${appPaused}`)
    .orderBy('next_refresh_at')
    .limit(limit)
    .forNoKeyUpdate()
    .skipLocked()
  const rows = await db
    .updateTable('grants')
    .set(claim(options))
    .where('id', 'in', due)
    .returning(leaseColumns)
    .execute()
  return rows.map(toLease)
}

/**
 * Ends the leases of renewals that were interrupted by the end of their node. The provider may have acted on what they
 * sent, so the grants keep that mark and are verified next, by their access tokens. Returns how many were found.
 */
export async function sweepInterruptedRenewals(db: Db, limit: number): Promise<number> {
  const interrupted = db
    .selectFrom('grants')
    .select('id')
    .where('status', '=', 'active')
    .where('phase', '=', 'sending')
    .where('lease_until', '<', sql<Date>`now()`)
    .limit(limit)
    .forNoKeyUpdate()
    .skipLocked()
  const rows = await db
    .updateTable('grants')
    .set({ lease_owner: null, lease_until: null, next_verify_at: sql`clock_timestamp()` })
    .where('id', 'in', interrupted)
    .returning('id')
    .execute()
  return rows.length
}

/**
 * Ends the lease without a result, if this holder still has it. `unknown` keeps the mark that the refresh token may have
 * been used. `backoffMs` delays the next attempt; null where nothing was tried.
 */
export async function releaseLease(
  db: Db,
  lease: Lease,
  result: { readonly unknown: boolean; readonly backoffMs: number | null },
): Promise<void> {
  const { unknown, backoffMs } = result
  let query = db
    .updateTable('grants')
    .set({ lease_owner: null, lease_until: null, phase: unknown ? 'sending' : 'idle' })
    .where(heldBy(lease))
  if (backoffMs !== null) {
    query = query.set((eb) => ({ fail_count: eb('fail_count', '+', 1), next_refresh_at: inSeconds(backoffMs / 1000) }))
    if (unknown) query = query.set({ next_verify_at: verifyWithin(backoffMs) })
  }
  await query.execute()
}

/**
 * Removes a refresh token that the provider refused while the access token still works; it is never presented again.
 * `verifyInMs` has the grant verified by then; null leaves its schedule unchanged.
 */
export async function dropRefreshToken(db: Db, lease: Lease, verifyInMs: number | null): Promise<void> {
  let query = db
    .updateTable('grants')
    .set({ ...noLease, refresh_token: null, next_refresh_at: null, fail_count: 0 })
    .where(heldBy(lease))
  if (verifyInMs !== null) query = query.set({ next_verify_at: verifyWithin(verifyInMs) })
  await query.execute()
}

/** True for the row while the lease is the newest one of its version. */
const heldBy = (lease: Lease) => (eb: ExpressionBuilder<Tables, 'grants'>) =>
  eb.and([
    eb('grants.environment_id', '=', lease.environmentId),
    eb('grants.id', '=', lease.grantId),
    eb('grants.version', '=', lease.version),
    eb('grants.fence', '=', lease.fence),
    eb('grants.status', '=', 'active'),
  ])

function claim(options: { readonly nodeId: string; readonly leaseMs: number }) {
  return {
    lease_owner: options.nodeId,
    lease_until: inSeconds(options.leaseMs / 1000),
    fence: sql<number>`fence + 1`,
    // SET reads the row before the update: this is the phase that the last holder left.
    was_sending: sql<boolean>`phase = 'sending'`,
    phase: 'sending' as const,
  }
}

const leaseColumns = (eb: ExpressionBuilder<Tables, 'grants'>) => [
  ...grantRowColumns,
  'grants.version' as const,
  'grants.fence' as const,
  'grants.access_token' as const,
  'grants.refresh_token' as const,
  'grants.was_sending' as const,
  'grants.fail_count' as const,
  'grants.expires_at' as const,
  ageSeconds.as('age_seconds'),
  eb
    .selectFrom('oauth_apps')
    .select('token_lifetime_seconds')
    .whereRef('oauth_apps.id', '=', 'grants.oauth_app_id')
    .as('learned_lifetime'),
]

function toLease(
  row: GrantRow & {
    version: number
    fence: number
    access_token: string | null
    refresh_token: string | null
    was_sending: boolean
    fail_count: number
    expires_at: Date | null
    age_seconds: number
    learned_lifetime: number | null
  },
): Lease {
  if (row.access_token === null || row.refresh_token === null) throw new Error('a lease without tokens was claimed')
  return {
    environmentId: row.environment_id,
    grantId: row.id,
    oauthAppId: row.oauth_app_id,
    workspaceId: row.workspace_id,
    providerUserId: row.provider_user_id,
    version: row.version,
    fence: row.fence,
    sealedAccessToken: row.access_token,
    sealedRefreshToken: row.refresh_token,
    wasSending: row.was_sending,
    failCount: row.fail_count,
    expiryKnown: row.expires_at !== null,
    ageSeconds: row.age_seconds,
    learnedLifetimeSeconds: row.learned_lifetime,
    row,
  }
}
