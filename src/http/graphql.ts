import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor'
import {
  type DocumentNode,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type ValidationRule,
} from 'graphql'
import { createGraphQLError, createYoga, type Plugin } from 'graphql-yoga'
import type { Viewer } from '../environments/viewer.ts'
import { ValetkeyError } from '../errors.ts'
import type { GraphQLContext } from '../graphql/context.ts'
import { badUserInput, documentTooLarge } from '../graphql/protocol-errors.ts'
import type { Log } from '../log.ts'
import { variableErrors, withoutQuotedValues } from './quoted-values.ts'

/** The maximum request body in bytes. Notion accepts 500 KB; the rest is for the envelope and for files in base64. */
const maxBodyBytes = 1_000_000

/** The caller and the request id, known before GraphQL starts. */
export interface RequestContext {
  readonly viewer: Viewer | null
  readonly requestId: string
}

/** GraphQL over HTTP at /graphql, with subscriptions by server-sent events. */
export type GraphQLHandler = (request: Request, context: RequestContext) => Promise<Response>

/**
 * Serves the schema according to the GraphQL-over-HTTP specification, and in development GraphiQL without third-party
 * assets. Documents are limited in depth, aliases, directives, tokens and cost before they are executed; batches, mutations
 * over GET and multipart bodies are refused. Unexpected errors are logged and returned as INTERNAL_SERVER_ERROR with the
 * request's id.
 *
 * @see https://graphql.github.io/graphql-over-http/draft/
 */
export function createGraphQLHandler(options: {
  readonly schema: GraphQLSchema
  readonly development: boolean
  readonly log: Log
  /** Validation rules in addition to those of the specification. */
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
    // The library's limit pipes every body through a stream; see limitBody.
    maxRequestBodySize: false,
    // The router handles CORS, because it answers some requests itself and browsers must be able to read those too.
    cors: false,
    graphiql: development && {
      title: 'Valetkey',
      defaultQuery: firstQuery,
      headers: JSON.stringify({ Authorization: 'Bearer ' }, null, 2),
      shouldPersistHeaders: true,
    },
    // Loaded on demand: nine megabytes that only development needs.
    ...(development && {
      renderGraphiQL: async (settings) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(settings),
    }),
    context: ({ request, viewer }) => options.context(request, viewer),
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
      limitBody,
      withReports(log),
      withRules([...options.rules, ...(development ? [] : [NoSchemaIntrospectionCustomRule])], development),
      withVariables(schema, development),
    ],
  })
  return async (request, context) => {
    const refusal = refusedRequest(request)
    if (refusal !== null) return refusal
    const response = await yoga.handleRequest(request, context)
    // The stream begins with a comment at once, and has another every 12 s. nginx would hold all of it back.
    if (response.headers.get('content-type') === 'text/event-stream') response.headers.set('x-accel-buffering', 'no')
    return response.status === 406 ? badRequest(406, acceptRule) : response
  }
}

const acceptRule =
  'A query or mutation requires "accept: application/graphql-response+json" or "application/json", a subscription "accept: text/event-stream".'

/** Requests that the library would refuse without a message, or report as an error of the server. */
function refusedRequest(request: Request): Response | null {
  if (request.method === 'POST') {
    return isJson(request.headers.get('content-type'))
      ? null
      : badRequest(
          415,
          'A POST requires "content-type: application/json" and a body such as {"query": "{ viewer { scopes } }"}.',
        )
  }
  const { searchParams } = new URL(request.url)
  const wrong = ['variables', 'extensions'].find((name) => !isJsonText(searchParams.get(name) || 'null'))
  return wrong === undefined ? null : badRequest(400, `The parameter ${wrong} is not valid JSON.`)
}

/** The media types of GraphQL over HTTP. Not those of forms, which pages of any origin can send. */
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

const firstQuery = `# Add your API key after "Bearer" in the Headers tab below, then run this query.
# The server printed the key at its first start.
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

const bodyTooLarge = () =>
  createGraphQLError(`The body is too large: the limit is ${maxBodyBytes} bytes.`, {
    extensions: { code: 'REQUEST_ENTITY_TOO_LARGE', http: { status: 413 } },
  })

/** Refuses bodies over the limit: by their `content-length`, which node:http holds them to, or while they are read. */
const limitBody: Plugin = {
  onRequestParse({ request, requestParser, setRequestParser }) {
    const length = request.headers.get('content-length')
    if (length !== null) {
      if (!(Number(length) <= maxBodyBytes)) throw bodyTooLarge()
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
        if (size > maxBodyBytes) throw bodyTooLarge()
        chunks.push(step.value)
      }
      return requestParser(new Request(url, { method, headers, body: Buffer.concat(chunks) }))
    })
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

/** The details of errors that callers see without them, until they are logged. */
const unreported = new WeakMap<Error, { readonly err: unknown; readonly path: string | undefined }>()

/**
 * Logs what {@link presentError} hides, under the id of the request, and adds the id to the error: GraphQL passes errors
 * without their request. An AsyncLocalStorage would know it too, and would cost every promise of the process a hook.
 */
const withReports = (log: Log): Plugin<object, RequestContext> => ({
  onResultProcess({ result, setResult, serverContext: { requestId } }) {
    const report = ({ errors = [] }: ExecutionResult) => {
      for (const error of errors) {
        const hidden = unreported.get(error)
        if (hidden === undefined) continue
        unreported.delete(error)
        Object.assign(error.extensions, { requestId })
        const left = hidden.err instanceof Error && hidden.err.name === 'AbortError'
        log[left ? 'debug' : 'error']({ ...hidden, requestId }, 'request failed')
      }
    }
    if (Symbol.asyncIterator in result) setResult(eachSeen(result, report))
    else for (const one of [result].flat()) report(one)
  },
})

/** Calls `see` with each item. Unlike a generator it passes `return` on while an item is awaited. */
function eachSeen<Item>(items: AsyncIterable<Item>, see: (item: Item) => void): AsyncIterable<Item> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = items[Symbol.asyncIterator]()
      return {
        ...(iterator.return && {
          return: (value?: unknown) => iterator.return?.(value) as Promise<IteratorResult<Item>>,
        }),
        async next() {
          const step = await iterator.next()
          if (step.done !== true) see(step.value)
          return step
        },
      }
    },
  }
}

/** Whether a string contained NUL, which Postgres does not store (SQLSTATE 22021), so that nothing can match it. */
const isUnstorableText = (error: unknown) => error instanceof Error && 'code' in error && error.code === '22021'

/** Returns what a caller sees: protocol errors unchanged, expected failures with their message, bugs without details. */
function presentError(error: unknown, suggestions: boolean): Error {
  const original = originalOf(error)
  if (original === null) return ofRequest(error as GraphQLError, suggestions)
  if (original instanceof ValetkeyError) return at(error, badUserInput(original.message))
  if (isUnstorableText(original)) return at(error, badUserInput('A string in the request contains a NUL character.'))
  const presented = at(
    error,
    createGraphQLError('Internal error. The server log has the details under this request id.', {
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    }),
  )
  unreported.set(presented, { err: original, path: pathOf(error) })
  return presented
}

/** A document over a limit, which the limiting library reports as a syntax error. */
function limitOf(error: GraphQLError, message: string): GraphQLError | null {
  const [, limit] = /^Syntax Error: ([^"]*\blimit\b[^"]*)$/.exec(message) ?? []
  return limit === undefined ? null : at(error, documentTooLarge(`${limit} Send a smaller document.`))
}

/** Rewrites messages of the library about requests: one does not state the limit, others repeat what was sent. */
function ofRequest(error: GraphQLError, suggestions: boolean): GraphQLError {
  const { originalError, ...extensions } = error.extensions
  // Errors of this program have a code, and may suggest names: their callers have a credential.
  const message = withoutQuotedValues(error, suggestions || extensions['code'] === 'BAD_USER_INPUT')
  const limit = limitOf(error, message)
  if (limit) return limit
  // Only invalid variables have no code. Nothing was executed.
  if (extensions['code'] === undefined) {
    const http = { spec: true, status: 400 }
    return createGraphQLError(message, {
      nodes: error.nodes ?? null,
      extensions: { ...extensions, code: 'BAD_USER_INPUT', http },
    })
  }
  if (originalError !== undefined) return createGraphQLError('The body is not valid JSON.', { extensions })
  return message === error.message ? error : at(error, createGraphQLError(message, { extensions }))
}

/** The error that GraphQL wrapped; null when GraphQL or this program created the error for the caller. */
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
