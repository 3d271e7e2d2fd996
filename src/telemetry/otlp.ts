import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http'
import {
  type IExporterMetricsHelper,
  type ISerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  MetricsExporterMetricsHelper,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
  TraceExporterMetricsHelper,
} from '@opentelemetry/otlp-transformer'
import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { OtlpProtocol } from './telemetry.ts'

/** Called after each export; without an error it succeeded. */
export type OnExport = (error: Error | undefined) => void

/**
 * Creates the exporter of spans. The library reads endpoint, headers, timeout, compression and certificates from the
 * OTEL_EXPORTER_OTLP_* variables.
 */
export function spanExporter(protocol: OtlpProtocol, onExport: OnExport): SpanExporter {
  const serializer = protocol === 'http/json' ? JsonTraceSerializer : ProtobufTraceSerializer
  return exporterOf<ReadableSpan[]>('TRACES', protocol, serializer, TraceExporterMetricsHelper, onExport)
}

/** Creates the exporter of metrics, as {@link spanExporter} does. */
export function metricExporter(protocol: OtlpProtocol, onExport: OnExport): PushMetricExporter {
  const serializer = protocol === 'http/json' ? JsonMetricsSerializer : ProtobufMetricsSerializer
  return exporterOf<ResourceMetrics>('METRICS', protocol, serializer, MetricsExporterMetricsHelper, onExport)
}

function exporterOf<Items>(
  signal: 'TRACES' | 'METRICS',
  protocol: OtlpProtocol,
  serializer: ISerializer<Items, unknown>,
  helper: IExporterMetricsHelper<Items>,
  onExport: OnExport,
) {
  const contentType = protocol === 'http/json' ? 'application/json' : 'application/x-protobuf'
  const options = convertLegacyHttpOptions({}, signal, `v1/${signal.toLowerCase()}`, { 'Content-Type': contentType })
  const kind = signal === 'TRACES' ? 'span' : 'metric'
  const exporter = new OTLPExporterBase<Items>(
    createOtlpHttpExportDelegate(options, serializer, `otlp_http_${kind}_exporter`, helper, undefined),
  )
  return {
    export(items: Items, done: (result: ExportResult) => void) {
      exporter.export(items, (result) => {
        onExport(result.code === ExportResultCode.SUCCESS ? undefined : (result.error ?? new Error('export failed')))
        done(result)
      })
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
}
