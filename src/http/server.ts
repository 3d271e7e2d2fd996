import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServerAdapter } from '@whatwg-node/server'

/** Answers a request of the Fetch standard. `address` is the peer's; null without a socket. */
export type FetchHandler = (request: Request, peer: { readonly address: string | null }) => Promise<Response>

/** Handles all paths under a prefix with node:http objects instead of the fetch handler. */
export interface RawMount {
  readonly prefix: string
  handle(request: IncomingMessage, response: ServerResponse): void
}

/** The server cannot listen on the configured address. The message names the setting to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError'

  constructor(port: number, host: string, cause: NodeJS.ErrnoException) {
    super(reasonOf(port, host, cause), { cause })
  }
}

function reasonOf(port: number, host: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `${host}:${port} is in use by another program. Set PORT to a free port.`
  if (code === 'EACCES') return `Listening on ${host}:${port} is not permitted. Set PORT to a port above 1023.`
  return `Listening on ${host}:${port} failed (${code ?? message}). Set HOST to an address of this machine, such as 127.0.0.1 or 0.0.0.0.`
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

/** Creates a node:http server, with its timeouts against slow requests. */
export function createHttpServer(handler: FetchHandler, mounts: readonly RawMount[]): HttpServer {
  const adapter = createServerAdapter<{ req: IncomingMessage }>((request, { req }) =>
    handler(request, { address: req.socket.remoteAddress ?? null }),
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
      else void adapter(req, res)
    },
  )
  return {
    listen: (port, host) => listen(server, port, host),
    close: (graceMs) => close(server, graceMs),
  }
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(new ListenError(port, host, error))
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
