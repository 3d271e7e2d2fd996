import { setTimeout as sleep } from 'node:timers/promises'
import type { Measured } from './calling.ts'
import { measureChanges } from './change-bench.ts'
import { crawledGrants, measureCrawl } from './crawl-bench.ts'
import type { Options } from './options.ts'
import { openPostgres } from './postgres.ts'
import type { FullTextQuestion } from './processes/full-text.ts'
import type { LoadQuestion } from './processes/load.ts'
import { type Goal, type Row, ratiosIn, rounded, rowOf } from './report.ts'
import type { Requests } from './requests.ts'
import { measureInRounds, type Way } from './rounds.ts'
import type { Process, Run } from './run.ts'
import { type CorpusPage, type CorpusQuery, makePages, makeQueries, plaintextBytes } from './search-corpus.ts'
import { fillIndex, sizesOf } from './search-index.ts'
import {
  identifierOf,
  makeAccounts,
  newSetup,
  openOwn,
  searchRequests,
  searchResults,
  startValetkey,
  switchContentSearchOn,
  type Valetkey,
} from './valetkey.ts'

/** Searches in the encrypted index against full-text search of Postgres over plaintext, in the same run. */
export interface SearchResult {
  readonly rows: readonly Row[]
  readonly ratios: {
    /** Pages that were found, of those that match by a plain scan. */
    readonly recall: number
    /** Pages that match by a plain scan, of those that were found. */
    readonly precision: number
    /** The tables of documents and segments with their indexes, divided by the plaintext in UTF-8. */
    readonly sizeVsPlaintext: number
    readonly documentsVsPlaintext: number
    readonly segmentsVsPlaintext: number
    readonly fullTextSizeVsPlaintext: number
    readonly p50VsFullText20: number | null
    readonly p50VsFullTextLarge: number | null
    readonly p50Ms20: number | null
    readonly p99Ms20: number | null
    /** From a request of Notion's webhook to the first search that finds the new text, of ten pages the one that took longest. */
    readonly changedPageSeconds: number
    /** Requests to the provider for each grant that is indexed while no one calls it. */
    readonly crawlRequestsPerMinute: number
    readonly readP99CrawlVsIdle: number | null
  }
  readonly warnings: readonly string[]
}

/** What the figures must be. */
export const searchGoals: Readonly<Record<string, Goal>> = {
  recall: ['≥', 1],
  precision: ['≥', 1],
  sizeVsPlaintext: ['≤', 1.5],
  p50VsFullText20: ['≤', 3],
  p50VsFullTextLarge: ['≤', 3],
  p50Ms20: ['≤', 30],
  p99Ms20: ['≤', 120],
  changedPageSeconds: ['≤', 5],
  crawlRequestsPerMinute: ['≥', 170],
  readP99CrawlVsIdle: ['≤', 1.3],
}

/** Searches of each account under load, and those that are compared with a plain scan. */
const queries = { ofEach: 8, compared: 40 }

/** Notion allows 180 requests in a minute for each grant, and each search is one; the large grant stays below. */
const largeGrant = { callsInRound: 25, warmUpCalls: 20, minuteMs: 61_000 }

const names = {
  index: 'search, encrypted index',
  fullText: 'search, full text of Postgres',
  large: 'search, encrypted index, large grant',
  largeFullText: 'search, full text of Postgres, large grant',
}

/**
 * Fills the indexes of one large grant and of many smaller ones, compares results with a plain scan, and measures searches, and
 * then the crawler.
 *
 * Throws an error at the first wrong answer.
 */
export async function runSearchBench(run: Run, options: Options): Promise<SearchResult> {
  run.note('starting Postgres, the upstream and the servers')
  const { searchPages: largeSize, searchGrants: grants, searchGrantPages: size } = options
  const postgres = await openPostgres(run, options.postgres)
  const { process: upstream, ready: upstreamUrl } = await run.startChild<string>('upstream.ts', {})
  const databaseUrl = await postgres.newDatabase()
  const setup = { ...newSetup(run, upstreamUrl, databaseUrl), databaseUrl }
  const server = await startValetkey(run, setup)
  await makeAccounts(server, setup, grants + 1 + crawledGrants)
  const { process: fullText, ready: fullTextUrl } = await run.startChild<string>('full-text.ts', { databaseUrl })

  let plaintext = 0
  const samples: Sample[] = []
  const own = await openOwn(setup)
  try {
    for (let account = 0; account <= grants; account += 1) {
      run.signal.throwIfAborted()
      if (account % 20 === 0) run.note(`indexes: ${account} of ${grants + 1}`)
      const pages = makePages(account === 0 ? largeSize : size, account)
      plaintext += plaintextBytes(pages)
      await fillIndex(own, account, pages)
      await storePlaintext(fullText, account, pages)
      const compared =
        account === 0 ? Math.min(queries.compared, largeSize / 25) : account <= 10 ? queries.compared / 10 : 0
      samples.push({
        account,
        queries: makeQueries(pages, Math.max(queries.ofEach, compared), account),
        compared,
        pages: compared > 0 ? pages : [],
      })
    }
  } finally {
    await own.close()
  }
  run.note('the index of the full text')
  await fullText.ask('index' satisfies FullTextQuestion)
  const sizes = await sizesOf(databaseUrl)
  await switchContentSearchOn(server)

  run.note('comparing results with a plain scan')
  const { recall, precision } = await compareResults(run, server, samples)
  await sleep(largeGrant.minuteMs, undefined, { signal: run.signal })

  const { process: load } = await run.startChild('load.ts', {})
  const way = (name: string, pid: number, requests: Requests): Way => ({
    name,
    pid,
    measure: (measured) => load.ask<Measured>({ ...measured, requests } satisfies LoadQuestion),
  })
  const helpers = [
    { name: 'upstream', pid: upstream.pid },
    { name: 'load generator', pid: load.pid },
  ]
  const loads = { small: searchLoads(samples.slice(1)), large: searchLoads(samples.slice(0, 1)) }
  const waysOf = (load: readonly SearchCall[], [index, text]: readonly [string, string]) => [
    way(index, server.process.pid, searchRequests(server, load)),
    way(text, fullText.pid, fullTextRequests(fullTextUrl, load)),
  ]
  const small = await measureInRounds(
    run,
    [{ callers: 20, ways: waysOf(loads.small, [names.index, names.fullText]) }],
    {
      rounds: options.rounds,
      measured: { seconds: options.seconds, calls: 1 },
      warmUp: { callers: 20, seconds: options.warmUpSeconds, calls: 1 },
      helpers,
    },
  )
  // After the others: its few calls are not enough to warm a process up.
  const large = await measureInRounds(
    run,
    [{ callers: 1, ways: waysOf(loads.large, [names.large, names.largeFullText]) }],
    {
      rounds: options.rounds,
      measured: { seconds: 0, calls: largeGrant.callsInRound },
      warmUp: { callers: 1, seconds: 0, calls: largeGrant.warmUpCalls },
      helpers,
    },
  )
  const changedPageSeconds = await measureChanges(run, { server, upstream }, firstPages(samples.slice(1)))
  const crawl = await measureCrawl(run, options, { server, databaseUrl, upstream, load, firstCrawled: grants + 1 })
  const series = [...small.series, ...large.series, ...crawl.series]
  const rows = series.map(rowOf)
  const ratio = ratiosIn(series)
  const searched = rows.find(({ name }) => name === names.index)
  return {
    rows,
    ratios: {
      recall,
      precision,
      sizeVsPlaintext: rounded((sizes.documents + sizes.segments) / plaintext, 2),
      documentsVsPlaintext: rounded(sizes.documents / plaintext, 2),
      segmentsVsPlaintext: rounded(sizes.segments / plaintext, 2),
      fullTextSizeVsPlaintext: rounded(sizes.fullText / plaintext, 2),
      p50VsFullText20: ratio('p50', names.index, names.fullText, 20),
      p50VsFullTextLarge: ratio('p50', names.large, names.largeFullText, 1),
      p50Ms20: searched?.p50 ?? null,
      p99Ms20: searched?.p99 ?? null,
      changedPageSeconds,
      crawlRequestsPerMinute: crawl.requestsPerMinute,
      readP99CrawlVsIdle: crawl.readP99VsIdle,
    },
    warnings: [...small.warnings, ...large.warnings],
  }
}

/** What is searched for an account; `pages` only where results are compared. */
interface Sample {
  readonly account: number
  readonly queries: readonly CorpusQuery[]
  readonly compared: number
  readonly pages: readonly CorpusPage[]
}

const firstPages = (samples: readonly Sample[]) =>
  samples.flatMap(({ account, pages }) => pages.slice(0, 1).map(({ id, title }) => ({ account, id, title })))

/** One search of an account. */
export interface SearchCall {
  readonly account: number
  readonly query: string
}

/** The first queries of each account, account after account, so that none has two searches in a row. */
const searchLoads = (samples: readonly Sample[]): readonly SearchCall[] =>
  Array.from({ length: queries.ofEach }, (_, at) => at).flatMap((at) =>
    samples.flatMap(({ account, queries }) => {
      const query = queries[at]
      return query ? [{ account, query: query.text }] : []
    }),
  )

async function storePlaintext(fullText: Process, account: number, pages: readonly CorpusPage[]): Promise<void> {
  for (let from = 0; from < pages.length; from += 1_000) {
    const part = pages.slice(from, from + 1_000).map(({ id, title, text }) => ({ id, title, text }))
    await fullText.ask({ account, pages: part } satisfies FullTextQuestion)
  }
}

const fullTextRequests = (url: string, calls: readonly SearchCall[]): Requests => ({
  url,
  headers: { 'content-type': 'application/json' },
  bodies: calls.map((call) => ({ body: JSON.stringify(call), expected: ['"results":'] })),
})

/** Compares all results of the sampled queries with those of a plain scan. */
async function compareResults(
  run: Run,
  server: Valetkey,
  samples: readonly Sample[],
): Promise<{ readonly recall: number; readonly precision: number }> {
  const counts = { expected: 0, found: 0, right: 0 }
  for (const { account, queries, compared, pages } of samples) {
    for (const { text, matches } of queries.slice(0, compared)) {
      run.signal.throwIfAborted()
      const expected = new Set(pages.filter(matches).map(({ id }) => id))
      const found = await searchResults(server, identifierOf(account), text)
      counts.expected += expected.size
      counts.found += found.size
      counts.right += [...found].filter((id) => expected.has(id)).length
    }
  }
  return { recall: rounded(counts.right / counts.expected, 4), precision: rounded(counts.right / counts.found, 4) }
}
