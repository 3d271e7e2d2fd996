import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { columnTypes, type Db } from '../../src/db/database.ts'
import { isPreparable } from '../../src/db/pool.ts'
import type { Tables } from '../../src/db/tables.ts'

/** How Postgres carried out one statement, without its effect. */
export interface Plan {
  readonly statement: string
  /** Whether it is the plan of a prepared statement at its sixth execution. */
  readonly prepared: boolean
  /** What Postgres expected it to cost, in its own unit. */
  readonly cost: number
  /** Rows that its scans of tables returned, or read and left out. */
  readonly rows: number
  /** Each scan of a table: the table, and the first column of the index that bounds it. Null: the whole table, or a whole index. */
  readonly scans: readonly { readonly table: string; readonly by: string | null }[]
}

/** A node of `explain (analyze, format json)`. */
interface Node {
  readonly 'Node Type': string
  readonly 'Total Cost': number
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly Node[]
}

/**
 * Opens a database for code under test and adds the plan of each statement to `plans` before the statement runs, on the
 * same connection: the plan is of what the code sends, of the state that it finds, and with its parameters. A statement that
 * can be prepared has a second one, that of its sixth execution.
 */
export async function openExplained(url: string, plans: Plan[]): Promise<Db> {
  const pool = new pg.Pool({ connectionString: url, max: 2, types: columnTypes })
  const indexes = await readIndexes(pool)
  return new Kysely<Tables>({
    dialect: new PostgresDialect({
      pool: {
        end: () => pool.end(),
        connect: async () => {
          const client = await pool.connect()
          let inTransaction = false
          return {
            release: () => client.release(),
            query: async (text: string, values: unknown[]) => {
              const isData = /^\s*(select|insert|update|delete|with)\b/i.test(text)
              if (isData)
                for (const [prepared, explain] of [
                  [false, explainOnce],
                  ...(isPreparable(text, values) ? [[true, explainPrepared] as const] : []),
                ] as const) {
                  await client.query(inTransaction ? 'savepoint before_plan' : 'begin')
                  try {
                    plans.push({
                      ...{ statement: text, prepared },
                      ...readPlan(await explain(client, text, values), indexes),
                    })
                  } finally {
                    await client.query(inTransaction ? 'rollback to before_plan' : 'rollback')
                    if (prepared) await client.query('deallocate all')
                  }
                }
              else inTransaction = /^(begin|start)/i.test(text)
              return client.query(text, values)
            },
          } as pg.PoolClient
        },
      },
    }),
  })
}

async function explainOnce(client: pg.PoolClient, text: string, values: readonly unknown[]): Promise<Node> {
  const { rows } = await client.query(`explain (analyze, timing off, format json) ${text}`, [...values])
  return rows[0]['QUERY PLAN'][0].Plan
}

/**
 * Postgres plans a prepared statement with the values of the first five executions. From then on it uses one plan for all
 * values if that seems to cost no more, and then expects an environment to be as large as the average
 * (https://www.postgresql.org/docs/current/sql-prepare.html#SQL-PREPARE-NOTES).
 */
async function explainPrepared(client: pg.PoolClient, text: string, values: readonly unknown[]): Promise<Node> {
  await client.query(`prepare explained as ${text}`)
  const literals: string[] = []
  for (const value of values) literals.push(await literalOf(client, value))
  const execution = `execute explained${literals.length === 0 ? '' : `(${literals.join(', ')})`}`
  for (let executed = 0; executed < 5; executed += 1) await client.query(`explain ${execution}`)
  const { rows } = await client.query(`explain (analyze, timing off, format json) ${execution}`)
  return rows[0]['QUERY PLAN'][0].Plan
}

/** A value as the driver sends it. */
async function literalOf(client: pg.PoolClient, value: unknown): Promise<string> {
  if (Buffer.isBuffer(value)) return `'\\x${value.toString('hex')}'`
  const { rows } = await client.query<{ literal: string }>('select quote_nullable($1::text) as literal', [value])
  return rows[0]?.literal ?? 'null'
}

interface Index {
  readonly table: string
  readonly first: string
  readonly partial: boolean
}

async function readIndexes(pool: pg.Pool): Promise<ReadonlyMap<string, Index>> {
  const { rows } = await pool.query<Index & { name: string }>(
    `select relname as name, indrelid::regclass::text as table, pg_get_indexdef(indexrelid, 1, true) as first,
       indpred is not null as partial
     from pg_index join pg_class on pg_class.oid = indexrelid where relnamespace = current_schema()::regnamespace`,
  )
  return new Map(rows.map((row) => [row.name, row]))
}

function readPlan(plan: Node, indexes: ReadonlyMap<string, Index>): Pick<Plan, 'cost' | 'rows' | 'scans'> {
  const nodes = (node: Node): readonly Node[] => [node, ...(node.Plans ?? []).flatMap(nodes)]
  const scans = nodes(plan).filter((node) =>
    /^(Seq|Index|Index Only|Bitmap Heap|Bitmap Index) Scan$/.test(node['Node Type']),
  )
  return {
    cost: plan['Total Cost'],
    rows: scans.reduce(
      (sum, node) =>
        sum +
        node['Actual Loops'] *
          (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)),
      0,
    ),
    scans: scans
      .filter((node) => node['Node Type'] !== 'Bitmap Heap Scan' && node['Actual Loops'] > 0)
      .map((node) => {
        const index = indexes.get(node['Index Name'] ?? '')
        if (index === undefined) return { table: node['Relation Name'] ?? '', by: null }
        const bounded = index.partial || node['Index Cond']?.includes(index.first)
        return { table: index.table, by: bounded ? index.first : null }
      }),
  }
}
