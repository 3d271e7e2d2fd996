import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Options } from './options.ts'
import { openPostgres } from './postgres.ts'
import { measureReads } from './reads-meanwhile.ts'
import { type Goal, type Row, rounded, rowOf } from './report.ts'
import { ratioOf } from './rounds.ts'
import type { Run } from './run.ts'
import { identifierOf, makeAccounts, newSetup, startValetkey } from './valetkey.ts'

/** How two nodes renew many grants that are due at once, and what that does to the calls of others. */
export interface RenewalResult {
  readonly rows: readonly Row[]
  readonly ratios: {
    /** From the first renewed grant to the last, in seconds: nodes look for due grants every few seconds. */
    readonly renewalSeconds: number
    readonly renewalsPerSecond: number
    /** The p99 of reads while grants are renewed, divided by the one before. */
    readonly readP99VsIdle: number | null
  }
  /** What may have distorted figures. */
  readonly warnings: readonly string[]
}

/** What the figures must be, with the default number of grants. */
export const renewalGoals: Readonly<Record<string, Goal>> = {
  renewalSeconds: ['≤', 20],
  readP99VsIdle: ['≤', 2],
}

/** How long the token endpoint takes to answer, in milliseconds. */
const tokenMs = 20

/** The longest measurement of calls, in seconds: shorter than the renewals take. */
const maxSeconds = 8

/** How often due grants are counted, in milliseconds, and how long none may be renewed. */
const countEveryMs = 250
const stalledMs = 60_000

/** Makes the grants of many accounts due, and calls other accounts meanwhile. */
export async function runRenewalBench(run: Run, options: Options): Promise<RenewalResult> {
  run.note('starting Postgres, the upstream and two nodes')
  const postgres = await openPostgres(run, options.postgres)
  const { ready: upstreamUrl } = await run.startChild<string>('upstream.ts', { tokenMs })
  const { process: load } = await run.startChild('load.ts', {})
  const databaseUrl = await postgres.newDatabase()
  const setup = { ...newSetup(run, upstreamUrl, databaseUrl), databaseUrl }
  const server = await startValetkey(run, setup)
  await startValetkey(run, { ...setup, dataDirectory: join(run.directory, randomUUID()) })
  const { renewals, accounts: called } = options
  run.note(`making ${called + renewals} accounts`)
  await makeAccounts(server, setup, called + renewals)

  const seconds = Math.min(maxSeconds, options.rounds * options.seconds)
  const reads = { server, load, accounts: called, rounds: 1, seconds }
  const idle = await measureReads(run, { ...reads, name: 'read, idle', warmUpSeconds: options.warmUpSeconds })

  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const due = await makeDue(client, called)
    run.note(`${due} grants are due`)
    const began = await whenLeft(run, client, due - 1)
    const [ended, meanwhile] = await Promise.all([
      whenLeft(run, client, 0),
      measureReads(run, { ...reads, name: 'read, while grants are renewed', warmUpSeconds: 0.1 }),
    ])
    await allRenewed(client, due)
    const renewalMs = ended - began
    const warnings = renewalMs < seconds * 1_000 ? ['The renewals ended before the measurement of the calls.'] : []
    const series = [idle, meanwhile]
    return {
      rows: series.map(rowOf),
      ratios: {
        renewalSeconds: rounded(renewalMs / 1_000, 1),
        renewalsPerSecond: rounded(due / Math.max(1, renewalMs / 1_000), 0),
        readP99VsIdle: ratioOf('p99', meanwhile, idle),
      },
      warnings,
    }
  } finally {
    await client.end()
  }
}

/** Makes the grants of all accounts due but the first ones, which are called. Returns how many. */
async function makeDue(client: pg.Client, called: number): Promise<number> {
  const { rowCount } = await client.query(
    `update grants set next_refresh_at = now() from connected_accounts account
     where account.grant_id = grants.id and account.identifier <> all ($1)`,
    [Array.from({ length: called }, (_, account) => identifierOf(account))],
  )
  return rowCount ?? 0
}

/**
 * Waits until at most so many grants are due. Returns when it was seen. Throws an error when no grant is renewed for a minute.
 * Due grants are counted and not renewed ones, because these have no index: to count them took a fifth of a processor.
 */
async function whenLeft(run: Run, client: pg.Client, most: number): Promise<number> {
  let before = Number.POSITIVE_INFINITY
  for (let changedAt = performance.now(); ; ) {
    run.signal.throwIfAborted()
    const { rows } = await client.query<{ count: number }>(
      `select count(*)::int as count from grants where status = 'active' and next_refresh_at <= now()`,
    )
    const left = rows[0]?.count ?? 0
    if (left <= most) return performance.now()
    if (left < before) {
      before = left
      changedAt = performance.now()
    }
    if (performance.now() - changedAt > stalledMs) throw new Error(`${left} grants are still due`)
    await sleep(countEveryMs)
  }
}

/** Throws an error when a grant was postponed instead of renewed. */
async function allRenewed(client: pg.Client, due: number): Promise<void> {
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from grants where version > 1')
  const count = rows[0]?.count ?? 0
  if (count < due) throw new Error(`only ${count} of ${due} grants were renewed`)
}
