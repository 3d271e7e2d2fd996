import { hash } from 'node:crypto'
import { createClient } from '@redis/client'
import { fullJitter } from '../backoff.ts'
import { systemClock } from '../clock.ts'
import type { NotificationListener, Notifications } from './notifications.ts'

/** A Redis server that may be lost at any time: callers must have another way. */
export interface Redis extends Notifications {
  /** Whether the server has answered a moment ago. */
  isReachable(): boolean
  /** Sends a message to the listeners of all nodes. Throws an error when the server does not confirm it within a second. */
  publish(channel: string, payload: string): Promise<void>
  /** Runs a Lua script on one key. Throws an error when there is no answer within a second; the script may have run. */
  run(script: string, key: string, args: readonly (string | number)[]): Promise<unknown>
  close(): Promise<void>
}

/** Asks a Redis server for signs of life on a connection of its own. Returns the time of each in milliseconds. */
export async function pingRedis(url: string, samples: number, signal: AbortSignal): Promise<readonly number[]> {
  const client = createClient({ url, RESP: 3, disableOfflineQueue: true, socket: { reconnectStrategy: false } })
  client.on('error', () => {})
  const end = () => client.destroy()
  signal.addEventListener('abort', end, { once: true })
  try {
    await client.connect()
    const times: number[] = []
    for (let sample = 0; sample < samples; sample++) {
      const began = performance.now()
      await client.ping()
      times.push(performance.now() - began)
    }
    return times
  } finally {
    signal.removeEventListener('abort', end)
    if (client.isOpen) client.destroy()
  }
}

/** How often the server is asked for a sign of life, in milliseconds. */
const heartbeatMs = 250

/** A server that has not answered for this long is lost, in milliseconds. */
const defaultAnswerMs = 1_000

/** A connection without an answer for this long is replaced, in milliseconds. */
const silenceMs = 5_000

/** Pauses between attempts to connect. */
const reconnects = { firstMs: 200, maxMs: 5_000 }

/**
 * Connects in the background; until then, and whenever the server is lost, `isReachable` is false. All keys and channels
 * begin with `namespace`: a server may have several installations. Messages and answers use one connection (RESP3), so that
 * an answer shows that earlier messages have arrived.
 */
export function openRedis(
  url: string,
  namespace: string,
  log: { warn(fields: object, message: string): void; info(message: string): void },
  answerMs = defaultAnswerMs,
): Redis {
  const listeners = new Map<string, NotificationListener>()
  const client = createClient({
    url,
    RESP: 3,
    name: 'valetkey',
    disableOfflineQueue: true,
    keyPrefix: namespace,
    socket: {
      connectTimeout: silenceMs,
      socketTimeout: silenceMs,
      reconnectStrategy: (retries) => fullJitter(reconnects, retries, systemClock.random),
    },
  })
  /** Undefined until the first attempt has ended. */
  let reachable: boolean | undefined
  const lost = (error: unknown) => {
    if (reachable === false) return
    reachable = false
    log.warn({ err: error }, 'Redis is lost: Postgres carries events and rate budgets')
    for (const { onLost } of listeners.values()) onLost?.()
  }
  const answered = <Answer>(answer: Promise<Answer>): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const late = () => reject(new Error(`Redis has not answered for ${answerMs} ms.`))
      const timer = setTimeout(late, answerMs)
      answer.then(resolve, reject).finally(() => clearTimeout(timer))
    })
  const subscribe = (channel: string) =>
    client.subscribe(namespace + channel, (payload) => listeners.get(channel)?.onMessage(payload))

  const subscribed = new Set<string>()
  let asking = false
  const beat = async () => {
    if (asking || !client.isReady) return
    asking = true
    const answer = (async () => {
      for (const channel of listeners.keys()) {
        if (subscribed.has(channel)) continue
        await subscribe(channel)
        subscribed.add(channel)
      }
      await client.ping()
    })()
    try {
      await answered(answer)
      if (!reachable) {
        reachable = true
        log.info('Redis carries events and rate budgets')
        for (const { onGap } of listeners.values()) onGap()
      }
    } catch (error) {
      lost(error)
      // No second question while one is open: the silence then ends the connection.
      await answer.catch(() => {})
    } finally {
      asking = false
    }
  }
  client.on('error', lost)
  client.on('ready', () => void beat())
  const connecting = client.connect().catch(lost)
  const heartbeat = setInterval(() => void beat(), heartbeatMs)
  heartbeat.unref()

  const ask = async <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
    if (!reachable) throw new Error('Redis is not reachable.')
    try {
      return await answered(question())
    } catch (error) {
      lost(error)
      throw error
    }
  }

  return {
    isReachable: () => reachable === true,
    async listen(channel, listener) {
      listeners.set(channel, listener)
      if (!reachable) listener.onLost?.()
      else await beat()
      return async () => {
        listeners.delete(channel)
        if (subscribed.delete(channel)) await client.unsubscribe(namespace + channel).catch(() => {})
      }
    },
    async publish(channel, payload) {
      await ask(() => client.publish(namespace + channel, payload))
    },
    run(script, key, args) {
      const options = { keys: [key], arguments: args.map(String) }
      return ask(() =>
        client.evalSha(hash('sha1', script), options).catch((error: Error) => {
          if (!error.message.startsWith('NOSCRIPT')) throw error
          return client.eval(script, options)
        }),
      )
    },
    async close() {
      clearInterval(heartbeat)
      client.off('error', lost)
      client.on('error', () => {})
      client.destroy()
      await connecting
    },
  }
}
