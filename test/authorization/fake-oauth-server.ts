import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request that reached the server. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers a request, well or badly. */
export type Behaviour = (received: Received, response: ServerResponse) => void

/** A provider's API over HTTP that behaves as a test wants. */
export interface FakeOAuthServer {
  readonly url: string
  readonly received: Received[]
  /** What the next requests get; without an argument every request is a mistake. */
  behave(behaviour?: Behaviour): void
  close(): Promise<void>
}

const unexpected: Behaviour = (_received, response) => response.writeHead(599).end()

/** Starts one on this port, or on a free one. */
export async function startFakeOAuthServer(port = 0): Promise<FakeOAuthServer> {
  const received: Received[] = []
  let behaviour = unexpected
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => {})
    response.on('error', () => {})
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const seen = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') }
      received.push(seen)
      behaviour(seen, response)
    })
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    behave(next = unexpected) {
      behaviour = next
      received.length = 0
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** An answer in JSON. */
export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Behaviour =>
  (_received, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }

/** Notion's answer to an exchange or a refresh. */
export const tokenAnswer = {
  access_token: 'ntn_access',
  token_type: 'bearer',
  refresh_token: 'nrt_refresh' as string | null,
  bot_id: '11111111-1111-4111-8111-111111111111',
  workspace_id: '22222222-2222-4222-8222-222222222222',
  workspace_name: 'Acme' as string | null,
  workspace_icon: 'https://example.com/icon.png' as string | null,
  owner: {
    type: 'user',
    user: {
      object: 'user',
      id: '33333333-3333-4333-8333-333333333333',
      type: 'person',
      name: 'Ann',
      person: { email: 'ann@acme.test' },
    },
  } as unknown,
  duplicated_template_id: null,
}
