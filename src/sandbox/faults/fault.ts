/** What goes wrong on purpose, and on which requests. */

/** Faults that answer in place of the operation, which does not run. */
export const faultsBefore = ['status', 'rate_limit', 'reset', 'html', 'redirect', 'huge'] as const

/** Faults that spoil the answer of an operation that has run. */
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

/** A fault that waits for requests. */
export interface Fault {
  readonly kind: FaultKind
  /** Absent: any method. */
  readonly method?: string
  /** Absent: any path under /v1. */
  readonly path?: PathPattern
  /** Of `status`. */
  readonly status?: number
  /** Seconds, sent as `Retry-After` by `status` and `rate_limit`. */
  readonly retryAfter?: number
  /** Of `rate_limit`: the reason field. Of `status`: the error code in place of the usual one. */
  readonly reason?: string
  /** Of `slow_headers` and `slow_body`. */
  readonly delayMs: number
  /** Of `redirect`: where to, in place of the sandbox's own trap. */
  readonly location?: string
  /** Requests that it is still for; null: until it is cleared. */
  readonly times: number | null
}

/** Which paths a fault is for, as the operation wrote it and as a test. */
export interface PathPattern {
  readonly source: string
  matches(path: string): boolean
}

/**
 * Reads a path pattern. Without `*` it is a prefix. With `*` it is a glob for the whole path, in which `*` stands for
 * anything within a segment and `**` for anything at all.
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

/** The faults that are waiting, oldest first. */
export interface FaultList {
  add(fault: Fault): void
  /** The oldest fault that is for this request, used up by one. */
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
