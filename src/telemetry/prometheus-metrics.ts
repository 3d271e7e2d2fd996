import { type HrTime, ValueType } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import { AggregationTemporality, DataPointType, type MetricData, type MetricProducer } from '@opentelemetry/sdk-metrics'
import { steadyNow } from '../clock.ts'

/** A metric of prom-client's JSON. */
interface PrometheusMetric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values: readonly {
    readonly value: number
    readonly labels: Readonly<Record<string, string | number>>
    /** For histograms: which of its numbers this is. */
    readonly metricName?: string
  }[]
}

/**
 * Returns the metrics that Prometheus reads as OpenTelemetry's, under the same names, so that what is measured is counted
 * once. Sums are cumulative since this function was called.
 */
export function metricProducer(
  read: () => Promise<readonly object[]>,
  resource: Resource,
  version: string,
): MetricProducer {
  const startTime = toHrTime(steadyNow())
  return {
    async collect() {
      const snapshot = (await read()) as readonly PrometheusMetric[]
      const times = { startTime, endTime: toHrTime(steadyNow()) }
      const metrics = snapshot.map((metric) => convert(metric, times)).filter((metric) => metric !== null)
      return {
        resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'valetkey', version }, metrics }] },
        errors: [],
      }
    },
  }
}

interface Times {
  readonly startTime: HrTime
  readonly endTime: HrTime
}

/** Returns null for a metric without a value. */
function convert(metric: PrometheusMetric, times: Times): MetricData | null {
  const descriptor = {
    name: metric.name,
    description: metric.help,
    unit: /_seconds(?:_total)?$/.test(metric.name) ? 's' : /_bytes$/.test(metric.name) ? 'By' : '',
    valueType: ValueType.DOUBLE,
  }
  const common = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE }
  if (metric.type === 'histogram') {
    const dataPoints = [...histogramsOf(metric)].map(({ labels, ...value }) => ({
      ...times,
      attributes: labels,
      value,
    }))
    return dataPoints.length === 0 ? null : { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints }
  }
  const dataPoints = metric.values
    .filter(({ value }) => Number.isFinite(value))
    .map(({ value, labels }) => ({ ...times, attributes: { ...labels }, value }))
  if (dataPoints.length === 0) return null
  return metric.type === 'counter'
    ? { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...common, dataPointType: DataPointType.GAUGE, dataPoints }
}

/** The numbers of a histogram for one set of labels. Prometheus counts what is in a bucket or below, OTLP what is in it. */
function* histogramsOf({ name, values }: PrometheusMetric) {
  const series = new Map<
    string,
    { labels: Record<string, string | number>; bounds: [number, number][]; sum: number; count: number }
  >()
  for (const { metricName, labels: all, value } of values) {
    const { le, ...labels } = all
    const key = JSON.stringify(labels)
    const one = series.get(key) ?? { labels, bounds: [], sum: 0, count: 0 }
    series.set(key, one)
    if (metricName === `${name}_sum`) one.sum = value
    else if (metricName === `${name}_count`) one.count = value
    else if (le !== undefined && le !== '+Inf') one.bounds.push([Number(le), value])
  }
  for (const { labels, bounds, sum, count } of series.values()) {
    const upTo = [...bounds.map(([, value]) => value), count]
    const counts = upTo.map((value, index) => value - (upTo[index - 1] ?? 0))
    yield { labels, buckets: { boundaries: bounds.map(([bound]) => bound), counts }, sum, count }
  }
}

const toHrTime = (ms: number): HrTime => [Math.trunc(ms / 1000), Math.round((ms % 1000) * 1e6)]
