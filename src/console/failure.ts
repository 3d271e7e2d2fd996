import { ConnectionError, RequestError, TimeoutError } from '../client/errors.ts'

/** A failure as the console shows it. */
export interface Failure {
  readonly title: string
  readonly message: string
  /** Each invalid field, by its name in the API. */
  readonly issues: readonly { readonly path: string; readonly message: string }[]
}

/** An error that a mutation returned as data. */
class RefusedError extends Error {
  readonly issues: Failure['issues']

  constructor(message: string, issues: Failure['issues']) {
    super(message)
    this.issues = issues
  }
}

type PayloadOf<Result> = Extract<Result, { readonly __typename: `${string}Payload` }>

/** Returns the payload of a mutation. Throws the error that the server returned instead. */
export function payloadOf<Result extends { readonly __typename: string }>(result: Result): PayloadOf<Result> {
  if (result.__typename.endsWith('Payload')) return result as PayloadOf<Result>
  const {
    message = result.__typename,
    hint,
    issues = [],
  } = result as {
    message?: string
    hint?: string
    issues?: Failure['issues']
  }
  throw new RefusedError(hint ? `${message} ${hint}` : message, issues)
}

/** Describes an error: what went wrong, and what to do. */
export function failureOf(error: unknown): Failure {
  const failure = (title: string, message: string): Failure => ({ title, message, issues: [] })
  if (error instanceof RefusedError)
    return { title: 'The server refused this', message: error.message, issues: error.issues }
  if (error instanceof RequestError) {
    if (error.code === 'FORBIDDEN') return failure('Not permitted', error.message)
    if (error.code === 'THROTTLED') return failure('Too many requests', error.message)
    const id = error.requestId === null ? '' : ` Search the log of the server for ${error.requestId}.`
    return failure('The request failed', `${error.message}${error.status >= 500 ? id : ''}`)
  }
  if (error instanceof ConnectionError) {
    return failure('The server cannot be reached', 'Check your network and that the server runs. Then try again.')
  }
  if (error instanceof TimeoutError) {
    return failure('The server did not answer in time', 'Reload to see whether the change was made. Then try again.')
  }
  return failure('Something went wrong', error instanceof Error ? error.message : String(error))
}
