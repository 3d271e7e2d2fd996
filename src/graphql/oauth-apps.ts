import { EnumRef, type InputFieldBuilder } from '@pothos/core'
import { registerOAuthApp, updateOAuthApp } from '../accounts/authorization/register-oauth-app.ts'
import type { Branding } from '../accounts/branding.ts'
import type { Capability } from '../accounts/capability.ts'
import { findOAuthApp, findOAuthAppsById, listOAuthApps } from '../accounts/oauth-app-store.ts'
import { plannedRedirectUri, redirectUri } from '../accounts/redirect-uri.ts'
import { verifyOAuthApp } from '../accounts/verify-oauth-app.ts'
import { mayActOn } from '../environments/viewer.ts'
import { InvalidInputError, OAuthAppNotFoundError, OAuthAppRejectedError, ProviderUnavailableError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import { type Connector, requireConnector } from '../tools/connector.ts'
import { Secret } from '../vault/secret.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { describedEnum } from './described-enum.ts'
import { connectionNameField, ruled, urlOf, urlsOf } from './input-fields.ts'
import { nodeById } from './loaders.ts'
import { viewerOf } from './viewer.ts'

/** The GraphQL enum of {@link Capability}. {@link addConnectorTypes} adds its values. */
export const CapabilityRef = new EnumRef<(typeof builder)['$inferSchemaTypes'], Capability>('Capability')

/** Other files add fields to it. */
export const ConnectorRef = builder.objectRef<Connector>('Connector').implement({
  description: 'Service that accounts can be connected to, such as Notion.',
  fields: (t) => ({
    slug: t.exposeString('slug', { description: 'Name used in arguments.' }),
    name: t.exposeString('name', { description: 'Name shown to people.' }),
    redirectUri: t.field({
      type: 'URL',
      description:
        "Redirect URI that an OAuth app of this connector has when it is registered under the connection name, to enter it in the provider's settings before. Registers nothing.",
      args: { connectionName: t.arg.string(connectionNameField) },
      resolve: ({ slug }, { connectionName }, context) => {
        const { environmentId } = viewerOf(context)
        return plannedRedirectUri(context.accounts, { environmentId, connectionName, connector: slug })
      },
    }),
  }),
})

/** Other files add fields to it. */
export const OAuthAppRef = nodeById('OAuthApp', async ({ accounts }, viewer, ids) => {
  if (viewer.identifier !== null) return []
  return (await findOAuthAppsById(accounts.db, viewer.environmentId, ids)).filter((app) => mayActOn(viewer, app))
})

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
      resolve: (app, _args, { connectors }) => requireConnector(connectors, app.connector),
    }),
    clientId: t.exposeString('clientId', { description: 'Client ID at the provider.' }),
    redirectUri: t.field({
      type: 'URL',
      description: 'Redirect URI to register with the provider. It never changes while the connector is the same.',
      resolve: (app, _args, { accounts }) => redirectUri(accounts.publicUrl, app),
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
    rawRequests: t.boolean({
      description: 'Whether agents may read by path what has no tool, with notion_api_request.',
      resolve: (app) => app.rawRequests,
    }),
    contentSearch: t.boolean({
      description:
        'Whether the content of what users share is stored as an encrypted index, which searches then use. The connect page informs users.',
      resolve: (app) => app.contentSearch,
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
    displayName: t.exposeString('displayName', {
      nullable: true,
      description: 'Name of your application, shown to users on the pages. Null: the pages name none.',
    }),
    logoUrl: t.field({
      type: 'URL',
      nullable: true,
      description: 'Logo of your application, shown to users on the pages.',
      resolve: (app) => app.logoUrl,
    }),
    accentColor: t.exposeString('accentColor', {
      nullable: true,
      description:
        'Color of the links on the pages, such as `#14532d`. Their text is black or white, whichever is easier to read.',
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
    resolve: async (_root, _args, context) => {
      const viewer = viewerOf(context)
      return (await listOAuthApps(context.accounts.db, viewer.environmentId)).filter((app) => mayActOn(viewer, app))
    },
  }),
}))

const RegisterOAuthAppPayload = builder.simpleObject('RegisterOAuthAppPayload', {
  description: 'Registered OAuth app.',
  fields: (t) => ({
    oauthApp: t.field({ type: OAuthAppRef, description: 'The OAuth app. Register its redirectUri with the provider.' }),
  }),
})

/** The input fields of an OAuth app's {@link Branding}. */
const brandingInput = (t: InputFieldBuilder<(typeof builder)['$inferSchemaTypes'], 'InputObject'>) => ({
  displayName: t.string(
    ruled(
      inputRules.displayName,
      'Name of your application, shown to users on the pages. Null removes it. Default: unchanged.',
    ),
  ),
  logoUrl: t.field({
    type: 'URL',
    ...ruled(
      urlOf(inputRules.logoUrl),
      'Logo of your application, shown to users on the pages and loaded by their browsers, without a referrer. Null removes it. Default: unchanged.',
    ),
  }),
  accentColor: t.string(
    ruled(inputRules.accentColor, 'Color of the links on the pages. Null removes it. Default: unchanged.'),
  ),
})

/** Returns the branding of an input: null removes a field, and an absent one is unchanged. */
const brandingFrom = (input: {
  readonly displayName?: string | null | undefined
  readonly logoUrl?: URL | null | undefined
  readonly accentColor?: string | null | undefined
}): Partial<Branding> => ({
  ...(input.displayName !== undefined && { displayName: input.displayName }),
  ...(input.logoUrl !== undefined && { logoUrl: input.logoUrl?.href ?? null }),
  ...(input.accentColor !== undefined && { accentColor: input.accentColor?.toLowerCase() ?? null }),
})

const UpdateOAuthAppPayload = builder.simpleObject('UpdateOAuthAppPayload', {
  description: 'OAuth app after the change.',
  fields: (t) => ({ oauthApp: t.field({ type: OAuthAppRef, description: 'The OAuth app in its current state.' }) }),
})

builder.mutationField('updateOAuthApp', (t) =>
  t.fieldWithInput({
    type: UpdateOAuthAppPayload,
    description:
      'Changes what users see of your application on the pages, without its client secret. Other settings are changed with registerOAuthApp.',
    authScopes: access('Mutation.updateOAuthApp'),
    errors: { types: [OAuthAppNotFoundError, InvalidInputError] },
    typeOptions: { description: 'OAuth app to change, and what it changes to.' },
    input: { connectionName: t.input.string(connectionNameField), ...brandingInput(t.input) },
    resolve: async (_root, { input }, context) => ({
      oauthApp: await updateOAuthApp(context.accounts, viewerOf(context).environmentId, {
        connectionName: input.connectionName,
        ...brandingFrom(input),
      }),
    }),
  }),
)

const VerifyOAuthAppPayload = builder.simpleObject('VerifyOAuthAppPayload', {
  description: 'OAuth app whose client ID and secret the provider accepts.',
  fields: (t) => ({ oauthApp: t.field({ type: OAuthAppRef, description: 'The OAuth app.' }) }),
})

builder.mutationField('verifyOAuthApp', (t) =>
  t.fieldWithInput({
    type: VerifyOAuthAppPayload,
    description:
      'Asks the provider whether it accepts the client ID and secret of a registered OAuth app, and records the answer in rejectedAt. The redirect URI is not verified: the provider checks it only in a browser.',
    authScopes: access('Mutation.verifyOAuthApp'),
    errors: { types: [OAuthAppNotFoundError, OAuthAppRejectedError, ProviderUnavailableError] },
    typeOptions: { description: 'Which OAuth app to verify.' },
    input: { connectionName: t.input.string(connectionNameField) },
    resolve: async (_root, { input }, context) => ({
      oauthApp: await verifyOAuthApp(context.accounts, viewerOf(context).environmentId, input.connectionName),
    }),
  }),
)

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
        rawRequests: t.input.boolean({
          required: true,
          defaultValue: false,
          description:
            'Whether agents may read from the API of the provider by path, with notion_api_request, within what the user shared.',
        }),
        contentSearch: t.input.boolean({
          required: true,
          defaultValue: false,
          description:
            'Whether the content of what users share is stored as an encrypted index, which searches then use. The connect page informs users. False deletes the indexes.',
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
        ...brandingInput(t.input),
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
          rawRequests: input.rawRequests,
          contentSearch: input.contentSearch,
          returnUrls: input.returnUrls.map((url) => url.href),
          confirmationUrl: input.confirmationUrl?.href ?? null,
          branding: brandingFrom(input),
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
