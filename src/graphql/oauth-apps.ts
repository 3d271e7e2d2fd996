import { EnumRef } from '@pothos/core'
import { registerOAuthApp } from '../accounts/authorization/register-oauth-app.ts'
import type { Capability } from '../accounts/capability.ts'
import { findOAuthApp, listOAuthApps, type OAuthApp, redirectUri } from '../accounts/oauth-app-store.ts'
import { InvalidInputError } from '../errors.ts'
import type { Connector } from '../tools/connector.ts'
import { Secret } from '../vault/secret.ts'
import { access, mayFetch } from './access.ts'
import { builder } from './builder.ts'
import { describedEnum } from './described-enum.ts'
import { viewerOf } from './viewer.ts'

/** The GraphQL enum of {@link Capability}; {@link addConnectorTypes} gives it the values. */
export const CapabilityRef = new EnumRef<(typeof builder)['$inferSchemaTypes'], Capability>('Capability')

/** Other files add fields to it. */
export const ConnectorRef = builder.objectRef<Connector>('Connector').implement({
  description: 'A service that accounts can be connected to, such as Notion.',
  fields: (t) => ({
    slug: t.exposeString('slug', { description: 'Its name in arguments.' }),
    name: t.exposeString('name', { description: 'Its name for people.' }),
  }),
})

const OAuthAppRef = builder.objectRef<OAuthApp>('OAuthApp')
builder.node(OAuthAppRef, {
  description:
    'Your own OAuth client at the provider (for Notion: a public connection), registered under a connection name.',
  id: { resolve: (app) => app.id },
  loadOne: (id, { viewer, loaders }) => (mayFetch(viewer, 'OAuthApp') ? loaders.oauthApp.load(id) : null),
  fields: (t) => ({
    connectionName: t.exposeString('connectionName', { description: 'The name that calls use for it.' }),
    connector: t.field({
      type: ConnectorRef,
      description: 'The service that it belongs to.',
      resolve: (app, _args, { connectors }) => {
        const connector = connectors.find(({ slug }) => slug === app.connector)
        if (!connector) throw new Error(`The connector ${app.connector} is not installed.`)
        return connector
      },
    }),
    clientId: t.exposeString('clientId', { description: 'The client id at the provider.' }),
    redirectUri: t.field({
      type: 'URL',
      description: 'Register this with the provider.',
      resolve: (app, _args, { accounts }) => redirectUri(accounts.publicUrl, app.id),
    }),
    capabilities: t.field({
      type: [CapabilityRef],
      description:
        "What you switched on in the provider's settings. Changing it marks older authorizations as needing a new consent.",
      resolve: (app) => [...app.capabilities],
    }),
    scopes: t.stringList({
      description:
        'OAuth scopes that are requested, for providers that have them. Adding one marks older authorizations as needing a new consent.',
      resolve: (app) => [...app.scopes],
    }),
    returnUrls: t.field({
      type: ['URL'],
      description: 'What `returnUrl` may begin with.',
      resolve: (app) => [...app.returnUrls],
    }),
    confirmationUrl: t.field({
      type: 'URL',
      nullable: true,
      description:
        'Where browsers go after the consent, for your application to confirm who it is. Null: accounts turn ACTIVE at the callback, which is only sensible where one person uses the application.',
      resolve: (app) => app.confirmationUrl,
    }),
    sandbox: t.exposeBoolean('sandbox', { description: "Whether it uses the provider's local sandbox." }),
  }),
})

builder.queryFields((t) => ({
  connectors: t.field({
    type: [ConnectorRef],
    description: 'The services that accounts can be connected to.',
    authScopes: access('Query.connectors'),
    resolve: (_root, _args, { connectors }) => [...connectors],
  }),
  oauthApp: t.field({
    type: OAuthAppRef,
    nullable: true,
    description: 'The OAuth app of this connection name. Null when there is none.',
    authScopes: access('Query.oauthApp'),
    args: {
      connectionName: t.arg.string({ required: true, defaultValue: 'notion', description: 'Its connection name.' }),
    },
    resolve: (_root, { connectionName }, context) =>
      findOAuthApp(context.accounts.db, viewerOf(context).environmentId, connectionName),
  }),
  oauthApps: t.field({
    type: [OAuthAppRef],
    description: 'All OAuth apps of the environment, by connection name.',
    authScopes: access('Query.oauthApps'),
    resolve: async (_root, _args, context) => [
      ...(await listOAuthApps(context.accounts.db, viewerOf(context).environmentId)),
    ],
  }),
}))

const RegisterOAuthAppPayload = builder.simpleObject('RegisterOAuthAppPayload', {
  description: 'The OAuth app as it is registered now.',
  fields: (t) => ({ oauthApp: t.field({ type: OAuthAppRef, description: 'Its redirectUri goes to the provider.' }) }),
})

/** Adds what depends on the installed connectors: the capabilities and the mutation whose default they are. */
export function addConnectorTypes(connectors: readonly Connector[]): void {
  const capabilities = Object.assign({}, ...connectors.map(({ oauth }) => oauth.capabilities)) as Record<string, string>
  const enumType = describedEnum<Capability>(
    'Capability',
    "What can be switched on for an OAuth app in the provider's settings.",
    // GraphQL has no enum without values.
    Object.keys(capabilities).length === 0 ? { NONE: 'No installed connector has capabilities.' } : capabilities,
  )
  builder.configStore.associateParamWithRef(CapabilityRef, enumType)
  addRegisterOAuthApp(Object.keys(capabilities))
}

const addRegisterOAuthApp = (allCapabilities: readonly Capability[]) =>
  builder.mutationField('registerOAuthApp', (t) =>
    t.fieldWithInput({
      type: RegisterOAuthAppPayload,
      description:
        'Registers your OAuth app at the provider, or changes the one of the same connection name. In development, while the sandbox is on, it is a sandboxed one: any client id and secret will do.',
      authScopes: access('Mutation.registerOAuthApp'),
      errors: { types: [InvalidInputError] },
      typeOptions: { description: "The OAuth app as the provider's settings show it." },
      input: {
        connectionName: t.input.string({
          required: true,
          defaultValue: 'notion',
          description: 'The name that calls will use for it.',
        }),
        connector: t.input.string({ required: true, defaultValue: 'notion', description: 'The slug of a connector.' }),
        clientId: t.input.string({ required: true, description: 'The client id at the provider.' }),
        clientSecret: t.input.string({
          required: true,
          description: 'Sealed in the vault and never shown again. Empty for a public client, which has none.',
        }),
        capabilities: t.input.field({
          type: [CapabilityRef],
          required: true,
          defaultValue: [...allCapabilities],
          description: "What you switched on in the provider's settings. Those of other connectors are ignored.",
        }),
        scopes: t.input.stringList({
          description: "OAuth scopes to request. Default: those that the connector's tools need.",
        }),
        returnUrls: t.input.field({
          type: ['URL'],
          required: true,
          defaultValue: [],
          description: 'Origins or URL prefixes that `returnUrl` may name.',
        }),
        confirmationUrl: t.input.field({
          type: 'URL',
          description:
            "Where the user's browser goes after consent, with ?flow_id=…&state=…, for your application to confirm who it is. Without it accounts turn ACTIVE at the callback (only sensible where one person uses the application).",
        }),
      },
      resolve: async (_root, { input }, context) => {
        const app = await registerOAuthApp(context.accounts, viewerOf(context).environmentId, {
          connectionName: input.connectionName,
          connector: input.connector,
          clientId: input.clientId,
          clientSecret: new Secret(input.clientSecret),
          capabilities: input.capabilities,
          ...(input.scopes && { scopes: input.scopes }),
          returnUrls: input.returnUrls.map((url) => url.href),
          confirmationUrl: input.confirmationUrl?.href ?? null,
          sandbox:
            context.newAppsAreSandboxed &&
            context.connectors.some((each) => each.slug === input.connector && each.sandbox),
        })
        return { oauthApp: app }
      },
    }),
  )
