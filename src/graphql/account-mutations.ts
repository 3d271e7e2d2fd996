import { getOrCreateConnectedAccount } from '../accounts/account-store.ts'
import { beginAuthorization } from '../accounts/authorization/begin-authorization.ts'
import { confirmAuthorization } from '../accounts/authorization/confirm-authorization.ts'
import { deleteAccount, disconnectAccount } from '../accounts/authorization/disconnect-account.ts'
import { importAccount } from '../accounts/authorization/import-account.ts'
import { refreshAccount } from '../accounts/grants/verify-grant.ts'
import {
  AccountNotActiveError,
  AccountNotFoundError,
  AuthorizationFlowNotFoundError,
  IdentifierMismatchError,
  InvalidInputError,
  OAuthAppNotFoundError,
  OAuthAppRejectedError,
  ProviderUnavailableError,
  ProviderUserChangedError,
  ReturnUrlNotAllowedError,
} from '../errors.ts'
import { Secret } from '../vault/secret.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { ConnectedAccountRef } from './connected-account.ts'
import { viewerOf } from './viewer.ts'

/** A payload that holds the account as it is after the mutation. */
const accountPayload = (name: string, description: string) =>
  builder.simpleObject(name, {
    description,
    fields: (t) => ({
      connectedAccount: t.field({ type: ConnectedAccountRef, description: 'The account as it is now.' }),
    }),
  })

const GetOrCreateConnectedAccountPayload = builder.simpleObject('GetOrCreateConnectedAccountPayload', {
  description: 'The account, found or new.',
  fields: (t) => ({
    connectedAccount: t.field({ type: ConnectedAccountRef, description: 'The account as it is now.' }),
    created: t.boolean({ description: 'Whether this call created it.' }),
  }),
})

const AuthorizePayload = builder.simpleObject('AuthorizePayload', {
  description: 'Where to send the user.',
  fields: (t) => ({
    connectedAccount: t.field({ type: ConnectedAccountRef, description: 'The account that is being authorized.' }),
    link: t.field({
      type: 'URL',
      description: 'Single use, for one browser. Send the user there; it needs no credential.',
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'When the link ends.' }),
  }),
})

const ConfirmAuthorizationPayload = builder.simpleObject('ConfirmAuthorizationPayload', {
  description: 'The account, ACTIVE.',
  fields: (t) => ({
    connectedAccount: t.field({ type: ConnectedAccountRef, description: 'The account as it is now.' }),
    returnUrl: t.field({
      type: 'URL',
      nullable: true,
      description: 'Where to send the browser now: the returnUrl that authorize was given.',
    }),
  }),
})

const RefreshConnectedAccountPayload = accountPayload(
  'RefreshConnectedAccountPayload',
  'The account after the provider was asked.',
)
const DisconnectConnectedAccountPayload = accountPayload(
  'DisconnectConnectedAccountPayload',
  'The account, DISCONNECTED; its history stays.',
)
const ImportConnectedAccountPayload = accountPayload(
  'ImportConnectedAccountPayload',
  'The account with the imported tokens.',
)

const DeleteConnectedAccountPayload = builder.simpleObject('DeleteConnectedAccountPayload', {
  description: 'The account is gone.',
  fields: (t) => ({ deletedId: t.id({ description: 'The id that it had.' }) }),
})

const ExpectedResourceInput = builder.inputType('ExpectedResourceInput', {
  description: 'A page or database that the agent needs.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Its title, as the user knows it.' }),
    reason: t.string({ description: 'What the agent needs it for; shown to the user.' }),
    resourceId: t.string({
      description:
        "The provider's id of it, where you know it. After the consent it is looked for by its id, else by its title.",
    }),
  }),
})

builder.mutationFields((t) => ({
  getOrCreateConnectedAccount: t.fieldWithInput({
    type: GetOrCreateConnectedAccountPayload,
    description: 'Idempotent and atomic: safe on every page load and from many callers at once.',
    authScopes: access('Mutation.getOrCreateConnectedAccount'),
    errors: { types: [OAuthAppNotFoundError, InvalidInputError] },
    typeOptions: { description: 'Which account.' },
    input: {
      connectionName: t.input.string({ required: true, defaultValue: 'notion', description: 'The OAuth app.' }),
      identifier: t.input.string({
        required: true,
        description: 'Any text of your own that names the user: 1 to 512 characters.',
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { environmentId } = viewerOf(context)
      const { account, created } = await getOrCreateConnectedAccount(context.accounts, environmentId, input)
      return { connectedAccount: account, created }
    },
  }),
  authorize: t.fieldWithInput({
    type: AuthorizePayload,
    description: 'Creates the account if need be and returns a single-use link to send its user to.',
    authScopes: access('Mutation.authorize'),
    errors: { types: [OAuthAppNotFoundError, ReturnUrlNotAllowedError, InvalidInputError] },
    typeOptions: { description: 'Whom to authorize, and where they go afterwards.' },
    input: {
      connectionName: t.input.string({ required: true, defaultValue: 'notion', description: 'The OAuth app.' }),
      identifier: t.input.string({ required: true, description: 'Your own name for the user.' }),
      returnUrl: t.input.field({
        type: 'URL',
        description: 'Where the browser ends up, with ?status=…&state=… (and error=… when it went wrong).',
      }),
      state: t.input.string({ description: 'Comes back to your application untouched; at most 2000 characters.' }),
      expectedResources: t.input.field({
        type: [ExpectedResourceInput],
        defaultValue: [],
        description:
          "Pages and databases that the agent needs. Shown to the user before the provider's page picker, and checked after it.",
      }),
      allowUserChange: t.input.boolean({
        required: true,
        defaultValue: false,
        description: 'Whether another provider user may take the place of the one behind the account.',
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { account, link, expiresAt } = await beginAuthorization(context.accounts, viewerOf(context).environmentId, {
        connectionName: input.connectionName,
        identifier: input.identifier,
        returnUrl: input.returnUrl?.href ?? null,
        state: input.state ?? null,
        expectedResources: (input.expectedResources ?? []).map(({ name, reason, resourceId }) => ({
          name,
          reason: reason ?? null,
          resourceId: resourceId ?? null,
        })),
        allowUserChange: input.allowUserChange,
      })
      return { connectedAccount: account, link, expiresAt }
    },
  }),
  confirmAuthorization: t.fieldWithInput({
    type: ConfirmAuthorizationPayload,
    description:
      'Your application says which of its users came back from the provider; only the right one activates the account.',
    authScopes: access('Mutation.confirmAuthorization'),
    errors: { types: [AuthorizationFlowNotFoundError, IdentifierMismatchError, ProviderUserChangedError] },
    typeOptions: { description: 'What the browser brought, and who is signed in there.' },
    input: {
      flowId: t.input.string({ required: true, description: 'The flow_id that came to your confirmationUrl.' }),
      identifier: t.input.string({
        required: true,
        description: 'The user whom your application has signed in, in that very browser. Never take it from the URL.',
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { account, returnUrl } = await confirmAuthorization(context.accounts, viewerOf(context).environmentId, {
        confirmationToken: input.flowId,
        identifier: input.identifier,
      })
      return { connectedAccount: account, returnUrl }
    },
  }),
  refreshConnectedAccount: t.fieldWithInput({
    type: RefreshConnectedAccountPayload,
    description:
      'Asks the provider whether the credentials still work, and renews them if they do not. An account whose access is gone comes back as REVOKED or EXPIRED.',
    authScopes: access('Mutation.refreshConnectedAccount'),
    errors: { types: [AccountNotFoundError, AccountNotActiveError, ProviderUnavailableError, OAuthAppRejectedError] },
    typeOptions: { description: 'Which account.' },
    input: {
      connectionName: t.input.string({ required: true, defaultValue: 'notion', description: 'The OAuth app.' }),
      identifier: t.input.string({ required: true, description: 'Your own name for the user.' }),
    },
    resolve: async (_root, { input }, context) => ({
      connectedAccount: await refreshAccount(context.accounts, viewerOf(context).environmentId, input),
    }),
  }),
  disconnectConnectedAccount: t.fieldWithInput({
    type: DisconnectConnectedAccountPayload,
    description: 'Revokes at the provider, erases the tokens, keeps the account and its history.',
    authScopes: access('Mutation.disconnectConnectedAccount'),
    errors: { types: [AccountNotFoundError] },
    typeOptions: { description: 'Which account.' },
    input: {
      connectionName: t.input.string({ required: true, defaultValue: 'notion', description: 'The OAuth app.' }),
      identifier: t.input.string({ required: true, description: 'Your own name for the user.' }),
    },
    resolve: async (_root, { input }, context) => ({
      connectedAccount: await disconnectAccount(context.accounts, viewerOf(context).environmentId, input),
    }),
  }),
  deleteConnectedAccount: t.fieldWithInput({
    type: DeleteConnectedAccountPayload,
    description: 'Disconnects and then removes the account with all that hangs on it.',
    authScopes: access('Mutation.deleteConnectedAccount'),
    errors: { types: [AccountNotFoundError] },
    typeOptions: { description: 'Which account.' },
    input: {
      connectionName: t.input.string({ required: true, defaultValue: 'notion', description: 'The OAuth app.' }),
      identifier: t.input.string({ required: true, description: 'Your own name for the user.' }),
    },
    resolve: async (_root, { input }, context) => {
      const { id } = await deleteAccount(context.accounts, viewerOf(context).environmentId, input)
      return { deletedId: Buffer.from(`ConnectedAccount:${id}`).toString('base64') }
    },
  }),
  importConnectedAccount: t.fieldWithInput({
    type: ImportConnectedAccountPayload,
    description:
      'Brings tokens along that another system obtained with the same OAuth app. The provider is asked before they are stored.',
    authScopes: access('Mutation.importConnectedAccount'),
    errors: {
      types: [
        OAuthAppNotFoundError,
        InvalidInputError,
        ProviderUnavailableError,
        OAuthAppRejectedError,
        ProviderUserChangedError,
      ],
    },
    typeOptions: { description: 'Whose tokens, and which.' },
    input: {
      connectionName: t.input.string({ required: true, defaultValue: 'notion', description: 'The OAuth app.' }),
      identifier: t.input.string({ required: true, description: 'Your own name for the user.' }),
      accessToken: t.input.string({ required: true, description: 'Sealed in the vault and never shown.' }),
      refreshToken: t.input.string({
        description: 'Sealed as well; without it the account ends with the access token.',
      }),
      allowUserChange: t.input.boolean({
        required: true,
        defaultValue: false,
        description: 'Whether another provider user may take the place of the one behind the account.',
      }),
    },
    resolve: async (_root, { input }, context) => ({
      connectedAccount: await importAccount(context.accounts, viewerOf(context).environmentId, {
        connectionName: input.connectionName,
        identifier: input.identifier,
        accessToken: new Secret(input.accessToken),
        refreshToken: input.refreshToken == null ? null : new Secret(input.refreshToken),
        allowUserChange: input.allowUserChange,
      }),
    }),
  }),
}))
