import { encodeGlobalID } from '@pothos/plugin-relay'
import { createUserSession, revokeUserSession, revokeUserSessions } from '../environments/user-sessions.ts'
import { mayActOn } from '../environments/viewer.ts'
import { InvalidInputError, UserSessionNotFoundError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import { isUuid } from '../uuid.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { identifierField, ruled } from './input-fields.ts'
import { viewerOf } from './viewer.ts'

const CreateUserSessionPayload = builder.simpleObject('CreateUserSessionPayload', {
  description: 'New user session.',
  fields: (t) => ({
    sessionId: t.id({ description: 'ID of the session, to revoke it. It is also the actor of what the session does.' }),
    token: t.string({ description: "Token for the user's browser, which sends it as a bearer token." }),
    expiresAt: t.field({ type: 'DateTime', description: 'Time at which the session expires.' }),
  }),
})

const RevokeUserSessionPayload = builder.simpleObject('RevokeUserSessionPayload', {
  description: 'Revoked user session.',
  fields: (t) => ({ sessionId: t.id({ description: 'ID of the session, which is refused from now on.' }) }),
})

const RevokeUserSessionsPayload = builder.simpleObject('RevokeUserSessionsPayload', {
  description: 'Revoked user sessions of one identifier.',
  fields: (t) => ({ revokedCount: t.int({ description: 'Number of sessions that were valid and are refused now.' }) }),
})

builder.mutationFields((t) => ({
  createUserSession: t.fieldWithInput({
    type: CreateUserSessionPayload,
    description:
      "Creates a short-lived token for one user's browser. It can only see, authorize, watch and disconnect that user's accounts, and approve or reject their tool calls.",
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
      const { id, token, expiresAt } = await createUserSession(context.environments, viewerOf(context), input)
      return { sessionId: encodeGlobalID('UserSession', id), token: token.reveal(), expiresAt }
    },
  }),
  revokeUserSession: t.fieldWithInput({
    type: RevokeUserSessionPayload,
    description:
      'Revokes a user session and ends the subscriptions opened with it, for example when the user signs out.',
    authScopes: access('Mutation.revokeUserSession'),
    errors: { types: [UserSessionNotFoundError] },
    typeOptions: { description: 'User session to revoke.' },
    input: { id: t.input.globalID({ required: true, description: 'The sessionId that createUserSession returned.' }) },
    resolve: async (_root, { input }, context) => {
      const { typename, id } = input.id
      if (typename !== 'UserSession' || !isUuid(id)) throw new UserSessionNotFoundError()
      const viewer = viewerOf(context)
      const permitted = (identifier: string) => mayActOn(viewer, { identifier })
      await revokeUserSession(context.environments, viewer.environmentId, id, permitted)
      context.environments.credentials.forget(id)
      return { sessionId: encodeGlobalID('UserSession', id) }
    },
  }),
  revokeUserSessions: t.fieldWithInput({
    type: RevokeUserSessionsPayload,
    description: 'Revokes all user sessions of an identifier and ends the subscriptions opened with them.',
    authScopes: access('Mutation.revokeUserSessions'),
    errors: { types: [InvalidInputError] },
    typeOptions: { description: 'User whose sessions to revoke.' },
    input: { identifier: t.input.string(identifierField) },
    resolve: async (_root, { input }, context) => {
      const { environmentId } = viewerOf(context)
      const revoked = await revokeUserSessions(context.environments, environmentId, input.identifier)
      for (const id of revoked) context.environments.credentials.forget(id)
      return { revokedCount: revoked.length }
    },
  }),
}))
