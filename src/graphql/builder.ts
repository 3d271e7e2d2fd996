import SchemaBuilder from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import ErrorsPlugin from '@pothos/plugin-errors'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import SimpleObjectsPlugin from '@pothos/plugin-simple-objects'
import WithInputPlugin from '@pothos/plugin-with-input'
import ZodPlugin from '@pothos/plugin-zod'
import type { GraphQLNamedType } from 'graphql'
import { GraphQLDateTime, GraphQLJSON, GraphQLJSONObject } from 'graphql-scalars'
import { permitsAll } from '../environments/narrowing.ts'
import { mayActOn } from '../environments/viewer.ts'
import { type AuthScopes, access, mayFetch, ruleOf } from './access.ts'
import type { GraphQLContext } from './context.ts'
import { invalidInput } from './input-fields.ts'
import { badUserInput, documentTooLarge, forbidden, unauthenticated } from './protocol-errors.ts'
import { UrlScalar } from './url-scalar.ts'

const upperFirst = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)

/**
 * The schema builder. The first plugin of the list wraps all others: a caller without rights gets FORBIDDEN before its
 * arguments are validated, and errors of validation become members of result unions.
 */
export const builder = new SchemaBuilder<{
  Context: GraphQLContext
  AuthScopes: AuthScopes
  DefaultFieldNullability: false
  DefaultEdgesNullability: false
  DefaultNodeNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: unknown; Output: unknown }
    JSONObject: { Input: Record<string, unknown>; Output: Record<string, unknown> }
    URL: { Input: URL; Output: string | URL }
  }
}>({
  plugins: [
    ScopeAuthPlugin,
    ErrorsPlugin,
    ZodPlugin,
    RelayPlugin,
    ComplexityPlugin,
    SimpleObjectsPlugin,
    WithInputPlugin,
  ],
  defaultFieldNullability: false,
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ viewer }) => ({
      authenticated: viewer !== null,
      scope: (scope) => viewer?.scopes.has(scope) ?? false,
      application: viewer?.credential.kind === 'api_key',
      actsOn: (on) => viewer !== null && mayActOn(viewer, on),
      actsOnAll: (what) => viewer !== null && permitsAll(viewer.narrowing, what),
      session: viewer?.credential.kind === 'user_session',
    }),
    unauthorizedError: (_parent, { viewer }, info) =>
      viewer === null
        ? unauthenticated()
        : forbidden(viewer, info.fieldName, ruleOf(info.parentType.name, info.fieldName)),
  },
  errors: {
    directResult: true,
    defaultUnionOptions: {
      name: ({ fieldName }) => `${upperFirst(fieldName)}Result`,
      description: 'The payload, or the error that explains why there is none.',
    },
  },
  zod: {
    validationError: (error, _args, _context, info) => invalidInput(error, info),
  },
  relay: {
    cursorType: 'String',
    nodeTypeOptions: {
      description: 'Object that can be fetched by its ID with `node` (Relay global object identification).',
    },
    pageInfoTypeOptions: { description: 'Bounds of one page of a connection (Relay cursor connections).' },
    nodeQueryOptions: {
      description: 'Returns the object with this ID. Null if it does not exist or the credential may not read it.',
      args: { id: { description: 'ID of an object that implements Node, from its `id` field.' } },
      authScopes: access('Query.node'),
      resolve: (_root, { id }, { viewer }, info, resolveNode) =>
        isNodeType(info.schema.getType(id.typename)) && mayFetch(viewer, id.typename) ? resolveNode(id) : null,
    },
    nodesQueryOptions: false,
    nodesOnConnection: {
      description: 'Items of this page, without cursors.',
      complexity: { field: 1, multiplier: 1 },
    },
    idFieldOptions: { description: 'Opaque ID that never changes and is unique across all types.' },
    decodeGlobalID: decodeGlobalId,
    // The complexity of the connection field is already multiplied by `first`.
    edgesFieldOptions: {
      description: 'Items of this page with their cursors.',
      complexity: { field: 1, multiplier: 1 },
    },
    nodeFieldOptions: { description: 'The item itself.' },
    cursorFieldOptions: { description: 'Cursor of this item. Pass it as `after` to get the items that follow.' },
    pageInfoFieldOptions: { description: 'Whether more pages exist, and the cursor for the next page.' },
    hasNextPageFieldOptions: { description: 'Whether items follow this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether items precede this page.' },
    startCursorFieldOptions: { description: 'Cursor of the first item. Null on an empty page.' },
    endCursorFieldOptions: { description: 'Cursor of the last item, for the next page. Null on an empty page.' },
  },
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 10,
    limit: { complexity: 20_000, depth: 15, breadth: 400 },
    complexityError: (kind, { depth, breadth, complexity, maxDepth, maxBreadth, maxComplexity }) =>
      documentTooLarge(
        `The ${kind.toLowerCase()} of the document exceeds the limit. It has complexity ${complexity} of ${maxComplexity}, depth ${depth} of ${maxDepth}, breadth ${breadth} of ${maxBreadth}. Select fewer fields or shorter lists.`,
      ),
  },
  withInput: {
    typeOptions: { name: ({ fieldName }) => `${upperFirst(fieldName)}Input` },
    argOptions: { description: 'Input of the operation.' },
  },
})

builder.addScalarType('DateTime', GraphQLDateTime)
builder.addScalarType('JSON', GraphQLJSON)
builder.addScalarType('JSONObject', GraphQLJSONObject)
builder.addScalarType('URL', UrlScalar)

builder.queryType({ description: 'Operations that read.' })
builder.mutationType({ description: 'Operations that change something. A document may run at most one tool.' })
builder.subscriptionType({
  description: 'Streams of changes, delivered as server-sent events, multipart or over WebSocket.',
})

/** IDs contain the name of their type, which may be a type whose objects cannot be fetched. */
const isNodeType = (type: GraphQLNamedType | undefined) =>
  type !== undefined && 'getInterfaces' in type && type.getInterfaces().some(({ name }) => name === 'Node')

function decodeGlobalId(id: string): { typename: string; id: string } {
  const decoded = Buffer.from(id, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 1) throw badUserInput('The ID is not valid. Pass the value of an `id` field.')
  return { typename: decoded.slice(0, colon), id: decoded.slice(colon + 1) }
}
