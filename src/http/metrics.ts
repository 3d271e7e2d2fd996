import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** The metrics of the process, for Prometheus. Labels never contain identifiers, ids or content of users. */
export interface Metrics {
  /** Records an answered HTTP request. `route` is one of a fixed set. */
  request(route: string, status: number, seconds: number): void
  /** Records the end of a tool call. */
  tool(tool: string, outcome: string, seconds: number): void
  /** Records that a subscription was opened (1) or closed (-1). */
  subscriptions(change: 1 | -1): void
  /** Returns the response with the metrics in Prometheus' text format. */
  expose(): Promise<Response>
  close(): void
}

/** The metrics of one process as prom-client exchanges them. */
export type MetricsSnapshot = readonly { readonly type: unknown }[]

/** The workers of a node, whose metrics one answer adds up. */
export interface WorkerMetrics {
  /** Sets how the metrics of this process are read. */
  provide(read: () => Promise<MetricsSnapshot>): void
  /** Returns the metrics of all workers in Prometheus' text format. */
  sum(): Promise<string>
}

/**
 * Creates the metrics in a registry of their own, so that several apps in one process do not mix. With `workers` they are
 * exposed as the sum over all of them.
 */
export function createMetrics(workers?: WorkerMetrics): Metrics {
  const registry = new Registry()
  workers?.provide(() => registry.getMetricsAsJSON())
  collectDefaultMetrics({ register: registry, prefix: 'valetkey_' })
  const registers = [registry]
  const requests = new Histogram({
    name: 'valetkey_http_request_duration_seconds',
    help: 'Time until the first byte of the response to an HTTP request.',
    labelNames: ['route', 'status'],
    registers,
  })
  const tools = new Histogram({
    name: 'valetkey_tool_duration_seconds',
    help: 'Duration of tool calls.',
    labelNames: ['tool'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60],
    registers,
  })
  const outcomes = new Counter({
    name: 'valetkey_tool_calls_total',
    help: 'Tool calls by outcome.',
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
    expose: async () =>
      new Response(await (workers ? workers.sum() : registry.metrics()), {
        headers: { 'content-type': registry.contentType, 'x-content-type-options': 'nosniff' },
      }),
    close: () => registry.clear(),
  }
}

/** Adds up snapshots. A gauge that is not a quantity is the mean, the minimum or the maximum of its values. */
export const sumOfMetrics = (snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> =>
  AggregatorRegistry.aggregate([...snapshots]).getMetricsAsJSON()

/** What remains of a snapshot when its process has ended: what it has counted. */
export const countersOf = (snapshot: MetricsSnapshot): MetricsSnapshot =>
  // The library's type is a number, its values are these.
  snapshot.filter(({ type }) => type === 'counter' || type === 'histogram')

/** Returns a snapshot in Prometheus' text format. */
export const textOf = (snapshot: MetricsSnapshot): Promise<string> => AggregatorRegistry.aggregate([snapshot]).metrics()
