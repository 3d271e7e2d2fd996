import { afterEach, describe, expect, it, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { freePort } from '../support/free-port.ts'
import { type Collector, startCollector } from './collector.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const callerSpanId = '00f067aa0ba902b7'

/** The SDK reads the environment of the process. */
async function startTraced(collectorUrl: string, env: Record<string, string> = {}) {
  const all = { OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', ...env }
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value)
  return startApp({ database: 'postgres', env: { LOG_LEVEL: 'debug', ...all } })
}

let collector: Collector | undefined
afterEach(async () => {
  vi.unstubAllEnvs()
  await collector?.close()
  collector = undefined
})

/** Calls a tool as a part of the caller's trace. */
const callTool = (app: { url: string; apiKey: string }, input: Record<string, unknown>, headers = {}) =>
  fetch(`${app.url}/graphql?secret=canary-query`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${app.apiKey}`,
      traceparent: `00-${traceId}-${callerSpanId}-01`,
      ...headers,
    },
    body: JSON.stringify({
      query:
        'mutation canary_operation($input: ExecuteToolInput!) { canary_alias: executeTool(input: $input) { __typename } }',
      variables: { input },
    }),
  })

describe('traces', () => {
  it('have request, operation, tool call, provider requests and statements in one tree under the traceparent of the caller', async () => {
    collector = await startCollector()
    const app = await startTraced(collector.url)
    await app.connect('user')
    await app.sandbox('expire', { user: 'owner@acme.test', access: true })
    const response = await callTool(app, {
      identifier: 'user',
      toolName: 'notion_data_fetch',
      toolInput: { query: '' },
    })
    const requestId = response.headers.get('x-request-id') ?? ''
    await app.stop()

    const spans = collector.spans().filter((span) => span.traceId === traceId)
    const pathOf = (id: string | undefined): string => {
      const span = spans.find(({ spanId }) => spanId === id)
      return span ? `${pathOf(span.parentSpanId)}/${span.name}` : id === callerSpanId ? 'caller' : 'lost'
    }
    const paths = spans.map(({ spanId }) => pathOf(spanId))
    const call = 'caller/POST _/mutation executeTool/execute_tool notion_data_fetch'
    const readable = paths.map((path) => path.replace('POST /graphql', 'POST _'))
    expect(readable).toContain(call)
    expect(readable.filter((path) => path === `${call}/POST provider`)).toHaveLength(2)
    expect(readable).toContain(`${call}/oauth refresh`)
    expect(readable.some((path) => path.startsWith(`${call}/`) && /\/(?:UPDATE|SELECT) \w+$/.test(path))).toBe(true)
    expect(paths.filter((path) => path.startsWith('lost'))).toEqual([])

    const request = spans.find(({ name }) => name === 'POST /graphql')
    expect(request).toMatchObject({
      kind: 2,
      attributes: { 'http.request.method': 'POST', 'http.route': '/graphql', 'http.response.status_code': 200 },
    })
    expect(spans.find(({ name }) => name === 'mutation executeTool')?.attributes).toMatchObject({
      'graphql.operation.type': 'mutation',
    })
    expect(spans.find(({ attributes }) => attributes['db.system.name'])?.attributes).toMatchObject({
      'db.system.name': 'postgresql',
    })
    const line = app
      .log()
      .split('\n')
      .find((each) => each.includes(requestId) && each.includes('"msg":"request"'))
    expect(JSON.parse(line ?? '{}')).toMatchObject({ trace_id: traceId, span_id: request?.spanId })
  })

  it('contain no content, identifier, credential or text of a caller', async () => {
    collector = await startCollector()
    const app = await startTraced(collector.url, { OTEL_METRIC_EXPORT_INTERVAL: '100' })
    await app.connect('canary-identifier')
    const call = (toolName: string, toolInput: Record<string, unknown>, more = {}) =>
      callTool(app, { identifier: 'canary-identifier', toolName, toolInput, ...more }, { tracestate: 'canary=1' })
    await call('notion_data_fetch', { query: 'canary-content' })
    await call('canary_tool', { query: 'canary-content' })
    await call('notion_page_fetch', { page_id: 'ca0a4700-0000-4000-8000-000000000001' })
    await call('notion_api_request', { method: 'GET', path: '/v1/canary-path?canary-query=1' })
    await call('notion_page_create', { title: 'canary-title' }, { idempotencyKey: 'canary-key' })
    await fetch(`${app.url}/connect/canary-link`)
    await fetch(`${app.url}/canary-path`)
    await fetch(`${app.url}/oauth/callback/notion?code=canary-code&state=canary-state`)
    await fetch(`${app.url}/graphql`, { headers: { authorization: 'Bearer vk_canary_key' } })
    await app.stop()

    expect(collector.spans().length).toBeGreaterThan(50)
    expect(collector.metrics().length).toBeGreaterThan(5)
    const all = collector.received.map(({ body }) => body).join('\n')
    // The trace state is passed on as the standard requires, and not as an attribute.
    const withoutState = all.replaceAll('"traceState":"canary=1"', '')
    expect(withoutState).not.toMatch(/canary|ca0a4700|owner@acme\.test|bootstrap-key/i)
    expect(withoutState).not.toMatch(/\b(?:ntn_|nrt_|secret_|vk_)\w+/)
  })

  it('are sent as protobuf by default, with the headers, name and attributes of the standard variables', async () => {
    collector = await startCollector()
    const app = await startTraced(collector.url, {
      OTEL_EXPORTER_OTLP_PROTOCOL: '',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=collector-key',
      OTEL_SERVICE_NAME: 'named-service',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging',
    })
    await callTool(app, { identifier: 'unconnected', toolName: 'notion_user_self', toolInput: {} })
    await app.stop()

    const paths = new Set(collector.received.map(({ path }) => path))
    expect(paths).toEqual(new Set(['/v1/traces', '/v1/metrics']))
    for (const { headers, body } of collector.received) {
      expect(headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'api-key': 'collector-key' })
      expect(body).toContain('named-service')
      expect(body).toContain('staging')
    }
  })

  it('are not recorded for callers that do not sample, and begin at the server without tracecontext', async () => {
    collector = await startCollector()
    const unsampled = { traceparent: `00-${traceId}-${callerSpanId}-00` }
    const input = { identifier: 'unconnected', toolName: 'notion_user_self', toolInput: {} }
    const sampling = await startTraced(collector.url)
    await callTool(sampling, input, unsampled)
    await sampling.stop()
    expect(collector.spans().some((span) => span.traceId === traceId)).toBe(false)

    const alone = await startTraced(collector.url, { OTEL_PROPAGATORS: 'none' })
    await callTool(alone, input, unsampled)
    await alone.stop()
    const request = collector.spans().find(({ name }) => name === 'POST /graphql')
    expect(request?.parentSpanId ?? '').toBe('')
    expect(request?.traceId).not.toBe(traceId)
  })
})

describe('metrics', () => {
  it('are those of Prometheus, with the same names and numbers', async () => {
    collector = await startCollector()
    const app = await startTraced(collector.url)
    const request = { identifier: 'user', toolName: 'notion_user_self', toolInput: {} }
    await app.connect('user')
    for (let call = 0; call < 3; call += 1) await callTool(app, request)
    const scrape = await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${app.apiKey}` } })
    // What Node has open at a moment differs from moment to moment, and a gauge without a value is not sent.
    const types = [...(await scrape.text()).matchAll(/^# TYPE (?!valetkey_nodejs_)(\S+) (\S+)$/gm)]
    await app.stop()

    const metrics = collector.metrics()
    const calls = metrics.find(({ name }) => name === 'valetkey_tool_calls_total')
    expect(calls?.['sum']).toMatchObject({ isMonotonic: true, dataPoints: [{ asDouble: 3 }] })
    const durations = metrics.find(({ name }) => name === 'valetkey_tool_duration_seconds')
    expect(durations?.unit).toBe('s')
    const histogram = durations?.['histogram'] as
      | { dataPoints: { count: number; explicitBounds: number[]; bucketCounts: number[] }[] }
      | undefined
    const [point] = histogram?.dataPoints ?? []
    expect(point?.count).toBe(3)
    expect(point?.bucketCounts).toHaveLength((point?.explicitBounds.length ?? 0) + 1)
    expect(point?.bucketCounts.reduce((sum, one) => sum + one, 0)).toBe(3)
    const gauges = types.flatMap(([, name, type]) => (type === 'gauge' ? [name] : []))
    expect(gauges).toContain('valetkey_hears_changes')
    expect(gauges.filter((gauge) => metrics.find(({ name }) => name === gauge)?.['gauge'] === undefined)).toEqual([])
    expect(metrics.find(({ name }) => name === 'valetkey_subscriptions')?.['gauge']).toMatchObject({
      dataPoints: [{ asDouble: 0 }],
    })
  })
})

describe('a collector that is down', () => {
  it('changes no answer, and is reported once', async () => {
    const app = await startTraced(`http://127.0.0.1:${await freePort()}`, { OTEL_METRIC_EXPORT_INTERVAL: '100' })
    expect(await app.connect('user')).toBe('ACTIVE')
    const reports = () =>
      app
        .log()
        .split('\n')
        .filter((line) => line.includes('sending telemetry failed'))
    await vi.waitFor(() => expect(reports()).toHaveLength(1), { timeout: 60_000 })
    const response = await callTool(app, { identifier: 'user', toolName: 'notion_user_self', toolInput: {} })
    expect(await response.json()).toEqual({ data: { canary_alias: { __typename: 'ExecuteToolPayload' } } })
    await app.stop()
    expect(reports()).toHaveLength(1)
  })
})
