import { percentile } from '../chaos/report.ts'
import type { Measured } from './calling.ts'
import type { Options } from './options.ts'
import { openPostgres } from './postgres.ts'
import type { LoadQuestion } from './processes/load.ts'
import { type Goal, type Row, rounded, rowOf } from './report.ts'
import type { Requests } from './requests.ts'
import { measureInRounds, ratioOf, type Series, type Way } from './rounds.ts'
import type { Run } from './run.ts'
import {
  accountRequests,
  claimRenewals,
  createRequests,
  cursorOfNewest,
  getExistingRequests,
  isUsual,
  journalRequests,
  makeAccounts,
  makeEnvironments,
  makeJournal,
  newSetup,
  pageRequests,
  startValetkey,
  type Valetkey,
} from './valetkey.ts'

/** Single operations on databases of several sizes. */
export interface ScaleResult {
  readonly rows: readonly Row[]
  /** For each operation its p99 on the largest database divided by that on the smallest one. */
  readonly ratios: Readonly<Record<string, number | null>>
  /** What may have distorted figures. */
  readonly warnings: readonly string[]
}

/** What each of the ratios must be. */
export const scaleGoal: Goal = ['≤', 1.5]

/** Accounts are made in so many parts; the cursors of the parts around the middle are those that pages begin at. */
const parts = 20

/** Accounts that the operations take in turn. */
const sampleSize = 500

/** Calls of each operation that are not measured. */
const warmUpCalls = 50

/** Grants that are made due for renewal at once, and how many claims are measured. */
const renewals = { atOnce: 3_200, claims: 300 }

/** A database of one size with a server on it. */
interface Site {
  readonly size: number
  readonly databaseUrl: string
  readonly server: Valetkey
  readonly operations: ReadonlyMap<string, Requests>
}

/** Fills the databases and measures each operation with one caller, in turn on each database. */
export async function runScaleBench(run: Run, options: Options): Promise<ScaleResult> {
  const postgres = await openPostgres(run, options.postgres)
  const { ready: upstreamUrl } = await run.startChild<string>('upstream.ts', {})
  const { process: load } = await run.startChild('load.ts', {})
  const sites: Site[] = []
  for (const size of options.scaleSizes)
    sites.push(await makeSite(run, await postgres.newDatabase(), upstreamUrl, size, options))

  const wayOf = ({ size, server }: Site, name: string, requests: Requests): Way => ({
    name: nameAt(name, size),
    pid: server.process.pid,
    measure: (options) => load.ask<Measured>({ ...options, requests } satisfies LoadQuestion),
  })
  const operations = [...(sites[0]?.operations.keys() ?? [])]
  const ways = operations.map((name) =>
    sites.flatMap((site) => {
      const requests = site.operations.get(name)
      return requests === undefined ? [] : [wayOf(site, name, requests)]
    }),
  )
  const { series, warnings } = await measureInRounds(run, [{ callers: 1, ways: ways.flat() }], {
    rounds: options.rounds,
    measured: { seconds: 0, calls: Math.ceil(options.scaleCalls / options.rounds) },
    warmUp: { callers: 1, seconds: 0, calls: Math.min(warmUpCalls, options.scaleCalls) },
    helpers: [{ name: 'load generator', pid: load.pid }],
  })
  const all = [...series]
  for (const site of sites) all.push(await measureClaims(run, site))
  const ratios = [...operations, claim].map((name) => {
    const [smallest, ...larger] = sites.map(({ size }) => all.find((one) => one.name === nameAt(name, size)))
    const largest = larger.at(-1)
    const ratio = smallest && largest ? ratioOf('p99', largest, smallest) : null
    return [name, ratio === null ? null : rounded(ratio, 2)] as const
  })
  return { rows: all.map(rowOf), ratios: Object.fromEntries(ratios), warnings }
}

const claim = 'claim of the renewal worker'

const nameAt = (operation: string, size: number) => `${operation}, ${size.toLocaleString('en')} accounts`

async function makeSite(
  run: Run,
  databaseUrl: string,
  upstream: string,
  size: number,
  options: Options,
): Promise<Site> {
  const setup = { ...newSetup(run, upstream, databaseUrl), databaseUrl }
  const server = await startValetkey(run, setup)
  const cursors: string[] = []
  const accounts = await makeAccounts(server, setup, size, {
    usable: false,
    parts,
    async afterPart(made) {
      run.signal.throwIfAborted()
      if (made % (size / 4) === 0) run.note(`${made.toLocaleString('en')} of ${size.toLocaleString('en')} accounts`)
      cursors.push(await cursorOfNewest(server))
    },
  })
  run.note(`other environments and the journal of ${size.toLocaleString('en')} accounts`)
  await makeEnvironments(databaseUrl, accounts, Math.min(options.scaleEnvironments, size))
  await makeJournal(server, databaseUrl, accounts)

  // Spread evenly: every hundredth of a million, not the first ones, which may lie in one page of the table.
  const sample = Array.from(
    { length: Math.min(sampleSize, size) },
    (_, at) => Math.floor((at * size) / sampleSize) % size,
  ).filter((account) => isUsual(account, size))
  const operations = new Map([
    ['getOrCreateConnectedAccount, existing', getExistingRequests(server, sample)],
    ['getOrCreateConnectedAccount, new', createRequests(server)],
    ['connectedAccount', accountRequests(server, sample)],
    ...[...pageRequests(server, cursors.slice(parts / 4, (3 * parts) / 4))].map(
      ([filter, requests]) => [`connectedAccounts, ${filter}`, requests] as const,
    ),
    ...[...journalRequests(server, sample)].map(
      ([filter, requests]) => [`toolExecutions, ${filter}`, requests] as const,
    ),
  ])
  return { size, databaseUrl, server, operations }
}

/** Stops the server, makes grants due and measures the statements that claim them. */
async function measureClaims(run: Run, { size, databaseUrl, server }: Site): Promise<Series> {
  run.note(`renewals among ${size.toLocaleString('en')} accounts`)
  await server.process.stop()
  const samples: number[] = []
  while (samples.length < renewals.claims) {
    run.signal.throwIfAborted()
    samples.push(...(await claimRenewals(databaseUrl, Math.min(renewals.atOnce, size))))
  }
  const [p50, p95, p99] = [50, 95, 99].map((p) => percentile(samples, p))
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / samples.length
  return {
    name: nameAt(claim, size),
    callers: 1,
    rounds: [{ perSecond: 1_000 / mean, p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0, cpuMsPerCall: null }],
  }
}
