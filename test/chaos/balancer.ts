import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** What passes an event on to one of the running nodes, as a load balancer does. */
export interface Balancer {
  readonly url: string
  /** The IDs of the events that a node has accepted with a status of 2xx. */
  readonly accepted: ReadonlySet<string>
  /** The requests that a node has accepted. */
  acceptedRequests(): number
  /** Called with the node when it has got a request, and again when it has accepted it. */
  watch(onRequest: (node: string) => void, onAccepted: (node: string) => void): void
  close(): Promise<void>
}

/** Starts a balancer. `nodes` returns the URLs of the nodes that run; each gets every second event. */
export async function startBalancer(nodes: () => readonly string[]): Promise<Balancer> {
  const accepted = new Set<string>()
  let requests = 0
  let acceptedRequests = 0
  let [onRequest, onAccepted]: ((node: string) => void)[] = []
  const pass = async (path: string, headers: Record<string, string>, body: string): Promise<number> => {
    const running = nodes()
    const node = running[requests++ % Math.max(1, running.length)]
    if (node === undefined) return 503
    try {
      const answering = fetch(`${node}${path}`, { method: 'POST', headers, body })
      onRequest?.(node)
      const { status } = await answering
      if (status >= 200 && status < 300) {
        acceptedRequests++
        const { id } = JSON.parse(body) as { id?: string }
        if (id !== undefined) accepted.add(id)
        onAccepted?.(node)
      }
      return status
    } catch {
      return 502
    }
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request)
    const signature = request.headers['x-notion-signature']
    const headers = {
      'content-type': 'application/json',
      ...(signature && { 'x-notion-signature': String(signature) }),
    }
    response.writeHead(await pass(request.url ?? '', headers, body)).end()
  }
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted,
    acceptedRequests: () => acceptedRequests,
    watch(request, answer) {
      onRequest = request
      onAccepted = answer
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
