import { GraphQLError, GraphQLScalarType, Kind } from 'graphql'
import { GraphQLURL } from 'graphql-scalars'

/** URLs by the WHATWG standard. The library's own throws a TypeError for a wrong variable, which reads as a fault of the server. */
export const UrlScalar = new GraphQLScalarType<URL, string>({
  ...GraphQLURL.toConfig(),
  parseValue: parse,
  parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : null),
  serialize: (value) => String(value),
})

function parse(value: unknown): URL {
  if (typeof value === 'string' && URL.canParse(value)) return new URL(value)
  throw new GraphQLError('A URL has to be absolute, such as https://app.example.com/done.', {
    extensions: { code: 'BAD_USER_INPUT' },
  })
}
