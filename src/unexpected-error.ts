import { ValetkeyError } from './errors.ts'
import type { Log } from './log.ts'

/** What callers see of an error that is a bug, through every entrance. Send it with the ID of the request. */
export const internalErrorMessage = 'Internal error. The server log has the details under this request id.'

/** Whether a string contained NUL, which Postgres does not store (SQLSTATE 22021), so that nothing can match it. */
const isUnstorableText = (error: unknown) => error instanceof Error && 'code' in error && error.code === '22021'

/** Returns the message of a failure that callers can handle; null for a bug, whose message may have secrets. */
export function messageForCaller(error: unknown): string | null {
  if (error instanceof ValetkeyError) return error.message
  return isUnstorableText(error) ? 'A string in the request contains a NUL character.' : null
}

/** Whether an error is the end of a request that its client gave up. */
export const isAbort = (error: unknown) => error instanceof Error && error.name === 'AbortError'

/** Logs what a caller does not see of an error, under the ID of the request. */
export function logUnexpected(
  log: Log,
  err: unknown,
  about: { readonly requestId: string; readonly path?: string | undefined },
): void {
  log[isAbort(err) ? 'debug' : 'error']({ err, ...about }, 'request failed')
}
