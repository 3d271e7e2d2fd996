import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Measured } from './calling.ts'
import type { Options } from './options.ts'
import { openPostgres } from './postgres.ts'
import type { LoadQuestion } from './processes/load.ts'
import { type Row, ratiosIn, rowOf } from './report.ts'
import { measureInRounds, type Way } from './rounds.ts'
import type { Run } from './run.ts'
import { makeAccounts, newSetup, readRequests, startValetkey, type Valetkey } from './valetkey.ts'

/** Valetkey with OpenTelemetry against Valetkey without, on the same machine and upstream in the same run. */
export interface TracingResult {
  readonly rows: readonly Row[]
  /** Figures with OpenTelemetry, divided by those without. */
  readonly ratios: Readonly<Record<'callsVsOff64' | 'cpuVsOff64' | 'p50VsOff1', number | null>>
  readonly warnings: readonly string[]
}

const callers = { many: 64, one: 1 }
const names = { off: 'read, OpenTelemetry off', on: 'read, OpenTelemetry on' }

/**
 * Measures reads through two servers, of which one sends traces and metrics with the defaults of the variables. Each call is
 * recorded. The collector is in the process of the bench and discards what it receives.
 *
 * Throws an error at the first wrong answer, and when the collector has received no traces.
 */
export async function runTracingBench(run: Run, options: Options): Promise<TracingResult> {
  run.note('starting Postgres, the upstream and the servers')
  const postgres = await openPostgres(run, options.postgres)
  const { process: upstream, ready: upstreamUrl } = await run.startChild<string>('upstream.ts', {})
  const collector = await startDiscardingCollector()
  try {
    const serverWith = async (env: Readonly<Record<string, string>>): Promise<Valetkey> => {
      const databaseUrl = await postgres.newDatabase()
      const setup = { ...newSetup(run, upstreamUrl, databaseUrl), databaseUrl }
      const server = await startValetkey(run, setup, env)
      await makeAccounts(server, setup, options.accounts)
      return server
    }
    const off = await serverWith({})
    const on = await serverWith({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    const { process: load } = await run.startChild('load.ts', {})
    const way = (name: string, server: Valetkey): Way => ({
      name,
      pid: server.process.pid,
      measure: (measured) =>
        load.ask<Measured>({ ...measured, requests: readRequests(server, options.accounts) } satisfies LoadQuestion),
    })
    const ways = [way(names.off, off), way(names.on, on)]
    const { series, warnings } = await measureInRounds(
      run,
      [
        { callers: callers.many, ways },
        { callers: callers.one, ways },
      ],
      {
        rounds: options.rounds,
        measured: { seconds: options.seconds, calls: 1 },
        warmUp: { callers: 16, seconds: options.warmUpSeconds, calls: options.accounts },
        helpers: [
          { name: 'upstream', pid: upstream.pid },
          { name: 'load generator', pid: load.pid },
          { name: 'collector', pid: process.pid },
        ],
      },
    )
    // Spans are sent in batches, some seconds after they ended.
    const isSending = await Promise.race([collector.receivesTraces, sleep(60_000, false, { ref: false })])
    if (!isSending) throw new Error('The collector has received no traces.')
    const ratio = ratiosIn(series)
    return {
      rows: series.map(rowOf),
      ratios: {
        callsVsOff64: ratio('perSecond', names.on, names.off, callers.many),
        cpuVsOff64: ratio('cpuMsPerCall', names.on, names.off, callers.many),
        p50VsOff1: ratio('p50', names.on, names.off, callers.one),
      },
      warnings,
    }
  } finally {
    collector.close()
  }
}

/** Starts a collector that answers and stores nothing. */
async function startDiscardingCollector() {
  const received = new EventEmitter()
  const receivesTraces = once(received, 'traces').then(() => true)
  const server = createServer((request, response) => {
    if (request.url === '/v1/traces') received.emit('traces')
    request.resume()
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Resolves when the first traces arrive. */
    receivesTraces,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
