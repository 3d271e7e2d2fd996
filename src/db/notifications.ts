import pg from 'pg'
import { fullJitter } from '../backoff.ts'
import { systemClock } from '../clock.ts'

/** Receives the messages of one channel. */
export interface NotificationListener {
  readonly onMessage: (payload: string) => void
  /** Messages may have been missed. */
  readonly onGap: () => void
  /** The connection is lost; from now on messages may be missed. */
  readonly onLost?: () => void
  /** All messages of transactions that were committed before `moment` (of `performance.now()`) have been delivered. */
  readonly onCaughtUp?: (moment: number) => void
}

/** Postgres LISTEN, by which nodes learn of each other's commits. */
export interface Notifications {
  /** Resolves when the channel is listened to. Call the result to stop. */
  listen(channel: string, listener: NotificationListener): Promise<() => Promise<void>>
}

/** A connection that listens. */
interface Connection {
  /** Sends a statement when those before it are answered: pg 9 will refuse a query while another one runs. */
  ask(statement: string): Promise<unknown>
  end(): Promise<void>
}

/** Pauses between attempts to reconnect. */
const reconnects = { firstMs: 200, maxMs: 5_000 }

/** How often the connection is asked for a sign of life, in milliseconds. */
const heartbeatMs = 250

/** A connection that answers a query later than this is replaced, in milliseconds. TCP alone notices after minutes. */
const silenceMs = 5_000

/**
 * Listens to all channels on one connection outside the pool, because a pool may close a connection or replace it. The
 * connection is opened by the first listener and closed after the last one. It is reconnected with growing pauses, starts
 * with the statement `greeting`, and calls `onGap` after each reconnection: Postgres does not store messages for sessions
 * that are not connected.
 *
 * A heartbeat shows that nothing was missed: Postgres delivers the messages of earlier commits to a session before it
 * answers the next query.
 */
export function notificationsOfServer(url: string, greeting: string, onError: (error: unknown) => void): Notifications {
  const listeners = new Map<string, NotificationListener>()
  let client: Connection | undefined
  let connecting: Promise<void> | undefined
  /** Aborted when no listener is left. */
  let stopping = new AbortController()

  /** A listener that fails must not keep others from being called. */
  const guarded = (call: () => void) => {
    try {
      call()
    } catch (error) {
      onError(error)
    }
  }
  const callEach = (call: (listener: NotificationListener) => void) => {
    for (const listener of listeners.values()) guarded(() => call(listener))
  }

  const connect = async (signal: AbortSignal) => {
    const fresh = new pg.Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      application_name: 'valetkey events',
      query_timeout: silenceMs,
    })
    let last: Promise<unknown> = Promise.resolve()
    const connection: Connection = {
      ask(statement) {
        const answer = last.then(() => fresh.query(statement))
        last = answer.catch(() => {})
        return answer
      },
      end: () => fresh.end(),
    }
    let live = true
    let heartbeat: NodeJS.Timeout | undefined
    const stopBeating = () => clearInterval(heartbeat)
    const lost = () => {
      if (!live) return
      live = false
      stopBeating()
      signal.removeEventListener('abort', stopBeating)
      // `end` would wait for a server that may be gone.
      socketOf(fresh).destroy()
      if (client !== connection) return
      client = undefined
      callEach(({ onLost }) => onLost?.())
      if (!signal.aborted) void reconnect(signal)
    }
    fresh.on('notification', ({ channel, payload }) => {
      guarded(() => listeners.get(channel)?.onMessage(payload ?? ''))
    })
    fresh.on('error', (error) => {
      if (live) onError(error)
      lost()
    })
    fresh.on('end', lost)
    try {
      await fresh.connect()
      await connection.ask(greeting)
      for (const channel of listeners.keys()) await connection.ask(listenTo(channel))
    } catch (error) {
      lost()
      throw error
    }
    if (signal.aborted) {
      lost()
      return
    }
    if (!live) throw new Error('The connection for events was lost while it was opened.')
    client = connection
    let asking = false
    const beat = async () => {
      if (asking) return
      asking = true
      const moment = performance.now()
      try {
        await connection.ask('select')
        if (client === connection) callEach(({ onCaughtUp }) => onCaughtUp?.(moment))
      } catch (error) {
        if (live && !signal.aborted) onError(error)
        lost()
      } finally {
        asking = false
      }
    }
    heartbeat = setInterval(() => void beat(), heartbeatMs)
    heartbeat.unref()
    signal.addEventListener('abort', stopBeating, { once: true })
    void beat()
  }

  const reconnect = async (signal: AbortSignal) => {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await systemClock.sleep(fullJitter(reconnects, attempt, systemClock.random), signal)
        await connect(signal)
        callEach(({ onGap }) => onGap())
        return
      } catch (error) {
        if (!signal.aborted) onError(error)
      }
    }
  }

  return {
    async listen(channel, listener) {
      if (listeners.has(channel)) throw new Error(`The channel ${channel} has a listener already.`)
      listeners.set(channel, listener)
      try {
        if (listeners.size === 1) {
          stopping = new AbortController()
          connecting = connect(stopping.signal)
        }
        await connecting
        await client?.ask(listenTo(channel))
      } catch (error) {
        listeners.delete(channel)
        throw error
      }
      return async () => {
        listeners.delete(channel)
        if (listeners.size > 0) return
        stopping.abort()
        const last = client
        client = undefined
        await last?.end().catch(() => {})
      }
    },
  }
}

const listenTo = (channel: string) => `listen ${pg.escapeIdentifier(channel)}`

/** The socket of a client, which pg's types leave out. */
const socketOf = (client: pg.Client) =>
  (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream
