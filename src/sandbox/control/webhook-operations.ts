import * as z from 'zod'
import { apiVersions } from '../context.ts'
import type { WebhookSubscription } from '../model.ts'
import { isClientId } from '../oauth/client-authentication.ts'
import { timestamp } from '../render/frame.ts'
import { webhookEventTypes } from '../webhooks/event-types.ts'
import {
  createSubscription,
  requireSubscription,
  sendVerificationToken,
  verifySubscription,
  WebhookRefusal,
} from '../webhooks/subscriptions.ts'
import { BadControlParameters, type ControlOperation, type ControlTargets, operation } from './operation.ts'

/** Runs work and reports its refusal as a refusal of the parameters. */
function refusing<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof WebhookRefusal ? new BadControlParameters(error.message) : error
  }
}

/** Returns a subscription with its counts, without the verification token, which only its URL receives. */
export function describeSubscription({ webhooks }: ControlTargets, subscription: WebhookSubscription) {
  const { id, clientId, url, status, events, apiVersion, createdTime } = subscription
  return {
    subscriptionId: id,
    clientId,
    url,
    state: status,
    events,
    apiVersion,
    createdTime: timestamp(createdTime),
    ...webhooks.counts(id),
  }
}

/** Sends the verification token. `verificationStatus` is null when there was no response. */
async function sendToken({ state, webhooks }: ControlTargets, subscription: WebhookSubscription) {
  const verificationStatus = await refusing(() => sendVerificationToken(state, webhooks.post, subscription))
  return { subscriptionId: subscription.id, state: subscription.status, verificationStatus }
}

const url = z
  .url({ protocol: /^https?$/, error: 'url must be an http or https URL' })
  .max(2000)
  .describe('URL that receives the events. Addresses of this machine are allowed')
const subscriptionId = z.string()
const milliseconds = (max: number) => z.int().min(0).max(max)

/** Operations for webhooks by name. */
export const webhookOperations: Readonly<Record<string, ControlOperation>> = {
  webhook: operation(
    'Creates a webhook subscription of a client, and sends its verification token to the URL once. ' +
      'It receives events when webhookVerify has activated it.',
    z.strictObject({
      clientId: z.string().refine(isClientId, 'clientId must be 1 to 200 printable ASCII characters without spaces'),
      url,
      events: z
        .array(z.enum(webhookEventTypes))
        .min(1)
        .default([...webhookEventTypes])
        .describe('Types of events. Default: all'),
      apiVersion: z.enum(apiVersions).default('2026-03-11'),
    }),
    (targets, sent) =>
      sendToken(
        targets,
        refusing(() => createSubscription(targets.state, { ...sent, events: [...new Set(sent.events)] })),
      ),
  ),
  webhookResend: operation(
    'Sends the verification token of a pending subscription again.',
    z.strictObject({ subscriptionId }),
    (targets, sent) =>
      sendToken(
        targets,
        refusing(() => requireSubscription(targets.state, sent.subscriptionId)),
      ),
  ),
  webhookVerify: operation(
    'Activates the subscription whose URL received this verification token.',
    z.strictObject({ token: z.string().min(1) }),
    ({ state }, { token }) => {
      const { id, status } = refusing(() => verifySubscription(state, token))
      return { subscriptionId: id, state: status }
    },
  ),
  webhookDelete: operation(
    'Deletes a subscription with the events that wait for it. A new one has another verification token.',
    z.strictObject({ subscriptionId }),
    ({ state, webhooks }, sent) => {
      webhooks.delete(refusing(() => requireSubscription(state, sent.subscriptionId)))
      return { subscriptionId: sent.subscriptionId }
    },
  ),
  webhooks: operation(
    'Lists webhook subscriptions with their states, and counts of events since the start: ' +
      'sent counts requests, failed counts events without success in eight attempts. ' +
      'dropped next to the list counts events that no subscription received because too many were gathered.',
    z.strictObject({ clientId: z.string().min(1).optional() }),
    (targets, sent) => ({
      webhooks: [...targets.state.store.webhooks.values()]
        .filter(({ clientId }) => sent.clientId === undefined || clientId === sent.clientId)
        .map((subscription) => describeSubscription(targets, subscription)),
      dropped: targets.webhooks.dropped(),
    }),
  ),
  webhookFaults: operation(
    'Changes the delivery of webhooks until clear. Absent fields do not change. ' +
      'delayMs: pause before the first attempt. duplicate: additional copies of each event. ' +
      'lose: number of next events that are not sent. ' +
      'reverse: events of a window of aggregateMs are sent one after the other, the last one first. ' +
      'aggregateMs: how long events of the same type about the same entity are gathered. Default: 200. ' +
      'retryMs: pause after the first failed attempt, doubled for each further one. Default: 200.',
    z.strictObject({
      delayMs: milliseconds(600_000).optional(),
      duplicate: z.int().min(0).max(100).optional(),
      lose: z.int().min(0).max(1_000_000).optional(),
      reverse: z.boolean().optional(),
      aggregateMs: milliseconds(600_000).optional(),
      retryMs: milliseconds(86_400_000).optional(),
    }),
    ({ webhooks }, sent) => {
      webhooks.setFaults(Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined)))
      return webhooks.faults()
    },
  ),
  webhookFlush: operation(
    'Sends gathered events now and waits until no event waits for delivery, at most timeoutMs. ' +
      'waiting is the number of events that still wait.',
    z.strictObject({ timeoutMs: milliseconds(60_000).default(10_000) }),
    async ({ webhooks }, { timeoutMs }) => ({ waiting: await webhooks.flush(timeoutMs) }),
  ),
}
