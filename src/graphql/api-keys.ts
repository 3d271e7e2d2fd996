import { createApiKey, findApiKeysById, listApiKeys, revokeApiKey } from '../environments/api-keys.ts'
import { createUserSession } from '../environments/user-sessions.ts'
import { ApiKeyNotFoundError, InvalidInputError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import { isUuid } from '../uuid.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { identifierField, ruled } from './input-fields.ts'
import { loadById } from './loaders.ts'
import { ScopeRef, viewerOf } from './viewer.ts'

const ApiKeyRef = builder.loadableNodeRef(
  'ApiKey',
  loadById(({ environments }, { environmentId }, ids) => findApiKeysById(environments, environmentId, ids)),
)

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
      'Lists the API keys of the environment, newest first, including revoked and expired ones. At most 1000.',
    authScopes: access('Query.apiKeys'),
    resolve: async (_root, _args, context) => [
      ...(await listApiKeys(context.environments, viewerOf(context).environmentId)),
    ],
  }),
)

const CreateApiKeyPayload = builder.simpleObject('CreateApiKeyPayload', {
  description: 'New API key.',
  fields: (t) => ({
    apiKey: t.field({ type: ApiKeyRef, description: 'The key as it appears in lists.' }),
    secret: t.string({ description: 'The key itself. Returned only in this response.' }),
  }),
})

const RevokeApiKeyPayload = builder.simpleObject('RevokeApiKeyPayload', {
  description: 'Revoked API key.',
  fields: (t) => ({ apiKey: t.field({ type: ApiKeyRef, description: 'The key, which is refused from now on.' }) }),
})

const CreateUserSessionPayload = builder.simpleObject('CreateUserSessionPayload', {
  description: 'New user session.',
  fields: (t) => ({
    token: t.string({ description: "Token for the user's browser, which sends it as a bearer token." }),
    expiresAt: t.field({ type: 'DateTime', description: 'Time at which the session expires.' }),
  }),
})

builder.mutationFields((t) => ({
  createApiKey: t.fieldWithInput({
    type: CreateApiKeyPayload,
    description: 'Creates an API key. The key itself is returned only in this response.',
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
    },
    resolve: async (_root, { input }, context) => {
      const { apiKey, secret } = await createApiKey(context.environments, viewerOf(context).environmentId, {
        name: input.name,
        scopes: input.scopes,
        expiresAt: input.expiresAt ?? null,
      })
      return { apiKey, secret: secret.reveal() }
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
      const { typename, id } = input.id
      if (typename !== 'ApiKey' || !isUuid(id)) throw new ApiKeyNotFoundError()
      const { environmentId } = viewerOf(context)
      const apiKey = await revokeApiKey(context.environments, environmentId, id)
      context.environments.credentials.forget(id)
      return { apiKey }
    },
  }),
  createUserSession: t.fieldWithInput({
    type: CreateUserSessionPayload,
    description:
      "Creates a short-lived token for one user's browser. It can only see, authorize, watch and disconnect that user's accounts.",
    authScopes: access('Mutation.createUserSession'),
    errors: { types: [InvalidInputError] },
    typeOptions: { description: 'User and lifetime of the session.' },
    input: {
      identifier: t.input.string({
        ...identifierField,
        ...ruled(inputRules.identifier, 'The only identifier that the session may act for.'),
      }),
      expiresInSeconds: t.input.int({
        required: true,
        defaultValue: 900,
        ...ruled(inputRules.expiresInSeconds, 'Lifetime in seconds.'),
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { token, expiresAt } = await createUserSession(context.environments, viewerOf(context), input)
      return { token: token.reveal(), expiresAt }
    },
  }),
}))
