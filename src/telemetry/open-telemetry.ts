import { randomUUID } from 'node:crypto'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import { metricExporter, type OnExport, spanExporter } from './otlp.ts'
import { metricProducer } from './prometheus-metrics.ts'
import type { Sender, Telemetry, TelemetryConfig } from './telemetry.ts'
import { createTracing, type Tracing } from './tracing.ts'

/** Starts to send telemetry. The only file that loads the SDK: it is imported when telemetry is on. */
export function openTelemetry(config: TelemetryConfig, version: string, log: Log): Telemetry {
  const resource = resourceOf(version)
  const onExport = reportOnce(log)
  const opened = { traces: nothing, tracing: null as Tracing | null }
  if (config.traces !== null) {
    const exporter = spanExporter(config.traces, onExport)
    const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] })
    const propagator = config.acceptsContext ? new W3CTraceContextPropagator() : null
    opened.tracing = createTracing(provider.getTracer('valetkey', version), propagator)
    opened.traces = closing(() => provider.shutdown())
  }
  return {
    tracing: opened.tracing,
    sendMetrics(read) {
      if (config.metrics === null) return nothing
      const reader = new PeriodicExportingMetricReader({
        exporter: metricExporter(config.metrics, onExport),
        exportIntervalMillis: config.metricIntervalMs,
        exportTimeoutMillis: Math.min(config.metricIntervalMs, maxExportMs),
        metricProducers: [metricProducer(read, resource, version)],
      })
      const provider = new MeterProvider({ resource, readers: [reader] })
      return closing(() => provider.shutdown())
    },
    close: opened.traces.close,
  }
}

/** How long an export of metrics may take, in milliseconds, if the interval is not shorter. */
const maxExportMs = 30_000

const nothing: Sender = { close: async () => {} }

/** A collector that does not answer would hold the stop for all retries of the exporter. */
const closing = (shutdown: () => Promise<void>): Sender => ({
  async close(withinMs) {
    const sent = new AbortController()
    const closed = shutdown()
      .catch(() => {})
      .then(() => sent.abort())
    await Promise.race([closed, systemClock.sleep(withinMs, sent.signal).catch(() => {})])
  },
})

/** Not the SDK's detectors of process and host: arguments of the process may have secrets. */
function resourceOf(version: string): Resource {
  return resourceFromAttributes({
    'service.name': 'valetkey',
    'service.version': version,
    'service.instance.id': randomUUID(),
  }).merge(detectResources({ detectors: [envDetector] }))
}

/** Logs the first of several failures, and the end of them. */
function reportOnce(log: Log): OnExport {
  let isFailing = false
  return (error) => {
    if ((error !== undefined) === isFailing) return
    isFailing = error !== undefined
    if (error) log.warn({ err: error }, 'sending telemetry failed; it is retried and not reported again until it works')
    else log.info('sending telemetry works again')
  }
}
