import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Tracing } from './tracing.ts'

/** The code has fewer statements; texts of lists differ by their length. */
const maxDescribed = 1_000

/** What a span shows of a statement. */
interface Statement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * Measures the statements of a pool, under the span of their caller. Without one, as at the start and for the checks of a
 * server, they are not measured. Spans have the kind of the statement and its table, and neither its text nor its parameters.
 */
export function tracedPool(tracing: Tracing, pool: PostgresPool): PostgresPool {
  const described = new LRUCache<string, Statement>({ max: maxDescribed })
  const describe = (text: string): Statement => {
    const known = described.get(text) ?? describeStatement(text)
    described.set(text, known)
    return known
  }
  const wrap = (client: PostgresPoolClient): PostgresPoolClient => {
    const query = (text: string, values: readonly unknown[]) => {
      if (!tracing.isActive()) return client.query(text, values)
      return tracing.span({ ...describe(text), kind: 'client', isLooking: true }, async (span) => {
        try {
          const result = await client.query<unknown>(text, values)
          if (hasWritten(result)) span.acted()
          return result
        } catch (error) {
          const { code } = error as { code?: unknown }
          if (typeof code === 'string' && /^[\dA-Z_]{2,40}$/.test(code)) {
            span.set({ 'db.response.status_code': code })
          }
          throw error
        }
      })
    }
    return { query, release: () => client.release() } as PostgresPoolClient
  }
  // kysely knows a connection by its object.
  const clients = new WeakMap<PostgresPoolClient, PostgresPoolClient>()
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

const hasWritten = (result: object) => {
  const { command, rowCount } = result as { command?: unknown; rowCount?: unknown }
  return /^(?:INSERT|UPDATE|DELETE)$/.test(String(command)) && Number(rowCount) > 0
}

/** The first of these words is what a statement does: a CTE that writes has its own first. */
const operations =
  /\b(insert|update|delete|select|begin|commit|rollback|start transaction|savepoint|notify|lock|set)\b/i

const tableOf = /\b(?:insert\s+into|delete\s+from|update|from|join|lock\s+table)\s+"?([a-z_][a-z0-9_]{0,62})\b/i

/** Reads kind and table from the text of a statement, which has placeholders in place of values. */
function describeStatement(text: string): Statement {
  const operation = operations.exec(text)?.[1]?.toUpperCase() ?? 'QUERY'
  const table = tableOf.exec(text)?.[1]
  const name = table === undefined ? operation : `${operation} ${table}`
  return {
    name,
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      'db.query.summary': name,
      ...(table !== undefined && { 'db.collection.name': table }),
    },
  }
}
