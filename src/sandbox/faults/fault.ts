/** Faults: intentional errors for tests, and the requests that they apply to. */

/** Faults that replace the operation, which does not run. */
export const faultsBefore = ['status', 'rate_limit', 'reset', 'html', 'redirect', 'huge'] as const

/** Faults in the response of an operation that ran. */
export const faultsAfter = [
  'slow_headers',
  'slow_body',
  'truncate',
  'invalid_json',
  'commit_then_503',
  'commit_then_reset',
] as const

export type FaultBefore = (typeof faultsBefore)[number]
export type FaultAfter = (typeof faultsAfter)[number]
export type FaultKind = FaultBefore | FaultAfter

/** A pending fault. */
export interface Fault {
  readonly kind: FaultKind
  /** Absent: all methods. */
  readonly method?: string
  /** Absent: all paths under /v1. */
  readonly path?: PathPattern
  /** HTTP status of `status`. */
  readonly status?: number
  /** Value of `Retry-After` in seconds, for `status` and `rate_limit`. */
  readonly retryAfter?: number
  /** Reason field of `rate_limit`, or error code of `status`. */
  readonly reason?: string
  /** Delay in milliseconds of `slow_headers` and `slow_body`. */
  readonly delayMs: number
  /** Target of `redirect`. Absent: a path of the sandbox that logs credentials. */
  readonly location?: string
  /** Number of remaining requests. Null: until it is cleared. */
  readonly times: number | null
}

/** The paths that a fault applies to. */
export interface PathPattern {
  readonly source: string
  matches(path: string): boolean
}

/**
 * Parses a path pattern. Without `*` it is a prefix. With `*` it is a glob for the full path: `*` matches within a
 * segment, `**` matches anything.
 */
export function pathPattern(source: string): PathPattern {
  if (!source.includes('*')) return { source, matches: (path) => path.startsWith(source) }
  const pieces = source.split(/(\*+)/).map((piece) => {
    if (piece.startsWith('**')) return '.*'
    return piece === '*' ? '[^/]*' : piece.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
  })
  const pattern = new RegExp(`^${pieces.join('')}$`)
  return { source, matches: (path) => pattern.test(path) }
}

/** The pending faults, oldest first. */
export interface FaultList {
  add(fault: Fault): void
  /** Returns the oldest fault for a request and decrements its number of requests. */
  take(method: string, path: string): Fault | undefined
  size(): number
  clear(): void
}

export function createFaultList(): FaultList {
  let faults: Fault[] = []
  return {
    add: (fault) => {
      faults.push(fault)
    },
    take(method, path) {
      const found = faults.find(
        (fault) =>
          (fault.method === undefined || fault.method === method) &&
          (fault.path === undefined || fault.path.matches(path)),
      )
      if (found && found.times !== null) {
        const rest = found.times > 1 ? [{ ...found, times: found.times - 1 }] : []
        faults = faults.flatMap((fault) => (fault === found ? rest : [fault]))
      }
      return found
    },
    size: () => faults.length,
    clear: () => {
      faults = []
    },
  }
}
