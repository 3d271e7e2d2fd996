import { type Scope, scopes, type Viewer } from '../environments/viewer.ts'
import { access, mayFetch } from './access.ts'
import { builder } from './builder.ts'
import { describedEnum } from './described-enum.ts'
import { unauthenticated } from './protocol-errors.ts'

/** The GraphQL enum of {@link Scope}. */
export const ScopeRef = describedEnum<Scope>('Scope', 'What a credential may do.', scopes)

/** A tenant, as the viewer's credential names it. */
interface EnvironmentModel {
  readonly id: string
  readonly name: string
}

const EnvironmentRef = builder.objectRef<EnvironmentModel>('Environment')
builder.node(EnvironmentRef, {
  description: 'An isolated tenant: its own OAuth apps, connected accounts, keys and logs.',
  id: { resolve: (environment) => environment.id },
  loadOne: (id, { viewer }) =>
    mayFetch(viewer, 'Environment') && viewer.environmentId === id
      ? { id: viewer.environmentId, name: viewer.environmentName }
      : null,
  fields: (t) => ({ name: t.exposeString('name', { description: 'Unique on this server.' }) }),
})

const ViewerRef = builder.objectRef<Viewer>('Viewer').implement({
  description: 'What the credential in the Authorization header is and may do.',
  fields: (t) => ({
    environment: t.field({
      type: EnvironmentRef,
      description: 'The tenant that everything in this request belongs to.',
      resolve: (viewer) => ({ id: viewer.environmentId, name: viewer.environmentName }),
    }),
    scopes: t.field({
      type: [ScopeRef],
      description: 'What the credential may do; ADMIN comes with all the others.',
      resolve: (viewer) => [...viewer.scopes],
    }),
    identifier: t.exposeString('identifier', {
      nullable: true,
      description: 'Set when the credential is a user session: the only identifier that it may act for.',
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerRef,
    description: 'Who is calling.',
    authScopes: access('Query.viewer'),
    resolve: (_root, _args, { viewer }) => viewerOf({ viewer }),
  }),
)

/** The viewer of a request whose field has been authorized. */
export function viewerOf(context: { readonly viewer: Viewer | null }): Viewer {
  if (context.viewer === null) throw unauthenticated()
  return context.viewer
}
