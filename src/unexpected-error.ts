import { ValetkeyError } from './errors.ts'
import type { Log } from './log.ts'

/** What callers see of an error whose message they must not see, through every entrance. Send it with the ID of the request. */
export interface HiddenError {
  readonly code: 'INTERNAL_SERVER_ERROR' | 'SERVICE_UNAVAILABLE'
  readonly message: string
}

/** Returns what callers see of a bug, or of an outage, after which the same request works. */
export const hiddenError = (error: unknown): HiddenError =>
  isOutage(error)
    ? {
        code: 'SERVICE_UNAVAILABLE',
        message: 'The server cannot reach its database, or a service that it needs. Try again in a moment.',
      }
    : {
        code: 'INTERNAL_SERVER_ERROR',
        message: 'Internal error. The server log has the details under this request id.',
      }

/**
 * Postgres refuses connections (class 08, 53300 too_many_connections), is read-only since a failover (25006) or shuts down (57P01 to
 * 57P03), or a connection fails.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const outageCodes =
  /^(?:08...|25006|53300|57P0[123]|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EPIPE|ETIMEDOUT)$/
/** Of pg, whose own errors have no code. */
const outageMessages = /^(?:Connection terminated|Query read timeout$|timeout exceeded when trying to connect$)/

function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return 'code' in error ? outageCodes.test(String(error.code)) : outageMessages.test(error.message)
}

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
