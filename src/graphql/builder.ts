import SchemaBuilder from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import DataloaderPlugin from '@pothos/plugin-dataloader'
import ErrorsPlugin from '@pothos/plugin-errors'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import SimpleObjectsPlugin from '@pothos/plugin-simple-objects'
import WithInputPlugin from '@pothos/plugin-with-input'
import ZodPlugin from '@pothos/plugin-zod'
import type { GraphQLNamedType } from 'graphql'
import { GraphQLDateTime, GraphQLJSON, GraphQLJSONObject } from 'graphql-scalars'
import type { Scope } from '../environments/viewer.ts'
import { InvalidInputError } from '../errors.ts'
import { access, ruleOf } from './access.ts'
import type { GraphQLContext } from './context.ts'
import { badUserInput, forbidden, unauthenticated } from './protocol-errors.ts'
import { UrlScalar } from './url-scalar.ts'

/** The names that `authScopes` can ask for; see `access.ts` for which field asks for what. */
interface AuthScopes {
  /** Some valid credential. */
  readonly authenticated: boolean
  /** A credential with this scope. */
  readonly scope: Scope
  /** An API key: the application itself, not one user's browser. */
  readonly application: boolean
  /** A credential that may act for this identifier: an API key, or the user session of that very identifier. */
  readonly actsFor: string
}

const upperFirst = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)

/**
 * The schema builder. Plugins wrap in this order, the first outermost: a caller without rights learns of that and not
 * of validation, and errors are turned into members of result unions before the loaders see them.
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
    DataloaderPlugin,
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
      actsFor: (identifier) => viewer !== null && (viewer.identifier === null || viewer.identifier === identifier),
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
      description: 'What was asked for, or the reason why there is none.',
    },
  },
  zod: {
    validationError: (error) =>
      new InvalidInputError(
        error.issues.map((issue) => ({
          path: issue.path.filter((part) => part !== 'input').join('.'),
          message: issue.message,
        })),
      ),
  },
  relay: {
    cursorType: 'String',
    nodeTypeOptions: {
      description: 'An object that can be fetched again by its id (Relay global object identification).',
    },
    pageInfoTypeOptions: { description: 'Where a page of a connection begins and ends (Relay cursor connections).' },
    nodeQueryOptions: {
      description: 'The object with this id, or null when there is none that the credential may see.',
      args: { id: { description: 'The id of any object that implements Node.' } },
      authScopes: access('Query.node'),
      resolve: (_root, { id }, _context, info, resolveNode) =>
        isNodeType(info.schema.getType(id.typename)) ? resolveNode(id) : null,
    },
    nodesQueryOptions: false,
    nodesOnConnection: {
      description: 'The items of this page, for those who need no cursors.',
      complexity: { field: 1, multiplier: 1 },
    },
    idFieldOptions: { description: 'Opaque, stable, unique over all types.' },
    decodeGlobalID: decodeGlobalId,
    // The connection itself has multiplied by `first`.
    edgesFieldOptions: {
      description: 'The items of this page with their cursors.',
      complexity: { field: 1, multiplier: 1 },
    },
    nodeFieldOptions: { description: 'The item.' },
    cursorFieldOptions: { description: 'Pass it as `after` to go on behind this item.' },
    pageInfoFieldOptions: { description: 'Whether there is more, and the cursor to go on with.' },
    hasNextPageFieldOptions: { description: 'Whether there are items behind this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether there are items before this page.' },
    startCursorFieldOptions: { description: "The first item's cursor; null on an empty page." },
    endCursorFieldOptions: { description: "The last item's cursor; null on an empty page." },
  },
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 10,
    limit: { complexity: 20_000, depth: 15, breadth: 400 },
    complexityError: (kind, { depth, breadth, complexity, maxDepth, maxBreadth, maxComplexity }) =>
      badUserInput(
        `The document is too large: its ${kind.toLowerCase()} is over the limit. It has complexity ${complexity} of ${maxComplexity}, depth ${depth} of ${maxDepth}, breadth ${breadth} of ${maxBreadth}. Ask for fewer fields or shorter lists.`,
        'COMPLEXITY_LIMIT',
      ),
  },
  withInput: {
    typeOptions: { name: ({ fieldName }) => `${upperFirst(fieldName)}Input` },
    argOptions: { description: 'Everything that the operation takes.' },
  },
})

builder.addScalarType('DateTime', GraphQLDateTime)
builder.addScalarType('JSON', GraphQLJSON)
builder.addScalarType('JSONObject', GraphQLJSONObject)
builder.addScalarType('URL', UrlScalar)

builder.queryType({ description: 'Everything that can be read.' })
builder.mutationType({ description: 'Everything that can be changed. A document may run one tool.' })
builder.subscriptionType({ description: 'What can be watched, over server-sent events.' })

/** Ids name their types: one that names a type without nodes is the id of nothing. */
const isNodeType = (type: GraphQLNamedType | undefined) =>
  type !== undefined && 'getInterfaces' in type && type.getInterfaces().some(({ name }) => name === 'Node')

function decodeGlobalId(id: string): { typename: string; id: string } {
  const decoded = Buffer.from(id, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 1) throw badUserInput(`"${id.slice(0, 100)}" is not an id of this API: take one from an id field.`)
  return { typename: decoded.slice(0, colon), id: decoded.slice(colon + 1) }
}
