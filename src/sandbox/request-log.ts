/** One request as the control operation `log` shows it. */
export interface LogEntry {
  /** ISO 8601. */
  readonly at: string
  readonly method: string
  /** Without the base path and without the query, which may hold codes. */
  readonly path: string
  readonly requestId: string
  /** Null until the answer is sent, and for good if none was. */
  status: number | null
  /** Of a request to the token endpoint. */
  grantType?: string
  /** Of the bearer token, or of the refresh token or other token in the body of an OAuth request. */
  tokenFingerprint?: string
  /** The fault that was applied. */
  fault?: string
  /** On requests that followed a redirect fault: whether credentials came along. */
  credentialsReceived?: boolean
}

/** The latest requests, oldest first. */
export interface RequestLog {
  start(entry: LogEntry): LogEntry
  entries(): readonly LogEntry[]
  clear(): void
}

/** Keeps this many requests. */
const capacity = 10_000

/** A log that forgets the oldest requests. */
export function createRequestLog(): RequestLog {
  let entries: LogEntry[] = []
  return {
    start(entry) {
      entries.push(entry)
      if (entries.length >= capacity * 2) entries = entries.slice(-capacity)
      return entry
    },
    entries: () => entries.slice(-capacity),
    clear() {
      entries = []
    },
  }
}
