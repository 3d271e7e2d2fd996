import { sql } from 'kysely'
import * as z from 'zod'
import type { Database, Db } from '../db/database.ts'
import { anyOf } from '../db/found-by-id.ts'
import type { Log } from '../log.ts'
import type { ProviderEventFacts, ProviderEventSource } from './provider-event.ts'

/** An event that was found to be for some accounts, read from the inbox. */
export interface RoutedEvent {
  readonly environmentId: string
  /** The slug of the connector. */
  readonly connector: string
  /** The provider's own ID and type; the ID of a poll is our own. */
  readonly eventId: string
  readonly type: string
  readonly occurredAt: Date
  readonly source: ProviderEventSource
  readonly facts: ProviderEventFacts
  /** The accounts that it was for when it was processed, with the grants that they have now. */
  readonly accountIds: readonly string[]
  readonly grantIds: readonly string[]
}

/** Receives the events of all environments. `onGap` is called when some may have been missed. */
export interface RoutedEventListener {
  readonly onEvents: (events: readonly RoutedEvent[]) => void
  readonly onGap: () => void
}

/** The routed events of all nodes that share a database, from the start of this one on. */
export interface RoutedEvents {
  subscribe(listener: RoutedEventListener): void
  close(): Promise<void>
}

/** Notified by the trigger of the migration. Notifications hold IDs only. */
const channel = 'valetkey_provider_events'

const messageSchema = z.object({ id: z.uuid(), environmentId: z.uuid() })

/** Events that are read at once. */
const maxPerRead = 100

/** Events that wait to be read. With more, all are dropped, as if they had been missed. */
const maxUnread = 10_000

/** Listens to the events that any node has routed, and reads each once for all listeners of this node. */
export async function watchRoutedEvents(
  { db, notifications }: Pick<Database, 'db' | 'notifications'>,
  log: Log,
): Promise<RoutedEvents> {
  const listeners: RoutedEventListener[] = []
  let unread: string[] = []
  let reading: Promise<void> | null = null
  const onGap = () => {
    for (const listener of listeners) listener.onGap()
  }
  const readAll = async () => {
    while (unread.length > 0) {
      const ids = unread.splice(0, maxPerRead)
      try {
        const events = await findRoutedEvents(db, ids)
        for (const listener of listeners) listener.onEvents(events)
      } catch (err) {
        log.error({ err }, 'reading events of providers failed')
        onGap()
      }
    }
    reading = null
  }
  const stop = await notifications.listen(channel, {
    onMessage(payload) {
      if (listeners.length === 0) return
      unread.push(messageSchema.parse(JSON.parse(payload)).id)
      if (unread.length > maxUnread) {
        log.warn({ dropped: unread.length }, 'too many events of providers')
        unread = []
        onGap()
      }
      reading ??= readAll()
    },
    onGap,
  })
  return {
    subscribe: (listener) => void listeners.push(listener),
    async close() {
      unread = []
      await stop()
      await reading
    },
  }
}

/** Returns the routed events of these rows, in the order of their receipt. */
async function findRoutedEvents(db: Db, ids: readonly string[]): Promise<readonly RoutedEvent[]> {
  const rows = await db
    .selectFrom('provider_events')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'provider_events.oauth_app_id')
    .select(['provider_events.environment_id', 'connector', 'event_id', 'event_type', 'occurred_at'])
    .select(['provider_events.grant_id as polled_for', 'facts', 'account_ids'])
    .select(
      sql<string[]>`array (
        select account.grant_id from connected_accounts account
        where account.id = any (account_ids) and account.environment_id = provider_events.environment_id
          and account.grant_id is not null
      )`.as('grant_ids'),
    )
    .where('provider_events.id', '=', anyOf('uuid', ids))
    .where('state', '=', 'ROUTED')
    .orderBy('sequence')
    .execute()
  return rows.map((row) => ({
    environmentId: row.environment_id,
    connector: row.connector,
    eventId: row.event_id,
    type: row.event_type,
    occurredAt: row.occurred_at,
    source: row.polled_for === null ? 'WEBHOOK' : 'POLL',
    // Only this server writes them.
    facts: row.facts as ProviderEventFacts,
    accountIds: row.account_ids,
    grantIds: row.grant_ids,
  }))
}
