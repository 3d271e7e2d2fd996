import { OAuthAppNotFoundError } from '../errors.ts'
import { publicEventTypes } from '../provider-events/provider-event.ts'
import {
  type PendingToken,
  readPendingTokens,
  readWebhookStates,
  resetWebhook,
  type WebhookState,
  webhookStates,
} from '../provider-events/webhook-tokens.ts'
import { webhookUrls } from '../provider-events/webhook-url.ts'
import { access, mayUse } from './access.ts'
import { builder } from './builder.ts'
import { describedEnum } from './described-enum.ts'
import { connectionNameField } from './input-fields.ts'
import { loadTogether } from './loaders.ts'
import { ConnectorRef, OAuthAppRef } from './oauth-apps.ts'
import { viewerOf } from './viewer.ts'

const WebhookStateRef = describedEnum<WebhookState>(
  'OAuthAppWebhookState',
  "State of the provider's webhooks for an OAuth app.",
  webhookStates,
)

const WebhookTokenRef = builder.objectRef<PendingToken>('OAuthAppWebhookToken').implement({
  description: "Token that the provider sent to the webhook's URL, before any event.",
  fields: (t) => ({
    token: t.string({
      description:
        "The token, to enter in the provider's settings of the webhook. It is enough to forge events: do not pass it on.",
      resolve: ({ token }) => token.reveal(),
    }),
    receivedAt: t.expose('receivedAt', { type: 'DateTime', description: 'When it was received.' }),
  }),
})

builder.objectField(ConnectorRef, 'eventTypes', (t) =>
  t.stringList({
    description:
      'Types of events that the provider reports, for webhook endpoints and subscriptions. Empty if the connector has none.',
    resolve: (connector) => Object.keys(publicEventTypes([connector])),
  }),
)

const loadWebhookUrl = loadTogether(async (context, ids) => {
  const urls = await webhookUrls(context.accounts, viewerOf(context).environmentId, ids)
  return ids.map((id) => urls.get(id) ?? new Error(`The OAuth app ${id} was deleted meanwhile.`))
})

const loadWebhookState = loadTogether((context, ids) =>
  readWebhookStates(context.accounts.db, viewerOf(context).environmentId, ids),
)

builder.objectFields(OAuthAppRef, (t) => ({
  webhookUrl: t.field({
    type: 'URL',
    nullable: true,
    description:
      "URL to enter in the provider's settings of webhooks, to receive its events. Null if the connector has no events.",
    resolve: (app, _args, context) =>
      context.connectors.find(({ slug }) => slug === app.connector)?.events === undefined
        ? null
        : loadWebhookUrl(context, app.id),
  }),
  webhookState: t.field({
    type: WebhookStateRef,
    description: "State of the provider's webhooks.",
    resolve: (app, _args, context) => loadWebhookState(context, app.id),
  }),
  webhookTokens: t.field({
    type: [WebhookTokenRef],
    nullable: true,
    description:
      "Tokens that the provider sent while the state is WAITING, newest first, at most 3. Null for credentials that may not use resetOAuthAppWebhook. A token counts once it was read here; the audit log records the first time. If there are several, someone else may have sent one: compare them with the provider's, or send another one from its settings.",
    resolve: async (app, _args, context) =>
      mayUse(viewerOf(context), 'Mutation.resetOAuthAppWebhook')
        ? [...(await readPendingTokens(context.accounts, app))]
        : null,
  }),
}))

const ResetOAuthAppWebhookPayload = builder.simpleObject('ResetOAuthAppWebhookPayload', {
  description: 'OAuth app that waits for a token of its provider.',
  fields: (t) => ({ oauthApp: t.field({ type: OAuthAppRef, description: 'The OAuth app.' }) }),
})

builder.mutationField('resetOAuthAppWebhook', (t) =>
  t.fieldWithInput({
    type: ResetOAuthAppWebhookPayload,
    description:
      "Erases the tokens of the provider's webhooks: events are refused until one verifies with a token that the provider sends from now on. For a webhook that was created again at the provider, and for a token that leaked.",
    authScopes: access('Mutation.resetOAuthAppWebhook'),
    errors: { types: [OAuthAppNotFoundError] },
    typeOptions: { description: 'Whose webhooks to reset.' },
    input: { connectionName: t.input.string(connectionNameField) },
    resolve: async (_root, { input }, context) => ({
      oauthApp: await resetWebhook(context.accounts, viewerOf(context).environmentId, input.connectionName),
    }),
  }),
)
