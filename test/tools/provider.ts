import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

/** One request as the provider got it. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly token: string
  readonly body: unknown
}

/** What the provider does with a request. `hang` never answers, `reset` cuts the connection without an answer. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** The answer waits for this. */
  readonly until?: Promise<unknown>
  readonly end?: 'hang' | 'reset'
}

/** A provider for one test: a real HTTP server that records requests and answers as configured. */
export interface TestProvider {
  readonly url: string
  readonly received: Received[]
  /** Decides every answer from now on. */
  behave(decide: (request: Received, index: number) => Reply): void
  /** Resolves once so many requests have come. */
  hasReceived(count: number): Promise<void>
  close(): Promise<void>
}

/** Something to wait for, and the way to end the waiting. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

export async function startProvider(): Promise<TestProvider> {
  const received: Received[] = []
  let decide: (request: Received, index: number) => Reply = () => ({})
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const raw = await text(request)
    const noted: Received = {
      method: request.method ?? '',
      path: request.url ?? '',
      token: (request.headers.authorization ?? '').replace('Bearer ', ''),
      body: raw === '' ? null : JSON.parse(raw),
    }
    const index = received.push(noted) - 1
    const reply = decide(noted, index)
    await reply.until
    if (reply.end === 'reset') request.socket.destroy()
    if (reply.end !== undefined) return
    response.writeHead(reply.status ?? 200, {
      'content-type': 'application/json',
      'x-request-id': `request-${index}`,
      ...reply.headers,
    })
    response.end(JSON.stringify(reply.body ?? { object: 'note', id: `note-${index}` }))
  }
  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    behave(next) {
      decide = next
    },
    async hasReceived(count) {
      while (received.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
