import { createHmac, randomUUID } from 'node:crypto'
import { Secret } from '../../vault/secret.ts'
import { hashOneTimeToken, matchesHash } from './one-time-token.ts'

/**
 * One opening of an authorization's link. Any program may open a link any number of times (mail scanners, previews,
 * prefetching, a second tab), so an opening is not stored: its `state`, its cookie and its code verifier are HMACs of its
 * ids under a key of this server. The database decides once, at the first valid callback.
 */
export interface Opening {
  readonly flowId: string
  readonly id: string
}

/** Creates an opening of a flow's link. */
export function newOpening(flowId: string): Opening {
  return { flowId, id: randomUUID() }
}

/** HMAC-SHA256 in base64url: 43 characters. */
function derive(
  key: Secret,
  purpose: 'state' | 'browser' | 'verifier' | 'receipt',
  ...parts: readonly string[]
): string {
  return createHmac('sha256', key.reveal())
    .update(JSON.stringify([purpose, ...parts]), 'utf8')
    .digest('base64url')
}

const idsLength = 43

/** Returns the `state` of an opening (RFC 6749 section 10.12): its ids and their authentication, 86 characters. */
export function stateOf(key: Secret, { flowId, id }: Opening): string {
  const ids = Buffer.from(`${flowId}${id}`.replaceAll('-', ''), 'hex').toString('base64url')
  return `${ids}${derive(key, 'state', flowId, id)}`
}

/** Returns the opening of a `state` that this server created, otherwise null. */
export function readState(key: Secret, state: string): Opening | null {
  if (!/^[\w-]{86}$/.test(state)) return null
  const ids = Buffer.from(state.slice(0, idsLength), 'base64url').toString('hex')
  const opening = { flowId: uuidOf(ids.slice(0, 32)), id: uuidOf(ids.slice(32)) }
  return isSame(state, stateOf(key, opening)) ? opening : null
}

/** Returns what the opening's cookie holds: it proves that a callback comes from the browser that opened the link. */
export function browserTokenOf(key: Secret, { flowId, id }: Opening): string {
  return derive(key, 'browser', flowId, id)
}

/** Returns the PKCE code verifier of an opening (RFC 7636 section 4.1). */
export function codeVerifierOf(key: Secret, { flowId, id }: Opening): Secret {
  return new Secret(derive(key, 'verifier', flowId, id))
}

/** Returns the value of the cookie that stores for the browser that finished a flow how it ended. */
export function receiptOf(key: Secret, flowId: string, ending: string): string {
  return `${ending}.${derive(key, 'receipt', flowId, ending)}`
}

/** Returns the ending in a flow's receipt, or null for a value that this server did not create for it. */
export function readReceipt(key: Secret, flowId: string, value: string): string | null {
  const [ending = ''] = value.split('.', 1)
  return isSame(value, receiptOf(key, flowId, ending)) ? ending : null
}

/** Compares in constant time. */
export function isSame(given: string, expected: string): boolean {
  return matchesHash(given, hashOneTimeToken(expected))
}

const uuidOf = (hex: string) =>
  [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
