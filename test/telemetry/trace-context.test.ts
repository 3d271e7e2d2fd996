import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { expect, it } from 'vitest'
import { createFetch } from '../../src/provider-http.ts'
import { tracedParts } from '../../src/telemetry/traced-parts.ts'
import { createTracing } from '../../src/telemetry/tracing.ts'

it('is sent to receivers of webhooks, as that of the delivery, and not to providers', async () => {
  const received: (string | undefined)[] = []
  const server = createServer((request, response) => {
    received.push(request.headers['traceparent']?.toString())
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const parts = tracedParts(createTracing(provider.getTracer('test'), null))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/path`
  const init = {
    method: 'POST',
    headers: {},
    body: null,
    signal: new AbortController().signal,
    redirect: 'manual',
  } as const
  for (const send of [parts.toWebhook(createFetch()), parts.toProvider(createFetch())]) {
    const answer = await send(url, init)
    answer.discard?.()
  }
  server.close()
  server.closeAllConnections()

  const [delivery, request] = exporter.getFinishedSpans()
  const { traceId, spanId } = delivery?.spanContext() ?? {}
  expect(received).toEqual([`00-${traceId}-${spanId}-01`, undefined])
  expect(delivery?.attributes).not.toHaveProperty('server.address')
  expect(request?.attributes).toMatchObject({ 'server.address': '127.0.0.1' })
})
