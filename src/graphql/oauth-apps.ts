import { EnumRef } from '@pothos/core'
import { registerOAuthApp } from '../accounts/authorization/register-oauth-app.ts'
import type { Capability } from '../accounts/capability.ts'
import { findOAuthApp, findOAuthAppsById, listOAuthApps, redirectUri } from '../accounts/oauth-app-store.ts'
import { InvalidInputError, OAuthAppRejectedError, ProviderUnavailableError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import type { Connector } from '../tools/connector.ts'
import { Secret } from '../vault/secret.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { describedEnum } from './described-enum.ts'
import { connectionNameField, ruled, urlOf, urlsOf } from './input-fields.ts'
import { loadById } from './loaders.ts'
import { viewerOf } from './viewer.ts'

/** The GraphQL enum of {@link Capability}. {@link addConnectorTypes} adds its values. */
export const CapabilityRef = new EnumRef<(typeof builder)['$inferSchemaTypes'], Capability>('Capability')

/** Other files add fields to it. */
export const ConnectorRef = builder.objectRef<Connector>('Connector').implement({
  description: 'Service that accounts can be connected to, such as Notion.',
  fields: (t) => ({
    slug: t.exposeString('slug', { description: 'Name used in arguments.' }),
    name: t.exposeString('name', { description: 'Name shown to people.' }),
  }),
})

const OAuthAppRef = builder.loadableNodeRef(
  'OAuthApp',
  loadById(async ({ accounts }, { environmentId, identifier }, ids) =>
    identifier === null ? findOAuthAppsById(accounts.db, environmentId, ids) : [],
  ),
)

OAuthAppRef.implement({
  description:
    'Your own OAuth client at the provider (for Notion: a public connection), registered under a connection name.',
  fields: (t) => ({
    connectionName: t.exposeString('connectionName', {
      description: 'Name by which other operations refer to the OAuth app.',
    }),
    connector: t.field({
      type: ConnectorRef,
      description: 'Service that the OAuth app belongs to.',
      resolve: (app, _args, { connectors }) => {
        const connector = connectors.find(({ slug }) => slug === app.connector)
        if (!connector) throw new Error(`The connector ${app.connector} is not installed.`)
        return connector
      },
    }),
    clientId: t.exposeString('clientId', { description: 'Client ID at the provider.' }),
    redirectUri: t.field({
      type: 'URL',
      description: 'Redirect URI to register with the provider.',
      resolve: (app, _args, { accounts }) => redirectUri(accounts.publicUrl, app.id),
    }),
    capabilities: t.field({
      type: [CapabilityRef],
      description:
        "Capabilities that are enabled in the provider's settings. Adding one marks earlier authorizations as needing a new consent.",
      resolve: (app) => [...app.capabilities],
    }),
    scopes: t.stringList({
      description:
        'OAuth scopes that are requested, for providers that have them. Adding one marks earlier authorizations as needing a new consent.',
      resolve: (app) => [...app.scopes],
    }),
    returnUrls: t.field({
      type: ['URL'],
      description: 'Prefixes that `returnUrl` of authorize may start with.',
      resolve: (app) => [...app.returnUrls],
    }),
    confirmationUrl: t.field({
      type: 'URL',
      nullable: true,
      description:
        'Where the browser goes after the consent, for your application to confirm which user it is. If null, accounts become ACTIVE without confirmation, which is only safe if one person uses the application.',
      resolve: (app) => app.confirmationUrl,
    }),
    rejectedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Since when the provider rejects the OAuth app: its client ID, client secret or redirect URI is wrong. Null if it is accepted or was not used yet.',
      resolve: (app) => app.rejection?.at ?? null,
    }),
    rejectedCode: t.string({
      nullable: true,
      description: 'Error code of the rejection, such as `invalid_client`. Null without a rejection or a code.',
      resolve: (app) => app.rejection?.code ?? null,
    }),
    sandbox: t.exposeBoolean('sandbox', { description: "Whether it uses the provider's local sandbox." }),
  }),
})

builder.queryFields((t) => ({
  connectors: t.field({
    type: [ConnectorRef],
    description: 'Lists the services that accounts can be connected to.',
    authScopes: access('Query.connectors'),
    resolve: (_root, _args, { connectors }) => [...connectors],
  }),
  oauthApp: t.field({
    type: OAuthAppRef,
    nullable: true,
    description: 'Returns the OAuth app with this connection name. Null if it does not exist.',
    authScopes: access('Query.oauthApp'),
    args: { connectionName: t.arg.string(connectionNameField) },
    resolve: (_root, { connectionName }, context) =>
      findOAuthApp(context.accounts.db, viewerOf(context).environmentId, connectionName),
  }),
  oauthApps: t.field({
    type: [OAuthAppRef],
    description: 'Lists all OAuth apps of the environment, ordered by connection name.',
    authScopes: access('Query.oauthApps'),
    resolve: async (_root, _args, context) => [
      ...(await listOAuthApps(context.accounts.db, viewerOf(context).environmentId)),
    ],
  }),
}))

const RegisterOAuthAppPayload = builder.simpleObject('RegisterOAuthAppPayload', {
  description: 'Registered OAuth app.',
  fields: (t) => ({
    oauthApp: t.field({ type: OAuthAppRef, description: 'The OAuth app. Register its redirectUri with the provider.' }),
  }),
})

/** Adds the types that depend on the installed connectors: the capabilities, and the mutation whose default they are. */
export function addConnectorTypes(connectors: readonly Connector[]): void {
  const capabilities = Object.assign({}, ...connectors.map(({ oauth }) => oauth.capabilities)) as Record<string, string>
  const enumType = describedEnum<Capability>(
    'Capability',
    "Permission that can be enabled for an OAuth app in the provider's settings.",
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
        'Registers your OAuth app at the provider, or replaces the one with the same connection name. In development with the sandbox enabled, the OAuth app uses the sandbox and any client ID and secret are accepted.',
      authScopes: access('Mutation.registerOAuthApp'),
      errors: { types: [InvalidInputError, OAuthAppRejectedError, ProviderUnavailableError] },
      typeOptions: { description: "The OAuth app, as in the provider's settings." },
      input: {
        connectionName: t.input.string({
          ...connectionNameField,
          ...ruled(inputRules.connectionName, 'Name by which other operations refer to the OAuth app.'),
        }),
        connector: t.input.string({
          required: true,
          defaultValue: 'notion',
          description: 'Slug of an installed connector.',
        }),
        clientId: t.input.string({ required: true, ...ruled(inputRules.clientId, 'Client ID at the provider.') }),
        clientSecret: t.input.string({
          required: true,
          ...ruled(inputRules.clientSecret, 'Client secret. Encrypted in the vault and never returned.'),
        }),
        capabilities: t.input.field({
          type: [CapabilityRef],
          required: true,
          defaultValue: [...allCapabilities],
          description:
            "Capabilities that are enabled in the provider's settings. Those of other connectors are ignored.",
        }),
        scopes: t.input.stringList(
          ruled(inputRules.oauthScopes, "OAuth scopes to request. Default: those that the connector's tools need."),
        ),
        verifyCredentials: t.input.boolean({
          required: true,
          defaultValue: false,
          description:
            'Whether to ask the provider first if it accepts the client ID and secret. If not, nothing is registered.',
        }),
        returnUrls: t.input.field({
          type: ['URL'],
          required: true,
          defaultValue: [],
          ...ruled(
            urlsOf(inputRules.returnUrls),
            'Origins or URL prefixes that `returnUrl` of authorize may start with.',
          ),
        }),
        confirmationUrl: t.input.field({
          type: 'URL',
          ...ruled(
            urlOf(inputRules.confirmationUrl),
            "Where the user's browser goes after the consent, with ?flow_id=…&state=…, for your application to confirm which user it is. Without it accounts become ACTIVE without confirmation, which is only safe if one person uses the application.",
          ),
        }),
      },
      resolve: async (_root, { input }, context) => {
        const { verifyCredentials } = input
        const registration = {
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
        }
        const { environmentId } = viewerOf(context)
        return {
          oauthApp: await registerOAuthApp(context.accounts, environmentId, registration, { verifyCredentials }),
        }
      },
    }),
  )
