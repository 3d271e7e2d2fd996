import { type Scope, scopes, type Viewer } from '../environments/viewer.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { describedEnum } from './described-enum.ts'
import { unauthenticated } from './protocol-errors.ts'

/** The GraphQL enum of {@link Scope}. */
export const ScopeRef = describedEnum<Scope>('Scope', 'Permission of a credential.', scopes)

/** The tenant of the viewer's credential. */
interface EnvironmentModel {
  readonly id: string
  readonly name: string
}

const EnvironmentRef = builder.objectRef<EnvironmentModel>('Environment')
builder.node(EnvironmentRef, {
  description: 'Isolated tenant with its own OAuth apps, connected accounts, keys and logs.',
  id: { resolve: (environment) => environment.id },
  loadOne: (id, { viewer }) =>
    viewer?.environmentId === id ? { id: viewer.environmentId, name: viewer.environmentName } : null,
  fields: (t) => ({ name: t.exposeString('name', { description: 'Name of the environment, unique on this server.' }) }),
})

const ViewerRef = builder.objectRef<Viewer>('Viewer').implement({
  description: 'The credential in the Authorization header and what it may do.',
  fields: (t) => ({
    environment: t.field({
      type: EnvironmentRef,
      description: 'Tenant that all objects of this request belong to.',
      resolve: (viewer) => ({ id: viewer.environmentId, name: viewer.environmentName }),
    }),
    scopes: t.field({
      type: [ScopeRef],
      description: 'Scopes of the credential. ADMIN includes all others.',
      resolve: (viewer) => [...viewer.scopes],
    }),
    identifier: t.exposeString('identifier', {
      nullable: true,
      description: 'The only identifier that a user session may act for. Null for an API key.',
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerRef,
    description: 'Returns the credential of this request.',
    authScopes: access('Query.viewer'),
    resolve: (_root, _args, { viewer }) => viewerOf({ viewer }),
  }),
)

/** Returns the viewer of a request. Throws UNAUTHENTICATED if it has none. */
export function viewerOf(context: { readonly viewer: Viewer | null }): Viewer {
  if (context.viewer === null) throw unauthenticated()
  return context.viewer
}
