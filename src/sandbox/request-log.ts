/** A request that the sandbox received, or a webhook that it sent, in the result of the control operation `log`. */
export interface LogEntry {
  /** ISO 8601. */
  readonly at: string
  readonly method: string
  /** Without the base path and without the query, which may contain codes. Of a webhook: the URL without the query. */
  readonly path: string
  readonly requestId: string
  /** Null while no response has been sent. */
  status: number | null
  /** Grant type of a request to the token endpoint. */
  grantType?: string
  /** Fingerprint of the bearer token, or of the token in the body of an OAuth request. */
  tokenFingerprint?: string
  /** Fault that was applied. */
  fault?: string
  /** Whether a request that followed a redirect fault contained credentials. */
  credentialsReceived?: boolean
  /** Type and attempt of the event of a webhook, such as `page.created 1`, or `verification`. */
  readonly webhook?: string
}

/** Log of the latest requests, oldest first. */
export interface RequestLog {
  start(entry: LogEntry): LogEntry
  entries(): readonly LogEntry[]
  clear(): void
}

/** Maximum number of requests in the log. */
const capacity = 10_000

/** Creates a log that discards the oldest requests. */
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
