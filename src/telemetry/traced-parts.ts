import type { PostgresPool } from 'kysely'
import type { Fetch } from '../provider-http.ts'
import { tracedFetch } from './traced-fetch.ts'
import { tracedPool } from './traced-pool.ts'
import type { Tracing } from './tracing.ts'

/** Measures what leaves the process. */
export interface TracedParts {
  pool(pool: PostgresPool): PostgresPool
  toProvider(fetch: Fetch): Fetch
  toWebhook(fetch: Fetch): Fetch
}

/** Returns the measurements that the composition root puts around its parts. */
export const tracedParts = (tracing: Tracing): TracedParts => ({
  pool: (pool) => tracedPool(tracing, pool),
  toProvider: (fetch) => tracedFetch(tracing, fetch, 'provider'),
  toWebhook: (fetch) => tracedFetch(tracing, fetch, 'webhook'),
})
