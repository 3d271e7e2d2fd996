import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Client } from '@notionhq/client'
import pg from 'pg'
import { startPostgresServer } from '../support/postgres-server.ts'
import { type Connection, connect, graphql, importAccount } from './connection.ts'
import { measure } from './measure.ts'
import { startListening } from './processes.ts'

/**
 * What a tool call costs beside the same request of the Notion SDK alone, in one run: SDK, server and sandbox are a process
 * each, and this one calls. Prints Markdown.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    callers: { type: 'string', default: '1,8,32' },
    only: { type: 'string', default: 'sdk,postgres,embedded' },
  },
})
const seconds = Number(values.seconds)
const callers = values.callers.split(',').map(Number)
const only = values.only.split(',')

const databaseId = '2561ab6c-418b-8072-beec-c4779fa811cf'
const pageId = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const title = (text: string) => ({ title: { title: [{ text: { content: text } }] } })

/** One way to reach Notion: a read of ten rows, and a write of a page. */
interface Way {
  readonly name: string
  /** Milliseconds that the server's process has computed so far; null where there is no server. */
  cpuMs(): Promise<number | null>
  read(): Promise<void>
  write(): Promise<void>
}

async function sdk(url: string, { accessToken }: Connection): Promise<Way> {
  const notion = new Client({ auth: accessToken, baseUrl: url, notionVersion: '2026-03-11', retry: false })
  const database = (await notion.databases.retrieve({ database_id: databaseId })) as { data_sources?: { id: string }[] }
  const dataSourceId = database.data_sources?.[0]?.id ?? ''
  return {
    name: 'Notion SDK alone',
    cpuMs: async () => null,
    read: async () => void (await notion.dataSources.query({ data_source_id: dataSourceId, page_size: 10 })),
    write: async () =>
      void (await notion.pages.create({ parent: { page_id: pageId }, properties: title('bench') as never })),
  }
}

const document = `mutation ($input: ExecuteToolInput!) {
  executeTool(input: $input) {
    ... on ExecuteToolPayload { data execution { id status } }
    ... on ToolError { message hint }
  }
}`

async function server(name: string, url: string, apiKey: string, connection: Connection): Promise<Way> {
  const identifier = await importAccount(url, apiKey, connection)
  const call = async (input: Readonly<Record<string, unknown>>) => {
    const { executeTool } = (await graphql(url, apiKey, document, { input: { identifier, ...input } })) as {
      executeTool: { data?: unknown; message?: string }
    }
    if (executeTool.data === undefined) throw new Error(executeTool.message)
  }
  return {
    name,
    async cpuMs() {
      const text = await (await fetch(`${url}/metrics`)).text()
      return 1_000 * Number(/^valetkey_process_cpu_seconds_total ([\d.]+)/m.exec(text)?.[1])
    },
    read: () => call({ toolName: 'notion_database_query', toolInput: { database_id: databaseId, page_size: 10 } }),
    write: () =>
      call({
        toolName: 'notion_page_create',
        toolInput: { parent_page_id: pageId, properties: title('bench') },
        idempotencyKey: randomUUID(),
      }),
  }
}

const rows: string[] = []
const notes: string[] = []

async function run(way: Way): Promise<void> {
  for (const at of callers) {
    for (const what of ['read', 'write'] as const) {
      await measure(way[what], at, 1)
      const before = await way.cpuMs()
      const { calls, failed, callsPerSecond, p50, p95, p99 } = await measure(way[what], at, seconds)
      const after = await way.cpuMs()
      if (failed.length > 0)
        notes.push(`${way.name}, ${what}, ${at} callers: ${failed.length} failed, such as: ${failed[0]}`)
      const cpu = before === null || after === null ? '' : ((after - before) / calls).toFixed(1)
      const times = [p50, p95, p99].map((ms) => ms.toFixed(1)).join(' | ')
      rows.push(`| ${what} | ${way.name} | ${at} | ${times} | ${callsPerSecond.toFixed(0)} | ${cpu} |`)
    }
  }
}

/** Statements that a call costs the database, as Postgres counts the transactions: each statement is one here. */
async function statementsPerCall(databaseUrl: string, call: () => Promise<void>): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const count = async () => {
    // Backends tell their counts when they have been idle for a moment, at most once a second.
    await sleep(2_500)
    const { rows: counted } = await client.query<{ count: string }>(
      'select (xact_commit + xact_rollback)::text as count from pg_stat_database where datname = current_database()',
    )
    return Number(counted[0]?.count)
  }
  const [idleFrom, from] = [await count(), await count()]
  const calls = 200
  for (let at = 0; at < calls; at += 1) await call()
  const statements = (await count()) - from - (from - idleFrom)
  await client.end()
  return statements / calls
}

const home = await mkdtemp(join(tmpdir(), 'valetkey-bench-'))
const sandbox = await startListening('src/sandbox/main.ts', ['--port', '0'], {})
try {
  const connection = await connect(sandbox.url)
  if (only.includes('sdk')) await run(await sdk(sandbox.url, connection))
  const apiKey = randomBytes(24).toString('hex')
  const env = {
    PORT: '0',
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    NOTION_API_URL: sandbox.url,
    VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
    VALETKEY_BOOTSTRAP_API_KEY: apiKey,
  }
  if (only.includes('postgres')) {
    const postgres = await startPostgresServer()
    const databaseUrl = postgres.url('postgres')
    const node = await startListening('test/bench/node.ts', [], {
      ...env,
      VALETKEY_DATA_DIR: join(home, 'served'),
      DATABASE_URL: databaseUrl,
    })
    const way = await server('executeTool, Postgres', node.url, apiKey, connection)
    await run(way)
    const [reads, writes] = [
      await statementsPerCall(databaseUrl, () => way.read()),
      await statementsPerCall(databaseUrl, () => way.write()),
    ]
    notes.push(`Statements on Postgres: ${reads.toFixed(1)} a read, ${writes.toFixed(1)} a write under a key.`)
    await node.stop()
    await postgres.stop()
  }
  if (only.includes('embedded')) {
    const node = await startListening('test/bench/node.ts', [], { ...env, VALETKEY_DATA_DIR: join(home, 'embedded') })
    await run(await server('executeTool, embedded', node.url, apiKey, connection))
    await node.stop()
  }
} finally {
  await sandbox.stop()
  await rm(home, { recursive: true, force: true })
}
const [processor] = cpus()
console.log(
  [
    `${cpus().length} × ${processor?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)} at the end, ${seconds} s a line`,
    '',
    '| Call | Way | Callers | p50 ms | p95 ms | p99 ms | calls/s | server CPU ms a call |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
    ...notes,
  ].join('\n'),
)
