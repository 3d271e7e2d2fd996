import {
  ApiKeyNotFoundError,
  ApproverMismatchError,
  AuthorizationFlowNotFoundError,
  IdentifierMismatchError,
  type InputIssue,
  InvalidInputError,
  OAuthAppNotFoundError,
  OAuthAppRejectedError,
  ProviderUnavailableError,
  ProviderUserChangedError,
  ReturnUrlNotAllowedError,
  UserSessionNotFoundError,
  WebhookDeliveryNotFoundError,
  WebhookEndpointNotFoundError,
} from '../errors.ts'
import { builder } from './builder.ts'

/** The interface of every expected failure. */
export const ErrorInterface = builder.interfaceRef<Error>('Error').implement({
  description:
    'Expected failure. Select `... on Error { message }` in addition to the types that you handle, to be ready for new ones.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What went wrong and what to do, as text for people.' }),
  }),
})

/** One invalid place of an input. */
export const InputIssueRef = builder.objectRef<InputIssue>('InputIssue').implement({
  description: 'Invalid place of an input.',
  fields: (t) => ({
    path: t.exposeString('path', {
      description: 'Place in the input, such as `expectedResources.0.name`. Empty for the input as a whole.',
    }),
    message: t.exposeString('message', { description: 'Rule that the value must satisfy. Never contains the value.' }),
  }),
})

builder.objectType(InvalidInputError, {
  name: 'InvalidInputError',
  description: 'Arguments that do not satisfy the rules of the operation. Nothing was changed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({
      type: [InputIssueRef],
      description: 'Every invalid place.',
      resolve: (error) => [...error.issues],
    }),
  }),
})

builder.objectType(OAuthAppNotFoundError, {
  name: 'OAuthAppNotFoundError',
  description: 'No OAuth app is registered under this connection name.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    connectionName: t.exposeString('connectionName', { description: 'Connection name of the request.' }),
  }),
})

builder.objectType(ReturnUrlNotAllowedError, {
  name: 'ReturnUrlNotAllowedError',
  description: 'The return URL does not start with any registered prefix of the OAuth app.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    allowed: t.stringList({ description: 'Registered prefixes.', resolve: (error) => [...error.allowed] }),
  }),
})

builder.objectType(AuthorizationFlowNotFoundError, {
  name: 'AuthorizationFlowNotFoundError',
  description: 'No authorization waits for confirmation with this flow ID. It is unknown, used or expired.',
  interfaces: [ErrorInterface],
})

builder.objectType(IdentifierMismatchError, {
  name: 'IdentifierMismatchError',
  description: 'The authorization was started for another identifier. Its tokens were discarded and revoked.',
  interfaces: [ErrorInterface],
})

builder.objectType(ApproverMismatchError, {
  name: 'ApproverMismatchError',
  description: 'The approval is for another identifier. Nothing was decided.',
  interfaces: [ErrorInterface],
})

builder.objectType(ProviderUserChangedError, {
  name: 'ProviderUserChangedError',
  description:
    'Another provider user or workspace than the one of the account. The new tokens were discarded and, after a consent, revoked.',
  interfaces: [ErrorInterface],
})

builder.objectType(ProviderUnavailableError, {
  name: 'ProviderUnavailableError',
  description: 'The provider cannot be reached now. The account has not changed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    retryAfterMs: t.exposeInt('retryAfterMs', {
      nullable: true,
      description: 'Milliseconds to wait before the next attempt. Null if unknown.',
    }),
  }),
})

builder.objectType(OAuthAppRejectedError, {
  name: 'OAuthAppRejectedError',
  description: 'The provider does not accept the client ID or secret of the OAuth app.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    connectionName: t.exposeString('connectionName', { description: 'Connection name of the OAuth app to correct.' }),
  }),
})

builder.objectType(UserSessionNotFoundError, {
  name: 'UserSessionNotFoundError',
  description: 'The environment has no user session with this ID.',
  interfaces: [ErrorInterface],
})

builder.objectType(ApiKeyNotFoundError, {
  name: 'ApiKeyNotFoundError',
  description: 'The environment has no API key with this ID.',
  interfaces: [ErrorInterface],
})

builder.objectType(WebhookEndpointNotFoundError, {
  name: 'WebhookEndpointNotFoundError',
  description: 'The environment has no webhook endpoint with this ID.',
  interfaces: [ErrorInterface],
})

builder.objectType(WebhookDeliveryNotFoundError, {
  name: 'WebhookDeliveryNotFoundError',
  description: 'The environment has no webhook delivery with this ID. Deliveries are deleted 14 days after their end.',
  interfaces: [ErrorInterface],
})
