import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What the process counts, for a Prometheus to fetch at /metrics. Labels never hold identifiers, ids or texts of users. */
export interface Metrics {
  /** One HTTP request was answered. `route` is one of a fixed set. */
  request(route: string, status: number, seconds: number): void
  /** One tool call ended. */
  tool(tool: string, outcome: string, seconds: number): void
  /** How many subscriptions are open. */
  subscriptions(change: 1 | -1): void
  /** The exposition format's text and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly body: string }>
  close(): void
}

/** Starts counting in a registry of its own, so that several apps in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'valetkey_' })
  const registers = [registry]
  const requests = new Histogram({
    name: 'valetkey_http_request_duration_seconds',
    help: 'Time to answer HTTP requests, until the first byte of the answer.',
    labelNames: ['route', 'status'],
    registers,
  })
  const tools = new Histogram({
    name: 'valetkey_tool_duration_seconds',
    help: 'Time that tool calls took.',
    labelNames: ['tool'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60],
    registers,
  })
  const outcomes = new Counter({
    name: 'valetkey_tool_calls_total',
    help: 'Tool calls by how they ended.',
    labelNames: ['tool', 'outcome'],
    registers,
  })
  const streams = new Gauge({ name: 'valetkey_subscriptions', help: 'Open subscriptions.', registers })
  return {
    request: (route, status, seconds) => requests.observe({ route, status: String(status) }, seconds),
    tool: (tool, outcome, seconds) => {
      tools.observe({ tool }, seconds)
      outcomes.inc({ tool, outcome })
    },
    subscriptions: (change) => streams.inc(change),
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    close: () => registry.clear(),
  }
}
