import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** What a listener hears: each message's payload, and `onGap` when messages may have been missed. */
export interface NotificationListener {
  readonly onMessage: (payload: string) => void
  readonly onGap: () => void
}

/** Postgres LISTEN: the way in which nodes hear of each other's commits. */
export interface Notifications {
  /** Resolves once the channel is being listened to; call the result to stop. */
  listen(channel: string, listener: NotificationListener): Promise<() => Promise<void>>
}

/**
 * Listens on a connection of its own (a pooled one may be closed or swapped at any time) and reconnects with a growing
 * pause of 0.1 to 5 s for as long as it takes. Each connection begins with the statement `greeting`. `onGap` is called
 * after each reconnection: what was sent in between is lost, as LISTEN keeps nothing for absent sessions.
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
    for (let pauseMs = 100; !stopping.signal.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        await sleep(pauseMs, undefined, { signal: stopping.signal })
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
