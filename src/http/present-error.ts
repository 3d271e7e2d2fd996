import type { ExecutionResult, FormattedExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql'
import { createGraphQLError, type Plugin } from 'graphql-yoga'
import { badUserInput, documentTooLarge } from '../graphql/protocol-errors.ts'
import type { Log } from '../log.ts'
import { hiddenError, isAbort, logUnexpected, messageForCaller } from '../unexpected-error.ts'
import { withoutQuotedValues } from './quoted-values.ts'

/** The details of errors that callers see without them, until they are logged. */
const unreported = new WeakMap<Error, { readonly err: unknown; readonly path: string | undefined }>()

/**
 * Logs what {@link presentError} hides, under the id of the request, and adds the id to the error: GraphQL passes errors
 * without their request. An AsyncLocalStorage would know it too, and would cost every promise of the process a hook.
 */
export function withReports(log: Log): Plugin<object, { readonly requestId: string }> {
  /** Returns an AbortError of the result, if there is one. */
  const report = ({ errors = [] }: ExecutionResult, requestId: string): unknown => {
    let abort: unknown
    for (const error of errors) {
      const hidden = unreported.get(error)
      if (hidden === undefined) continue
      unreported.delete(error)
      Object.assign(error.extensions, { requestId })
      if (isAbort(hidden.err)) abort = hidden.err
      logUnexpected(log, hidden.err, { path: hidden.path, requestId })
    }
    return abort
  }
  return {
    onExecutionResult({ result, setResult, context: { requestId } }) {
      const cutIfAborted = (one: ExecutionResult) => {
        const abort = report(one, requestId)
        // The executor made a result of it. A stream that is aborted has no result and no end.
        if (abort !== undefined) throw abort
      }
      if (result && Symbol.asyncIterator in result) setResult(eachSeen(result, cutIfAborted))
      else for (const one of [result ?? []].flat()) report(one, requestId)
    },
    // Errors before the execution.
    onResultProcess({ result, serverContext: { requestId } }) {
      if (!(Symbol.asyncIterator in result)) for (const one of [result].flat()) report(one, requestId)
    },
  }
}

/** Returns a result as clients receive it over transports that the library does not serve: without hints for HTTP. */
export function publicResult(result: ExecutionResult): FormattedExecutionResult {
  const { errors, ...rest } = result
  return errors === undefined ? rest : { ...rest, errors: errors.map(withoutHttp) }
}

function withoutHttp(error: GraphQLError): GraphQLFormattedError {
  const { extensions = {}, ...formatted } = error.toJSON()
  const { http: _http, unexpected: _unexpected, ...shown } = extensions
  return { ...formatted, extensions: shown }
}

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

/** Returns what a caller sees: protocol errors unchanged, expected failures with their message, bugs without details. */
export function presentError(error: unknown, suggestions: boolean): Error {
  const original = originalOf(error)
  if (original === null) return ofRequest(error as GraphQLError, suggestions)
  const message = messageForCaller(original)
  if (message !== null) return at(error, badUserInput(message))
  const hidden = hiddenError(original)
  const presented = at(error, createGraphQLError(hidden.message, { extensions: { code: hidden.code } }))
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

/** Returns an error at the place of another one. */
export function at(where: unknown, error: GraphQLError): GraphQLError {
  // A syntax error has no nodes yet.
  const { nodes = null, source = null, positions = null, path = null } = isGraphQLError(where) ? where : {}
  return createGraphQLError(error.message, { nodes, source, positions, path, extensions: error.extensions })
}

const pathOf = (error: unknown) => (isGraphQLError(error) ? error.path?.join('.') : undefined)

const isGraphQLError = (error: unknown): error is GraphQLError =>
  error instanceof Error && error.name === 'GraphQLError'
