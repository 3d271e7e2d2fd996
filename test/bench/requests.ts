/** Requests to one server that differ in their bodies, and what their answers must contain. Made before the load begins. */
export interface Requests {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly bodies: readonly {
    readonly body: string
    readonly expected: readonly string[]
    /** Instead of those of all requests. */
    readonly headers?: Readonly<Record<string, string>>
  }[]
}

/** Where a body has this text, each call puts a UUID of its own: a new idempotency key, for example. */
export const uniquePlaceholder = '00000000-0000-4000-8000-000000000000'

/** GraphQL requests: one for each set of variables, with the strings that its answer must contain. */
export function graphqlRequests(
  url: string,
  headers: Readonly<Record<string, string>>,
  query: string,
  calls: readonly { readonly variables: Readonly<Record<string, unknown>>; readonly expected: readonly string[] }[],
): Requests {
  return {
    url: `${url}/graphql`,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    bodies: calls.map(({ variables, expected }) => ({ body: JSON.stringify({ query, variables }), expected })),
  }
}
