import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { LRUCache } from 'lru-cache'
import type pg from 'pg'
import { isServerUnfit } from './errors.ts'

/** A statement is prepared from this use on. Texts that are made for one call only would fill the connections. */
const preparedFromUse = 5

/** The most statements that each connection has prepared. The code has about a hundred that are used often. */
const maxPrepared = 300

/** Statements whose uses are counted. */
const maxCounted = 2_000

/**
 * Statements that are planned each time. A new column changes the result of `*`, and Postgres refuses a prepared statement
 * whose result has changed: nodes of one release run while another migrates. And a plan for any `limit` expects a large one.
 */
const unprepared = /\breturning \*|\bselect \*|\.\*|\blimit\b/i

/** A statement with more values inserts a list of rows: its text differs with their number, and so each would take a name. Others have up to 28. */
const maxValues = 40

/** Whether a statement is prepared when it is used often. */
export const isPreparable = (text: string, values: readonly unknown[]): boolean =>
  values.length > 0 && values.length <= maxValues && !unprepared.test(text)

/**
 * Lets each connection of a pool parse and plan a statement once (named statements of the extended protocol), when it is
 * used often and has parameters.
 */
export function preparing(pool: pg.Pool): PostgresPool {
  const uses = new LRUCache<string, number>({ maxSize: maxCounted, sizeCalculation: () => 1 })
  const names = new Map<string, string>()
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text)
    if (known !== undefined || names.size >= maxPrepared) return known
    const count = (uses.get(text) ?? 0) + 1
    uses.set(text, count)
    if (count < preparedFromUse) return undefined
    const name = `valetkey_${names.size}`
    names.set(text, name)
    return name
  }
  return poolOf(pool, (text, values) => {
    const name = isPreparable(text, values) ? nameOf(text) : undefined
    return name === undefined ? { text, values } : { name, text, values }
  })
}

/**
 * Uses nothing of a session: each transaction begins with the time limits, in milliseconds, which otherwise are settings of
 * the connection. A statement outside a transaction has only the limit of its query.
 */
export function withinTransactions(pool: pg.Pool, limitMs: number): PostgresPool {
  const limits = `set local statement_timeout = ${limitMs}; set local idle_in_transaction_session_timeout = ${limitMs}`
  // Several statements without parameters are one message to the server.
  return poolOf(pool, (text, values) => ({ text: isBegin.test(text) ? `${text}; ${limits}` : text, values }))
}

/** What kysely sends to begin a transaction. */
const isBegin = /^(?:begin|start transaction\b.*)$/

/**
 * Returns a pool that sends each statement as `queryOf` returns it. A connection whose server has become unfit leaves the
 * pool: after a failover the next one leads to the new primary.
 */
function poolOf(pool: pg.Pool, queryOf: (text: string, values: unknown[]) => pg.QueryConfig): PostgresPool {
  const wrap = (client: pg.PoolClient): PostgresPoolClient => {
    let unfit = false
    return {
      release: () => client.release(unfit),
      query: async (text: string, values: unknown[]) => {
        try {
          return await client.query(queryOf(text, values))
        } catch (error) {
          unfit ||= isServerUnfit(error)
          throw error
        }
      },
    } as pg.PoolClient
  }
  // kysely knows a connection by its object.
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  return {
    async connect() {
      const client = await pool.connect()
      const wrapped = clients.get(client) ?? wrap(client)
      clients.set(client, wrapped)
      return wrapped
    },
    end: () => pool.end(),
  }
}
