import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** The metrics of the process, for Prometheus. Labels never contain identifiers, ids or content of users. */
export interface Metrics {
  /** Records an answered HTTP request. `route` is one of a fixed set. */
  request(route: string, status: number, seconds: number): void
  /** Records the end of a tool call. */
  tool(tool: string, outcome: string, seconds: number): void
  /** Records that a subscription was opened (1) or closed (-1). */
  subscriptions(change: 1 | -1): void
  /** Records the end of an attempt to renew a grant's tokens. */
  renewal(outcome: string): void
  /** Records how long a tool call waited for its grant's rate budget. Calls that did not wait are not counted. */
  budgetWait(seconds: number): void
  /** Records the end of an attempt to send a webhook, or of several. */
  webhook(outcome: 'delivered' | 'retried' | 'failed', count?: number): void
  /** Records what became of a request of a provider's webhooks, a found event, and an event in the inbox. */
  providerEvent(connector: string, outcome: string): void
  /** Sets how the state of the webhooks' outbox is read, each time that metrics are collected. */
  webhookQueue(read: () => Promise<{ readonly pending: number; readonly oldestSeconds: number }>): void
  /** Returns the response with the metrics in Prometheus' text format. */
  expose(): Promise<Response>
  /** Returns the metrics of this process. */
  snapshot(): Promise<MetricsSnapshot>
  close(): void
}

/** What is measured when the metrics are read, at most every {@link stateMaxAgeMs}. */
export interface ObservedState {
  /** The accounts of all environments, by status. */
  readonly accounts: Readonly<Record<string, number>>
  /** Tokens that wait to be revoked at their provider, and the age of the oldest in seconds. */
  readonly revocations: { readonly waiting: number; readonly oldestSeconds: number }
  /** OAuth apps that their provider rejects. */
  readonly rejectedApps: number
}

/** Where the metrics that are not counted as they happen come from. */
export interface MetricSources {
  /** The workers of this node, when there are several. */
  readonly workers?: WorkerMetrics | undefined
  /** Reads the state that all nodes share. Without an answer they are absent or as they were. */
  readonly readState: () => Promise<ObservedState>
  /** Whether this process hears of the changes of other nodes. */
  readonly hearsChanges: () => boolean
}

/** Counting all accounts takes Postgres some time, and several servers may scrape. */
const stateMaxAgeMs = 30_000

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
export function createMetrics({ workers, readState, hearsChanges }: MetricSources): Metrics {
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
  const renewals = new Counter({
    name: 'valetkey_renewals_total',
    help: 'Attempts to renew tokens by outcome: token, ended, unavailable or client_refused.',
    labelNames: ['outcome'],
    registers,
  })
  const waits = new Histogram({
    name: 'valetkey_rate_budget_wait_seconds',
    help: 'Time that tool calls waited for the rate budget of their grant.',
    buckets: [0.01, 0.1, 0.3, 1, 3, 10, 30, 60],
    registers,
  })
  registerState(registry, readState)
  new Gauge({
    name: 'valetkey_hears_changes',
    help: 'Whether the process hears of changes on other nodes (1). If not (0), it holds nothing in memory.',
    registers,
    aggregator: 'min',
    collect() {
      this.set(hearsChanges() ? 1 : 0)
    },
  })
  const webhooks = new Counter({
    name: 'valetkey_webhook_attempts_total',
    help: 'Attempts to send a webhook by outcome. Failed: given up, also without an attempt.',
    labelNames: ['outcome'],
    registers,
  })
  const providerEvents = new Counter({
    name: 'valetkey_provider_events_total',
    help: 'Events of providers by outcome: at their receipt (received, duplicate, token, refused, malformed, throttled, full; polled: found by a poll), and after it (routed, unmatched, retried, failed).',
    labelNames: ['connector', 'outcome'],
    registers,
  })
  return {
    request: (route, status, seconds) => requests.observe({ route, status: String(status) }, seconds),
    tool: (tool, outcome, seconds) => {
      tools.observe({ tool }, seconds)
      outcomes.inc({ tool, outcome })
    },
    subscriptions: (change) => streams.inc(change),
    renewal: (outcome) => renewals.inc({ outcome }),
    budgetWait: (seconds) => waits.observe(seconds),
    webhook: (outcome, count) => webhooks.inc({ outcome }, count),
    providerEvent: (connector, outcome) => providerEvents.inc({ connector, outcome }),
    webhookQueue(read) {
      // All processes read the same database, so that a sum over workers would count deliveries several times.
      const aggregator = 'max'
      const age = new Gauge({
        name: 'valetkey_webhook_oldest_seconds',
        help: 'Age of the oldest webhook delivery in the outbox.',
        registers,
        aggregator,
      })
      new Gauge({
        name: 'valetkey_webhook_queue',
        help: 'Webhook deliveries in the outbox, of all environments.',
        registers,
        aggregator,
        async collect() {
          // Without the database the other metrics matter all the more.
          const { pending, oldestSeconds } = await read().catch(() => ({
            pending: Number.NaN,
            oldestSeconds: Number.NaN,
          }))
          this.set(pending)
          age.set(oldestSeconds)
        },
      })
    },
    expose: async () =>
      new Response(await (workers ? workers.sum() : registry.metrics()), {
        headers: { 'content-type': registry.contentType, 'x-content-type-options': 'nosniff' },
      }),
    snapshot: () => registry.getMetricsAsJSON(),
    close: () => registry.clear(),
  }
}

/** Adds the gauges of {@link ObservedState}. Each worker reports the same state, so that their aggregate is the maximum. */
function registerState(registry: Registry, readState: () => Promise<ObservedState>): void {
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<ObservedState | null> = Promise.resolve(null)
  const state = () => {
    if (performance.now() - readAt > stateMaxAgeMs) {
      readAt = performance.now()
      reading = readState().catch(() => null)
    }
    return reading
  }
  const gauge = (
    name: string,
    help: string,
    labels: readonly string[],
    show: (gauge: Gauge, of: ObservedState) => void,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      aggregator: 'max',
      async collect() {
        const known = await state()
        if (known !== null) show(this, known)
      },
    })
  gauge('valetkey_accounts', 'Connected accounts of all environments by status.', ['status'], (accounts, of) => {
    accounts.reset()
    for (const [status, count] of Object.entries(of.accounts)) accounts.set({ status }, count)
  })
  gauge('valetkey_revocations_waiting', 'Grants whose tokens wait to be revoked at the provider.', [], (it, of) =>
    it.set(of.revocations.waiting),
  )
  gauge('valetkey_revocations_oldest_seconds', 'Age of the oldest of these revocations.', [], (it, of) =>
    it.set(of.revocations.oldestSeconds),
  )
  gauge('valetkey_oauth_apps_rejected', 'OAuth apps that their provider rejects.', [], (it, of) =>
    it.set(of.rejectedApps),
  )
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
