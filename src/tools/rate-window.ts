import { sql } from 'kysely'
import { type Clock, systemClock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { isForeignKeyViolation } from '../db/errors.ts'
import { givenRows } from '../db/given-rows.ts'
import { inSeconds } from '../db/time.ts'
import { together } from '../db/together.ts'
import type { RatePolicy } from './tool.ts'

/** The requests that a provider counts together, which are those of one grant, and how many it allows. */
export interface GrantBudget {
  readonly environmentId: string
  readonly grantId: string
  readonly policy: RatePolicy
}

/** The answer to a request for permits. */
export interface Permits {
  readonly granted: number
  /** 0 when permits were granted, otherwise when to ask again. */
  readonly waitMs: number
  /** How long after the request the permits may be used. */
  readonly validMs: number
}

/** What work in the background asks for. */
export interface BackgroundWanted {
  /** Taken while no permits were taken for calls of any node in the last window. */
  readonly whenIdle: number
  /** Taken otherwise. */
  readonly whenBusy: number
}

/** The answer to work in the background. */
export interface BackgroundPermits extends Permits {
  readonly isIdle: boolean
}

/** Where `createRateBudget` gets its permits. */
export interface Permitting {
  /** How many permits one request for them is worth: a larger batch saves round trips, and may leave permits unused. */
  readonly batch: number
  /** Takes up to `wanted` permits, and more for a grant that has used little of its limit. */
  take(budget: GrantBudget, wanted: number): Promise<Permits>
  /** Grants no permits for `retryAfterMs`, because the provider refused a request for its rate limit. */
  refuse(budget: GrantBudget, retryAfterMs: number): Promise<void>
}

/** Counts the requests of grants over all nodes. */
export interface PermitSource extends Permitting {
  /**
   * Takes permits for work in the background, of which calls must not notice anything: a part of the limit is always left to
   * them, a larger one while there are calls.
   */
  takeInBackground(budget: GrantBudget, wanted: BackgroundWanted): Promise<BackgroundPermits>
}

/**
 * Requests are counted in this many slots per window, so that a grant's row has a bounded size whatever its limit is. A
 * request counts for up to one slot longer than the window, so that fewer slots would leave more of the limit unused.
 */
const slotsPerWindow = 60

/**
 * A refusal below the configured limit lowers the limit to what was sent. Not when less than this share of the limit was
 * sent: then other clients of the same grant used it up.
 */
export const minShareToLearn = 1 / 3

/** How long a lowered limit applies, in seconds. */
export const learnedForSeconds = 600

/** The share of the limit that a grant which has used little gets on top of what it asks for. */
const spareShare = 1 / 20

/**
 * For how much of the window permits may be used: briefly, while a grant is near its limit, as they count until one window
 * after that; and for long, when there are spare ones. Another node goes on with the permits it has after a refusal.
 */
const heldShares = { brief: 1 / 30, long: 1 / 3 }

/** The share of the limit that work in the background leaves to calls: when there are none, and when there are. */
const reserveShares = { idle: 1 / 45, busy: 1 / 5 }

/** What follows from a policy: the length of its slots, the spare permits, and how long permits may be used. Milliseconds. */
export const termsOf = ({ requests, perMs }: RatePolicy) => ({
  slotMs: Math.max(1, Math.ceil(perMs / slotsPerWindow)),
  spare: Math.floor(requests * spareShare),
  briefMs: Math.ceil(perMs * heldShares.brief),
  longMs: Math.ceil(perMs * heldShares.long),
  background: {
    // Used at once.
    briefMs: Math.ceil(perMs / slotsPerWindow / 2),
    idleReserve: Math.ceil(requests * reserveShares.idle),
    busyReserve: Math.ceil(requests * reserveShares.busy),
    // A call may use permits that were taken that long before it.
    idleMs: perMs + Math.ceil(perMs * heldShares.long),
  },
})

/** The permits that a grant wants. */
interface Wanted {
  readonly budget: GrantBudget
  readonly wanted: number
  /** Null: they are for calls. */
  readonly background: BackgroundWanted | null
}

const wantedColumns = {
  at: 'int',
  environment_id: 'uuid',
  grant_id: 'uuid',
  wanted: 'int',
  spare: 'int',
  requests: 'int',
  per_ms: 'int',
  slot_ms: 'int',
  brief_ms: 'int',
  long_ms: 'int',
  when_idle: 'int',
  when_busy: 'int',
  reserve_idle: 'int',
  reserve_busy: 'int',
  idle_ms: 'int',
} as const

/**
 * Takes permits for several grants in one statement, in the order of their ids: two nodes then wait for each other's row
 * locks and cannot deadlock. When the statement fails, each grant is asked for alone: no grant affects another.
 */
async function takeTogether(db: Db, wanted: readonly Wanted[]): Promise<(BackgroundPermits | Error)[]> {
  const inOrder = wanted
    .map(({ budget: { environmentId, grantId, policy }, wanted, background }, at) => {
      const terms = termsOf(policy)
      const { idleReserve, busyReserve, idleMs } = terms.background
      return {
        ...{ at, environment_id: environmentId, grant_id: grantId, wanted, spare: terms.spare },
        ...{ requests: policy.requests, per_ms: policy.perMs, slot_ms: terms.slotMs, long_ms: terms.longMs },
        brief_ms: background === null ? terms.briefMs : terms.background.briefMs,
        when_idle: background?.whenIdle ?? null,
        when_busy: background?.whenBusy ?? null,
        ...{ reserve_idle: idleReserve, reserve_busy: busyReserve, idle_ms: idleMs },
      }
    })
    .sort((a, b) => (a.grant_id < b.grant_id ? -1 : 1))
  try {
    const { rows } = await sql<{ at: number; granted: number; wait_ms: number; valid_ms: number; idle: boolean }>`
      select wanted.at, permits.granted, permits.wait_ms, permits.valid_ms, permits.idle
      from ${givenRows('wanted', inOrder, wantedColumns)}
      cross join lateral take_rate_permits(
        wanted.environment_id, wanted.grant_id, wanted.wanted, wanted.spare, wanted.requests, wanted.per_ms,
        wanted.slot_ms, wanted.brief_ms, wanted.long_ms, wanted.when_idle, wanted.when_busy, wanted.reserve_idle,
        wanted.reserve_busy, wanted.idle_ms
      ) as permits
    `.execute(db)
    const permits = new Map(
      rows.map(({ at, granted, wait_ms, valid_ms, idle }) => [
        at,
        { granted, waitMs: wait_ms, validMs: valid_ms, isIdle: idle },
      ]),
    )
    return wanted.map((_each, at) => {
      const taken = permits.get(at)
      if (!taken) throw new Error('take_rate_permits returned no row.')
      return taken
    })
  } catch (error) {
    const [only, ...others] = wanted
    if (others.length > 0) return (await Promise.all(wanted.map((each) => takeTogether(db, [each])))).flat()
    if (only && isForeignKeyViolation(error)) {
      return [{ granted: only.background?.whenBusy ?? only.wanted, waitMs: 0, validMs: 0, isIdle: false }]
    }
    return [error instanceof Error ? error : new Error('taking permits failed', { cause: error })]
  }
}

/**
 * Counts the requests of each grant in Postgres, so that all nodes share one limit: a sliding window of slots, in the
 * function `take_rate_permits` of the migrations. A grant that was deleted gets every permit; its next request fails on
 * its own state.
 */
export function createRateWindow(db: Db, clock: Pick<Clock, 'sleep'> = systemClock): PermitSource {
  const take = together<Wanted, BackgroundPermits>(clock, (wanted) => takeTogether(db, wanted))
  return {
    batch: 5,
    take: (budget, wanted) => take({ budget, wanted, background: null }),
    takeInBackground: (budget, background) => take({ budget, wanted: 0, background }),
    async refuse({ environmentId, grantId, policy }, retryAfterMs) {
      const { slotMs } = termsOf(policy)
      const used = sql`(
        select coalesce(sum(taken.count), 0)::int
        from unnest(rate_budgets.slots, rate_budgets.counts) as taken (slot, count)
        where (taken.slot + 1) * ${slotMs}::int + ${policy.perMs}::int > extract(epoch from clock_timestamp()) * 1000
      )`
      // A shorter pause than one slot shows that the provider does not mean its whole window.
      const learns = sql`(
        ${retryAfterMs >= slotMs}::boolean and ${used} >= ${policy.requests * minShareToLearn}::float8
      )`
      try {
        await sql`
          insert into rate_budgets (grant_id, environment_id, paused_until)
          values (${grantId}::uuid, ${environmentId}::uuid, ${inSeconds(retryAfterMs / 1000)})
          on conflict (environment_id, grant_id) do update set
            paused_until = greatest(rate_budgets.paused_until, excluded.paused_until),
            learned_limit = case when ${learns} then least(${policy.requests}::int, ${used})
              else rate_budgets.learned_limit end,
            learned_until = case when ${learns} then ${inSeconds(learnedForSeconds)} else rate_budgets.learned_until end
        `.execute(db)
      } catch (error) {
        if (!isForeignKeyViolation(error)) throw error
      }
    },
  }
}
