import type { Tracing } from './tracing.ts'

/** Which signals are sent, and how. The SDK reads the other OTEL_* variables from the environment itself. */
export interface TelemetryConfig {
  /** Null: no traces are sent. */
  readonly traces: OtlpProtocol | null
  /** Null: no metrics are sent. */
  readonly metrics: OtlpProtocol | null
  /** The interval between two exports of metrics, in milliseconds. */
  readonly metricIntervalMs: number
  /** Whether a trace of the caller is continued. */
  readonly acceptsContext: boolean
}

/** The encoding of OTLP over HTTP. */
export type OtlpProtocol = 'http/protobuf' | 'http/json'

/** What is sent to an OpenTelemetry collector. */
export interface Telemetry {
  /** Null: no traces are sent. */
  readonly tracing: Tracing | null
  /** Sends the metrics of prom-client that `read` returns, at each interval. */
  sendMetrics(read: () => Promise<readonly object[]>): Sender
  /** Closes the sending of traces. */
  close: Sender['close']
}

/** Sends in the background. */
export interface Sender {
  /** Sends what waits, for at most these milliseconds. What is left is lost. Never throws. */
  close(withinMs: number): Promise<void>
}
