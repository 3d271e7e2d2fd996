import { AsyncLocalStorage } from 'node:async_hooks'
import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor'
import { type GraphQLError, type GraphQLSchema, NoSchemaIntrospectionCustomRule, type ValidationRule } from 'graphql'
import { createGraphQLError, createYoga, type Plugin } from 'graphql-yoga'
import type { Viewer } from '../environments/viewer.ts'
import { ValetkeyError } from '../errors.ts'
import type { GraphQLContext } from '../graphql/context.ts'
import { badUserInput } from '../graphql/protocol-errors.ts'
import type { Log } from '../log.ts'

/** The largest request body, in bytes. Notion takes 500 KB; this leaves room for the envelope and for files as base64. */
export const largestBody = 1_000_000

/** Who calls and under which request id; known before GraphQL begins. */
export interface RequestContext {
  readonly viewer: Viewer | null
  readonly requestId: string
}

/** GraphQL over HTTP at /graphql, with subscriptions by server-sent events. */
export type GraphQLHandler = (request: Request, context: RequestContext) => Promise<Response>

/**
 * Serves the schema by the GraphQL-over-HTTP specification. GraphiQL is served from here without third-party assets, in
 * development only. Documents are bounded in depth, aliases, directives and tokens before they are executed; batches,
 * mutations over GET and multipart bodies are refused. Errors that nobody foresaw are logged and answered with
 * INTERNAL_SERVER_ERROR and the request's id.
 */
export function createGraphQLHandler(options: {
  readonly schema: GraphQLSchema
  readonly development: boolean
  readonly log: Log
  /** Validation rules beside those of the specification. */
  readonly rules: readonly ValidationRule[]
  readonly context: (request: Request, viewer: Viewer | null) => GraphQLContext
}): GraphQLHandler {
  const { schema, development, log } = options
  const yoga = createYoga<RequestContext, GraphQLContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    multipart: false,
    batching: false,
    logging: false,
    maxRequestBodySize: largestBody,
    // The router's: it answers for GraphQL in some cases, and browsers have to be able to read those answers too.
    cors: false,
    graphiql: development && {
      title: 'Valetkey',
      defaultQuery: firstQuery,
      headers: JSON.stringify({ Authorization: 'Bearer ' }, null, 2),
      shouldPersistHeaders: true,
    },
    // Nine megabytes that only development needs.
    ...(development && {
      renderGraphiQL: async (settings) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(settings),
    }),
    context: ({ request, viewer }) => options.context(request, viewer),
    maskedErrors: { maskError: (error) => presentError(error, log) },
    plugins: [
      EnvelopArmorPlugin({
        maxDepth: { n: 15 },
        maxAliases: { n: 15 },
        maxDirectives: { n: 50 },
        maxTokens: { n: 3_000 },
        costLimit: { maxCost: 20_000 },
        blockFieldSuggestion: { enabled: !development },
      }),
      withRules([...options.rules, ...(development ? [] : [NoSchemaIntrospectionCustomRule])]),
    ],
  })
  return async (request, context) => {
    const refusal = refusedRequest(request)
    if (refusal !== null) return refusal
    const response = await requestIds.run(context.requestId, () => yoga.fetch(request, context))
    return response.status === 406 ? badRequest(406, acceptRule) : response
  }
}

const acceptRule =
  'A query or mutation takes "accept: application/graphql-response+json" or "application/json", a subscription "accept: text/event-stream".'

/** What the library would refuse without a word, or take for a fault of the server. */
function refusedRequest(request: Request): Response | null {
  if (request.method === 'POST') {
    return isJson(request.headers.get('content-type'))
      ? null
      : badRequest(
          415,
          'A POST takes "content-type: application/json" and a body such as {"query": "{ viewer { scopes } }"}.',
        )
  }
  const { searchParams } = new URL(request.url)
  const wrong = ['variables', 'extensions'].find((name) => !isJsonText(searchParams.get(name) || 'null'))
  return wrong === undefined ? null : badRequest(400, `The parameter ${wrong} is not valid JSON.`)
}

/** The media types of GraphQL over HTTP; forms, which pages of any origin can send, are none. */
const isJson = (contentType: string | null) =>
  /^application\/(?:graphql\+)?json\s*(?:;|$)/i.test(contentType?.trim() ?? '')

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const badRequest = (status: number, message: string) =>
  Response.json({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] }, { status })

const firstQuery = `# Put your API key behind "Bearer" in the Headers tab below, then run this.
# The first start of the server printed it.
{
  viewer {
    environment { name }
    scopes
  }
  tools {
    name
    description
  }
}
`

/** Production refuses introspection: schemas are no secret, but the map need not be drawn for everybody who asks. */
const withRules = (rules: readonly ValidationRule[]): Plugin => ({
  onValidate({ addValidationRule }) {
    for (const rule of rules) addValidationRule(rule)
  },
})

/** The id of the request that is being served, for errors, which GraphQL hands on without their request. */
const requestIds = new AsyncLocalStorage<string>()

/** Postgres has no NUL in texts (error class 22021): such a text names nothing that is stored. */
const isUnstorableText = (error: unknown) => error instanceof Error && 'code' in error && error.code === '22021'

/** What a caller sees of an error: an error of the protocol as it is, an expected failure by its message, a bug as nothing. */
function presentError(error: unknown, log: Log): Error {
  const original = originalOf(error)
  if (original === null) return limitOf(error) ?? ofRequest(error as GraphQLError)
  if (original instanceof ValetkeyError) return at(error, badUserInput(original.message))
  if (isUnstorableText(original)) return at(error, badUserInput('A text of the request holds a NUL character.'))
  const left = original instanceof Error && original.name === 'AbortError'
  const level = left ? 'debug' : 'error'
  log[level]({ err: original, path: pathOf(error), requestId: requestIds.getStore() }, 'a request failed')
  return at(
    error,
    createGraphQLError('Something went wrong on the server. Its log tells more under the request id.', {
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: requestIds.getStore() },
    }),
  )
}

/** A document over one of the document limits, which the limiting library reports as an error of syntax. */
function limitOf(error: unknown): GraphQLError | null {
  const [, limit] = /^Syntax Error: (.*\blimit\b.*)$/.exec(error instanceof Error ? error.message : '') ?? []
  return limit === undefined
    ? null
    : at(error, badUserInput(`${limit} Ask for less in one document.`, 'COMPLEXITY_LIMIT'))
}

/** The library's complaints about requests: one does not say how large is too large, another repeats what was sent. */
function ofRequest(error: GraphQLError): GraphQLError {
  const { originalError, ...extensions } = error.extensions
  // Only variables that do not fit come without a code; nothing was executed.
  if (extensions['code'] === undefined) {
    const http = { spec: true, status: 400 }
    return createGraphQLError(error.message, {
      nodes: error.nodes ?? null,
      extensions: { ...extensions, code: 'BAD_USER_INPUT', http },
    })
  }
  if (originalError !== undefined) return createGraphQLError('The body is not valid JSON.', { extensions })
  return extensions['code'] === 'REQUEST_ENTITY_TOO_LARGE'
    ? createGraphQLError(`The body is too large: it may have ${largestBody} bytes.`, { extensions })
    : error
}

/** The error behind GraphQL's wrapping; null when GraphQL or this program meant it to be seen as it is. */
function originalOf(error: unknown): unknown {
  let current = error
  while (isGraphQLError(current)) {
    if (current.originalError == null) return null
    current = current.originalError
  }
  return current
}

function at(where: unknown, error: GraphQLError): GraphQLError {
  const { nodes = null, path = null } = isGraphQLError(where) ? where : {}
  return createGraphQLError(error.message, { nodes, path, extensions: error.extensions })
}

const pathOf = (error: unknown) => (isGraphQLError(error) ? error.path?.join('.') : undefined)

const isGraphQLError = (error: unknown): error is GraphQLError =>
  error instanceof Error && error.name === 'GraphQLError'
