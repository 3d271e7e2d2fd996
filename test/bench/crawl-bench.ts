import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Measured } from './calling.ts'
import type { Options } from './options.ts'
import type { LoadQuestion } from './processes/load.ts'
import type { UpstreamCounts, UpstreamQuestion } from './processes/upstream.ts'
import { rounded } from './report.ts'
import { measureInRounds, ratioOf, type Series, type Way } from './rounds.ts'
import type { Process, Run } from './run.ts'
import { readRequests, type Valetkey } from './valetkey.ts'

/** How many grants are indexed at a time, with so many pages that this takes longer than the measurement. */
export const crawledGrants = 8
const pagesOfEach = 1_500

/** Calls at a time. More would use all processors, and any other work would slow them down. */
const callers = 2

/** How long requests are counted, in milliseconds: twice the window of the provider's limit. */
const countedMs = 120_000

/** What the crawler does for grants that no one calls, and to the calls of others. */
export interface CrawlResult {
  readonly series: readonly Series[]
  readonly requestsPerMinute: number
  readonly readP99VsIdle: number | null
}

/**
 * Has the pages of some accounts indexed, counts the requests for each of them, and measures reads of other accounts before and
 * meanwhile. The indexes of these accounts must exist and be empty. With few other accounts, these reach their own rate limit.
 */
export async function measureCrawl(
  run: Run,
  options: Options,
  parts: {
    readonly server: Valetkey
    readonly databaseUrl: string
    readonly upstream: Process
    readonly load: Process
    /** Other accounts are those below. */
    readonly firstCrawled: number
  },
): Promise<CrawlResult> {
  const { server, databaseUrl, upstream, load, firstCrawled } = parts
  const requests = readRequests(server, firstCrawled)
  const measureReads = async (name: string, warmUpSeconds: number) => {
    const way: Way = {
      name,
      pid: server.process.pid,
      measure: (measured) => load.ask<Measured>({ ...measured, requests } satisfies LoadQuestion),
    }
    const { series } = await measureInRounds(run, [{ callers, ways: [way] }], {
      rounds: options.rounds,
      measured: { seconds: options.seconds, calls: 1 },
      warmUp: { callers, seconds: warmUpSeconds, calls: 1 },
      helpers: [],
    })
    return series
  }
  const [idle] = await measureReads('read, idle', options.warmUpSeconds)
  const accounts = Array.from({ length: crawledGrants }, (_, at) => firstCrawled + at)
  await upstream.ask<UpstreamCounts>({ owned: { accounts, pagesOfEach } } satisfies UpstreamQuestion)
  await makeDue(databaseUrl)
  run.note(`indexing ${crawledGrants} grants`)
  while ((await upstream.ask<UpstreamCounts>({})).crawled < crawledGrants) await sleep(100, undefined, run)
  const [before, began] = [(await upstream.ask<UpstreamCounts>({})).crawled, performance.now()]
  const [crawling] = await measureReads(`read, while ${crawledGrants} grants are indexed`, 1)
  await sleep(Math.max(0, countedMs - (performance.now() - began)), undefined, run)
  const after = (await upstream.ask<UpstreamCounts>({})).crawled
  const minutes = (performance.now() - began) / 60_000
  if (idle === undefined || crawling === undefined) throw new Error('Reads were not measured.')
  return {
    series: [idle, crawling],
    requestsPerMinute: rounded((after - before) / crawledGrants / minutes, 0),
    readP99VsIdle: ratioOf('p99', crawling, idle),
  }
}

/** Has the empty indexes compared with the provider now, instead of minutes later. */
async function makeDue(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const due = async () =>
      (await client.query('update content_indexes set next_full_at = now(), next_at = now() where documents = 0'))
        .rowCount
    for (let attempt = 0; (await due()) !== crawledGrants; attempt += 1) {
      if (attempt === 120) throw new Error('The indexes to crawl do not exist.')
      await sleep(1_000)
    }
  } finally {
    await client.end()
  }
}
