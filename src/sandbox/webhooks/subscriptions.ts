/** Webhook subscriptions, which Notion's portal manages: no part of its API does. */
import type { WebhookSubscription } from '../model.ts'
import type { SandboxState } from '../state.ts'
import type { PostWebhook } from './post.ts'

/** Maximum number of subscriptions in a sandbox. */
const maxSubscriptions = 100

/** A subscription cannot be made, verified or found. The message is for the caller. */
export class WebhookRefusal extends Error {
  override readonly name = 'WebhookRefusal'
}

/** What the creator of a subscription selects. */
export type NewSubscription = Pick<WebhookSubscription, 'clientId' | 'url' | 'events' | 'apiVersion'>

/**
 * Stores a subscription that waits for its verification. Throws WebhookRefusal when the sandbox has the maximum number
 * of subscriptions, or when it knows registered clients only and not this one.
 */
export function createSubscription(state: SandboxState, wanted: NewSubscription): WebhookSubscription {
  const { webhooks } = state.store
  if (!state.knowsClient(wanted.clientId)) {
    const clients = [...state.store.clients.values()].map(({ id }) => id)
    throw new WebhookRefusal(
      `Unknown client "${wanted.clientId}". Registered clients: ${clients.join(', ') || 'none'}.`,
    )
  }
  if (webhooks.size >= maxSubscriptions) {
    throw new WebhookRefusal('The sandbox has the maximum number of subscriptions. Call webhookDelete to remove one.')
  }
  const subscription: WebhookSubscription = {
    ...wanted,
    id: state.newId(),
    verificationToken: state.newSecret('secret_'),
    status: 'pending',
    createdTime: state.now().getTime(),
  }
  webhooks.put(subscription)
  return subscription
}

/** Returns a subscription. Throws WebhookRefusal when it does not exist. */
export function requireSubscription(state: SandboxState, id: string): WebhookSubscription {
  const found = state.store.webhooks.get(id)
  if (found !== undefined) return found
  const ids = [...state.store.webhooks.values()].map((subscription) => subscription.id)
  throw new WebhookRefusal(`Unknown subscription "${id}". Subscriptions: ${ids.join(', ') || 'none'}.`)
}

/** Activates the subscription of a token and returns it. Throws WebhookRefusal when no pending one has this token. */
export function verifySubscription(state: SandboxState, token: string): WebhookSubscription {
  const found = [...state.store.webhooks.values()].find(({ verificationToken }) => verificationToken === token)
  if (found === undefined) {
    throw new WebhookRefusal(
      'The token is not the verification token of a subscription. Use the token that its URL received. Call webhookResend to send it again.',
    )
  }
  const active: WebhookSubscription = { ...found, status: 'active' }
  if (found.status === 'pending') state.store.webhooks.put(active)
  return active
}

/**
 * Sends the verification token to the URL of a pending subscription. Returns the status of the response, or null when
 * there was none. Throws WebhookRefusal when the subscription is active.
 */
export function sendVerificationToken(
  state: SandboxState,
  post: PostWebhook,
  { url, verificationToken, status }: WebhookSubscription,
): Promise<number | null> {
  if (status === 'active') throw new WebhookRefusal('The subscription is verified. Only pending ones get their token.')
  const body = JSON.stringify({ verification_token: verificationToken })
  return post({ url, body, requestId: state.newId(), webhook: 'verification' })
}
