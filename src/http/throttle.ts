import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../clock.ts'
import { type TokenBucket, tokenBucket } from '../token-bucket.ts'

/** The requests that one key may make: `burst` at once, and `perSecond` on average. */
export interface RateLimit {
  readonly burst: number
  readonly perSecond: number
}

/**
 * Callers with an API key, browsers with a user session, and callers without a valid credential, by their address: at the
 * API, on pages, and as probes of readiness. A lookup is the search for an unknown credential in the database, by the
 * address as well. Webhooks of providers are counted by address, and then by OAuth app: events whose signature is right,
 * and tokens, which have none. Authorizations that user sessions begin are counted by their user: each stores a link, and an
 * act in the audit log. Each class has a budget of its own, so that requests for pages cannot make a probe fail.
 */
export type CallerClass =
  | 'credential'
  | 'session'
  | 'authorization'
  | 'address'
  | 'lookup'
  | 'page'
  | 'probe'
  | 'webhook'
  | 'webhookEvents'
  | 'webhookTokens'

/** Limits requests per key. */
export interface Throttle {
  /** Counts one request of a key. Returns null when it is allowed, otherwise the milliseconds until the next one is. */
  take(key: string, callers: CallerClass): number | null
  /** Returns a request that {@link Throttle.take} counted. */
  giveBack(key: string, callers: CallerClass): void
}

const defaultLimits: Readonly<Record<CallerClass, RateLimit>> = {
  credential: { burst: 5_000, perSecond: 2_500 },
  session: { burst: 100, perSecond: 20 },
  authorization: { burst: 30, perSecond: 0.1 },
  address: { burst: 300, perSecond: 50 },
  lookup: { burst: 300, perSecond: 50 },
  page: { burst: 300, perSecond: 50 },
  probe: { burst: 100, perSecond: 20 },
  // A provider sends the events of all workspaces from a few addresses, and again later what was refused.
  webhook: { burst: 2_000, perSecond: 500 },
  webhookEvents: { burst: 1_000, perSecond: 200 },
  webhookTokens: { burst: 60, perSecond: 1 },
}

/**
 * Creates a throttle in this node's memory: it protects the node, and does not account for usage. At most `maxKeys` keys
 * are remembered; the least recently used is forgotten and starts again with a full bucket. A caller with many addresses
 * thus costs a bounded amount of memory and affects no key in use.
 */
export function createThrottle(
  options: {
    readonly limits?: Readonly<Partial<Record<CallerClass, RateLimit>>>
    readonly maxKeys?: number
    readonly clock?: Pick<Clock, 'now'>
  } = {},
): Throttle {
  const { maxKeys = 20_000, clock = systemClock } = options
  const limits = { ...defaultLimits, ...options.limits }
  const buckets = new LRUCache<string, TokenBucket>({ max: maxKeys })
  return {
    take(key, callers) {
      const name = `${callers}:${key}`
      const { burst, perSecond } = limits[callers]
      const bucket = buckets.get(name) ?? tokenBucket(perSecond, clock, burst)
      buckets.set(name, bucket)
      return bucket.take(1) === 1 ? null : bucket.waitMs()
    },
    giveBack(key, callers) {
      buckets.get(`${callers}:${key}`)?.giveBack(1)
    },
  }
}

/**
 * Returns the key of a caller without a credential: its IPv4 address, or the /64 network of its IPv6 address, because one
 * subscriber has a whole network. `null` (no socket) has a key of its own.
 */
export function addressKey(address: string | null): string {
  if (address === null) return 'none'
  const [plain = ''] = address.replace(/^::ffff:(?=\d+\.)/i, '').split('%', 1)
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail ? tail.split(':') : []
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
