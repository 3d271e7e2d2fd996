import { sql } from 'kysely'
import * as z from 'zod'
import type { Database } from '../db/database.ts'
import type { Redis } from '../db/redis.ts'

/**
 * A committed change of an account. `transitionId` is set when its status changed. Events carry only ids, so that each
 * subscriber reads the current state with its own permissions.
 */
export interface AccountEvent {
  readonly environmentId: string
  readonly accountId: string
  readonly transitionId: string | null
}

/** Receives the events of all environments. `onGap` is called when some may have been missed. */
export interface AccountEventListener {
  readonly onEvent: (event: AccountEvent) => void
  readonly onGap: () => void
}

/** Account events between the nodes that share a database. */
export interface AccountEvents {
  /** Calls this node's subscribers at once and notifies the other nodes. Call it after the commit. Never throws. */
  publish(events: readonly AccountEvent[]): void
  subscribe(listener: AccountEventListener): void
  close(): Promise<void>
}

const channel = 'valetkey_account_events'

const messageSchema = z.object({
  /** A UUID from nodes of release 0.1. */
  node: z.union([z.number(), z.string()]),
  events: z.array(
    z.object({
      environmentId: z.uuid(),
      /** Null from nodes of release 0.1 when an API key was revoked, which the database reports as well. */
      accountId: z.uuid().nullable(),
      transitionId: z.uuid().nullable(),
    }),
  ),
})

/** How often listeners are called for a gap while Redis is lost, in milliseconds: other nodes may still reach it. */
const pollMs = 2_000

/**
 * Opens the event channel: through Redis where there is one and Postgres otherwise. While Redis is lost, this node sends
 * through Postgres, and treats what other nodes may send through Redis as a gap. `onError` is called for notifications that
 * could not be sent.
 */
export async function openAccountEvents(
  database: Database,
  onError: (error: unknown) => void,
  redis: Redis | null = null,
): Promise<AccountEvents> {
  const { nodeId } = database
  const listeners: AccountEventListener[] = []
  const deliver = (event: AccountEvent) => {
    for (const listener of listeners) listener.onEvent(event)
  }
  const onGap = () => {
    for (const listener of listeners) listener.onGap()
  }
  const onMessage = (payload: string) => {
    const message = messageSchema.parse(JSON.parse(payload))
    // This node's subscribers were called when the event was published.
    if (message.node === nodeId) return
    for (const { accountId, ...event } of message.events) if (accountId !== null) deliver({ ...event, accountId })
  }
  let polling: NodeJS.Timeout | undefined
  const stopPolling = () => clearInterval(polling)
  // Nodes without a connection to Redis send through Postgres.
  const stops = [
    await database.notifications.listen(channel, { onMessage, onGap }),
    await redis?.listen(channel, {
      onMessage,
      onGap: () => {
        stopPolling()
        onGap()
      },
      onLost: () => {
        stopPolling()
        polling = setInterval(onGap, pollMs).unref()
      },
    }),
  ]
  const send = async (payload: string): Promise<void> => {
    const sent = await redis?.publish(channel, payload).then(
      () => true,
      () => false,
    )
    if (!sent) await sql`select pg_notify(${channel}, ${payload})`.execute(database.db)
  }
  return {
    publish(events) {
      if (events.length === 0) return
      events.forEach(deliver)
      if (database.kind === 'embedded') return
      // A NOTIFY payload is limited to 8000 bytes; twenty events of three UUIDs stay below it.
      for (let start = 0; start < events.length; start += 20) {
        const payload = JSON.stringify({ node: nodeId, events: events.slice(start, start + 20) })
        send(payload).catch(onError)
      }
    },
    subscribe: (listener) => void listeners.push(listener),
    async close() {
      stopPolling()
      for (const stop of stops) await stop?.()
    },
  }
}
