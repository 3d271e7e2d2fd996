import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServerAdapter } from '@whatwg-node/server'

/** Answers one request in terms of the Fetch standard. `address` is the peer's, where there is a socket. */
export type FetchHandler = (request: Request, peer: { readonly address: string | null }) => Promise<Response>

/** Takes whole paths away from the fetch handler, with the raw socket in hand. */
export interface RawMount {
  readonly prefix: string
  handle(request: IncomingMessage, response: ServerResponse): void
}

/** The server cannot listen where it was told to; the message names what to set. */
export class ListenError extends Error {
  override readonly name = 'ListenError'

  constructor(port: number, host: string, cause: NodeJS.ErrnoException) {
    super(reasonOf(port, host, cause), { cause })
  }
}

function reasonOf(port: number, host: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `${host}:${port} is in use by another program: set PORT to a free one.`
  if (code === 'EACCES') return `${host}:${port} may not be listened on: set PORT to one above 1023.`
  return `${host}:${port} cannot be listened on (${code ?? message}): set HOST to an address of this machine, such as 127.0.0.1 or 0.0.0.0.`
}

/** A listening HTTP server. */
export interface HttpServer {
  /** Begins to listen; port 0 takes a free one. Fails with a {@link ListenError}. */
  listen(port: number, host: string): Promise<AddressInfo>
  /**
   * Takes no new connections, lets running requests finish for `graceMs`, then cuts what is left.
   * Streams have to be ended by whoever feeds them before this is called.
   */
  close(graceMs: number): Promise<void>
}

/** Serves over node:http, with its own guards against slow and endless requests. */
export function createHttpServer(handler: FetchHandler, mounts: readonly RawMount[]): HttpServer {
  const adapter = createServerAdapter<{ req: IncomingMessage }>((request, { req }) =>
    handler(request, { address: req.socket.remoteAddress ?? null }),
  )
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 },
    (req, res) => {
      const path = req.url ?? '/'
      // Whoever stopped reading a body half-way (it is over the limit) leaves the rest of it in the connection, where the next
      // request would wait behind it until it times out.
      const { socket } = req
      res.once('finish', () => {
        if (req.destroyed && !req.complete) socket.end()
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
    // Connections that were busy when close began become idle later and would otherwise be kept alive.
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
