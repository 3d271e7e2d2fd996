import type { Measured } from './calling.ts'
import { dataSourceId, lastRowId } from './notion-bodies.ts'
import type { Options } from './options.ts'
import { openPostgres } from './postgres.ts'
import type { LoadQuestion } from './processes/load.ts'
import type { SdkQuestion } from './processes/sdk.ts'
import type { UpstreamCounts } from './processes/upstream.ts'
import { type Goal, type Row, ratiosIn, rowOf } from './report.ts'
import type { Requests } from './requests.ts'
import { measureInRounds, median, type Series, type Way } from './rounds.ts'
import type { Process, Run } from './run.ts'
import { measureStarts, type Start } from './starts.ts'
import {
  accountRequests,
  getExistingRequests,
  identifierOf,
  journalHolds,
  makeAccounts,
  newSetup,
  readRequests,
  startValetkey,
  writeRequests,
} from './valetkey.ts'

/** Valetkey against the SDK and the floors, on the same machine and upstream in the same run. */
export interface LoadResult {
  readonly rows: readonly Row[]
  readonly starts: readonly Start[]
  readonly ratios: Readonly<Record<keyof typeof goals, number | null>>
  /** What may have distorted figures. */
  readonly warnings: readonly string[]
}

/** What each ratio must be. Start and memory are those of a server with Postgres; `starts` has the embedded ones. */
export const goals = {
  readVsSdk64: ['≥', 0.5],
  readVsFloor64: ['≥', 0.6],
  cpuVsFloor64: ['≤', 1.7],
  p50VsFloor1: ['≤', 1.5],
  writeVsSdk64: ['≥', 0.35],
  accountVsFloor50: ['≥', 0.6],
  startCpuSeconds: ['≤', 1.5],
  rssMb: ['≤', 120],
} as const satisfies Record<string, Goal>

/** Callers at a time. */
const callers = { many: 64, one: 1, accounts: 50 }

/**
 * Measures starts, then calls under load.
 *
 * Throws an error at the first wrong answer, and when upstream or journal have seen fewer calls than were answered.
 */
export async function runLoadBench(run: Run, options: Options): Promise<LoadResult> {
  run.note('starting Postgres and the upstream')
  const postgres = await openPostgres(run, options.postgres)
  const { process: upstream, ready: upstreamUrl } = await run.startChild<string>('upstream.ts', {})

  const times = options.rounds > 3 ? 3 : 1
  const starts = [
    ...(options.only === null
      ? await measureStarts(run, 'Postgres', times, async () =>
          newSetup(run, upstreamUrl, await postgres.newDatabase()),
        )
      : []),
    ...(options.embeddedStarts && options.only === null
      ? await measureStarts(run, 'embedded database', times, async () => newSetup(run, upstreamUrl, null))
      : []),
  ]

  const databaseUrl = await postgres.newDatabase()
  const setup = { ...newSetup(run, upstreamUrl, databaseUrl), databaseUrl }
  const server = await startValetkey(run, setup)
  run.note(`making ${options.accounts} accounts`)
  await makeAccounts(server, setup, options.accounts)
  const numbers = Array.from({ length: options.accounts }, (_, account) => account)

  const parameters = { upstream: upstreamUrl }
  const [{ process: load }, { process: sdk }, proxy, stack, accountFloor] = await Promise.all([
    run.startChild('load.ts', {}),
    run.startChild('sdk.ts', { ...parameters, accounts: options.accounts }),
    run.startChild<string>('proxy.ts', parameters),
    run.startChild<string>('stack.ts', parameters),
    run.startChild<string>('account-floor.ts', { databaseUrl, identifiers: numbers.map(identifierOf) }),
  ])

  const counted = { toolCalls: 0, upstreamCalls: 0 }
  const way = (name: string, pid: number, ask: Way['measure'], counts: (keyof typeof counted)[]): Way => ({
    name,
    pid,
    async measure(options) {
      const measured = await ask(options)
      for (const count of counts) counted[count] += measured.calls
      return measured
    },
  })
  const served = (name: string, { pid }: Process, requests: Requests, ...counts: (keyof typeof counted)[]) =>
    way(name, pid, (options) => load.ask<Measured>({ ...options, requests } satisfies LoadQuestion), counts)
  const sdkWay = (name: string, kind: SdkQuestion['kind']) =>
    way(name, sdk.pid, (options) => sdk.ask<Measured>({ ...options, kind } satisfies SdkQuestion), ['upstreamCalls'])

  const stackServer = { url: stack.ready, authorization: {} }
  const proxied = {
    ...readRequests(stackServer, 1),
    url: `${proxy.ready}/v1/data_sources/${dataSourceId}/query`,
    bodies: [{ body: '{"page_size":10}', expected: [lastRowId] }],
  }
  const reads = [
    sdkWay('read, Notion SDK', 'read'),
    served('read, bare proxy', proxy.process, proxied, 'upstreamCalls'),
    served('read, stack floor', stack.process, readRequests(stackServer, options.accounts), 'upstreamCalls'),
    served(
      'read, Valetkey',
      server.process,
      readRequests(server, options.accounts),
      ...(['upstreamCalls', 'toolCalls'] as const),
    ),
  ]
  const writes = [
    sdkWay('write, Notion SDK', 'write'),
    served('write, stack floor', stack.process, writeRequests(stackServer, options.accounts), 'upstreamCalls'),
    served(
      'write, Valetkey',
      server.process,
      writeRequests(server, options.accounts),
      ...(['upstreamCalls', 'toolCalls'] as const),
    ),
  ]
  const accountFloorServer = { url: accountFloor.ready, authorization: {} }
  const accounts = [
    served('account, floor', accountFloor.process, accountRequests(accountFloorServer, numbers)),
    served('account, connectedAccount', server.process, accountRequests(server, numbers)),
    served('account, getOrCreateConnectedAccount', server.process, getExistingRequests(server, numbers)),
  ]

  const { series, warnings } = await measureInRounds(
    run,
    [
      { kind: 'read', callers: callers.many, ways: reads },
      { kind: 'read', callers: callers.one, ways: reads },
      { kind: 'write', callers: callers.many, ways: writes },
      { kind: 'account', callers: callers.accounts, ways: accounts },
    ].filter(({ kind }) => options.only === null || options.only === kind),
    {
      rounds: options.rounds,
      measured: { seconds: options.seconds, calls: 1 },
      // Each account is called at least once, and each way has the same time to be optimised by V8.
      warmUp: { callers: 16, seconds: options.warmUpSeconds, calls: options.accounts },
      helpers: [
        { name: 'upstream', pid: upstream.pid },
        { name: 'load generator', pid: load.pid },
      ],
    },
  )

  const { queries, pages } = await upstream.ask<UpstreamCounts>({})
  if (queries + pages < counted.upstreamCalls)
    throw new Error(`The upstream was sent ${queries + pages} requests for ${counted.upstreamCalls} answered calls.`)
  await journalHolds(databaseUrl, counted.toolCalls)

  return { rows: series.map(rowOf), starts, ratios: ratiosOf(series, starts), warnings }
}

function ratiosOf(series: readonly Series[], starts: readonly Start[]): LoadResult['ratios'] {
  const ratio = ratiosIn(series)
  const account = (name: string) => ratio('perSecond', `account, ${name}`, 'account, floor', callers.accounts)
  const slower = [account('connectedAccount'), account('getOrCreateConnectedAccount')].filter((value) => value !== null)
  const served = starts.filter(({ name }) => name.startsWith('Postgres, later'))
  return {
    readVsSdk64: ratio('perSecond', 'read, Valetkey', 'read, Notion SDK', callers.many),
    readVsFloor64: ratio('perSecond', 'read, Valetkey', 'read, stack floor', callers.many),
    cpuVsFloor64: ratio('cpuMsPerCall', 'read, Valetkey', 'read, stack floor', callers.many),
    p50VsFloor1: ratio('p50', 'read, Valetkey', 'read, stack floor', callers.one),
    writeVsSdk64: ratio('perSecond', 'write, Valetkey', 'write, Notion SDK', callers.many),
    accountVsFloor50: slower.length === 0 ? null : Math.min(...slower),
    startCpuSeconds: median(served.map(({ cpuSeconds }) => cpuSeconds)),
    rssMb: median(served.map(({ rssMb }) => rssMb)),
  }
}
