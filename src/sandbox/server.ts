import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { journalFileName } from './journal.ts'
import { answerMalformed } from './malformed.ts'
import { createSandbox } from './sandbox.ts'
import type { SandboxLogger } from './state.ts'

/** Options of {@link startSandboxServer}. */
export interface SandboxServerOptions {
  /** Port to listen on. 0, the default, selects a free port. */
  readonly port?: number
  /** Address to listen on. Default: 127.0.0.1 */
  readonly host?: string
  /** Directory for content and tokens. If absent, they are in memory only. */
  readonly dataDirectory?: string
  /** Deletes the content of the data directory before the start. */
  readonly reset?: boolean
  readonly logger?: SandboxLogger
}

/** A sandbox that listens on a port of its own. */
export interface SandboxServer {
  /** Origin without a trailing slash: the base URL of a Notion client. */
  readonly url: string
  /** Stops to listen, ends all connections and writes all changes. */
  close(): Promise<void>
}

/** The data directory of a sandbox cannot be used. */
export class SandboxDataError extends Error {
  override readonly name = 'SandboxDataError'
}

/**
 * Starts a sandbox with a port of its own. Rejects with the error of the socket, such as EADDRINUSE, or with
 * SandboxDataError.
 */
export async function startSandboxServer(options: SandboxServerOptions = {}): Promise<SandboxServer> {
  const { port = 0, host = '127.0.0.1', dataDirectory, reset = false, logger } = options
  // Longer than clients reuse idle connections: a write on a connection that the server closes has an unknown outcome.
  const server = createServer({ keepAliveTimeout: 65_000 })
  answerMalformed(server, randomUUID)
  // Listens before it uses the data, so that a second process does not delete the file of a running one.
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`
  const open = async () => {
    if (reset && dataDirectory !== undefined) await rm(join(dataDirectory, journalFileName), { force: true })
    return createSandbox({
      basePath: '',
      publicUrl: () => url,
      control: true,
      ...(logger && { logger }),
      ...(dataDirectory !== undefined && { dataDirectory }),
    })
  }
  const opening = open()
  server.on('request', (request, response) => {
    opening.then(
      (sandbox) => sandbox.handle(request, response),
      () => response.destroy(),
    )
  })
  try {
    const sandbox = await opening
    return {
      url,
      async close() {
        const closed = new Promise((resolve) => server.close(resolve))
        await sandbox.close()
        server.closeAllConnections()
        await closed
      },
    }
  } catch (error) {
    server.close()
    server.closeAllConnections()
    throw new SandboxDataError(`Cannot use the data directory ${String(dataDirectory)}: ${String(error)}`)
  }
}
