import { InvalidInputError, WebhookDeliveryNotFoundError, WebhookEndpointNotFoundError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import {
  type DeliveryStatus,
  deliveryStatuses,
  findWebhookDeliveriesById,
  listWebhookDeliveries,
  maxReplayed,
  replayWebhookDeliveries,
  replayWebhookDelivery,
} from '../webhooks/delivery-store.ts'
import { payloadOf } from '../webhooks/events.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { afterField, firstField, pageComplexity, pageSize, sequenceCursor, toConnection } from './cursor.ts'
import { describedEnum } from './described-enum.ts'
import { nodeById } from './loaders.ts'
import { viewerOf } from './viewer.ts'
import { endpointIdOf, WebhookEndpointRef } from './webhook-endpoints.ts'

const DeliveryStatusRef = describedEnum<DeliveryStatus>(
  'WebhookDeliveryStatus',
  'State of a webhook delivery.',
  deliveryStatuses,
)

const WebhookDeliveryRef = nodeById('WebhookDelivery', ({ webhooks }, { environmentId }, ids) =>
  findWebhookDeliveriesById(webhooks.db, environmentId, ids),
)

WebhookDeliveryRef.implement({
  description: 'One event for one webhook endpoint. Deleted 14 days after it was delivered or given up.',
  fields: (t) => ({
    endpoint: t.field({
      type: WebhookEndpointRef,
      description: 'Endpoint that receives it.',
      resolve: ({ endpointId }, _args, context) => WebhookEndpointRef.require(context, endpointId),
    }),
    eventId: t.exposeString('eventId', {
      description: 'Value of the header `webhook-id`: the same for all endpoints, attempts and replays of an event.',
    }),
    eventType: t.exposeString('eventType', { description: 'Type of the event.' }),
    payload: t.field({
      type: 'JSONObject',
      description: 'Body of the request. docs/webhooks.md describes it for each type.',
      resolve: (delivery) => ({ ...payloadOf(delivery) }),
    }),
    status: t.field({
      type: DeliveryStatusRef,
      description: 'State of the delivery.',
      resolve: ({ status }) => status,
    }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'Time of the event.' }),
    attempts: t.exposeInt('attempts', { description: 'Attempts since it was queued or last replayed.' }),
    lastAttemptAt: t.expose('lastAttemptAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Start of the last attempt. Null before the first one.',
    }),
    nextAttemptAt: t.expose('nextAttemptAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the next attempt is due. Null unless PENDING.',
    }),
    deliveredAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the receiver accepted it. Null unless DELIVERED.',
      resolve: ({ status, finishedAt }) => (status === 'DELIVERED' ? finishedAt : null),
    }),
    lastStatusCode: t.exposeInt('lastStatusCode', {
      nullable: true,
      description: "HTTP status of the last attempt's response. Null without a response.",
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description:
        'Why the last attempt failed, or that there was none. Never contains content of the response. Null if it did not fail.',
    }),
  }),
})

const WebhookDeliveryConnection = builder.connectionObject(
  { type: WebhookDeliveryRef, name: 'WebhookDeliveryConnection', description: 'Page of deliveries, newest first.' },
  builder.edgeObject({
    type: WebhookDeliveryRef,
    name: 'WebhookDeliveryEdge',
    description: 'Delivery with its cursor.',
  }),
)

const deliveryCursor = sequenceCursor('webhookDeliveries')

builder.queryField('webhookDeliveries', (t) =>
  t.field({
    type: WebhookDeliveryConnection,
    description: 'Log of webhook deliveries, newest event first.',
    authScopes: access('Query.webhookDeliveries'),
    args: {
      first: t.arg.int(firstField),
      after: t.arg.string(afterField(deliveryCursor)),
      endpointId: t.arg.globalID({ description: 'ID of a WebhookEndpoint. Default: all endpoints.' }),
      status: t.arg({ type: DeliveryStatusRef, description: 'State of the deliveries. Default: all states.' }),
    },
    complexity: pageComplexity,
    resolve: async (_root, args, context) => {
      const size = pageSize(args)
      const [before] = deliveryCursor.decode(context, args.after) ?? [null]
      const { endpointId } = args
      // Another ID belongs to no delivery.
      const isUnknown = endpointId != null && !(endpointId.typename === 'WebhookEndpoint' && isUuid(endpointId.id))
      const found = isUnknown
        ? []
        : await listWebhookDeliveries(
            context.webhooks.db,
            viewerOf(context).environmentId,
            { endpointId: endpointId?.id ?? null, status: args.status ?? null },
            { limit: size + 1, before },
          )
      return toConnection(found, size, args.after, ({ sequence }) => deliveryCursor.encode(context, [sequence]))
    },
  }),
)

const ReplayWebhookDeliveryPayload = builder.simpleObject('ReplayWebhookDeliveryPayload', {
  description: 'Delivery that is sent again.',
  fields: (t) => ({ webhookDelivery: t.field({ type: WebhookDeliveryRef, description: 'The delivery.' }) }),
})

const ReplayWebhookDeliveriesPayload = builder.simpleObject('ReplayWebhookDeliveriesPayload', {
  description: 'Deliveries that are sent again.',
  fields: (t) => ({ replayed: t.int({ description: `Number of deliveries, at most ${maxReplayed}.` }) }),
})

const ReplayableRef = describedEnum<'FAILED' | 'DELIVERED'>(
  'ReplayableWebhookDeliveryStatus',
  'State of webhook deliveries that can be replayed together.',
  { FAILED: deliveryStatuses.FAILED, DELIVERED: deliveryStatuses.DELIVERED },
)

builder.mutationFields((t) => ({
  replayWebhookDelivery: t.fieldWithInput({
    type: ReplayWebhookDeliveryPayload,
    description:
      'Sends a delivery again, with the same event ID, for another 3 days. A pending delivery is attempted now.',
    authScopes: access('Mutation.replayWebhookDelivery'),
    errors: { types: [InvalidInputError, WebhookDeliveryNotFoundError] },
    typeOptions: { description: 'Delivery to send again.' },
    input: { id: t.input.globalID({ required: true, description: 'ID of a WebhookDelivery.' }) },
    resolve: async (_root, { input }, context) => {
      const { typename, id } = input.id
      if (typename !== 'WebhookDelivery' || !isUuid(id)) throw new WebhookDeliveryNotFoundError()
      const { environmentId } = viewerOf(context)
      return { webhookDelivery: await replayWebhookDelivery(context.webhooks.db, environmentId, id) }
    },
  }),
  replayWebhookDeliveries: t.fieldWithInput({
    type: ReplayWebhookDeliveriesPayload,
    description: `Sends finished deliveries of an endpoint again, oldest first. At most ${maxReplayed} for each call.`,
    authScopes: access('Mutation.replayWebhookDeliveries'),
    errors: { types: [InvalidInputError, WebhookEndpointNotFoundError] },
    typeOptions: { description: 'Which deliveries to send again.' },
    input: {
      endpointId: t.input.globalID({ required: true, description: 'ID of a WebhookEndpoint.' }),
      status: t.input.field({
        type: ReplayableRef,
        required: true,
        defaultValue: 'FAILED',
        description: 'State of the deliveries.',
      }),
      since: t.input.field({
        type: 'DateTime',
        description: 'Earliest time of the event. Default: all stored deliveries.',
      }),
    },
    resolve: async (_root, { input }, context) => ({
      replayed: await replayWebhookDeliveries(context.webhooks.db, viewerOf(context).environmentId, {
        endpointId: endpointIdOf(input.endpointId),
        status: input.status,
        since: input.since ?? null,
      }),
    }),
  }),
}))
