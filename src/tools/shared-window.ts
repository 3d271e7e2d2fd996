import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import type { PermitSource } from './budget.ts'
import { isForeignKeyViolation } from './journal.ts'

/** Permits that a node takes at once, so that most calls cost the database nothing. */
const batch = 5

/**
 * Counts the requests of each grant in Postgres, for all nodes together: the function `take_rate_permits` of the
 * migrations, which follows the same rules as the window of one process. A grant that is gone has no budget to share
 * and is let through: its next request is refused by its own state.
 */
export function createSharedWindow(db: Db, perMinute: number): PermitSource {
  return {
    batch,
    async take(key, wanted) {
      try {
        const { rows } = await sql<{ granted: number; wait_ms: number }>`
          select granted, wait_ms
          from take_rate_permits(${key.environmentId}::uuid, ${key.grantId}::uuid, ${wanted}::int, ${perMinute}::int)
        `.execute(db)
        const [row] = rows
        if (!row) throw new Error('take_rate_permits gave no row.')
        return { granted: row.granted, waitMs: row.wait_ms }
      } catch (error) {
        if (isForeignKeyViolation(error)) return { granted: wanted, waitMs: 0 }
        throw error
      }
    },
    async refuse(key, retryAfterMs) {
      await sql`
        update rate_budgets set
          paused_until = greatest(paused_until, clock_timestamp() + ${retryAfterMs}::float8 * interval '1 millisecond'),
          learned_limit = case when used >= 60 and ${retryAfterMs}::float8 >= 5000 then least(${perMinute}::int, used) else learned_limit end,
          learned_until = case when used >= 60 and ${retryAfterMs}::float8 >= 5000 then clock_timestamp() + interval '10 minutes' else learned_until end
        from (
          select coalesce(sum(taken.count), 0)::int as used
          from rate_budgets as counted, unnest(counted.slots, counted.counts) as taken (slot, count)
          where counted.grant_id = ${key.grantId}::uuid
            and taken.slot >= floor(extract(epoch from clock_timestamp()) / 5) - 12
        ) as counted
        where grant_id = ${key.grantId}::uuid and environment_id = ${key.environmentId}::uuid
      `.execute(db)
    },
  }
}
