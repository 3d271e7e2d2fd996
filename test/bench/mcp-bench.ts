import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { freePort } from '../support/free-port.ts'
import type { Measured } from './calling.ts'
import { accessToken, databaseId, dataSourceId, lastRowId } from './notion-bodies.ts'
import type { Options } from './options.ts'
import { openPostgres } from './postgres.ts'
import type { LoadQuestion } from './processes/load.ts'
import { type Goal, type Row, ratiosIn, rowOf } from './report.ts'
import { type Requests, uniquePlaceholder } from './requests.ts'
import { measureInRounds, type Way } from './rounds.ts'
import type { Process, Run } from './run.ts'
import { identifierOf, makeAccounts, newSetup, startValetkey, type Valetkey } from './valetkey.ts'

/** Valetkey's `/mcp` against Notion's own MCP server, on the same machine and upstream in the same run. */
export interface McpResult {
  readonly rows: readonly Row[]
  readonly ratios: {
    /** Calls per second, results as Markdown, divided by those of Notion's server. */
    readonly callsVsNotion64: number | null
    /** The same with Notion's own JSON as the result, as Notion's server returns it. */
    readonly rawCallsVsNotion64: number | null
    /** CPU time for each call. */
    readonly cpuVsNotion64: number | null
    readonly p50VsNotion1: number | null
    /** Tokens (o200k) of the name, the description and the schema of each tool that is listed. */
    readonly definitionTokens: number
    readonly notionDefinitionTokens: number
  }
  /** What may have distorted figures. */
  readonly warnings: readonly string[]
}

/** What the figures must be. */
export const mcpGoals: Readonly<Record<string, Goal>> = {
  callsVsNotion64: ['≥', 2],
  rawCallsVsNotion64: ['≥', 2],
  definitionTokens: ['≤', 1_500],
}

/** Notion's server, installed from the npm registry for the run. */
const notionServer = '@notionhq/notion-mcp-server@2.5.2'

/** How long Notion's server may take to start, in milliseconds. */
const startMs = 60_000

const callers = { many: 64, one: 1 }

/**
 * Measures a query of ten rows through both servers.
 *
 * Throws an error at the first wrong answer, and when Notion's server cannot be installed.
 */
export async function runMcpBench(run: Run, options: Options): Promise<McpResult> {
  run.note('starting Postgres, the upstream and the servers')
  const postgres = await openPostgres(run, options.postgres)
  const { process: upstream, ready: upstreamUrl } = await run.startChild<string>('upstream.ts', {})
  const notion = await startNotionServer(run, upstreamUrl)
  const databaseUrl = await postgres.newDatabase()
  const setup = { ...newSetup(run, upstreamUrl, databaseUrl), databaseUrl }
  const server = await startValetkey(run, setup)
  await makeAccounts(server, setup, options.accounts)
  const { process: load } = await run.startChild('load.ts', {})

  const way = (name: string, { pid }: Process, requests: Requests): Way => ({
    name,
    pid,
    measure: (measured) => load.ask<Measured>({ ...measured, requests } satisfies LoadQuestion),
  })
  const ofNotion = { url: notion.url, headers: notion.headers, bodies: [queryOf(notionQuery)] }
  const names = { notion: 'MCP read, notion-mcp-server', own: 'MCP read, Valetkey', raw: 'MCP read, Valetkey, raw' }
  const ways = [
    way(names.notion, notion.process, ofNotion),
    way(names.own, server.process, ownRequests(server, options.accounts, '')),
    way(names.raw, server.process, ownRequests(server, options.accounts, '?format=raw')),
  ]
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
      ],
    },
  )
  const ratio = ratiosIn(series)
  return {
    rows: series.map(rowOf),
    ratios: {
      callsVsNotion64: ratio('perSecond', names.own, names.notion, callers.many),
      rawCallsVsNotion64: ratio('perSecond', names.raw, names.notion, callers.many),
      cpuVsNotion64: ratio('cpuMsPerCall', names.own, names.notion, callers.many),
      p50VsNotion1: ratio('p50', names.own, names.notion, callers.one),
      definitionTokens: await tokensOf(`${server.url}/mcp`, ownHeaders(server, identifierOf(0))),
      notionDefinitionTokens: await tokensOf(notion.url, notion.headers),
    },
    warnings,
  }
}

const protocol = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2025-06-18',
}

const ownHeaders = ({ authorization }: Valetkey, identifier: string) => ({
  ...protocol,
  ...authorization,
  'x-valetkey-identifier': encodeURIComponent(identifier),
})

/** A call of a tool. Both servers need an ID of its own for each call that runs. */
const queryOf = (params: object) => ({
  body: JSON.stringify({ jsonrpc: '2.0', id: uniquePlaceholder, method: 'tools/call', params }),
  expected: [lastRowId],
})

const ownQuery = { name: 'notion_database_query', arguments: { database_id: databaseId, page_size: 10 } }
const notionQuery = { name: 'API-query-data-source', arguments: { data_source_id: dataSourceId, page_size: 10 } }

/** The calls of each account. */
function ownRequests(server: Valetkey, accounts: number, search: string): Requests {
  return {
    url: `${server.url}/mcp${search}`,
    headers: {},
    bodies: Array.from({ length: accounts }, (_, account) => ({
      ...queryOf(ownQuery),
      headers: ownHeaders(server, identifierOf(account)),
    })),
  }
}

/** Installs and starts Notion's server with one token, and opens a session. */
async function startNotionServer(run: Run, upstream: string) {
  const directory = join(run.directory, 'notion-mcp-server')
  await mkdir(directory)
  run.note(`installing ${notionServer}`)
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', directory, notionServer]
  await promisify(execFile)('npm', install, { signal: run.signal })
  const port = await freePort()
  const cli = join(directory, 'node_modules/@notionhq/notion-mcp-server/bin/cli.mjs')
  const process = run.start('notion-mcp-server', [cli, '--transport', 'http', '--port', String(port)], {
    BASE_URL: upstream,
    AUTH_TOKEN: 'bench',
    NODE_ENV: 'production',
    // Not NOTION_TOKEN, with which it calls Notion itself at the start.
    OPENAPI_MCP_HEADERS: JSON.stringify({ Authorization: `Bearer ${accessToken(0)}`, 'Notion-Version': '2025-09-03' }),
  })
  const url = `http://127.0.0.1:${port}/mcp`
  const headers = { ...protocol, authorization: 'Bearer bench' }
  const until = performance.now() + startMs
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isReady())) {
    if (performance.now() > until) throw new Error('notion-mcp-server does not answer')
    await sleep(100, undefined, { signal: run.signal })
  }
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
    }),
  })
  await response.text()
  return { process, url, headers: { ...headers, 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' } }
}

/** The tokens of what a model is shown of the tools that a server lists. */
async function tokensOf(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 'list', method: 'tools/list', params: {} })
  const text = await (await fetch(url, { method: 'POST', headers, body })).text()
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text
  const { result } = JSON.parse(json) as {
    result: { tools: { name: string; description: string; inputSchema: object }[] }
  }
  return result.tools.reduce(
    (sum, { name, description, inputSchema }) =>
      sum + encode(JSON.stringify({ name, description, inputSchema })).length,
    0,
  )
}
