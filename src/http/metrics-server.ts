import type { Log } from '../log.ts'
import type { Metrics } from './metrics.ts'
import { createHttpServer, type HttpServer } from './server.ts'

/** A server for Prometheus alone, so that no proxy in front of the API publishes the metrics. */
export function createMetricsServer(metrics: Metrics, log: Log): HttpServer {
  return createHttpServer(
    async ({ url }) => (new URL(url).pathname === '/metrics' ? metrics.expose() : new Response(null, { status: 404 })),
    [],
    { log, settings: { port: 'METRICS_PORT', host: 'METRICS_HOST' } },
  )
}
