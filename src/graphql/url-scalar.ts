import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql'
import { GraphQLURL } from 'graphql-scalars'
import { isWrittenWhole } from '../application-url.ts'

/**
 * URLs by the WHATWG standard, of those that it does not rewrite. The scalar of the library throws a TypeError for an invalid
 * variable: a server error.
 */
export const UrlScalar = new GraphQLScalarType<URL, string>({
  ...GraphQLURL.toConfig(),
  parseValue: (value) => parse(value),
  parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : null, node),
  serialize: (value) => String(value),
})

function parse(value: unknown, node: ValueNode | null = null): URL {
  const isAbsolute = typeof value === 'string' && URL.canParse(value)
  if (isAbsolute && isWrittenWhole(value)) return new URL(value)
  const message = isAbsolute
    ? 'A URL must be written as it is called: no blanks, control characters, backslashes, dot segments or empty user name.'
    : 'A URL must be absolute, such as https://app.example.com/done.'
  throw new GraphQLError(message, { nodes: node, extensions: { code: 'BAD_USER_INPUT' } })
}
