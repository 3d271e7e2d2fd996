import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Options } from './options.ts'
import type { UpstreamCounts, UpstreamQuestion } from './processes/upstream.ts'
import { measureReads } from './reads-meanwhile.ts'
import { rounded } from './report.ts'
import { ratioOf, type Series } from './rounds.ts'
import type { Process, Run } from './run.ts'
import type { Valetkey } from './valetkey.ts'

/** How many grants are indexed at a time, with so many pages that this takes longer than the measurement. */
export const crawledGrants = 8
const pagesOfEach = 1_500

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
  const { rounds, seconds } = options
  const reads = { server, load, accounts: firstCrawled, rounds, seconds }
  const idle = await measureReads(run, { ...reads, name: 'read, idle', warmUpSeconds: options.warmUpSeconds })
  const accounts = Array.from({ length: crawledGrants }, (_, at) => firstCrawled + at)
  await upstream.ask<UpstreamCounts>({ owned: { accounts, pagesOfEach } } satisfies UpstreamQuestion)
  await makeDue(databaseUrl)
  run.note(`indexing ${crawledGrants} grants`)
  while ((await upstream.ask<UpstreamCounts>({})).crawled < crawledGrants) await sleep(100, undefined, run)
  const [before, began] = [(await upstream.ask<UpstreamCounts>({})).crawled, performance.now()]
  const name = `read, while ${crawledGrants} grants are indexed`
  const crawling = await measureReads(run, { ...reads, name, warmUpSeconds: 1 })
  await sleep(Math.max(0, countedMs - (performance.now() - began)), undefined, run)
  const after = (await upstream.ask<UpstreamCounts>({})).crawled
  const minutes = (performance.now() - began) / 60_000
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
