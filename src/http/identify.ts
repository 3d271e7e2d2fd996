import type { LookupLimit } from '../environments/authenticate.ts'
import type { Authentication, Refusal, Viewer } from '../environments/viewer.ts'
import { addressKey, type Throttle } from './throttle.ts'

/** What a caller authenticates with: a header, or a stream ticket. */
export type GivenCredential = { readonly authorization: string | null } | { readonly ticket: string }

/** A request that is not served: too many of its kind, or a credential that is not accepted. */
export type Refused = { readonly kind: 'throttled'; readonly waitMs: number } | Refusal

/** Returns the caller; null without a credential. Counts one request. */
export type Identify = (
  given: GivenCredential,
  address: string | null,
) => Promise<{ readonly kind: 'caller'; readonly viewer: Viewer | null } | Refused>

/** Creates the check that every request passes first, over HTTP and WebSocket: its credential and its throttle. */
export function createIdentify(options: {
  readonly authenticate: (
    authorization: string | null,
    limit: LookupLimit,
    address: string | null,
  ) => Promise<Authentication>
  readonly authenticateTicket: (ticket: string, limit: LookupLimit) => Promise<Authentication>
  readonly throttle: Throttle
}): Identify {
  const { authenticate, authenticateTicket, throttle } = options
  return async (given, address) => {
    const key = addressKey(address)
    const limit = { take: () => throttle.take(key, 'lookup'), giveBack: () => throttle.giveBack(key, 'lookup') }
    const authentication =
      'ticket' in given
        ? await authenticateTicket(given.ticket, limit)
        : await authenticate(withoutEmptyScheme(given.authorization), limit, address)
    if (authentication.kind === 'throttled') return authentication
    const viewer = authentication.kind === 'viewer' ? authentication.viewer : null
    const waitMs = viewer
      ? throttle.take(viewer.credential.id, viewer.credential.kind === 'user_session' ? 'session' : 'credential')
      : throttle.take(key, 'address')
    if (waitMs !== null) return { kind: 'throttled', waitMs }
    return authentication.kind === 'refused' ? authentication : { kind: 'caller', viewer }
  }
}

/** GraphiQL sends the scheme alone until a key is entered, and must be able to read the schema then. */
const withoutEmptyScheme = (authorization: string | null) =>
  authorization === null || /^bearer\s*$/i.test(authorization) ? null : authorization
