import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Duplex, finished, type Readable } from 'node:stream'
import { createServerAdapter, sendNodeResponse } from '@whatwg-node/server'
import { maxRequestBytes } from '../bounded-body.ts'
import type { Log } from '../log.ts'

/** Where a request comes from. */
export interface Peer {
  /** The address of the client; null without a socket. */
  readonly address: string | null
  /** Whether the Host field or the request target is invalid. The request then has the URL http://localhost/. */
  readonly malformed?: boolean
}

/** Answers a request of the Fetch standard, also one that it cannot serve. */
export type FetchHandler = (request: Request, peer: Peer) => Promise<Response>

/** Handles all paths under a prefix with node:http objects instead of the fetch handler. */
export interface RawMount {
  readonly prefix: string
  handle(request: IncomingMessage, response: ServerResponse): void
}

/** Answers upgrades to another protocol. */
export interface UpgradeHandler {
  /** Takes over the socket of a request whose target and Host field are valid. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void | Promise<void>
}

/** Answers an upgrade with an error, and closes the connection: node:http sets no time limit for its socket any more. */
export function refuseUpgrade(socket: Duplex, status: string, headers = ''): void {
  // The client may leave its half of the connection open.
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\n${headers}connection: close\r\ncontent-length: 0\r\n\r\n`)
}

/** The server cannot listen on the configured address. The message names the setting to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError'

  constructor(port: number, host: string, settings: AddressSettings, cause: NodeJS.ErrnoException) {
    super(reasonOf(port, host, settings, cause), { cause })
  }
}

/** The variables that set the address of a server. */
interface AddressSettings {
  readonly port: string
  readonly host: string
}

function reasonOf(
  port: number,
  host: string,
  settings: AddressSettings,
  { code, message }: NodeJS.ErrnoException,
): string {
  if (code === 'EADDRINUSE') return `${host}:${port} is in use by another program. Set ${settings.port} to a free port.`
  if (code === 'EACCES')
    return `Listening on ${host}:${port} is not permitted. Set ${settings.port} to a port above 1023.`
  return `Listening on ${host}:${port} failed (${code ?? message}). Set ${settings.host} to an address of this machine, such as 127.0.0.1 or 0.0.0.0.`
}

/**
 * Whether Node discards what is left of a request's body: when nothing of it was read, as for a request that was refused by
 * its headers. When reading stopped half-way, because the body is over the limit, the rest stays in the connection, and the
 * next request would wait after it until it times out. A body that may be large is not worth its time either.
 */
const isDiscarded = (req: IncomingMessage): boolean =>
  !req.readableDidRead && Number(req.headers['content-length'] ?? Number.NaN) <= maxRequestBytes

/** A listening HTTP server. */
export interface HttpServer {
  /** Starts to listen; port 0 selects a free one. Throws a {@link ListenError}. */
  listen(port: number, host: string): Promise<AddressInfo>
  /**
   * Accepts no new connections, lets running requests finish for `graceMs`, then cuts the remaining connections.
   * The caller must end streams first.
   */
  close(graceMs: number): Promise<void>
}

/**
 * Creates a node:http server, with its timeouts against slow requests. `settings` are named when it cannot listen;
 * without `upgrades`, no connection is upgraded. Whatever fails ends one connection and is logged: an error that leaves a
 * listener of node:http ends the process.
 */
export function createHttpServer(
  handler: FetchHandler,
  mounts: readonly RawMount[],
  {
    log,
    settings = { port: 'PORT', host: 'HOST' },
    upgrades,
  }: { readonly log: Log; readonly settings?: AddressSettings; readonly upgrades?: UpgradeHandler },
): HttpServer {
  const adapter = createServerAdapter<{ req: IncomingMessage; malformed?: boolean }>(
    (request, { req, malformed = false }) =>
      // The library answers an error with its stack trace.
      handler(request, { address: req.socket.remoteAddress ?? null, malformed }).catch((err) => {
        log.error({ err }, 'request failed')
        return new Response(null, { status: 500 })
      }),
  )
  const serve = async (req: IncomingMessage, res: ServerResponse, context: { malformed?: boolean } = {}) => {
    // A body that fails is cut, so that the client does not take it for complete. Clients that left are normal.
    const cut = (err: unknown) => {
      log.debug({ err }, 'sending a response failed')
      res.destroy()
    }
    // The library pipes streams, and a pipe leaves the response open when its source fails.
    res.once('pipe', (source: Readable) => finished(source, { writable: false }, (err) => err && cut(err)))
    try {
      const response = await adapter.handleNodeRequestAndResponse(req, res, { req, ...context })
      await sendNodeResponse(response, res, req, true)
    } catch (err) {
      cut(err)
    }
  }
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 },
    (req, res) => {
      const path = req.url ?? '/'
      const { socket } = req
      res.once('finish', () => {
        if (!req.complete && !isDiscarded(req)) socket.end()
      })
      const mount = mounts.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
      if (mount) {
        try {
          mount.handle(req, res)
        } catch (err) {
          log.error({ err }, 'request failed')
          res.destroy()
        }
      } else if (isWellFormed(path, req.headers.host)) void serve(req, res)
      else {
        // The library throws for a URL that it cannot parse, before anything can handle the error.
        req.headers.host = 'localhost'
        req.url = '/'
        void serve(req, res, { malformed: true })
      }
    },
  )
  // Sockets of upgrades are no longer connections of the server, and no listener of node:http is left.
  const upgraded = new Set<Duplex>()
  const own = (socket: Duplex) => {
    if (upgraded.has(socket)) return
    upgraded.add(socket)
    socket.on('error', () => socket.destroy()).once('close', () => upgraded.delete(socket))
  }
  if (upgrades) {
    const upgrade = async (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      own(socket)
      try {
        if (!asksForWebSocket(req)) server.emit('connection', withoutUpgrade(req, socket, head))
        else if (isWellFormed(req.url ?? '', req.headers.host)) await upgrades.upgrade(req, socket, head)
        else refuseUpgrade(socket, '400 Bad Request')
      } catch (err) {
        log.error({ err }, 'upgrade failed')
        socket.destroy()
      }
    }
    server.on('upgrade', (req, socket, head) => void upgrade(req, socket, head))
  }
  // Such as an accept without free file descriptors. The server continues to listen.
  server.on('error', (err) => {
    if (server.listening) log.error({ err }, 'accepting connections failed')
  })
  return {
    listen: (port, host) => listen(server, port, host, settings),
    close: (graceMs) => close(server, graceMs, upgraded),
  }
}

const asksForWebSocket = ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket'

/**
 * Puts a request back into its socket without its wish for another protocol, such as h2c of Java's client: a server may
 * ignore it (RFC 9110 section 7.8), but node:http leaves every upgrade to the listener and does not read the body.
 */
function withoutUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Duplex {
  const lines = [`${req.method} ${req.url} HTTP/${req.httpVersion}`]
  for (let at = 0; at < req.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = req.rawHeaders.slice(at, at + 2)
    if (!['connection', 'upgrade', 'http2-settings'].includes(name.toLowerCase())) lines.push(`${name}: ${value}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  return socket
}

/**
 * Whether a request has the URL of its path: the target is in origin-form (RFC 9112 section 3.2.1), and the Host field is
 * absent, empty or a host with or without a port (RFC 9110 section 7.2).
 */
const isWellFormed = (target: string, host: string | undefined) =>
  target.startsWith('/') &&
  URL.canParse(target, 'http://localhost') &&
  (!host || (/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i.test(host) && URL.canParse(`http://${host}`)))

function listen(server: Server, port: number, host: string, settings: AddressSettings): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(new ListenError(port, host, settings, error))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve(server.address() as AddressInfo)
    })
  })
}

function close(server: Server, graceMs: number, upgraded: ReadonlySet<Duplex>): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) {
      resolve()
      return
    }
    // Connections that are busy now become idle later, and would otherwise stay open.
    const sweep = setInterval(() => server.closeIdleConnections(), 50)
    const cut = setTimeout(() => {
      server.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
    }, graceMs)
    server.close(() => {
      clearInterval(sweep)
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
