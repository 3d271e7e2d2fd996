import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { afterEach, expect, it, vi } from 'vitest'
import { connectServer, type Db } from '../../src/db/database.ts'
import { activate, connect, eventFor, send } from '../provider-events/support.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Collector, type ReceivedSpan, startCollector } from './collector.ts'

let collector: Collector
let app: TestApp
let db: Db
const start = async () => {
  collector = await startCollector()
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRICS_EXPORTER: 'none',
  }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const quick = { everyMs: 100 }
  app = await startApp({ database: 'postgres', env, deliveryTiming: quick, inboxTiming: quick })
  db = connectServer(
    { connectionString: app.config.databaseDirectUrl ?? app.config.databaseUrl ?? '', max: 1 },
    () => {},
  )
}
afterEach(async () => {
  vi.unstubAllEnvs()
  await db.destroy()
  await collector.close()
})

/** The spans without a parent that are not of a request, each with the names of the spans below it. */
function backgroundTraces(
  spans: readonly ReceivedSpan[],
): readonly { readonly root: string; readonly parts: string[] }[] {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const partsOf = (id: string): string[] =>
    spans.filter(({ parentSpanId }) => parentSpanId === id).flatMap((span) => [span.name, ...partsOf(span.spanId)])
  for (const { parentSpanId, name } of spans)
    if (parentSpanId) expect(ids.has(parentSpanId), `${name} has lost its parent`).toBe(true)
  return spans
    .filter(({ parentSpanId, kind }) => !parentSpanId && kind === 1)
    .map(({ name, spanId }) => ({ root: name, parts: partsOf(spanId) }))
}

it('each run of background work that does something is a trace with its statements and requests', async () => {
  await start()
  const received: (string | undefined)[] = []
  const receiver = createServer((request, response) => {
    received.push(request.headers['traceparent'] as string | undefined)
    request.resume()
    response.end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => receiver.once('listening', resolve))
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/canary-hook`
  try {
    await app.graphql('mutation ($url: URL!) { createWebhookEndpoint(input: { url: $url }) { __typename } }', { url })
    const token = await activate(app)
    const grant = await connect(app, 'canary-identifier')
    expect(await send(app, eventFor([grant]), token)).toMatchObject({ status: 200 })
    await expect.poll(() => received.length, { timeout: 60_000 }).toBeGreaterThan(0)
    await sql`update grants set next_refresh_at = now(), next_verify_at = now()`.execute(db)
    await expect
      .poll(() => backgroundTraces(collector.spans()).map(({ root }) => root), { timeout: 60_000, interval: 500 })
      .toEqual(expect.arrayContaining(['background work on grants', 'delivering a webhook']))
  } finally {
    await app.stop()
    receiver.close()
  }

  const spans = collector.spans()
  const traces = backgroundTraces(spans)
  const partsOf = (name: string) => traces.filter(({ root }) => root === name).map(({ parts }) => parts)
  expect(partsOf('delivering a webhook')[0]).toEqual(
    expect.arrayContaining(['POST webhook', expect.stringMatching(/^UPDATE webhook_deliveries$/)]),
  )
  expect(partsOf('background work on grants').flat()).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^(?:oauth|GET provider)/),
      expect.stringMatching(/^UPDATE grants$/),
    ]),
  )
  expect(partsOf('processing an event of a provider').flat()).toContain('UPDATE provider_events')

  // The receiver's trace is that of its delivery.
  const posts = spans.filter(({ name }) => name === 'POST webhook')
  expect(received.map((header) => header?.split('-')[2]).sort()).toEqual(posts.map(({ spanId }) => spanId).sort())

  for (const { root, parts } of traces) {
    expect(root).not.toMatch(/canary|[0-9a-f]{8}-/)
    expect(parts.length, `"${root}" did nothing`).toBeGreaterThan(0)
  }
  expect(collector.received.map(({ body }) => body).join()).not.toMatch(/canary/)
})

it('background work that finds nothing to do leaves no span, and its failure does', async () => {
  await start()
  try {
    // What a start finds to do is done.
    await expect.poll(() => app.log().includes('"msg":"migrated database"'), { timeout: 60_000 }).toBe(true)
    const before = await sql<{ calls: number }>`select sum(xact_commit)::int as calls from pg_stat_database
      where datname = current_database()`.execute(db)
    await expect
      .poll(
        async () => {
          const now = await sql<{ calls: number }>`select sum(xact_commit)::int as calls from pg_stat_database
            where datname = current_database()`.execute(db)
          return (now.rows[0]?.calls ?? 0) - (before.rows[0]?.calls ?? 0)
        },
        { timeout: 60_000, interval: 200 },
      )
      .toBeGreaterThan(100)
    await sql`alter table provider_events rename to provider_events_away`.execute(db)
    await expect.poll(() => app.log(), { timeout: 60_000 }).toContain('processing events of providers failed')
    await sql`alter table provider_events_away rename to provider_events`.execute(db)
  } finally {
    await app.stop()
  }
  const roots = collector.spans().filter(({ parentSpanId, kind }) => !parentSpanId && kind === 1)
  const names = new Set(roots.map(({ name }) => name))
  expect([...names].filter((name) => !/event/.test(name))).toEqual([])
  expect(roots.filter(({ failed }) => !failed)).toEqual([])
  expect(roots[0]?.attributes).toEqual({ 'error.type': 'error' })
})
