import { encodeGlobalID } from '@pothos/plugin-relay'
import { getOrCreateConnectedAccount } from '../accounts/account-store.ts'
import { beginAuthorization } from '../accounts/authorization/begin-authorization.ts'
import { confirmAuthorization } from '../accounts/authorization/confirm-authorization.ts'
import { deleteAccount, disconnectAccount } from '../accounts/authorization/disconnect-account.ts'
import { importAccount } from '../accounts/authorization/import-account.ts'
import { refreshAccount } from '../accounts/grants/verify-grant.ts'
import { updateAccount } from '../accounts/update-account.ts'
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
import { inputRules } from '../input-rules.ts'
import { Secret } from '../vault/secret.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { ConnectedAccountRef } from './connected-account.ts'
import { connectionNameField, identifierField, ruled } from './input-fields.ts'
import { throttled } from './protocol-errors.ts'
import { viewerOf } from './viewer.ts'

/** A payload with the account after the mutation. */
const accountPayload = (name: string, description: string) =>
  builder.simpleObject(name, {
    description,
    fields: (t) => ({
      connectedAccount: t.field({ type: ConnectedAccountRef, description: 'Account in its current state.' }),
    }),
  })

const GetOrCreateConnectedAccountPayload = builder.simpleObject('GetOrCreateConnectedAccountPayload', {
  description: 'Result of getOrCreateConnectedAccount.',
  fields: (t) => ({
    connectedAccount: t.field({ type: ConnectedAccountRef, description: 'Account in its current state.' }),
    created: t.boolean({ description: 'Whether this call created the account.' }),
  }),
})

const AuthorizePayload = builder.simpleObject('AuthorizePayload', {
  description: 'Link to send the user to.',
  fields: (t) => ({
    connectedAccount: t.field({ type: ConnectedAccountRef, description: 'Account that is being authorized.' }),
    link: t.field({
      type: 'URL',
      description:
        'Send the user to this URL. It needs no credential. It can be opened any number of times and connects once.',
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'Time at which the link expires.' }),
  }),
})

const ConfirmAuthorizationPayload = builder.simpleObject('ConfirmAuthorizationPayload', {
  description: 'Confirmed account, now ACTIVE.',
  fields: (t) => ({
    connectedAccount: t.field({ type: ConnectedAccountRef, description: 'Account in its current state.' }),
    returnUrl: t.field({
      type: 'URL',
      nullable: true,
      description: 'Send the browser to this URL: the returnUrl of authorize, with the outcome in its parameters.',
    }),
  }),
})

const UpdateConnectedAccountPayload = accountPayload('UpdateConnectedAccountPayload', 'Account with its new metadata.')
const RefreshConnectedAccountPayload = accountPayload(
  'RefreshConnectedAccountPayload',
  'Account after its credentials were checked at the provider.',
)
const DisconnectConnectedAccountPayload = accountPayload(
  'DisconnectConnectedAccountPayload',
  'Account with the status DISCONNECTED. Its history is still available.',
)
const ImportConnectedAccountPayload = accountPayload(
  'ImportConnectedAccountPayload',
  'Account with the imported tokens.',
)

const DeleteConnectedAccountPayload = builder.simpleObject('DeleteConnectedAccountPayload', {
  description: 'Confirmation that the account was deleted.',
  fields: (t) => ({ deletedId: t.id({ description: 'ID of the deleted account.' }) }),
})

const ExpectedResourceInput = builder.inputType('ExpectedResourceInput', {
  description: 'Page or database that the agent needs.',
  fields: (t) => ({
    name: t.string({
      required: true,
      ...ruled(inputRules.expectedResourceName, 'Title of the page or database, as the user knows it.'),
    }),
    reason: t.string(ruled(inputRules.expectedResourceReason, 'Why the agent needs it. Shown to the user.')),
    resourceId: t.string(
      ruled(
        inputRules.expectedResourceId,
        'ID at the provider, if known. Used after the consent to check whether the resource was shared; without it the title is used.',
      ),
    ),
  }),
})

const allowUserChangeField = {
  required: true,
  defaultValue: false,
  description:
    'Whether another provider user, or another workspace, may replace the current one of the account. Otherwise: ProviderUserChangedError.',
} as const

builder.mutationFields((t) => ({
  getOrCreateConnectedAccount: t.fieldWithInput({
    type: GetOrCreateConnectedAccountPayload,
    description:
      'Returns the account with this connection name and identifier. Creates it if it does not exist. Idempotent and atomic: safe to call on every page load and concurrently.',
    authScopes: access('Mutation.getOrCreateConnectedAccount'),
    errors: { types: [OAuthAppNotFoundError, InvalidInputError] },
    typeOptions: { description: 'Account to return or create.' },
    input: {
      connectionName: t.input.string(connectionNameField),
      identifier: t.input.string(identifierField),
      metadata: t.input.field({
        type: 'JSONObject',
        ...ruled(
          inputRules.accountMetadata,
          'Stored if this call creates the account; that of an existing account does not change. Not in a user session. Default: empty.',
        ),
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { environmentId, identifier } = viewerOf(context)
      if (input.metadata != null && identifier !== null)
        throw new InvalidInputError([
          { path: 'metadata', message: 'must not be set in a user session. Set it from your backend' },
        ])
      const { account, created } = await getOrCreateConnectedAccount(context.accounts, environmentId, input)
      return { connectedAccount: account, created }
    },
  }),
  updateConnectedAccount: t.fieldWithInput({
    type: UpdateConnectedAccountPayload,
    description: 'Replaces the metadata of an account. Subscriptions to the account emit the change.',
    authScopes: access('Mutation.updateConnectedAccount'),
    errors: { types: [AccountNotFoundError, InvalidInputError] },
    typeOptions: { description: 'Account to change, and what it changes to.' },
    input: {
      connectionName: t.input.string(connectionNameField),
      identifier: t.input.string(identifierField),
      metadata: t.input.field({
        type: 'JSONObject',
        required: true,
        ...ruled(
          inputRules.accountMetadata,
          'New metadata, as a whole: keys that it does not have are removed. Search for accounts by it with `connectedAccounts(filter: { metadata: … })`.',
        ),
      }),
    },
    resolve: async (_root, { input }, context) => ({
      connectedAccount: await updateAccount(context.accounts, viewerOf(context).environmentId, input),
    }),
  }),
  authorize: t.fieldWithInput({
    type: AuthorizePayload,
    description:
      'Starts an authorization and returns a single-use link to send the user to. Creates the account if it does not exist.',
    authScopes: access('Mutation.authorize'),
    errors: { types: [OAuthAppNotFoundError, ReturnUrlNotAllowedError, InvalidInputError] },
    typeOptions: { description: 'Account to authorize, and where the user continues afterwards.' },
    input: {
      connectionName: t.input.string(connectionNameField),
      identifier: t.input.string(identifierField),
      returnUrl: t.input.field({
        type: 'URL',
        description:
          'Where the browser goes at the end, with ?status=…&state=… (and error=… on failure). Must start with a registered prefix of the OAuth app. Default: a page of this server.',
      }),
      state: t.input.string(ruled(inputRules.state, 'Returned to your application unchanged.')),
      expectedResources: t.input.field({
        type: [ExpectedResourceInput],
        defaultValue: [],
        ...ruled(
          inputRules.expectedResources,
          "Pages and databases that the agent needs. Shown to the user before the provider's page picker, and checked after it.",
        ),
      }),
      allowUserChange: t.input.boolean({
        ...allowUserChangeField,
        description: `${allowUserChangeField.description} A user session may set it only where the operator permits that.`,
      }),
    },
    resolve: async (_root, { input }, context) => {
      const viewer = viewerOf(context)
      if (input.allowUserChange && viewer.identifier !== null && !context.sessionsMayChangeUser)
        throw new InvalidInputError([
          {
            path: 'allowUserChange',
            message:
              'must be false in a user session. Call authorize from your backend, or set VALETKEY_SESSIONS_MAY_CHANGE_USER=on for this server',
          },
        ])
      const waitMs = viewer.identifier && context.takeAuthorization(`${viewer.environmentId}/${viewer.identifier}`)
      if (waitMs) throw throttled(`Too many authorizations were begun. Try again in ${Math.ceil(waitMs / 1000)} s.`)
      const { account, link, expiresAt } = await beginAuthorization(context.accounts, viewer.environmentId, {
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
      'Confirms which user of your application returned from the provider. The account becomes ACTIVE only if it is the user that the authorization was started for. Each flow ID works once, whatever the outcome.',
    authScopes: access('Mutation.confirmAuthorization'),
    errors: { types: [AuthorizationFlowNotFoundError, IdentifierMismatchError, ProviderUserChangedError] },
    typeOptions: { description: 'The authorization, and the user that is signed in.' },
    input: {
      flowId: t.input.string({
        required: true,
        description: 'Parameter flow_id with which the browser arrived at your confirmationUrl.',
      }),
      identifier: t.input.string({
        ...identifierField,
        ...ruled(
          inputRules.identifier,
          'The user that is signed in to your application in that browser. Never take it from the URL.',
        ),
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { environmentId, narrowing } = viewerOf(context)
      const { account, returnUrl } = await confirmAuthorization(context.accounts, environmentId, {
        confirmationToken: input.flowId,
        identifier: input.identifier,
        connectionNames: narrowing.connectionNames,
      })
      return { connectedAccount: account, returnUrl }
    },
  }),
  refreshConnectedAccount: t.fieldWithInput({
    type: RefreshConnectedAccountPayload,
    description:
      'Checks at the provider whether the credentials work, and renews them if they do not. An account that has lost its access is returned as REVOKED or EXPIRED.',
    authScopes: access('Mutation.refreshConnectedAccount'),
    errors: { types: [AccountNotFoundError, AccountNotActiveError, ProviderUnavailableError, OAuthAppRejectedError] },
    typeOptions: { description: 'Account to check.' },
    input: {
      connectionName: t.input.string(connectionNameField),
      identifier: t.input.string(identifierField),
    },
    resolve: async (_root, { input }, context) => ({
      connectedAccount: await refreshAccount(context.accounts, viewerOf(context).environmentId, input),
    }),
  }),
  disconnectConnectedAccount: t.fieldWithInput({
    type: DisconnectConnectedAccountPayload,
    description:
      'Revokes the access at the provider and erases the tokens. The account and its history are still available.',
    authScopes: access('Mutation.disconnectConnectedAccount'),
    errors: { types: [AccountNotFoundError] },
    typeOptions: { description: 'Account to disconnect.' },
    input: {
      connectionName: t.input.string(connectionNameField),
      identifier: t.input.string(identifierField),
    },
    resolve: async (_root, { input }, context) => ({
      connectedAccount: await disconnectAccount(context.accounts, viewerOf(context).environmentId, input),
    }),
  }),
  deleteConnectedAccount: t.fieldWithInput({
    type: DeleteConnectedAccountPayload,
    description:
      'Disconnects the account, then deletes it with its history and its tool executions. All of them are gone at once; their rows are erased soon after.',
    authScopes: access('Mutation.deleteConnectedAccount'),
    errors: { types: [AccountNotFoundError] },
    typeOptions: { description: 'Account to delete.' },
    input: {
      connectionName: t.input.string(connectionNameField),
      identifier: t.input.string(identifierField),
    },
    resolve: async (_root, { input }, context) => {
      const { id } = await deleteAccount(context.accounts, viewerOf(context).environmentId, input)
      return { deletedId: encodeGlobalID('ConnectedAccount', id) }
    },
  }),
  importConnectedAccount: t.fieldWithInput({
    type: ImportConnectedAccountPayload,
    description:
      'Imports tokens that another system obtained with the same OAuth app. The access token is checked at the provider before it is stored.',
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
    typeOptions: { description: 'Tokens to import, and the account to import them into.' },
    input: {
      connectionName: t.input.string(connectionNameField),
      identifier: t.input.string(identifierField),
      accessToken: t.input.string({
        required: true,
        ...ruled(inputRules.token, 'Access token. Encrypted in the vault and never returned.'),
      }),
      refreshToken: t.input.string(
        ruled(
          inputRules.token,
          'Refresh token. Encrypted in the vault and never returned. Without it the account expires with its access token.',
        ),
      ),
      allowUserChange: t.input.boolean(allowUserChangeField),
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
