import pg from 'pg'
import { fullJitter } from '../backoff.ts'
import { systemClock } from '../clock.ts'

/** Receives each message's payload. `onGap` is called when messages may have been missed. */
export interface NotificationListener {
  readonly onMessage: (payload: string) => void
  readonly onGap: () => void
}

/** Postgres LISTEN, by which nodes learn of each other's commits. */
export interface Notifications {
  /** Resolves when the channel is listened to. Call the result to stop. */
  listen(channel: string, listener: NotificationListener): Promise<() => Promise<void>>
}

/** Pauses between attempts to reconnect. */
const reconnects = { firstMs: 200, maxMs: 5_000 }

/**
 * Listens on a connection of its own, because a pool may close a connection or replace it. Reconnects with growing pauses
 * until it is stopped. Each connection starts with the statement `greeting`. Calls `onGap` after each reconnection:
 * Postgres does not store messages for sessions that are not connected.
 */
export async function listenOnServer(
  url: string,
  channel: string,
  listener: NotificationListener,
  greeting: string,
  onError: (error: unknown) => void,
): Promise<() => Promise<void>> {
  const stopping = new AbortController()
  let client: pg.Client | undefined

  const connect = async () => {
    const fresh = new pg.Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      application_name: 'valetkey events',
    })
    let live = true
    fresh.on('notification', (message) => listener.onMessage(message.payload ?? ''))
    fresh.on('error', (error) => {
      onError(error)
      if (!live) return
      live = false
      void fresh.end().catch(() => {})
      if (!stopping.signal.aborted) void reconnect()
    })
    fresh.on('end', () => {
      if (!live) return
      live = false
      if (!stopping.signal.aborted) void reconnect()
    })
    try {
      await fresh.connect()
      await fresh.query(greeting)
      await fresh.query(`listen ${fresh.escapeIdentifier(channel)}`)
    } catch (error) {
      live = false
      void fresh.end().catch(() => {})
      throw error
    }
    if (stopping.signal.aborted) {
      live = false
      await fresh.end()
      return
    }
    client = fresh
  }

  const reconnect = async () => {
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      try {
        await systemClock.sleep(fullJitter(reconnects, attempt, systemClock.random), stopping.signal)
        await connect()
        listener.onGap()
        return
      } catch (error) {
        if (!stopping.signal.aborted) onError(error)
      }
    }
  }

  await connect()
  return async () => {
    stopping.abort()
    await client?.end().catch(() => {})
  }
}
