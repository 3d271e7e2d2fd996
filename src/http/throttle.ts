import { isIPv6 } from 'node:net'

/** How many requests one key may make: `burst` at once, and `perSecond` on the long run. */
export interface RateLimit {
  readonly burst: number
  readonly perSecond: number
}

/** The two classes of callers: those with a valid credential and those without, by their address. */
export type CallerClass = 'credential' | 'address'

/** Counts requests per key. */
export interface Throttle {
  /** Takes one request of this key's budget: null when it may go on, otherwise the milliseconds until the next one may. */
  take(key: string, callers: CallerClass): number | null
}

const defaultLimits: Readonly<Record<CallerClass, RateLimit>> = {
  credential: { burst: 5_000, perSecond: 2_500 },
  address: { burst: 300, perSecond: 50 },
}

const rounding = 1e-6

interface Bucket {
  tokens: number
  /** Milliseconds of the monotonic clock at which `tokens` was true. */
  at: number
}

/**
 * A token bucket for each key, in this node's memory: a guard of the node, not an account of what callers use. At most
 * `maxKeys` keys are remembered; beyond that the one that was quiet for longest is forgotten and starts afresh, so that
 * somebody with many addresses costs memory of a known size and takes nothing from the keys that are in use.
 */
export function createThrottle(
  options: {
    readonly limits?: Readonly<Record<CallerClass, RateLimit>>
    readonly maxKeys?: number
    /** A clock in milliseconds that never goes back. */
    readonly now?: () => number
  } = {},
): Throttle {
  const limits = options.limits ?? defaultLimits
  const maxKeys = options.maxKeys ?? 20_000
  const now = options.now ?? (() => performance.now())
  // A Map keeps the order of insertion; each use moves its key to the end.
  const buckets = new Map<string, Bucket>()

  return {
    take(key, callers) {
      const { burst, perSecond } = limits[callers]
      const name = `${callers}:${key}`
      const at = now()
      const known = buckets.get(name)
      const refilled = known ? known.tokens + ((at - known.at) / 1000) * perSecond : burst
      const bucket: Bucket = { tokens: Math.min(burst, refilled), at }
      // Sums of fractions fall a hair short of what they should be.
      const lacking = 1 - bucket.tokens
      const allowed = lacking < rounding
      if (allowed) bucket.tokens = Math.max(0, bucket.tokens - 1)
      buckets.delete(name)
      buckets.set(name, bucket)
      if (buckets.size > maxKeys) {
        const quietest = buckets.keys().next()
        if (!quietest.done) buckets.delete(quietest.value)
      }
      return allowed ? null : Math.max(1, Math.ceil((lacking / perSecond) * 1000 - rounding))
    },
  }
}

/**
 * The key of callers without a credential: an IPv4 address, or the /64 network of an IPv6 one, as one subscriber has all
 * of its addresses. `null` (no socket) is a key of its own.
 */
export function addressKey(address: string | null): string {
  if (address === null) return 'none'
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
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
