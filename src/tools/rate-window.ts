import DataLoader from 'dataloader'
import { sql } from 'kysely'
import { type Clock, systemClock } from '../clock.ts'
import type { Db } from '../db/database.ts'
import { isForeignKeyViolation } from '../db/errors.ts'
import { inSeconds } from '../db/time.ts'
import type { RatePolicy } from './connector.ts'

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

/** Where {@link createRateBudget} gets its permits. */
export interface PermitSource {
  /** How many permits one request for them is worth: a larger batch saves round trips, and may leave permits unused. */
  readonly batch: number
  /** Takes up to `wanted` permits, and more for a grant that has used little of its limit. */
  take(budget: GrantBudget, wanted: number): Promise<Permits>
  /** Grants no permits for `retryAfterMs`, because the provider refused a request for its rate limit. */
  refuse(budget: GrantBudget, retryAfterMs: number): Promise<void>
}

/** Requests are counted in this many slots per window, so that a grant's row has a bounded size whatever its limit is. */
const slotsPerWindow = 12

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

/** What follows from a policy: the length of its slots, the spare permits, and how long permits may be used. Milliseconds. */
export const termsOf = ({ requests, perMs }: RatePolicy) => ({
  slotMs: Math.max(1, Math.ceil(perMs / slotsPerWindow)),
  spare: Math.floor(requests * spareShare),
  briefMs: Math.ceil(perMs * heldShares.brief),
  longMs: Math.ceil(perMs * heldShares.long),
})

/** How long wants wait for the statement before theirs, in milliseconds. */
const maxHoldMs = 50

/** The permits that a grant wants. */
interface Wanted {
  readonly budget: GrantBudget
  readonly wanted: number
}

/**
 * Takes permits for several grants in one statement, in the order of their ids: two nodes then wait for each other's row
 * locks and cannot deadlock. When the statement fails, each grant is asked for alone: no grant affects another.
 */
async function takeTogether(db: Db, wanted: readonly Wanted[]): Promise<(Permits | Error)[]> {
  const inOrder = wanted
    .map(({ budget: { environmentId, grantId, policy }, wanted }, at) => {
      const { slotMs, spare, briefMs, longMs } = termsOf(policy)
      return {
        ...{ at, environment_id: environmentId, grant_id: grantId, wanted, spare },
        ...{ requests: policy.requests, per_ms: policy.perMs, slot_ms: slotMs, brief_ms: briefMs, long_ms: longMs },
      }
    })
    .sort((a, b) => (a.grant_id < b.grant_id ? -1 : 1))
  try {
    const { rows } = await sql<{ at: number; granted: number; wait_ms: number; valid_ms: number }>`
      select wanted.at, permits.granted, permits.wait_ms, permits.valid_ms
      from json_to_recordset(${JSON.stringify(inOrder)}::json) as wanted (
        at int, environment_id uuid, grant_id uuid, wanted int, spare int, requests int, per_ms int, slot_ms int,
        brief_ms int, long_ms int
      )
      cross join lateral take_rate_permits(
        wanted.environment_id, wanted.grant_id, wanted.wanted, wanted.spare, wanted.requests, wanted.per_ms,
        wanted.slot_ms, wanted.brief_ms, wanted.long_ms
      ) as permits
    `.execute(db)
    const permits = new Map(
      rows.map(({ at, granted, wait_ms, valid_ms }) => [at, { granted, waitMs: wait_ms, validMs: valid_ms }]),
    )
    return wanted.map((_each, at) => {
      const taken = permits.get(at)
      if (!taken) throw new Error('take_rate_permits returned no row.')
      return taken
    })
  } catch (error) {
    const [only, ...others] = wanted
    if (others.length > 0) return (await Promise.all(wanted.map((each) => takeTogether(db, [each])))).flat()
    if (only && isForeignKeyViolation(error)) return [{ granted: only.wanted, waitMs: 0, validMs: 0 }]
    return [error instanceof Error ? error : new Error('taking permits failed', { cause: error })]
  }
}

/**
 * Counts the requests of each grant in Postgres, so that all nodes share one limit: a sliding window of slots, in the
 * function `take_rate_permits` of the migrations. A grant that was deleted gets every permit; its next request fails on
 * its own state.
 */
export function createRateWindow(db: Db, clock: Pick<Clock, 'sleep'> = systemClock): PermitSource {
  let running: Promise<unknown> = Promise.resolve()
  const loader = new DataLoader<Wanted, Permits>(
    (wanted) => {
      const taken = takeTogether(db, wanted)
      running = taken.catch(() => {})
      return taken
    },
    {
      cache: false,
      maxBatchSize: 100,
      // What is wanted while a statement runs is taken with the next one, unless one grant's row lock holds it up.
      batchScheduleFn: (dispatch) =>
        void Promise.race([running, clock.sleep(maxHoldMs)]).then(() => setImmediate(dispatch)),
    },
  )
  return {
    batch: 5,
    take: (budget, wanted) => loader.load({ budget, wanted }),
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
          on conflict (grant_id) do update set
            paused_until = greatest(rate_budgets.paused_until, excluded.paused_until),
            learned_limit = case when ${learns} then least(${policy.requests}::int, ${used})
              else rate_budgets.learned_limit end,
            learned_until = case when ${learns} then ${inSeconds(learnedForSeconds)} else rate_budgets.learned_until end
          where rate_budgets.environment_id = excluded.environment_id
        `.execute(db)
      } catch (error) {
        if (!isForeignKeyViolation(error)) throw error
      }
    },
  }
}
