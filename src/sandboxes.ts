import { join } from 'node:path'
import type { Addresses } from './addresses.ts'
import type { Closers } from './closers.ts'
import type { Config } from './config.ts'
import { createHttpServer, type HttpServer, type RawMount } from './http/server.ts'
import type { Log } from './log.ts'
import type { Connector, RunningSandbox } from './tools/connector.ts'

/** Starts the sandboxes of the connectors that have one, each under its path. */
export async function openSandboxes(
  config: Config,
  connectors: readonly Connector[],
  addresses: Addresses,
  log: Log,
  closers: Closers,
): Promise<readonly RawMount[]> {
  const mounts: RawMount[] = []
  for (const { sandbox } of connectors) {
    if (!sandbox) continue
    const { basePath } = sandbox
    const running: RunningSandbox = await sandbox.create({
      publicUrl: () => `${addresses.publicUrl()}${basePath}`,
      dataDirectory: join(config.dataDirectory, basePath),
      control: config.environment !== 'production',
      logger: {
        warn: (message) => log.warn(message),
        error: (message, error) => log.error({ err: error }, message),
      },
    })
    closers.add(() => running.close())
    mounts.push({ prefix: basePath, handle: (request, response) => running.handle(request, response) })
  }
  return mounts
}

/**
 * A server of its own for this process's requests to its sandbox: the public URL may lead through a proxy that this
 * process cannot reach, and running calls need the sandbox after a stop has closed the public socket.
 */
export function createSandboxServer(sandboxes: readonly RawMount[], log: Log, closers: Closers): HttpServer {
  const server = createHttpServer(async () => new Response(null, { status: 404 }), sandboxes, { log })
  if (sandboxes.length > 0) closers.add(() => server.close(0))
  return server
}
