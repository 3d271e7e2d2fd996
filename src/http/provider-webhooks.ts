import type { AccountsContext } from '../accounts/context.ts'
import { readBounded } from '../bounded-body.ts'
import { type Receipt, receiveProviderRequest } from '../provider-events/receive.ts'
import { findReceivers } from '../provider-events/webhook-url.ts'
import type { Connector } from '../tools/connector.ts'
import { addressKey, type Throttle } from './throttle.ts'

/** Answers `/webhooks/<connector>/<connection>`. */
export type ProviderWebhooks = (request: Request, path: string, address: string | null) => Promise<Response>

/** The maximum body of an event in bytes. Those of Notion have some kilobytes. */
const maxBytes = 256 * 1024

/** How events that were received, or not, are counted. */
export type ReceiptOutcome = Receipt['kind']

/**
 * Creates what receives the webhooks of providers. An event is answered with 200 after it was committed, and processed
 * afterwards. Responses depend on nothing but the OAuth apps that the path names.
 */
export function createProviderWebhooks(options: {
  readonly accounts: Pick<AccountsContext, 'db' | 'vault' | 'actor' | 'log'>
  readonly connectors: readonly Connector[]
  readonly throttle: Throttle
  readonly observe: (connector: string, outcome: ReceiptOutcome) => void
}): ProviderWebhooks {
  const { accounts, connectors, throttle, observe } = options
  return async (request, path, address) => {
    const waitMs = throttle.take(addressKey(address), 'webhook')
    if (waitMs !== null) return tooMany(waitMs)
    const [, , slug = '', connection = '', ...rest] = path.split('/')
    const connector = connectors.find((one) => one.slug === slug)
    if (!connector?.events || rest.length > 0) return refuse(404, unknownPath)
    if (request.method !== 'POST') return refuse(405, 'Use POST.', { allow: 'POST' })
    const apps = await findReceivers(accounts.db, connector.slug, decoded(connection))
    if (apps.length === 0) return refuse(404, unknownPath)
    if (!/^application\/json\s*(?:;|$)/i.test(request.headers.get('content-type') ?? ''))
      return refuse(415, 'The content type must be application/json.')
    const body = await readBounded(chunksOf(request.body), maxBytes)
    if (body === null) return refuse(413, `The body must have at most ${maxBytes} bytes.`)
    const signature = request.headers.get(connector.events.signatureHeader)
    const receipt = await receiveProviderRequest(accounts, connector.events, apps, { body, signature }, (id, kind) =>
      throttle.take(id, kind === 'event' ? 'webhookEvents' : 'webhookTokens'),
    )
    observe(connector.slug, receipt.kind)
    return responseTo(receipt)
  }
}

function responseTo(receipt: Receipt): Response {
  switch (receipt.kind) {
    case 'received':
    case 'duplicate':
    case 'token':
      return Response.json({ received: true })
    case 'throttled':
      return tooMany(receipt.waitMs)
    case 'full':
      return refuse(503, 'Too many events wait. Send it again later.', { 'retry-after': '60' })
    case 'malformed':
      return refuse(400, 'The body must be the JSON of an event.')
    case 'refused':
      return refuse(401, 'The signature is missing or wrong.')
  }
}

/** Reads a body without ending it when its reader stops: the connection must remain for the response. */
async function* chunksOf(body: Request['body']): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

const unknownPath = 'No connection has this URL.'

const refuse = (status: number, error: string, headers: Record<string, string> = {}) =>
  Response.json({ error }, { status, headers })

function tooMany(waitMs: number): Response {
  const seconds = Math.ceil(waitMs / 1000)
  return refuse(429, `Too many requests. Try again in ${seconds} s.`, { 'retry-after': `${seconds}` })
}

/** Connection names need no encoding; a client may encode them. Empty, which no app has, when it is not valid. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}
