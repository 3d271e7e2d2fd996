import {
  createApiKey,
  findApiKeysById,
  isWithin,
  listApiKeys,
  narrowApiKey,
  revokeApiKey,
} from '../environments/api-keys.ts'
import { type Narrowing, narrowingFields, notNarrowed } from '../environments/narrowing.ts'
import { denyingToolPolicy } from '../environments/tool-policy.ts'
import { createStreamTicket } from '../environments/user-sessions.ts'
import { ApiKeyNotFoundError, InvalidInputError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import { isUuid } from '../uuid.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { ruled } from './input-fields.ts'
import { nodeById } from './loaders.ts'
import { type PolicyInputBuilder, policyInputs, requireKnownTools, ToolPolicyRef } from './tool-policy.ts'
import { ScopeRef, viewerOf } from './viewer.ts'

/** What an API key is narrowed to, for each field with a list: its rule and its meaning. */
const narrowed = {
  connectionNames: ruled(inputRules.permittedConnectionNames, 'Connection names that the key may use.'),
  identifiers: ruled(inputRules.permittedIdentifiers, 'Identifiers that the key may act for.'),
  identifierPrefixes: ruled(
    inputRules.permittedIdentifierPrefixes,
    'The key may also act for identifiers that start with one of these.',
  ),
  networks: ruled(
    inputRules.permittedNetworks,
    'Addresses and networks (such as 10.0.0.0/8) that the key must be used from. Not for its user sessions.',
  ),
}

/** Returns the set fields of an input. */
const narrowingOf = (input: object) =>
  Object.fromEntries(
    narrowingFields.flatMap((field) => {
      const value = (input as Readonly<Record<string, unknown>>)[field]
      return value == null || value === false ? [] : [[field, value]]
    }),
  ) as Partial<Narrowing>

/** The fields of an input that narrows a key. */
const narrowingInputs = (t: PolicyInputBuilder) => ({
  connectionNames: t.stringList(narrowed.connectionNames),
  identifiers: t.stringList(narrowed.identifiers),
  identifierPrefixes: t.stringList(narrowed.identifierPrefixes),
  networks: t.stringList(narrowed.networks),
  ...policyInputs(t),
})

const ApiKeyRef = nodeById('ApiKey', async ({ environments }, { environmentId, narrowing }, ids) => {
  const found = await findApiKeysById(environments, environmentId, ids)
  return found.filter((key) => isWithin(key, narrowing))
})

ApiKeyRef.implement({
  description: 'Credential of the application itself. The key is returned once, when it is created.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name shown in lists.' }),
    prefix: t.exposeString('prefix', { description: 'First characters of the key, to recognize it by.' }),
    scopes: t.field({
      type: [ScopeRef],
      description: 'Scopes of the key. ADMIN includes all others.',
      resolve: (key) => [...key.scopes],
    }),
    ...(Object.fromEntries(
      (Object.keys(narrowed) as (keyof typeof narrowed)[]).map((field) => [
        field,
        t.stringList({
          nullable: true,
          description: `${narrowed[field].description} Null if the key is not narrowed to any.`,
          resolve: ({ narrowing }) => narrowing?.[field]?.slice() ?? null,
        }),
      ]),
    ) as Record<keyof typeof narrowed, never>),
    toolNames: t.stringList({
      nullable: true,
      description: 'Tools that the key may call. Null if the key is not narrowed to any.',
      resolve: ({ narrowing }) => narrowing?.toolNames?.slice() ?? null,
    }),
    toolPolicy: t.field({
      type: ToolPolicyRef,
      description: 'Tools that the key may call, and calls that need an approval.',
      resolve: ({ narrowing }) => narrowing ?? denyingToolPolicy,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time of creation.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time of the last use, accurate to one minute. Null if never used.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time from which the key is refused. Null if it does not expire.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time of revocation. Null if not revoked.',
    }),
  }),
})

builder.queryField('apiKeys', (t) =>
  t.field({
    type: [ApiKeyRef],
    description:
      'Lists the API keys of the environment: those that can be used, then revoked and expired ones, each newest first. At most 1000. A narrowed key lists only keys that permit no more than it does.',
    authScopes: access('Query.apiKeys'),
    resolve: async (_root, _args, context) => {
      const { environmentId, narrowing } = viewerOf(context)
      return (await listApiKeys(context.environments, environmentId)).filter((key) => isWithin(key, narrowing))
    },
  }),
)

const CreateApiKeyPayload = builder.simpleObject('CreateApiKeyPayload', {
  description: 'New API key.',
  fields: (t) => ({
    apiKey: t.field({ type: ApiKeyRef, description: 'The key as it appears in lists.' }),
    secret: t.string({ description: 'The key itself. Returned only in this response.' }),
  }),
})

const NarrowApiKeyPayload = builder.simpleObject('NarrowApiKeyPayload', {
  description: 'Narrowed API key.',
  fields: (t) => ({ apiKey: t.field({ type: ApiKeyRef, description: 'The key as it is from now on.' }) }),
})

const RevokeApiKeyPayload = builder.simpleObject('RevokeApiKeyPayload', {
  description: 'Revoked API key.',
  fields: (t) => ({ apiKey: t.field({ type: ApiKeyRef, description: 'The key, which is refused from now on.' }) }),
})

function apiKeyId({ typename, id }: { readonly typename: string; readonly id: string }): string {
  if (typename !== 'ApiKey' || !isUuid(id)) throw new ApiKeyNotFoundError()
  return id
}

const CreateStreamTicketPayload = builder.simpleObject('CreateStreamTicketPayload', {
  description: 'New stream ticket.',
  fields: (t) => ({
    ticket: t.string({ description: 'Value of the parameter `ticket` of a GET request to /graphql.' }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'Time from which the ticket opens no stream. Streams that it opened end with the user session.',
    }),
  }),
})

builder.mutationFields((t) => ({
  createStreamTicket: t.fieldWithInput({
    type: CreateStreamTicketPayload,
    description:
      'Creates a ticket with which the browser of this user session opens a subscription by EventSource, which sends no Authorization header. It is accepted for at most 60 seconds, for subscriptions only. Requires a user session.',
    authScopes: access('Mutation.createStreamTicket'),
    errors: { types: [InvalidInputError] },
    typeOptions: { description: 'Lifetime of the ticket.' },
    input: {
      expiresInSeconds: t.input.int({
        required: true,
        defaultValue: 60,
        ...ruled(
          inputRules.ticketExpiresInSeconds,
          'Lifetime in seconds. The ticket expires with the session as well.',
        ),
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { ticket, expiresAt } = await createStreamTicket(context.environments, viewerOf(context), input)
      return { ticket: ticket.reveal(), expiresAt }
    },
  }),
  createApiKey: t.fieldWithInput({
    type: CreateApiKeyPayload,
    description:
      'Creates an API key. The key itself is returned only in this response. A narrowed key must not create one that permits more than it does.',
    authScopes: access('Mutation.createApiKey'),
    errors: { types: [InvalidInputError] },
    typeOptions: { description: 'Properties of the new API key.' },
    input: {
      name: t.input.string({ required: true, ...ruled(inputRules.apiKeyName, 'Name shown in lists.') }),
      scopes: t.input.field({
        type: [ScopeRef],
        required: true,
        ...ruled(inputRules.apiKeyScopes, 'Scopes of the key.'),
      }),
      expiresAt: t.input.field({
        type: 'DateTime',
        description: 'Time from which the key is refused. Must be in the future. Default: it does not expire.',
      }),
      ...narrowingInputs(t.input),
    },
    resolve: async (_root, { input }, context) => {
      const { environmentId, narrowing } = viewerOf(context)
      const { name, scopes, expiresAt = null } = input
      requireKnownTools(context, input)
      const key = { name, scopes, expiresAt, narrowing: { ...notNarrowed, ...narrowingOf(input) } }
      const { apiKey, secret } = await createApiKey(context.environments, environmentId, key, narrowing)
      return { apiKey, secret: secret.reveal() }
    },
  }),
  narrowApiKey: t.fieldWithInput({
    type: NarrowApiKeyPayload,
    description:
      'Narrows an API key. Fields that are not set stay as they are; the others must be within what the key permits now. Ends the subscriptions opened with the key.',
    authScopes: access('Mutation.narrowApiKey'),
    errors: { types: [ApiKeyNotFoundError, InvalidInputError] },
    typeOptions: { description: 'API key to narrow, and what it may still be used for.' },
    input: {
      id: t.input.globalID({ required: true, description: 'ID of an ApiKey.' }),
      ...narrowingInputs(t.input),
    },
    resolve: async (_root, { input }, context) => {
      const { environmentId, narrowing } = viewerOf(context)
      const id = apiKeyId(input.id)
      requireKnownTools(context, input)
      const apiKey = await narrowApiKey(context.environments, environmentId, id, narrowingOf(input), narrowing)
      context.environments.credentials.forget(id)
      return { apiKey }
    },
  }),
  revokeApiKey: t.fieldWithInput({
    type: RevokeApiKeyPayload,
    description:
      'Revokes an API key and ends the user sessions created with it and the subscriptions opened with either.',
    authScopes: access('Mutation.revokeApiKey'),
    errors: { types: [ApiKeyNotFoundError] },
    typeOptions: { description: 'API key to revoke.' },
    input: { id: t.input.globalID({ required: true, description: 'ID of an ApiKey.' }) },
    resolve: async (_root, { input }, context) => {
      const { environmentId, narrowing } = viewerOf(context)
      const id = apiKeyId(input.id)
      const apiKey = await revokeApiKey(context.environments, environmentId, id, narrowing)
      context.environments.credentials.forget(id)
      return { apiKey }
    },
  }),
}))
