import { encodeGlobalID } from '@pothos/plugin-relay'
import { InvalidInputError, WebhookEndpointNotFoundError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import { publicEventTypes } from '../provider-events/provider-event.ts'
import type { Connector } from '../tools/connector.ts'
import { isUuid } from '../uuid.ts'
import {
  createWebhookEndpoint,
  deleteWebhookEndpoint,
  findWebhookEndpointsById,
  listWebhookEndpoints,
  rotateWebhookSecret,
  updateWebhookEndpoint,
} from '../webhooks/endpoint-store.ts'
import { webhookEventNames, webhookEventTypes } from '../webhooks/events.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { ruled, urlOf } from './input-fields.ts'
import { nodeById } from './loaders.ts'
import { ConnectorRef } from './oauth-apps.ts'
import { viewerOf } from './viewer.ts'

/** Webhook endpoints. Other files add fields to it. */
export const WebhookEndpointRef = nodeById('WebhookEndpoint', ({ webhooks }, { environmentId }, ids) =>
  findWebhookEndpointsById(webhooks.db, environmentId, ids),
)

const typesInWords = Object.entries(webhookEventTypes)
  .map(([name, meaning]) => `\n- \`${name}\`: ${meaning}`)
  .join('')

WebhookEndpointRef.implement({
  description: 'URL that receives the events of the environment, as signed HTTP requests (Standard Webhooks).',
  fields: (t) => ({
    url: t.field({ type: 'URL', description: 'Where events are sent.', resolve: ({ url }) => url }),
    events: t.stringList({
      description:
        "Types of events that are sent. All types except those of connectors' events, if it was created without a list.",
      resolve: ({ events }) => [...(events ?? webhookEventNames)],
    }),
    enabled: t.boolean({ description: 'Whether events are sent.', resolve: ({ disabled }) => disabled === null }),
    disabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when nothing is sent. Null if enabled.',
      resolve: ({ disabled }) => disabled?.at ?? null,
    }),
    disabledReason: t.string({
      nullable: true,
      description: 'Why nothing is sent, such as a response with the status 410. Null if enabled.',
      resolve: ({ disabled }) => disabled?.reason ?? null,
    }),
    previousSecretExpiresAt: t.expose('previousSecretExpiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Until when requests are also signed with the previous secret. Null if there is none.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time of creation.' }),
  }),
})

builder.queryField('webhookEndpoints', (t) =>
  t.field({
    type: [WebhookEndpointRef],
    description: 'Lists the webhook endpoints of the environment, oldest first. There are at most 20.',
    authScopes: access('Query.webhookEndpoints'),
    resolve: async (_root, _args, context) => [
      ...(await listWebhookEndpoints(context.webhooks.db, viewerOf(context).environmentId)),
    ],
  }),
)

interface EventType {
  readonly name: string
  readonly description: string
  readonly connector: Connector | null
}

const eventTypesOf = (types: Readonly<Record<string, string>>, connector: Connector | null): EventType[] =>
  Object.entries(types).map(([name, description]) => ({ name, description, connector }))

const WebhookEventTypeRef = builder.objectRef<EventType>('WebhookEventType').implement({
  description: 'Type of event that webhook endpoints can receive.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'Name, such as `connected_account.deleted` or `notion.page.created`.',
    }),
    description: t.exposeString('description', { description: 'What the event reports.' }),
    connector: t.field({
      type: ConnectorRef,
      nullable: true,
      description:
        'Provider that reports the event; an endpoint receives it only if it names the type. Null for an event of this server, which endpoints without a list of types receive as well.',
      resolve: ({ connector }) => connector,
    }),
  }),
})

builder.queryField('webhookEventTypes', (t) =>
  t.field({
    type: [WebhookEventTypeRef],
    description: 'Lists the types of events that webhook endpoints can receive, those of providers last.',
    authScopes: access('Query.webhookEventTypes'),
    resolve: (_root, _args, { connectors }) => [
      ...eventTypesOf(webhookEventTypes, null),
      ...connectors.flatMap((connector) => eventTypesOf(publicEventTypes([connector]), connector)),
    ],
  }),
)

const CreateWebhookEndpointPayload = builder.simpleObject('CreateWebhookEndpointPayload', {
  description: 'New webhook endpoint.',
  fields: (t) => ({
    webhookEndpoint: t.field({ type: WebhookEndpointRef, description: 'The endpoint.' }),
    secret: t.string({ description: 'Signing secret (`whsec_…`). Returned only in this response.' }),
  }),
})

const UpdateWebhookEndpointPayload = builder.simpleObject('UpdateWebhookEndpointPayload', {
  description: 'Changed webhook endpoint.',
  fields: (t) => ({ webhookEndpoint: t.field({ type: WebhookEndpointRef, description: 'The endpoint.' }) }),
})

const DeleteWebhookEndpointPayload = builder.simpleObject('DeleteWebhookEndpointPayload', {
  description: 'Deleted webhook endpoint.',
  fields: (t) => ({ deletedId: t.id({ description: 'ID of the deleted endpoint.' }) }),
})

const RotateWebhookSecretPayload = builder.simpleObject('RotateWebhookSecretPayload', {
  description: 'Webhook endpoint with a new signing secret.',
  fields: (t) => ({
    webhookEndpoint: t.field({ type: WebhookEndpointRef, description: 'The endpoint.' }),
    secret: t.string({ description: 'New signing secret. Returned only in this response.' }),
  }),
})

/** The UUID in the global ID of an endpoint. Throws WebhookEndpointNotFoundError for other IDs. */
export function endpointIdOf({ typename, id }: { readonly typename: string; readonly id: string }): string {
  if (typename !== 'WebhookEndpoint' || !isUuid(id)) throw new WebhookEndpointNotFoundError()
  return id
}

const eventsRule = ruled(
  inputRules.webhookEvents,
  `Types of events to send:${typesInWords}\n- Those of Connector.eventTypes, such as \`notion.page.created\`: what changed at the provider.\n\n`,
)

builder.mutationFields((t) => ({
  createWebhookEndpoint: t.fieldWithInput({
    type: CreateWebhookEndpointPayload,
    description:
      'Creates a webhook endpoint, which receives events from now on. At most 20 for each environment. The signing secret is returned only in this response.',
    authScopes: access('Mutation.createWebhookEndpoint'),
    errors: { types: [InvalidInputError] },
    typeOptions: { description: 'Properties of the new webhook endpoint.' },
    input: {
      url: t.input.field({
        type: 'URL',
        required: true,
        ...ruled(
          urlOf(inputRules.webhookUrl),
          'Where to send events. Must have a public address, unless the server allows its network.',
        ),
      }),
      events: t.input.stringList({
        ...eventsRule,
        description: `${eventsRule.description} Default: all types except those of Connector.eventTypes, also those that later releases add.`,
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { endpoint, secret } = await createWebhookEndpoint(context.webhooks, viewerOf(context).environmentId, {
        url: input.url.href,
        events: input.events,
      })
      return { webhookEndpoint: endpoint, secret: secret.reveal() }
    },
  }),
  updateWebhookEndpoint: t.fieldWithInput({
    type: UpdateWebhookEndpointPayload,
    description:
      'Changes a webhook endpoint. Absent fields are not changed. Enables an endpoint that was disabled, for example because its receiver returned the status 410. With enabled: true or another URL, what waits is delivered at once, also during a pause that the receiver asked for.',
    authScopes: access('Mutation.updateWebhookEndpoint'),
    errors: { types: [InvalidInputError, WebhookEndpointNotFoundError] },
    typeOptions: { description: 'Webhook endpoint and what to change.' },
    input: {
      id: t.input.globalID({ required: true, description: 'ID of a WebhookEndpoint.' }),
      url: t.input.field({ type: 'URL', ...ruled(urlOf(inputRules.webhookUrl), 'Where to send events.') }),
      events: t.input.stringList({
        ...eventsRule,
        description: 'Types of events to send; null for all types except those of Connector.eventTypes. At least one.',
      }),
      enabled: t.input.boolean({
        description: 'Whether to send events. What waits for delivery to a disabled endpoint becomes FAILED.',
      }),
    },
    resolve: async (_root, { input }, context) => ({
      webhookEndpoint: await updateWebhookEndpoint(
        context.webhooks,
        viewerOf(context).environmentId,
        endpointIdOf(input.id),
        { url: input.url?.href, events: input.events, enabled: input.enabled ?? undefined },
      ),
    }),
  }),
  deleteWebhookEndpoint: t.fieldWithInput({
    type: DeleteWebhookEndpointPayload,
    description: 'Deletes a webhook endpoint with its deliveries, also those that were not sent yet.',
    authScopes: access('Mutation.deleteWebhookEndpoint'),
    errors: { types: [WebhookEndpointNotFoundError] },
    typeOptions: { description: 'Webhook endpoint to delete.' },
    input: { id: t.input.globalID({ required: true, description: 'ID of a WebhookEndpoint.' }) },
    resolve: async (_root, { input }, context) => {
      const id = endpointIdOf(input.id)
      await deleteWebhookEndpoint(context.webhooks, viewerOf(context).environmentId, id)
      return { deletedId: encodeGlobalID('WebhookEndpoint', id) }
    },
  }),
  rotateWebhookSecret: t.fieldWithInput({
    type: RotateWebhookSecretPayload,
    description:
      'Replaces the signing secret of a webhook endpoint. During the overlap, requests have a signature of each of the two secrets.',
    authScopes: access('Mutation.rotateWebhookSecret'),
    errors: { types: [InvalidInputError, WebhookEndpointNotFoundError] },
    typeOptions: { description: 'Webhook endpoint, and how long its old secret remains valid.' },
    input: {
      id: t.input.globalID({ required: true, description: 'ID of a WebhookEndpoint.' }),
      overlapSeconds: t.input.int({
        required: true,
        defaultValue: 86_400,
        ...ruled(
          inputRules.overlapSeconds,
          'Seconds for which requests are also signed with the old secret; 0 if it leaked.',
        ),
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { environmentId } = viewerOf(context)
      const id = endpointIdOf(input.id)
      const { endpoint, secret } = await rotateWebhookSecret(context.webhooks, environmentId, id, input.overlapSeconds)
      return { webhookEndpoint: endpoint, secret: secret.reveal() }
    },
  }),
}))
