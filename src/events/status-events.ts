import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/**
 * Something about an account changed and is committed. `transitionId` is set when its status changed.
 * Only ids travel, so that whoever hears of it reads the current state within its own rights.
 */
export interface AccountEvent {
  readonly environmentId: string
  /** Null: not an account changed, but what a credential may see; its holders' rights are looked at again. */
  readonly accountId: string | null
  readonly transitionId: string | null
}

/** What a subscriber hears: events of its environment, and `onGap` when some may have been missed. */
export interface AccountEventListener {
  readonly onEvent: (event: AccountEvent) => void
  readonly onGap: () => void
}

/** Account events between the nodes that share a database. */
export interface AccountEvents {
  /** Tells this node's subscribers at once and the other nodes through Postgres. Call it after the commit. Never throws. */
  publish(events: readonly AccountEvent[]): void
  /** Hears the events of one environment until the result is called. */
  subscribe(environmentId: string, listener: AccountEventListener): () => void
  close(): Promise<void>
}

const channel = 'valetkey_account_events'

/** Opens the node's end of the event channel. `onError` hears of notifications that could not be sent. */
export async function openAccountEvents(
  database: Database,
  onError: (error: unknown) => void,
  nodeId: string = randomUUID(),
): Promise<AccountEvents> {
  const listeners = new Map<string, Set<AccountEventListener>>()
  const deliver = (event: AccountEvent) => {
    for (const listener of listeners.get(event.environmentId) ?? []) listener.onEvent(event)
  }
  const stop = await database.notifications.listen(channel, {
    onMessage: (payload) => {
      const message = JSON.parse(payload) as { node: string; events: AccountEvent[] }
      // This node's subscribers were told when the event was published.
      if (message.node !== nodeId) message.events.forEach(deliver)
    },
    onGap: () => {
      for (const group of listeners.values()) for (const listener of group) listener.onGap()
    },
  })
  return {
    publish(events) {
      if (events.length === 0) return
      events.forEach(deliver)
      if (database.kind === 'embedded') return
      // A NOTIFY payload is limited to 8000 bytes; twenty events of three UUIDs stay below it.
      for (let start = 0; start < events.length; start += 20) {
        const payload = JSON.stringify({ node: nodeId, events: events.slice(start, start + 20) })
        sql`select pg_notify(${channel}, ${payload})`.execute(database.db).catch(onError)
      }
    },
    subscribe(environmentId, listener) {
      const group = listeners.get(environmentId) ?? new Set()
      listeners.set(environmentId, group)
      group.add(listener)
      return () => {
        group.delete(listener)
        if (group.size === 0 && listeners.get(environmentId) === group) listeners.delete(environmentId)
      }
    },
    close: stop,
  }
}
