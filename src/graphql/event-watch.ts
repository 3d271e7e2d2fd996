import { Repeater, SlidingBuffer } from '@repeaterjs/repeater'
import { findAccountsById } from '../accounts/account-store.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Db } from '../db/database.ts'
import { permits } from '../environments/narrowing.ts'
import { mayActOn, type Viewer } from '../environments/viewer.ts'
import type { Log } from '../log.ts'
import type { EventListeners, ListenedAccounts } from '../provider-events/listeners.ts'
import type { PolledTypes } from '../provider-events/poll-store.ts'
import { type ProviderEvents, publicEventType } from '../provider-events/provider-event.ts'
import type { RoutedEvent, RoutedEvents } from '../provider-events/routed-events.ts'
import type { AccountWatch } from './watch.ts'

/** Which events a stream emits. Absent fields do not restrict. */
interface WatchedEvents {
  /** The slug of the connector. */
  readonly connector: string
  readonly connectionName?: string | null | undefined
  readonly identifier?: string | null | undefined
  /** Types with the connector's slug. */
  readonly types?: readonly string[] | null | undefined
}

/** An event for one account. */
export interface WatchedEvent extends RoutedEvent {
  /** With the connector's slug. */
  readonly publicType: string
  readonly account: ConnectedAccount
}

/** The streams of what changed at providers. */
export interface EventWatch {
  /**
   * Emits the events of the viewer's accounts from now on. It is not a log: what happens while a stream is not open, or is
   * more than its client reads, is not emitted. Ends as the streams of {@link AccountWatch} do: with the viewer's
   * credential, or when the server stops.
   */
  events(viewer: Viewer, filter: WatchedEvents): AsyncIterable<WatchedEvent>
}

interface EventStream {
  readonly viewer: Viewer
  readonly filter: WatchedEvents
  readonly push: (event: WatchedEvent) => void
}

/** Maximum number of unsent events of a stream. Older ones are dropped. */
const maxBacklog = 256

/** Events whose accounts wait to be read. More are dropped. */
const maxUnread = 5_000

/** Events whose accounts are read at once. */
const maxPerRead = 100

/**
 * Makes the streams. The accounts of events are read once for all streams of their environment. `listeners` learn of each, so
 * that polls find what no webhook reports.
 */
export function createEventWatch(parts: {
  readonly db: Db
  readonly routedEvents: Pick<RoutedEvents, 'subscribe'>
  readonly connectors: readonly { readonly slug: string; readonly events?: ProviderEvents }[]
  readonly watch: Pick<AccountWatch, 'connection'>
  readonly listeners: Pick<EventListeners, 'add'>
  readonly polledTypes: readonly PolledTypes[]
  readonly log: Log
}): EventWatch {
  const { db, routedEvents, connectors, watch, listeners, polledTypes, log } = parts
  const streams = new Set<EventStream>()
  let unread: RoutedEvent[] = []
  let emitting = false

  /** Reads the accounts of events of one environment together, and emits each event for each of its accounts. */
  const emit = async (environmentId: string, events: readonly RoutedEvent[]): Promise<void> => {
    const receivers = [...streams].filter(({ viewer }) => viewer.environmentId === environmentId)
    const ids = new Set(events.flatMap(({ accountIds }) => accountIds))
    const accounts = await findAccountsById(db, environmentId, [...ids])
    const byId = new Map(accounts.map((account) => [account.id, account]))
    for (const event of events) {
      const connector = connectors.find(({ slug }) => slug === event.connector)
      if (!connector?.events) continue
      const publicType = publicEventType(connector.slug, connector.events, event.type)
      for (const id of event.accountIds) {
        const account = byId.get(id)
        // It may have ended since.
        if (account?.status !== 'ACTIVE') continue
        for (const { viewer, filter, push } of receivers)
          if (mayActOn(viewer, account) && matches(filter, event, publicType, account))
            push({ ...event, publicType, account })
      }
    }
  }

  const emitAll = async (): Promise<void> => {
    if (emitting) return
    emitting = true
    while (unread.length > 0) {
      const events = unread.splice(0, maxPerRead)
      for (const environmentId of new Set([...streams].map(({ viewer }) => viewer.environmentId))) {
        const own = events.filter((event) => event.environmentId === environmentId)
        if (own.length === 0) continue
        await emit(environmentId, own).catch((err: unknown) =>
          log.error({ err }, 'reading accounts for a subscription failed'),
        )
      }
    }
    emitting = false
  }

  /** Whether polls can find what a stream emits. */
  const isPolled = ({ connector, types }: WatchedEvents) =>
    polledTypes.some(
      (polled) => polled.connector === connector && (types?.some((type) => polled.types.includes(type)) ?? true),
    )

  routedEvents.subscribe({
    onEvents(events) {
      if (streams.size === 0) return
      unread.push(...events)
      if (unread.length > maxUnread) {
        log.warn({ dropped: unread.length }, 'too many events for subscriptions')
        unread = []
      }
      void emitAll()
    },
    // A stream is not a log.
    onGap: () => {},
  })

  return {
    events: (viewer, filter) =>
      new Repeater<WatchedEvent>(async (push, stop) => {
        const leave = watch.connection(viewer, stop)
        const stream: EventStream = { viewer, filter, push: (event) => void push(event).catch(() => {}) }
        streams.add(stream)
        const unlisten = listeners.add(isPolled(filter) ? listenedBy(viewer, filter) : [])
        await stop
        unlisten()
        streams.delete(stream)
        leave()
      }, new SlidingBuffer(maxBacklog)),
  }
}

/** Returns the accounts whose events a stream may emit. */
function listenedBy(viewer: Viewer, { connector, ...filter }: WatchedEvents): readonly ListenedAccounts[] {
  const { environmentId, narrowing } = viewer
  const identifier = filter.identifier ?? viewer.identifier
  const identifiers: readonly ListenedAccounts['identifiers'][] =
    identifier !== null
      ? permits(narrowing, { identifier })
        ? [{ kind: 'one', identifier }]
        : []
      : narrowing.identifiers === null && narrowing.identifierPrefixes === null
        ? [{ kind: 'any' }]
        : [
            ...(narrowing.identifiers ?? []).map((one) => ({ kind: 'one', identifier: one }) as const),
            ...(narrowing.identifierPrefixes ?? []).map((prefix) => ({ kind: 'prefix', prefix }) as const),
          ]
  const named = filter.connectionName == null ? narrowing.connectionNames : [filter.connectionName]
  const connectionNames = named?.filter((connectionName) => permits(narrowing, { connectionName })) ?? [null]
  return connectionNames.flatMap((connectionName) =>
    identifiers.map((one) => ({ environmentId, connector, connectionName, identifiers: one })),
  )
}

const matches = (
  { connector, connectionName, identifier, types }: WatchedEvents,
  event: RoutedEvent,
  publicType: string,
  account: ConnectedAccount,
): boolean =>
  event.connector === connector &&
  (connectionName == null || account.connectionName === connectionName) &&
  (identifier == null || account.identifier === identifier) &&
  (types == null || types.includes(publicType))
