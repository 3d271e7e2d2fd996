import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Returns a TCP port of the loopback interface that nothing listens on, below those from which systems take the ports of
 * outgoing connections: one of these can be in use by the time a server of a test listens on it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
