import {
  ApiKeyNotFoundError,
  AuthorizationFlowNotFoundError,
  IdentifierMismatchError,
  type InputIssue,
  InvalidInputError,
  OAuthAppNotFoundError,
  OAuthAppRejectedError,
  ProviderUnavailableError,
  ProviderUserChangedError,
  ReturnUrlNotAllowedError,
} from '../errors.ts'
import { builder } from './builder.ts'

/** The interface of every expected failure; select `... on Error { message }` to be ready for those to come. */
export const ErrorInterface = builder.interfaceRef<Error>('Error').implement({
  description: 'An expected failure. Select `... on Error { message }` beside the types that you handle.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What went wrong and what to do, for a person.' }),
  }),
})

/** One wrong place of an input. */
export const InputIssueRef = builder.objectRef<InputIssue>('InputIssue').implement({
  description: 'One place of an input that is wrong.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Where, dotted with indexes; empty for the input as a whole.' }),
    message: t.exposeString('message', { description: 'What is wrong there, and what would be right.' }),
  }),
})

builder.objectType(InvalidInputError, {
  name: 'InvalidInputError',
  description: 'Arguments that the schema allows and the operation does not.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({
      type: [InputIssueRef],
      description: 'Every wrong place.',
      resolve: (error) => [...error.issues],
    }),
  }),
})

builder.objectType(OAuthAppNotFoundError, {
  name: 'OAuthAppNotFoundError',
  description: 'No OAuth app is registered under this connection name.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    connectionName: t.exposeString('connectionName', { description: 'The name that was asked for.' }),
  }),
})

builder.objectType(ReturnUrlNotAllowedError, {
  name: 'ReturnUrlNotAllowedError',
  description: "The return URL is under none of the OAuth app's registered prefixes.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    allowed: t.stringList({ description: 'The registered prefixes.', resolve: (error) => [...error.allowed] }),
  }),
})

builder.objectType(AuthorizationFlowNotFoundError, {
  name: 'AuthorizationFlowNotFoundError',
  description: 'No authorization waits under this flow id: unknown, used up or expired.',
  interfaces: [ErrorInterface],
})

builder.objectType(IdentifierMismatchError, {
  name: 'IdentifierMismatchError',
  description: 'The authorization was started for another identifier. Its tokens were discarded and revoked.',
  interfaces: [ErrorInterface],
})

builder.objectType(ProviderUserChangedError, {
  name: 'ProviderUserChangedError',
  description:
    'Another provider user, or another workspace, than the one behind the account. What the consent brought was discarded and revoked.',
  interfaces: [ErrorInterface],
})

builder.objectType(ProviderUnavailableError, {
  name: 'ProviderUnavailableError',
  description: 'The provider cannot be asked now. Nothing about the account has changed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    retryAfterMs: t.exposeInt('retryAfterMs', {
      nullable: true,
      description: 'Milliseconds to wait before trying again; null when nothing is known.',
    }),
  }),
})

builder.objectType(OAuthAppRejectedError, {
  name: 'OAuthAppRejectedError',
  description: "The provider does not accept the OAuth app's client id or secret.",
  interfaces: [ErrorInterface],
  fields: (t) => ({ connectionName: t.exposeString('connectionName', { description: 'The OAuth app to correct.' }) }),
})

builder.objectType(ApiKeyNotFoundError, {
  name: 'ApiKeyNotFoundError',
  description: 'No API key of the environment has this id.',
  interfaces: [ErrorInterface],
})
