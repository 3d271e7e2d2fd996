import { type ProviderHttpAnswer, retryAfterMs, sendToProvider, TransportFailure } from '../provider-http.ts'
import { notAllowed } from './address-guard.ts'
import type { ClaimedDelivery } from './claims.ts'
import type { WebhooksContext } from './context.ts'
import type { OpenedWebhookEndpoint } from './endpoint-store.ts'
import { payloadOf } from './events.ts'
import { signatures } from './signature.ts'

/** What a receiver, or the lack of one, made of a request. */
export interface Attempt {
  readonly delivered: boolean
  readonly statusCode: number | null
  /** Why it failed, without anything that the receiver sent. */
  readonly error: string | null
  /** The pause that the receiver asked for (`Retry-After`), in milliseconds. */
  readonly pauseMs: number | null
}

/** How much of a response is read, so that its connection can be used again. Its content is neither used nor stored. */
const maxAnswerBytes = 16 * 1024

/** Sends a delivery once. The signal ends the attempt. Never throws for what happens on the network. */
export async function sendWebhook(
  { guard }: Pick<WebhooksContext, 'guard'>,
  delivery: ClaimedDelivery,
  { url, secrets }: OpenedWebhookEndpoint,
  signal: AbortSignal,
): Promise<Attempt> {
  const body = JSON.stringify(payloadOf(delivery))
  const timestamp = Math.floor(delivery.now.getTime() / 1000)
  const request = {
    url,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Valetkey-Webhooks',
      'webhook-id': delivery.eventId,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatures({ id: delivery.eventId, timestamp, body }, secrets),
    },
    body,
    signal,
    maxBytes: maxAnswerBytes,
  }
  try {
    return attemptOf(await sendToProvider(guard.fetch, request), delivery.now)
  } catch (error) {
    if (!(error instanceof TransportFailure)) throw error
    const { status, headers, kind, code } = error
    // The status is the receiver's word: what is wrong with the rest of its response does not matter.
    if (status !== null && headers !== null) return attemptOf({ status, headers }, delivery.now)
    return { delivered: false, statusCode: null, error: explain(kind, code), pauseMs: null }
  }
}

function attemptOf({ status, headers }: Pick<ProviderHttpAnswer, 'status' | 'headers'>, now: Date): Attempt {
  if (status >= 200 && status < 300) return { delivered: true, statusCode: status, error: null, pauseMs: null }
  const redirect = status >= 300 && status < 400
  return {
    delivered: false,
    statusCode: status,
    error: redirect
      ? `The receiver returned a redirect (${status}), which is not followed.`
      : `The receiver returned the status ${status}.`,
    pauseMs: status === 429 || status === 503 ? retryAfterMs(headers, '', now) : null,
  }
}

function explain(kind: TransportFailure['kind'], code: string | null): string {
  if (code === notAllowed) {
    return 'The address is not public, or needs https. VALETKEY_WEBHOOK_PRIVATE_NETWORKS lists addresses to allow.'
  }
  if (kind === 'timeout') return 'The receiver did not respond in time.'
  return `The connection failed${code === null ? '' : ` (${code})`}.`
}
