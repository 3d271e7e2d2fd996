import {
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isUnionType,
} from 'graphql'
import { camelCase } from '../graphql/tools/names.ts'
import type { AnyTool } from '../tools/tool.ts'
import { typeLink } from './graphql.ts'
import { anchorOf, code, page, table } from './markdown.ts'

/** Errors of a whole request: what `extensions.code` can be, with its meaning. */
export const requestErrors: Readonly<Record<string, string>> = {
  UNAUTHENTICATED:
    'The request has no valid credential. `extensions.reason` is `malformed`, `unknown`, `expired`, `revoked` or `changed`; absent without a credential. Get a new session or key; the same credential does not work again.',
  FORBIDDEN:
    'The credential is valid, and its scopes, its limits or its network do not allow this. The message names what is missing.',
  THROTTLED:
    'Too many requests, streams or subscriptions for one credential or address. Wait for the time in the header `Retry-After` and in the message.',
  NOT_FOUND: 'The object does not exist in the environment of the credential.',
  BAD_USER_INPUT: 'An argument or a variable is invalid. Nothing was executed for this field.',
  BAD_REQUEST: 'The request is not GraphQL over HTTP: a malformed target, body or parameter.',
  GRAPHQL_PARSE_FAILED: 'The document has a syntax error.',
  GRAPHQL_VALIDATION_FAILED:
    'The document does not fit the schema, for example after an upgrade of the schema or with a mistyped field.',
  COMPLEXITY_LIMIT: 'The document asks for too much at once. Ask for fewer fields or smaller pages.',
  REQUEST_ENTITY_TOO_LARGE: 'The body is larger than 1 MB.',
  SERVICE_UNAVAILABLE:
    'The server cannot reach its database, or a service that it needs. Make the same request again in a moment. The details are in the log of the server, under `extensions.requestId`.',
  INTERNAL_SERVER_ERROR: 'A fault of Valetkey. Its details are in the log of the server, under `extensions.requestId`.',
}

/** Returns the catalogue of errors: docs/reference/errors.md. */
export function errorsPage(schema: GraphQLSchema, tools: readonly AnyTool[]): string {
  const [error, toolError] = [interfaceOf(schema, 'Error'), interfaceOf(schema, 'ToolError')]
  // Described once, at the interfaces.
  const common = new Set([error, toolError].flatMap((each) => Object.keys(each.getFields())))
  const errors = schema.getPossibleTypes(error).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const typedFields = new Set(tools.map(({ name }) => camelCase(name)))
  return page(
    'Errors',
    'Expected failures are types of the result union of an operation: select them with `... on Error { message }`, or by their names for their fields. For tools, [`ToolError`](types.md#toolerror) has what to do next. Everything else is an error of the whole request.',
    '## Results',
    ...errors.flatMap((type) => {
      const fields = Object.values(type.getFields()).filter(({ name }) => !common.has(name))
      return [
        `### ${type.name}`,
        (type.description ?? '').trim(),
        ...(fields.length > 0
          ? [
              table(
                ['Field', 'Type', 'Meaning'],
                fields.map((field) => [code(field.name), typeLink(field.type, 'types.md'), field.description ?? '']),
              ),
            ]
          : []),
        occurrences(type, schema, typedFields),
      ]
    }),
    '## Requests',
    'The response has `errors`, and `extensions.code` is one of these. With the content type `application/graphql-response+json`, the HTTP status differs as well.',
    table(
      ['Code', 'Meaning'],
      Object.entries(requestErrors).map(([name, meaning]) => [code(name), meaning]),
    ),
  )
}

/** Where an error can occur. Tools are one entry: the page of the tools lists the errors of each. */
function occurrences(error: GraphQLObjectType, schema: GraphQLSchema, typedFields: ReadonlySet<string>): string {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  const fields = roots
    .flatMap((root) => Object.values(root?.getFields() ?? {}))
    .filter(({ type }) => {
      const named = getNamedType(type)
      return isUnionType(named) && named.getTypes().includes(error)
    })
    .map(({ name }) => name)
  const named = fields
    .filter((name) => !typedFields.has(name))
    .map((name) => `[${code(name)}](operations.md#${anchorOf(name)})`)
  const typed = fields.length - named.length
  const all = typed === typedFields.size ? 'the typed fields of all tools' : `the typed fields of ${typed} tools`
  return `Occurs in ${[...named, ...(typed > 0 ? [all] : [])].join(', ')}.`
}

function interfaceOf(schema: GraphQLSchema, name: string): GraphQLInterfaceType {
  const type = schema.getType(name)
  if (!isInterfaceType(type)) throw new Error(`The schema has no interface ${name}.`)
  return type
}
