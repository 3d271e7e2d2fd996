import { sql } from 'kysely'
import { type Loop, startLoop } from '../background.ts'
import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'

/** Accounts of an environment whose events someone listens to. */
export interface ListenedAccounts {
  readonly environmentId: string
  /** The slug of the connector. */
  readonly connector: string
  /** Null: any. */
  readonly connectionName: string | null
  readonly identifiers:
    | { readonly kind: 'any' }
    | { readonly kind: 'one'; readonly identifier: string }
    | { readonly kind: 'prefix'; readonly prefix: string }
}

/** The open streams of this node, which all nodes know. */
export interface EventListeners {
  /** Records that a stream listens. Call the result when it ends. */
  add(listened: readonly ListenedAccounts[]): () => void
  close(): Promise<void>
}

/** How often ended streams are removed and lost rows stored again, in milliseconds. New ones are stored at once. */
const everyMs = 15_000

/**
 * Stores what the streams of this node listen to, for the nodes that poll. Streams that listen to the same are one row. Rows
 * of a node that is gone do not count, see {@link deleteGoneListeners}.
 */
export function createEventListeners({ db, nodeId }: Pick<Database, 'db' | 'nodeId'>, log: Log): EventListeners {
  /** How many streams listen to the same, by its row. */
  const counts = new Map<string, { readonly row: readonly string[]; count: number }>()
  let mayHaveRows = false
  const store = async () => {
    if (counts.size === 0 && !mayHaveRows) return
    mayHaveRows = counts.size > 0
    const rows = [...counts.values()].map(({ row }) => row)
    const column = (at: number) => rows.map((row) => row[at] ?? '')
    const wanted = sql`unnest(${column(0)}::uuid[], ${column(1)}::text[], ${column(2)}::text[], ${column(3)}::text[], ${column(4)}::text[])
      as wanted (environment_id, connector, connection_name, identifiers, identifier)`
    await sql`
      delete from event_listeners where node_id = ${nodeId} and not exists (
        select from ${wanted} where wanted.environment_id = event_listeners.environment_id
          and wanted.connector = event_listeners.connector and wanted.connection_name = event_listeners.connection_name
          and wanted.identifiers = event_listeners.identifiers and wanted.identifier = event_listeners.identifier
      )`.execute(db)
    // An environment may have been deleted since.
    await sql`
      insert into event_listeners (environment_id, node_id, connector, connection_name, identifiers, identifier)
      select wanted.environment_id, ${nodeId}, wanted.connector, wanted.connection_name, wanted.identifiers, wanted.identifier
      from ${wanted} join environments on environments.id = wanted.environment_id
      on conflict do nothing`.execute(db)
  }
  const loop: Loop<void> = startLoop({ name: 'storing who listens to events', everyMs, jitter: 0.1, log, run: store })
  return {
    add(listened) {
      const rows = listened.map(rowOf)
      for (const row of rows) {
        const key = JSON.stringify(row)
        const known = counts.get(key)
        if (known) known.count += 1
        else {
          counts.set(key, { row, count: 1 })
          loop.wake()
        }
      }
      return () => {
        for (const row of rows) {
          const key = JSON.stringify(row)
          const known = counts.get(key)
          if (known && --known.count === 0) counts.delete(key)
        }
      }
    },
    async close() {
      counts.clear()
      await loop.stop()
      // Another node does it otherwise.
      await store().catch((err: unknown) => log.warn({ err }, 'removing who listens to events failed'))
    },
  }
}

const rowOf = ({ environmentId, connector, connectionName, identifiers }: ListenedAccounts): readonly string[] => [
  environmentId,
  connector,
  connectionName ?? '',
  identifiers.kind,
  identifiers.kind === 'one' ? identifiers.identifier : identifiers.kind === 'prefix' ? identifiers.prefix : '',
]

/** Deletes what nodes have left that are gone. */
export async function deleteGoneListeners(db: Database['db']): Promise<void> {
  // Asked once for each node, which reads all locks of the server.
  await sql`
    with nodes as materialized (select distinct node_id from event_listeners),
    gone as materialized (select node_id from nodes where is_node_gone(node_id))
    delete from event_listeners where node_id in (select node_id from gone)`.execute(db)
}
