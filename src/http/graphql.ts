import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor'
import { RequestCache } from '@pothos/plugin-scope-auth'
import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type ValidationRule,
} from 'graphql'
import { createGraphQLError, createYoga, type GraphQLParams, type Plugin } from 'graphql-yoga'
import { maxRequestBytes } from '../bounded-body.ts'
import type { Viewer } from '../environments/viewer.ts'
import type { GraphQLContext } from '../graphql/context.ts'
import type { Log } from '../log.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { documentCache } from './document-cache.ts'
import { type GraphiqlSettings, graphiqlOptions, renderGraphiql } from './graphiql.ts'
import { multipartSubscriptions } from './multipart.ts'
import { at, presentError, withReports } from './present-error.ts'
import { variableErrors, withoutQuotedValues } from './quoted-values.ts'
import { traceOperations } from './trace-operations.ts'

/** The caller, its address and the request id, known before GraphQL starts. */
export interface RequestContext {
  readonly viewer: Viewer | null
  readonly requestId: string
  /** The address of the client; null without a socket. */
  readonly address: string | null
  /** Whether the credential is a stream ticket, which permits subscriptions only. */
  readonly byTicket?: boolean
}

/** GraphQL over HTTP and WebSocket. */
export interface GraphQLHandler {
  /** Answers a request at /graphql, with subscriptions by server-sent events or multipart. */
  (request: Request, context: RequestContext): Promise<Response>
  /**
   * Runs one operation as a POST of `request` would. Does not throw; the stream of a subscription throws only when the
   * server stops.
   */
  run(
    params: GraphQLParams,
    request: Request,
    context: RequestContext,
  ): Promise<ExecutionResult | AsyncIterable<ExecutionResult>>
}

/**
 * Serves the schema according to the GraphQL-over-HTTP specification, and in development GraphiQL without third-party
 * assets. Documents are limited in depth, aliases, directives, tokens and cost before they are executed; batches, mutations
 * over GET and multipart bodies are refused. Unexpected errors are logged and returned as INTERNAL_SERVER_ERROR or
 * SERVICE_UNAVAILABLE with the request's id.
 *
 * @see https://graphql.github.io/graphql-over-http/draft/
 */
export function createGraphQLHandler(options: {
  readonly schema: GraphQLSchema
  readonly development: boolean
  /** Null: browsers get no GraphiQL. */
  readonly graphiql: GraphiqlSettings | null
  readonly log: Log
  /** Null or absent: operations are not traced. */
  readonly tracing?: Tracing | null
  /** Validation rules in addition to those of the specification. */
  readonly rules: readonly ValidationRule[]
  readonly context: (request: Request, of: RequestContext) => GraphQLContext
}): GraphQLHandler {
  const { schema, development, graphiql, log } = options
  const yoga = createYoga<RequestContext, GraphQLContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    multipart: false,
    batching: false,
    logging: false,
    parserAndValidationCache: { documentCache: documentCache<DocumentNode>(), errorCache: documentCache() },
    // The library's limit pipes every body through a stream; see limitBody.
    maxRequestBodySize: false,
    // The router handles CORS, because it answers some requests itself and browsers must be able to read those too.
    cors: false,
    // Asked before startWithContext, as the hooks of the library come first.
    graphiql:
      graphiql !== null && ((request) => graphiqlOptions(graphiql, request, contexts.get(request)?.address ?? null)),
    ...(graphiql && { renderGraphiQL: (settings) => renderGraphiql(graphiql, settings) }),
    context: ({ request, viewer, requestId, address }) => options.context(request, { viewer, requestId, address }),
    maskedErrors: { maskError: (error) => presentError(error, development) },
    plugins: [
      EnvelopArmorPlugin({
        maxDepth: { n: 15 },
        maxAliases: { n: 15 },
        maxDirectives: { n: 50 },
        maxTokens: { n: 3_000 },
        costLimit: { maxCost: 20_000 },
        // It covers fields only; see withoutQuotedValues.
        blockFieldSuggestion: { enabled: false },
      }),
      startWithContext,
      limitBody,
      endPermissions,
      ignoreUnknownParameters,
      multipartSubscriptions,
      ticketsForSubscriptions,
      withReports(log),
      withRules([...options.rules, ...(development ? [] : [NoSchemaIntrospectionCustomRule])], development),
      withVariables(schema, development),
      ...(options.tracing ? [traceOperations(options.tracing)] : []),
    ],
  })
  const serve = async (request: Request, context: RequestContext): Promise<Response> => {
    const refusal = refusedRequest(request)
    if (refusal !== null) return refusal
    contexts.set(request, context)
    const response = await yoga.handleRequest(request, noContext)
    // A stream begins at once, and has a sign of life every few seconds. nginx would hold all of it back.
    if (/^(?:text\/event-stream|multipart\/mixed)/.test(response.headers.get('content-type') ?? '')) {
      response.headers.set('x-accel-buffering', 'no')
    }
    // GraphiQL, which may have a key in it.
    if (response.headers.get('content-type') === 'text/html') {
      response.headers.set('cache-control', 'no-store')
      response.headers.set('x-frame-options', 'DENY')
      response.headers.set('referrer-policy', 'no-referrer')
    }
    return response.status === 406 ? badRequest(406, acceptRule) : response
  }
  return Object.assign(serve, {
    async run(params, request, context) {
      try {
        return (await yoga.getResultForParams({ params, request }, { ...context })) ?? { errors: [] }
      } catch (error) {
        // The checks before the execution throw errors of their own, and nothing else.
        if (error instanceof GraphQLError) return { errors: [error] }
        throw error
      }
    },
  } satisfies Pick<GraphQLHandler, 'run'>)
}

/** What is known of the requests that GraphQL is about to answer. */
const contexts = new WeakMap<Request, RequestContext>()

/** For {@link startWithContext}. The library accepts it, unlike its type. */
const noContext = null as unknown as RequestContext

/**
 * Puts what is known of a request into its context. A context that is passed to the library becomes the prototype of another
 * object, for which V8 makes a class of its own: no access to it would be optimised.
 */
const startWithContext: Plugin<RequestContext> = {
  onRequest({ request, serverContext }) {
    Object.assign(serverContext, contexts.get(request))
  },
}

const acceptRule =
  'A query or mutation requires "accept: application/graphql-response+json" or "application/json", a subscription "accept: text/event-stream" or "multipart/mixed;subscriptionSpec=1.0".'

/** Requests that the library would refuse without a message, or report as an error of the server. */
function refusedRequest(request: Request): Response | null {
  if (request.method === 'POST') {
    const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
    if (encoding !== '' && encoding !== 'identity')
      return badRequest(415, 'Compressed bodies are not accepted. Send the body as it is, without "content-encoding".')
    return isJson(request.headers.get('content-type'))
      ? null
      : badRequest(
          415,
          'A POST requires "content-type: application/json", in UTF-8, and a body such as {"query": "{ viewer { scopes } }"}.',
        )
  }
  const { searchParams } = new URL(request.url)
  const wrong = ['variables', 'extensions'].find((name) => !isJsonText(searchParams.get(name) || 'null'))
  return wrong === undefined ? null : badRequest(400, `The parameter ${wrong} is not valid JSON.`)
}

/** The media types of GraphQL over HTTP, in the encoding of JSON. Not those of forms, which pages of any origin can send. */
const isJson = (contentType: string | null) =>
  /^application\/(?:graphql\+)?json\s*(?:;|$)/i.test(contentType?.trim() ?? '') &&
  !/;\s*charset\s*=(?!\s*"?(?:utf-?8|us-ascii)\b)/i.test(contentType ?? '')

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

const bodyTooLarge = () =>
  createGraphQLError(`The body is too large: the limit is ${maxRequestBytes} bytes.`, {
    extensions: { code: 'REQUEST_ENTITY_TOO_LARGE', http: { status: 413 } },
  })

/** Refuses bodies over the limit: by their `content-length`, which node:http holds them to, or while they are read. */
const limitBody: Plugin = {
  onRequestParse({ request, requestParser, setRequestParser }) {
    const length = request.headers.get('content-length')
    if (length !== null) {
      if (!(Number(length) <= maxRequestBytes)) throw bodyTooLarge()
      return
    }
    if (requestParser === undefined || request.method !== 'POST') return
    setRequestParser(async ({ url, method, headers, body }) => {
      const chunks: Uint8Array[] = []
      let size = 0
      // Ending the stream early would cut the connection before the answer.
      const reader = body?.getReader()
      for (let step = await reader?.read(); step?.value !== undefined; step = await reader?.read()) {
        size += step.value.byteLength
        if (size > maxRequestBytes) throw bodyTooLarge()
        chunks.push(step.value)
      }
      return requestParser(new Request(url, { method, headers, body: Buffer.concat(chunks) }))
    })
  },
}

/** Servers should ignore parameters that they do not know (GraphQL over HTTP, section 5.2); the library refuses them. */
const ignoreUnknownParameters: Plugin = {
  onParams({ params, setParams }) {
    if (typeof params !== 'object' || params === null || Array.isArray(params)) return
    const { query, variables, operationName, extensions } = params as GraphQLParams
    setParams({ query, variables, operationName, extensions } as GraphQLParams)
  },
}

/**
 * Ends what the authorization of an operation has remembered, with it: an entry of a weak map that refers to the context,
 * which V8 would end only with a collection of the whole heap; see `loaders.ts`.
 */
const endPermissions: Plugin = {
  onExecute: ({ args }) => ({ onExecuteDone: () => RequestCache.clearForContext(args.contextValue) }),
}

/** Refuses queries and mutations with a stream ticket. */
const ticketsForSubscriptions: Plugin<RequestContext> = {
  onExecute({ args, setResultAndStopExecution }) {
    if (args.contextValue.byTicket !== true) return
    const message = 'A stream ticket opens subscriptions only. Send queries and mutations with the user session.'
    setResultAndStopExecution({ errors: [createGraphQLError(message, { extensions: { code: 'FORBIDDEN' } })] })
  },
}

/** Refuses invalid variables in place of the executor; see {@link variableErrors}. */
function withVariables(schema: GraphQLSchema, suggestions: boolean): Plugin {
  const check = ({
    args,
    setResultAndStopExecution,
  }: {
    readonly args: { document: DocumentNode; operationName?: string | null; variableValues?: unknown }
    readonly setResultAndStopExecution: (result: { readonly errors: readonly GraphQLError[] }) => void
  }) => {
    const values = (args.variableValues ?? {}) as Record<string, unknown>
    const errors = variableErrors(schema, args.document, args.operationName, values, suggestions)
    if (errors.length > 0) setResultAndStopExecution({ errors })
  }
  return { onExecute: check, onSubscribe: check }
}

const withRules = (rules: readonly ValidationRule[], suggestions: boolean): Plugin => ({
  onValidate({ addValidationRule }) {
    for (const rule of rules) addValidationRule(rule)
    // Results of the validation are not masked.
    return ({ valid, result, setResult }) => {
      if (!valid) setResult((result as readonly GraphQLError[]).map((error) => quoteNoValues(error, suggestions)))
    }
  },
})

function quoteNoValues(error: GraphQLError, suggestions: boolean): GraphQLError {
  const message = withoutQuotedValues(error, suggestions)
  return message === error.message ? error : at(error, createGraphQLError(message, { extensions: error.extensions }))
}
