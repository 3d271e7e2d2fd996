import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../chaos/report.ts'
import type { Measured } from './calling.ts'
import type { Options } from './options.ts'
import { openPostgres, type Postgres } from './postgres.ts'
import type { LoadQuestion } from './processes/load.ts'
import type { UpstreamCounts } from './processes/upstream.ts'
import { type Goal, type Row, rounded, rowOf } from './report.ts'
import type { Requests } from './requests.ts'
import { measureInRounds, ratioOf, type Series, type Way } from './rounds.ts'
import type { Process, Run } from './run.ts'
import {
  accountRequests,
  createRequests,
  cursorOfNewest,
  getExistingRequests,
  isRenewalClaim,
  journalRequests,
  makeAccounts,
  makeEnvironments,
  makeJournal,
  makeRenewalsDue,
  newSetup,
  pageRequests,
  startValetkey,
  type Valetkey,
} from './valetkey.ts'

/** Single operations on a small and on a large database. */
export interface ScaleResult {
  readonly rows: readonly Row[]
  /** For each operation its p99 on the large database divided by that on the small one. */
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

/** Grants that are made due for renewal at once, and how often. */
const renewals = { atOnce: 500, times: 2, withinMs: 120_000 }

/** A database of one size with a server on it. */
interface Site {
  readonly size: number
  readonly databaseUrl: string
  readonly server: Valetkey
  readonly operations: ReadonlyMap<string, Requests>
}

/** Fills two databases and measures each operation with one caller, in turn on the one and on the other. */
export async function runScaleBench(run: Run, options: Options): Promise<ScaleResult> {
  const postgres = await openPostgres(run, options.postgres)
  const { process: upstream, ready: upstreamUrl } = await run.startChild<string>('upstream.ts', {})
  const { process: load } = await run.startChild('load.ts', {})
  const sites: Site[] = []
  for (const size of options.scaleSizes) sites.push(await makeSite(run, postgres, upstreamUrl, size, options))

  const wayOf = ({ size, server }: Site, name: string, requests: Requests): Way => ({
    name: `${name}, ${size.toLocaleString('en')} accounts`,
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
  const claims: Series[] = []
  for (const site of sites) {
    const measured = await measureClaims(run, postgres, upstream, site)
    if (measured !== null) claims.push(measured)
  }
  const all = [...series, ...claims]
  const ratios = Array.from({ length: all.length / 2 }, (_, at) => {
    const [small, large] = [all[2 * at], all[2 * at + 1]]
    const ratio = small && large ? ratioOf('p99', large, small) : null
    return [small?.name.replace(/, [\d,]+ accounts$/, '') ?? '', ratio === null ? null : rounded(ratio, 2)] as const
  })
  return { rows: all.map(rowOf), ratios: Object.fromEntries(ratios), warnings }
}

async function makeSite(run: Run, postgres: Postgres, upstream: string, size: number, options: Options): Promise<Site> {
  const databaseUrl = await postgres.newDatabase()
  const setup = { ...newSetup(run, upstream, databaseUrl), databaseUrl }
  const server = await startValetkey(run, setup)
  const cursors: string[] = []
  const accounts = await makeAccounts(server, setup, size, {
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
  )
  const operations = new Map([
    ['getOrCreateConnectedAccount, existing', getExistingRequests(server, sample)],
    ['getOrCreateConnectedAccount, new', createRequests(server)],
    ['connectedAccount', accountRequests(server, sample)],
    ['connectedAccounts, a page in the middle', pageRequests(server, cursors.slice(parts / 4, (3 * parts) / 4))],
    ...[...journalRequests(server, sample)].map(
      ([filter, requests]) => [`toolExecutions, ${filter}`, requests] as const,
    ),
  ])
  return { size, databaseUrl, server, operations }
}

/**
 * The durations of the statements by which the renewal worker claims grants, from Postgres's own log, while it renews
 * grants that are due. Null on a server whose log the bench cannot read.
 */
async function measureClaims(
  run: Run,
  postgres: Postgres,
  upstream: Process,
  { size, databaseUrl }: Site,
): Promise<Series | null> {
  run.note(`renewals among ${size.toLocaleString('en')} accounts`)
  const count = Math.min(renewals.atOnce, size - 1)
  const statements = await postgres.loggingStatements(databaseUrl, async () => {
    for (let time = 0; time < renewals.times; time += 1) {
      const { refreshedAt } = await upstream.ask<UpstreamCounts>({})
      await makeRenewalsDue(databaseUrl, count)
      await waitForRenewals(run, upstream, refreshedAt.length + count)
    }
  })
  if (statements === null) return null
  const samples = statements.filter(({ text }) => isRenewalClaim(text)).map(({ ms }) => ms)
  if (samples.length === 0) throw new Error("There is no claim of the renewal worker in Postgres's log.")
  const [p50, p95, p99] = [50, 95, 99].map((p) => percentile(samples, p))
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / samples.length
  return {
    name: `claim of the renewal worker, ${size.toLocaleString('en')} accounts`,
    callers: 1,
    rounds: [{ perSecond: 1_000 / mean, p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0, cpuMsPerCall: null }],
  }
}

async function waitForRenewals(run: Run, upstream: Process, total: number): Promise<void> {
  const end = performance.now() + renewals.withinMs
  for (;;) {
    const { refreshedAt } = await upstream.ask<UpstreamCounts>({})
    if (refreshedAt.length >= total) return
    run.signal.throwIfAborted()
    if (performance.now() > end) throw new Error(`${total - refreshedAt.length} due grants were not renewed in 120 s.`)
    await sleep(200)
  }
}
