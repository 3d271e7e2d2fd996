import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A span as OTLP's JSON encoding has it. */
export interface ReceivedSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: Readonly<Record<string, string | number>>
  readonly failed: boolean
}

/** A metric as OTLP's JSON encoding has it. */
export interface ReceivedMetric {
  readonly name: string
  readonly unit: string
  readonly [kind: string]: unknown
}

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number; readonly doubleValue?: number }
}

type Received = Omit<ReceivedSpan, 'attributes' | 'failed'> & {
  readonly attributes: readonly Attribute[]
  readonly status: { readonly code: number }
}

interface Export {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: readonly Received[] }[] }[]
  readonly resourceMetrics?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeMetrics: readonly { readonly metrics: readonly ReceivedMetric[] }[]
  }[]
}

/** A collector that receives OTLP over HTTP. */
export interface Collector {
  readonly url: string
  /** The bodies that it received, and their headers. */
  readonly received: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[]
  /** The spans that it received as JSON. */
  spans(): readonly ReceivedSpan[]
  /** The metrics that it received last as JSON. */
  metrics(): readonly ReceivedMetric[]
  close(): Promise<void>
}

export async function startCollector(): Promise<Collector> {
  const received: Collector['received'][number][] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('latin1')
      received.push({ path: request.url ?? '', headers: request.headers, body })
      response.writeHead(200, { 'content-type': request.headers['content-type'] ?? '' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const exports = () => received.map(({ body }) => JSON.parse(body) as Export)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    spans: () =>
      exports()
        .flatMap(({ resourceSpans = [] }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
        .map((span) => ({
          ...span,
          attributes: Object.fromEntries(
            span.attributes.map(({ key, value }) => [
              key,
              value.stringValue ?? Number(value.intValue ?? value.doubleValue),
            ]),
          ),
          failed: span.status.code === 2,
        })),
    metrics: () =>
      exports()
        .flatMap(({ resourceMetrics = [] }) => resourceMetrics)
        .slice(-1)
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics)),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
