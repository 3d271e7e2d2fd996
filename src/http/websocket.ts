import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type ExecutionResult, GraphQLError, GraphQLSchema, parse } from 'graphql'
import { CloseCode, type Context, handleProtocols } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { maxRequestBytes } from '../bounded-body.ts'
import type { Viewer } from '../environments/viewer.ts'
import { throttled, unauthenticated } from '../graphql/protocol-errors.ts'
import type { AccountWatch } from '../graphql/watch.ts'
import type { Log } from '../log.ts'
import { hiddenError, logUnexpected } from '../unexpected-error.ts'
import { isOwnOrigin } from './cors.ts'
import type { GraphQLHandler } from './graphql.ts'
import type { Identify } from './identify.ts'
import { publicResult } from './present-error.ts'
import { refuseUpgrade, type UpgradeHandler } from './server.ts'
import { addressKey, type Throttle } from './throttle.ts'

/** Times in milliseconds: until a connection must have sent its credential, and between pings. */
const times = { init: 5_000, ping: 12_000 }

/** A client may send this much before its credential was accepted, in bytes: a credential has up to 4096. */
const maxBeforeAccepted = 16_384

/** A client that reads so slowly that this much waits for it, in bytes, is cut. */
const maxBuffered = 8_000_000

/** Close codes for a client that should come back later, and of a server that stops (RFC 6455 section 7.4 and IANA's registry). */
const tryAgainLater = 1013
const goingAway = 1001

/** The payload of `connection_init`. */
type Params = Record<string, unknown>

/** A connection, as the library passes it around. */
type Connection = {
  readonly socket: WebSocket
  readonly request: IncomingMessage
}

/** A connection whose credential was accepted. */
interface Session {
  readonly authorization: string
  /** What operations run as. Its signal is aborted when the client leaves. */
  readonly posted: Request
  readonly leaving: AbortController
  readonly closed: Promise<unknown>
  /** The IDs of operations in progress. `calls` counts those without a stream, which may finish when the server stops. */
  readonly running: Set<string>
  calls: number
  /** The error that ends the connection, when the operations in progress have ended. */
  end?: unknown
}

/**
 * Serves queries, mutations and subscriptions with the protocol of the library graphql-ws. The credential is in the payload
 * of `connection_init`, as `Authorization` (with its scheme) or `apiKey`, and is checked again for every operation. An
 * operation runs as a POST does: with the same limits, throttle and errors.
 *
 * Closes with 4401 without a valid credential, 4403 when the credential has ended (a client may have a new one), 1013 when
 * too many connections are opened or open, 1009 for messages over the limit of a request body, and 1001 when the server stops, after running
 * queries and mutations. Upgrades of pages from origins that are not configured are refused.
 *
 * @see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
 */
export function createWebSocketEndpoint(options: {
  readonly graphql: GraphQLHandler
  readonly identify: Identify
  readonly throttle: Throttle
  readonly watch: AccountWatch
  readonly allowsOrigin: (origin: string) => boolean
  readonly addressOf: (request: IncomingMessage) => string | null
  readonly log: Log
  readonly stopping: AbortSignal
}): UpgradeHandler {
  const { log, stopping, throttle, addressOf } = options
  const server = new WebSocketServer({ noServer: true, maxPayload: maxRequestBytes, handleProtocols })
  const sessions = new Map<WebSocket, Session>()

  /** Logs an error, and returns what the client sees of it. */
  const unexpectedError = (err: unknown, requestId: string) => {
    logUnexpected(log, err, { requestId, path: '/graphql' })
    const { code, message } = hiddenError(err)
    return new GraphQLError(message, { extensions: { code, requestId } })
  }

  /** Returns the caller, or the error that refuses it. */
  const callerOf = async (
    { request }: Connection,
    authorization: string | null,
    requestId: string,
  ): Promise<Viewer | GraphQLError> => {
    try {
      const found = await options.identify({ authorization }, addressOf(request))
      if (found.kind === 'caller') return found.viewer ?? unauthenticated('connection_init requires a credential.')
      if (found.kind === 'refused') return unauthenticated(found.message, found.reason)
      return throttled(`Too many requests. Try again in ${Math.ceil(found.waitMs / 1000)} s.`)
    } catch (err) {
      return unexpectedError(err, requestId)
    }
  }

  /** Accepts a connection, or closes it. */
  const connect = async ({ extra, connectionParams }: Context<Params, Connection>): Promise<void> => {
    const { socket, request } = extra
    const authorization = authorizationOf(connectionParams)
    const viewer = await callerOf(extra, authorization, randomUUID())
    if (viewer instanceof GraphQLError || authorization === null) return closeWith(socket, viewer)
    if (socket.readyState !== socket.OPEN) return
    throttle.giveBack(addressKey(addressOf(request)), 'address')
    const leaving = new AbortController()
    const posted = new Request('http://localhost/graphql', { method: 'POST', body: '', signal: leaving.signal })
    const session: Session = {
      authorization,
      posted,
      leaving,
      closed: closeOf(socket),
      running: new Set(),
      calls: 0,
    }
    try {
      const uncount = options.watch.connection(viewer, (error) => {
        session.end = error
        closeWhenDone(socket, session)
      })
      socket.once('close', uncount)
      sessions.set(socket, session)
    } catch (error) {
      closeWith(socket, error)
    }
  }

  /** Closes a connection whose credential ended when its subscriptions have reported that, and one of a stopping server. */
  const closeWhenDone = (socket: WebSocket, session: Session | undefined) => {
    // What has ended is still to be sent.
    setImmediate(() => {
      if (stopping.aborted && (session?.calls ?? 0) === 0) socket.close(goingAway, 'Going away')
      else if (session?.end && session.running.size === 0) closeWith(socket, session.end)
    })
  }
  stopping.addEventListener('abort', () => {
    for (const socket of server.clients) closeWhenDone(socket, sessions.get(socket))
  })

  /** Runs an operation. Resolves after the end of the connection when it is closed instead. */
  const run = async (extra: Connection, session: Session, id: string, params: object) => {
    const { socket } = extra
    cutIfSlow(socket)
    session.running.add(id)
    session.calls += 1
    const requestId = randomUUID()
    let result: ExecutionResult | AsyncIterable<ExecutionResult> | null = null
    try {
      const viewer = stopping.aborted ? null : await callerOf(extra, session.authorization, requestId)
      if (viewer instanceof GraphQLError) {
        result = { errors: [viewer] }
        if (viewer.extensions['code'] === 'UNAUTHENTICATED') session.end ??= viewer
      } else if (viewer !== null) {
        result = await options.graphql.run(params, session.posted, {
          viewer,
          requestId,
          address: addressOf(extra.request),
        })
      }
    } catch (err) {
      // The library would print it, and close the connection with its message as the reason.
      result = { errors: [unexpectedError(err, requestId)] }
    } finally {
      session.calls -= 1
      if (result === null || !(Symbol.asyncIterator in result)) session.running.delete(id)
      closeWhenDone(socket, session)
    }
    if (result === null) await session.closed
    return result ?? { data: null }
  }

  useServer<Params, Connection>(
    {
      connectionInitWaitTimeout: times.init,
      onConnect: async (context) => {
        await connect(context)
        const { socket } = context.extra
        // The library would acknowledge a connection that is being closed.
        if (!sessions.has(socket) && socket.readyState !== socket.CLOSED) await closeOf(socket)
      },
      onSubscribe: async ({ extra }, id, payload) => {
        const session = sessions.get(extra.socket)
        if (!session) throw new Error('The library passes operations of accepted connections only.')
        const result = await run(extra, session, id, payload)
        if (!(Symbol.asyncIterator in result) && result.data === undefined && result.errors?.length)
          return result.errors
        // Everything is done: the library passes the result on.
        const cutOff = (error: unknown) => {
          if (!stopping.aborted) closeWith(extra.socket, error)
          return session.closed
        }
        const rootValue = Symbol.asyncIterator in result ? untilClosed(result, cutOff) : result
        return { schema: noSchema, document: anyDocument, rootValue }
      },
      execute: ({ rootValue }) => rootValue as ExecutionResult,
      onNext: (_context, _id, _payload, _args, result) => publicResult(result as ExecutionResult),
      onError: (_context, _id, _payload, errors) => publicResult({ errors: errors as GraphQLError[] }).errors ?? [],
      onComplete: ({ extra: { socket } }, id) => {
        const session = sessions.get(socket)
        session?.running.delete(id)
        closeWhenDone(socket, session)
      },
      onPing: ({ extra: { socket } }) => cutIfSlow(socket),
      onClose: ({ extra: { socket } }) => {
        sessions.get(socket)?.leaving.abort()
        sessions.delete(socket)
      },
    },
    server,
    times.ping,
  )
  // The library prints errors of single connections, such as messages over the limit, to the console.
  server.on('connection', (socket, request) => {
    socket.removeAllListeners('error')
    socket.on('error', (err) => log.debug({ err }, 'WebSocket connection failed'))
    // A message may have 1 MB, and anyone may open connections.
    const start = request.socket.bytesRead
    const cutIfLarge = () => {
      if (sessions.has(socket)) request.socket.off('data', cutIfLarge)
      else if (request.socket.bytesRead - start > maxBeforeAccepted) socket.terminate()
    }
    request.socket.on('data', cutIfLarge)
  })

  return {
    upgrade(request, socket, head) {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      const { origin } = request.headers
      const wait = throttle.take(addressKey(addressOf(request)), 'address')
      if (pathname !== '/graphql') refuseUpgrade(socket, '404 Not Found')
      else if (wait !== null)
        refuseUpgrade(socket, '429 Too Many Requests', `retry-after: ${Math.ceil(wait / 1000)}\r\n`)
      else if (stopping.aborted) refuseUpgrade(socket, '503 Service Unavailable')
      else if (origin !== undefined && !isOwnOrigin(origin, request.headers.host) && !options.allowsOrigin(origin)) {
        refuseUpgrade(socket, '403 Forbidden')
      } else server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request))
    },
  }
}

function cutIfSlow(socket: WebSocket): void {
  if (socket.bufferedAmount > maxBuffered) socket.terminate()
}

/** A document with one operation, and a schema, which the library requires and does not use. */
const anyDocument = parse('{ __typename }')
const noSchema = new GraphQLSchema({})

/** Returns the stream; one that is cut ends after its connection, so that its client reconnects. */
function untilClosed(
  results: AsyncIterable<ExecutionResult>,
  cutOff: (error: unknown) => Promise<unknown>,
): AsyncGenerator<ExecutionResult> {
  const iterator = results[Symbol.asyncIterator]()
  const end = { done: true, value: undefined } as const
  const generator: Pick<AsyncGenerator<ExecutionResult>, 'next' | 'return' | 'throw'> = {
    next: () => iterator.next().catch((error: unknown) => cutOff(error).then(() => end)),
    // A generator function would wait for the next result here.
    return: async () => (await iterator.return?.()) ?? end,
    throw: async (error) => (await iterator.throw?.(error)) ?? end,
  }
  return { ...generator, [Symbol.asyncIterator]: () => generator } as AsyncGenerator<ExecutionResult>
}

/** The credential of `connection_init`, as the header that has it over HTTP. */
function authorizationOf(params: Params | undefined): string | null {
  const { apiKey } = params ?? {}
  const header = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization')?.[1]
  if (typeof header === 'string') return header
  return typeof apiKey === 'string' ? `Bearer ${apiKey}` : null
}

/** Resolves when a connection is closed; unlike `once` of node:events, also after an error. */
const closeOf = (socket: WebSocket) => new Promise<unknown>((resolve) => socket.once('close', resolve))

/**
 * Closes a connection because of an error. A client may have another credential when one has ended, and the library's
 * client connects again after 4403 and 1013, but not after 4401.
 */
function closeWith(socket: WebSocket, error: unknown): void {
  const { code, reason } = error instanceof GraphQLError ? error.extensions : {}
  if (!(error instanceof GraphQLError) || code !== 'UNAUTHENTICATED') socket.close(tryAgainLater, causeOf(error))
  else if (reason === 'expired' || reason === 'revoked') socket.close(CloseCode.Forbidden, causeOf(error))
  else socket.close(CloseCode.Unauthorized, causeOf(error))
}

/** The first sentence of an error for callers, which is its cause and ASCII. The protocol limits reasons to 123 bytes. */
const causeOf = (error: unknown) =>
  error instanceof GraphQLError ? error.message.split('. ', 1)[0]?.slice(0, 120) : 'Try again later'
