import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RunningSandbox } from './support.ts'
import { testClient } from './support.ts'

/** A request that a receiver of webhooks got. */
export interface ReceivedRequest {
  readonly headers: IncomingHttpHeaders
  /** The bytes that are signed. */
  readonly raw: string
}

/** An event as the sandbox sends it. */
export interface ReceivedEvent {
  readonly id: string
  readonly timestamp: string
  readonly workspace_id: string
  readonly workspace_name: string
  readonly subscription_id: string
  readonly integration_id: string
  readonly type: string
  readonly authors: readonly { readonly id: string; readonly type: string }[]
  readonly accessible_by: readonly { readonly id: string; readonly type: string }[]
  readonly attempt_number: number
  readonly api_version: string
  readonly entity: { readonly id: string; readonly type: string }
  readonly data?: Readonly<Record<string, unknown>>
}

/** An HTTP server that receives webhooks. */
export interface Receiver {
  readonly url: string
  readonly requests: readonly ReceivedRequest[]
  /** Returns the received events, without the verification. */
  events(): ReceivedEvent[]
  /** Returns the last verification token. Throws an Error when there is none. */
  token(): string
  /** Sets how later requests are answered, by their number from 0. */
  answerWith(answer: (number: number) => number | Promise<number>): void
  /** Forgets the received requests. */
  forget(): void
  close(): Promise<void>
}

/** Starts a receiver that accepts everything. */
export async function startReceiver(): Promise<Receiver> {
  let requests: ReceivedRequest[] = []
  let answer: (number: number) => number | Promise<number> = () => 200
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    requests.push({ headers: request.headers, raw: Buffer.concat(chunks).toString('utf8') })
    const status = await answer(requests.length - 1)
    // A redirect leads back here: a sandbox that follows it sends a request with the same number.
    response.writeHead(status, status >= 300 && status < 400 ? { location: '/hooks' } : {}).end()
  }
  const server = createServer((request, response) => {
    receive(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bodies = () => requests.map(({ raw }) => JSON.parse(raw) as ReceivedEvent & { verification_token?: string })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks?secret=1`,
    get requests() {
      return requests
    },
    events: () => bodies().filter((body) => body.verification_token === undefined),
    token() {
      const token = bodies().findLast((body) => body.verification_token !== undefined)?.verification_token
      if (token === undefined) throw new Error('the receiver got no verification token')
      return token
    },
    answerWith(given) {
      requests = []
      answer = given
    },
    forget() {
      requests = []
    },
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Creates and verifies a subscription. Returns its id and token. */
export async function subscribe(
  sandbox: Pick<RunningSandbox, 'control'>,
  receiver: Receiver,
  options: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly id: string; readonly token: string }> {
  const { subscriptionId } = await sandbox.control('webhook', {
    clientId: testClient.id,
    url: receiver.url,
    ...options,
  })
  const token = receiver.token()
  await sandbox.control('webhookVerify', { token })
  receiver.forget()
  return { id: String(subscriptionId), token }
}

/** Ends all windows, waits for all deliveries and returns the events since the last call. */
export async function takeEvents(sandbox: Pick<RunningSandbox, 'control'>, receiver: Receiver) {
  const { waiting } = await sandbox.control('webhookFlush')
  if (waiting !== 0) throw new Error(`${String(waiting)} events still wait`)
  const events = receiver.events()
  receiver.forget()
  return events
}
