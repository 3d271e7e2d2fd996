import { beginAuthorization } from '../../accounts/authorization/begin-authorization.ts'
import type { Capability } from '../../accounts/capability.ts'
import type { AccountStatus, StatusReason } from '../../accounts/status.ts'
import {
  AccountNotActiveError,
  AccountNotFoundError,
  AmbiguousDataSourceError,
  IdempotencyConflictError,
  InvalidToolInputError,
  MissingCapabilityError,
  MissingScopeError,
  OutcomeUnknownError,
  ProviderError,
  RateLimitedError,
  ResourceNotFoundError,
  ResourceNotSharedError,
  ResourceUnavailableError,
  type ToolError,
  UnknownToolError,
  type UserAction,
  WrongConnectionError,
  WrongResourceTypeError,
} from '../../errors.ts'
import { builder } from '../builder.ts'
import { AccountStatusRef, StatusReasonRef } from '../connected-account.ts'
import { describedEnum } from '../described-enum.ts'
import { ErrorInterface, InputIssueRef } from '../errors.ts'
import { CapabilityRef } from '../oauth-apps.ts'
import { ToolExecutionRef } from './tool-execution.ts'

/** Every way in which a tool call can fail: the errors of the result union of executeTool. */
export const toolErrorClasses = [
  UnknownToolError,
  InvalidToolInputError,
  AccountNotFoundError,
  WrongConnectionError,
  AccountNotActiveError,
  MissingCapabilityError,
  MissingScopeError,
  ResourceNotSharedError,
  ResourceNotFoundError,
  ResourceUnavailableError,
  WrongResourceTypeError,
  AmbiguousDataSourceError,
  RateLimitedError,
  ProviderError,
  OutcomeUnknownError,
  IdempotencyConflictError,
]

const UserActionRef = describedEnum<UserAction>('UserAction', 'What a person has to do before the call can work.', {
  REAUTHORIZE: 'The user has to go through the authorization again: send them to a link of authorize.',
  SHARE_RESOURCE: 'The user has to share the page or database with the connection.',
  ENABLE_CAPABILITY: "The operator has to switch on a capability in the provider's settings.",
})

const ToolErrorInterface = builder.interfaceRef<ToolError>('ToolError').implement({
  description: 'Every way a tool call can fail that its caller can do something about.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What went wrong, for a person.' }),
    retryable: t.exposeBoolean('retryable', {
      description: 'Whether the same call may work later without anybody doing anything.',
    }),
    retryAfterMs: t.exposeInt('retryAfterMs', {
      nullable: true,
      description: 'Milliseconds to wait before that; null when nothing is known.',
    }),
    hint: t.exposeString('hint', {
      description: 'One sentence that a model can act on: which tool to call, what to ask the user.',
    }),
    userAction: t.field({
      type: UserActionRef,
      nullable: true,
      description: 'What a person has to do, if a person has to.',
      resolve: (error) => error.userAction,
    }),
    execution: t.field({
      type: ToolExecutionRef,
      nullable: true,
      description: 'The call in the journal; null when it was refused before it began.',
      resolve: (error) => error.executionId,
    }),
  }),
})

const interfaces = [ErrorInterface, ToolErrorInterface]

builder.objectType(UnknownToolError, {
  name: 'UnknownToolError',
  description: 'No tool has this name.',
  interfaces,
  fields: (t) => ({
    suggestions: t.stringList({
      description: 'The nearest names that exist, best first.',
      resolve: (error) => [...error.suggestions],
    }),
  }),
})

builder.objectType(InvalidToolInputError, {
  name: 'InvalidToolInputError',
  description: 'The input does not fit the tool, or the database that it is for. Nothing was written.',
  interfaces,
  fields: (t) => ({
    issues: t.field({
      type: [InputIssueRef],
      description: 'Every wrong place.',
      resolve: (error) => [...error.issues],
    }),
  }),
})

builder.objectType(AccountNotFoundError, {
  name: 'AccountNotFoundError',
  description: 'No account has this connection name and identifier.',
  interfaces,
})

builder.objectType(WrongConnectionError, {
  name: 'WrongConnectionError',
  description: 'The connection belongs to another connector than the tool. Nothing was sent.',
  interfaces,
  fields: (t) => ({
    connector: t.exposeString('connector', { description: 'The connector that the tool belongs to.' }),
    connectionNames: t.stringList({
      description: 'The connections of that connector, to pass as connectionName.',
      resolve: (error) => [...error.connectionNames],
    }),
  }),
})

builder.objectType(AccountNotActiveError, {
  name: 'AccountNotActiveError',
  description: 'The account exists and cannot be used now.',
  interfaces,
  fields: (t) => ({
    status: t.field({
      type: AccountStatusRef,
      description: 'Where the account stands.',
      resolve: (error) => error.status as AccountStatus,
    }),
    statusReason: t.field({
      type: StatusReasonRef,
      description: 'Why it stands there.',
      resolve: (error) => error.statusReason as StatusReason,
    }),
    authorizationLink: t.field({
      type: 'URL',
      nullable: true,
      description:
        'A single-use link to send the user to, as authorize gives one. Made when this field is asked for; null without the scope ACCOUNTS_WRITE.',
      resolve: async (error, _args, { accounts, viewer }) => {
        if (!viewer?.scopes.has('ACCOUNTS_WRITE')) return null
        if (viewer.identifier !== null && viewer.identifier !== error.identifier) return null
        const { link } = await beginAuthorization(accounts, viewer.environmentId, {
          connectionName: error.connectionName,
          identifier: error.identifier,
          returnUrl: null,
          state: null,
          expectedResources: [],
          allowUserChange: false,
        })
        return link
      },
    }),
  }),
})

builder.objectType(MissingCapabilityError, {
  name: 'MissingCapabilityError',
  description: 'The OAuth app lacks a capability at the provider, or the consent is older than the capability.',
  interfaces,
  fields: (t) => ({
    capability: t.field({
      type: CapabilityRef,
      description: 'What is missing.',
      resolve: (error) => error.capability as Capability,
    }),
  }),
})

builder.objectType(MissingScopeError, {
  name: 'MissingScopeError',
  description: "The OAuth app does not request the OAuth scope, or the user's consent does not cover it.",
  interfaces,
  fields: (t) => ({ scope: t.exposeString('scope', { description: 'The missing scope.' }) }),
})

builder.objectType(ResourceNotSharedError, {
  name: 'ResourceNotSharedError',
  description: 'The object exists and the user has not shared it with the connection.',
  interfaces,
  fields: (t) => ({
    resourceId: t.exposeString('resourceId', { description: "The provider's id of it." }),
    evidence: t.exposeString('evidence', { description: 'What shows that it exists.' }),
  }),
})

builder.objectType(ResourceNotFoundError, {
  name: 'ResourceNotFoundError',
  description: 'The object is not there, or in the trash.',
  interfaces,
  fields: (t) => ({
    resourceId: t.exposeString('resourceId', { description: "The provider's id of it." }),
    evidence: t.exposeString('evidence', { description: 'What shows that it is not there.' }),
  }),
})

builder.objectType(ResourceUnavailableError, {
  name: 'ResourceUnavailableError',
  description: 'The object is missing or not shared; the provider does not say which, and nothing else decides it.',
  interfaces,
  fields: (t) => ({ resourceId: t.exposeString('resourceId', { description: "The provider's id of it." }) }),
})

builder.objectType(WrongResourceTypeError, {
  name: 'WrongResourceTypeError',
  description: 'The id names an object of another kind than the tool takes.',
  interfaces,
  fields: (t) => ({
    resourceId: t.exposeString('resourceId', { description: "The provider's id of it." }),
    expected: t.exposeString('expected', { description: 'The kind that the tool takes.' }),
    actual: t.exposeString('actual', { description: 'The kind that it is.' }),
  }),
})

const DataSourceChoiceRef = builder
  .objectRef<AmbiguousDataSourceError['choices'][number]>('DataSourceChoice')
  .implement({
    description: 'A data source of a database that has several.',
    fields: (t) => ({
      id: t.exposeString('id', { description: 'Pass it as data_source.' }),
      name: t.exposeString('name', { description: 'Its name in the database.' }),
    }),
  })

builder.objectType(AmbiguousDataSourceError, {
  name: 'AmbiguousDataSourceError',
  description: 'The database has several data sources and the call named none.',
  interfaces,
  fields: (t) => ({
    choices: t.field({
      type: [DataSourceChoiceRef],
      description: 'The data sources to choose from.',
      resolve: (error) => [...error.choices],
    }),
  }),
})

builder.objectType(RateLimitedError, {
  name: 'RateLimitedError',
  description: "The provider's rate limit, or the account's share of it, is used up for the time that the call had.",
  interfaces,
})

builder.objectType(ProviderError, {
  name: 'ProviderError',
  description: 'The provider refused, was away or made no sense. Nothing was written.',
  interfaces,
  fields: (t) => ({
    status: t.exposeInt('status', { nullable: true, description: 'HTTP status; null where no answer came.' }),
    code: t.exposeString('code', { nullable: true, description: "The provider's own code, where it gave one." }),
    requestId: t.exposeString('requestId', {
      nullable: true,
      description: "The provider's id of the request, where it gave one.",
    }),
  }),
})

builder.objectType(OutcomeUnknownError, {
  name: 'OutcomeUnknownError',
  description: 'A write was sent and it is not known whether, or how much of it, was carried out.',
  interfaces,
  fields: (t) => ({
    committedIds: t.stringList({
      description: 'What is known to have been written.',
      resolve: (error) => [...error.committedIds],
    }),
  }),
})

builder.objectType(IdempotencyConflictError, {
  name: 'IdempotencyConflictError',
  description: 'The idempotency key was used before with another tool or input.',
  interfaces,
})
