import { type ApiKey, createApiKey, findApiKeysById, listApiKeys, revokeApiKey } from '../environments/api-keys.ts'
import { createUserSession } from '../environments/user-sessions.ts'
import { ApiKeyNotFoundError, InvalidInputError } from '../errors.ts'
import { access, mayFetch } from './access.ts'
import { builder } from './builder.ts'
import { ScopeRef, viewerOf } from './viewer.ts'

const ApiKeyRef = builder.objectRef<ApiKey>('ApiKey')
builder.node(ApiKeyRef, {
  description: 'A credential of the application itself. The key is shown once, when it is created.',
  id: { resolve: (key) => key.id },
  loadOne: async (id, { viewer, environments }) => {
    if (!mayFetch(viewer, 'ApiKey') || !isUuid(id)) return null
    const [key] = await findApiKeysById(environments, viewer.environmentId, [id])
    return key ?? null
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is called in lists.' }),
    prefix: t.exposeString('prefix', { description: 'The beginning of the key, to recognise it by.' }),
    scopes: t.field({ type: [ScopeRef], description: 'What it may do.', resolve: (key) => [...key.scopes] }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to the minute; null when never.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'From when on it is refused; null when never.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null while it stands.',
    }),
  }),
})

builder.queryField('apiKeys', (t) =>
  t.field({
    type: [ApiKeyRef],
    description: 'The API keys of the environment, newest first, revoked and expired ones included; at most 1000.',
    authScopes: access('Query.apiKeys'),
    resolve: async (_root, _args, context) => [
      ...(await listApiKeys(context.environments, viewerOf(context).environmentId)),
    ],
  }),
)

const CreateApiKeyPayload = builder.simpleObject('CreateApiKeyPayload', {
  description: 'The new API key.',
  fields: (t) => ({
    apiKey: t.field({ type: ApiKeyRef, description: 'What it is listed as.' }),
    secret: t.string({ description: 'The key itself: in this answer once and never again.' }),
  }),
})

const RevokeApiKeyPayload = builder.simpleObject('RevokeApiKeyPayload', {
  description: 'The revoked API key.',
  fields: (t) => ({ apiKey: t.field({ type: ApiKeyRef, description: 'The key, which is refused from now on.' }) }),
})

const CreateUserSessionPayload = builder.simpleObject('CreateUserSessionPayload', {
  description: 'A new user session.',
  fields: (t) => ({
    token: t.string({ description: "Hand it to that user's browser, which sends it as a bearer token." }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it ends.' }),
  }),
})

builder.mutationFields((t) => ({
  createApiKey: t.fieldWithInput({
    type: CreateApiKeyPayload,
    description: 'The secret is in the answer once and never again.',
    authScopes: access('Mutation.createApiKey'),
    errors: { types: [InvalidInputError] },
    typeOptions: { description: 'What the new API key is to be.' },
    input: {
      name: t.input.string({ required: true, description: 'What it is called in lists, 1 to 100 characters.' }),
      scopes: t.input.field({ type: [ScopeRef], required: true, description: 'What it may do; at least one.' }),
      expiresAt: t.input.field({ type: 'DateTime', description: 'From when on it is refused; absent: never.' }),
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
    description: 'Ends an API key, the user sessions made with it and the subscriptions opened with either.',
    authScopes: access('Mutation.revokeApiKey'),
    errors: { types: [ApiKeyNotFoundError] },
    typeOptions: { description: 'Which API key to revoke.' },
    input: { id: t.input.globalID({ required: true, description: 'The id of an ApiKey.' }) },
    resolve: async (_root, { input }, context) => {
      const { typename, id } = input.id
      if (typename !== 'ApiKey' || !isUuid(id)) throw new ApiKeyNotFoundError()
      const { environmentId } = viewerOf(context)
      const apiKey = await revokeApiKey(context.environments, environmentId, id)
      context.accounts.events.publish([{ environmentId, accountId: null, transitionId: null }])
      return { apiKey }
    },
  }),
  createUserSession: t.fieldWithInput({
    type: CreateUserSessionPayload,
    description:
      "A short-lived token for one user's browser: it can authorize, watch and disconnect that user's accounts, and no more.",
    authScopes: access('Mutation.createUserSession'),
    errors: { types: [InvalidInputError] },
    typeOptions: { description: 'Whose session, and how long.' },
    input: {
      identifier: t.input.string({ required: true, description: 'The only identifier that it may act for.' }),
      expiresInSeconds: t.input.int({
        required: true,
        defaultValue: 900,
        description: 'How long it lasts, in seconds: 1 to 86400.',
      }),
    },
    resolve: async (_root, { input }, context) => {
      const { token, expiresAt } = await createUserSession(context.environments, viewerOf(context), input)
      return { token: token.reveal(), expiresAt }
    },
  }),
}))

const isUuid = (text: string) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
