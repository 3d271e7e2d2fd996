import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import type { DeliveryTiming } from '../../src/webhooks/delivery-worker.ts'
import type { TestClient } from '../support/app.ts'

/** Short pauses; a look at the outbox that finds what no notification reported. */
export const quickDeliveries: Partial<DeliveryTiming> = {
  everyMs: 200,
  attemptMs: 3_000,
  leaseMs: 6_000,
  backoff: { firstMs: 20, maxMs: 100, minMs: 10 },
}

/** One request that a receiver got. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly event: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> }
}

/** A receiver of webhooks: a real HTTP server on loopback. */
export interface Receiver {
  readonly url: string
  readonly port: number
  readonly requests: readonly Received[]
  /** The requests of one path. */
  at(path: string): readonly Received[]
  /** Sets how requests are answered from now on. */
  answer(respond: (response: ServerResponse, request: Received) => void): void
  close(): Promise<void>
}

/** Answers with a status and headers. */
export const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(code, headers).end()

/** Starts a receiver, which accepts everything at first. */
export async function startReceiver(host = '127.0.0.1', port = 0): Promise<Receiver> {
  const requests: Received[] = []
  let respond: (response: ServerResponse, request: Received) => void = status(204)
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const received = { path: request.url ?? '', headers: request.headers, body, event: JSON.parse(body || '{}') }
      requests.push(received)
      respond(response, received)
    })
  })
  await new Promise<void>((resolve) => void server.listen(port, host, resolve))
  const address = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    requests,
    at: (path) => requests.filter((request) => request.path === path),
    answer(next) {
      respond = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Runs a mutation with an input and returns the member of its result union. */
export async function mutate(
  app: Pick<TestClient, 'graphql'>,
  name: string,
  input: Record<string, unknown>,
  fields: string,
  credential?: string,
): Promise<Record<string, unknown>> {
  const type = name.charAt(0).toUpperCase() + name.slice(1)
  const { data, errors } = await app.graphql(
    `mutation ($input: ${type}Input!) { ${name}(input: $input) {
      __typename ... on ${type}Payload { ${fields} } ... on Error { message }
    } }`,
    { input },
    credential,
  )
  expect(errors).toBeUndefined()
  return data[name] as Record<string, unknown>
}

/** Fields of a payload, for {@link mutate}, with the issues of an InvalidInputError. */
export const orIssues = (fields: string) => `${fields} } ... on InvalidInputError { issues { path message }`

const endpointFields = 'id url events enabled disabledAt disabledReason previousSecretExpiresAt createdAt'

/** A `WebhookEndpoint` with all fields. */
export interface Endpoint {
  readonly id: string
  readonly url: string
  readonly events: readonly string[]
  readonly enabled: boolean
  readonly disabledReason: string | null
  readonly previousSecretExpiresAt: string | null
}

/** Creates an endpoint and returns it with its secret. */
export async function createEndpoint(
  app: Pick<TestClient, 'graphql'>,
  url: string,
  events?: readonly string[],
  credential?: string,
): Promise<{ readonly endpoint: Endpoint; readonly secret: string }> {
  const created = await mutate(
    app,
    'createWebhookEndpoint',
    { url, ...(events && { events }) },
    `webhookEndpoint { ${endpointFields} } secret`,
    credential,
  )
  expect(created['message']).toBeUndefined()
  return { endpoint: created['webhookEndpoint'] as Endpoint, secret: String(created['secret']) }
}

/** All endpoints. */
export async function listEndpoints(app: Pick<TestClient, 'graphql'>, credential?: string): Promise<Endpoint[]> {
  const { data } = await app.graphql(`{ webhookEndpoints { ${endpointFields} } }`, {}, credential)
  return data['webhookEndpoints'] as Endpoint[]
}

/** A `WebhookDelivery` with all fields. */
export interface Delivery {
  readonly id: string
  readonly endpoint: { readonly id: string }
  readonly eventId: string
  readonly eventType: string
  readonly payload: Record<string, unknown>
  readonly status: string
  readonly attempts: number
  readonly nextAttemptAt: string | null
  readonly deliveredAt: string | null
  readonly lastStatusCode: number | null
  readonly lastError: string | null
}

/** The newest deliveries, at most 100. */
export async function listDeliveries(
  app: Pick<TestClient, 'graphql'>,
  filter: { endpointId?: string; status?: string } = {},
  credential?: string,
): Promise<readonly Delivery[]> {
  const { data, errors } = await app.graphql(
    `query ($endpointId: ID, $status: WebhookDeliveryStatus) {
      webhookDeliveries(first: 100, endpointId: $endpointId, status: $status) { nodes {
        id endpoint { id } eventId eventType payload status occurredAt attempts lastAttemptAt nextAttemptAt deliveredAt
        lastStatusCode lastError
      } }
    }`,
    filter,
    credential,
  )
  expect(errors).toBeUndefined()
  return (data['webhookDeliveries'] as { nodes: Delivery[] }).nodes
}

/** Creates a PENDING account, which is one event. */
export const createAccount = (app: Pick<TestClient, 'graphql'>, identifier: string, credential?: string) =>
  mutate(app, 'getOrCreateConnectedAccount', { identifier }, 'connectedAccount { id }', credential)

/** The function that docs/webhooks.md recommends to receivers. */
export async function documentedVerifier(): Promise<
  (headers: IncomingHttpHeaders, body: string, secrets: readonly string[], now?: number) => { id: string; type: string }
> {
  const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8')
  const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)).verifyWebhook
}
