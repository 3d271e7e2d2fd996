import { GraphQLError, GraphQLScalarType, Kind } from 'graphql'
import { GraphQLURL } from 'graphql-scalars'

/** URLs by the WHATWG standard. The scalar of the library throws a TypeError for an invalid variable: a server error. */
export const UrlScalar = new GraphQLScalarType<URL, string>({
  ...GraphQLURL.toConfig(),
  parseValue: parse,
  parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : null),
  serialize: (value) => String(value),
})

function parse(value: unknown): URL {
  if (typeof value === 'string' && URL.canParse(value)) return new URL(value)
  throw new GraphQLError('A URL must be absolute, such as https://app.example.com/done.', {
    extensions: { code: 'BAD_USER_INPUT' },
  })
}
