import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServerAdapter } from '@whatwg-node/server'

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

/** Creates a node:http server, with its timeouts against slow requests. `settings` are named when it cannot listen. */
export function createHttpServer(
  handler: FetchHandler,
  mounts: readonly RawMount[],
  settings: AddressSettings = { port: 'PORT', host: 'HOST' },
): HttpServer {
  const adapter = createServerAdapter<{ req: IncomingMessage; malformed?: boolean }>(
    (request, { req, malformed = false }) =>
      // The library answers an error with its stack trace.
      handler(request, { address: req.socket.remoteAddress ?? null, malformed }).catch(
        () => new Response(null, { status: 500 }),
      ),
  )
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 },
    (req, res) => {
      const path = req.url ?? '/'
      // When reading a body stopped half-way, because it is over the limit, the rest stays in the connection, and the next
      // request would wait after it until it times out.
      const { socket } = req
      res.once('finish', () => {
        if (!req.complete) socket.end()
      })
      const mount = mounts.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
      if (mount) mount.handle(req, res)
      else if (isWellFormed(path, req.headers.host)) void adapter(req, res)
      else {
        // The library throws for a URL that it cannot parse, before anything can handle the error.
        req.headers.host = 'localhost'
        req.url = '/'
        void adapter(req, res, { malformed: true })
      }
    },
  )
  return {
    listen: (port, host) => listen(server, port, host, settings),
    close: (graceMs) => close(server, graceMs),
  }
}

/**
 * Whether a request has the URL of its path: the target is in origin-form (RFC 9112 section 3.2.1), and the Host field is
 * absent, empty or a host with or without a port (RFC 9110 section 7.2).
 */
const isWellFormed = (target: string, host: string | undefined) =>
  target.startsWith('/') &&
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

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) {
      resolve()
      return
    }
    // Connections that are busy now become idle later, and would otherwise stay open.
    const sweep = setInterval(() => server.closeIdleConnections(), 50)
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearInterval(sweep)
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
