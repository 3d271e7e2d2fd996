import { setTimeout as sleep } from 'node:timers/promises'
import type { Options } from './options.ts'
import { openPostgres } from './postgres.ts'
import type { SubscribersQuestion } from './processes/subscribers.ts'
import { type Goal, rounded } from './report.ts'
import type { Run } from './run.ts'
import { usageOf } from './usage-of.ts'
import { changeAccounts, makeAccounts, newSetup, startValetkey, subscriptionBodies } from './valetkey.ts'

/** What open subscriptions cost one node. */
export interface SubscriptionResult {
  readonly streams: number
  readonly ratios: {
    /** Resident memory that a stream adds, in KB of 2^10 bytes, its connection included. */
    readonly kbPerStream: number | null
    /** Statements of the node for each change of an account that no stream is of. Null on a server that is not the run's own. */
    readonly statementsPerForeignChange: number | null
    /** Statements of the node for each change of an account with a stream. */
    readonly statementsPerOwnChange: number | null
    /** Statements per second of the node without any change. */
    readonly statementsPerIdleSecond: number | null
    /** CPU time of the node for each change of an account that no stream is of, in ms. */
    readonly cpuMsPerForeignChange: number | null
  }
}

/** What the figures must be. The share above one statement is for background work that a longer run evens out. */
export const subscriptionGoals: Readonly<Record<string, Goal>> = {
  statementsPerForeignChange: ['≤', 1.1],
  statementsPerOwnChange: ['≤', 1.1],
}

/** Changes of each kind. */
const changes = 20

/** How long nothing changes, in milliseconds: longer than the interval in which credentials are checked. */
const idleMs = 20_000

/** How long memory is left to settle, in milliseconds. */
const settleMs = 5_000

/**
 * Opens a stream for each of many accounts, and one of all changes for every hundredth, and counts what the node asks the
 * database when other nodes change accounts.
 */
export async function runSubscriptionBench(run: Run, options: Options): Promise<SubscriptionResult> {
  run.note('starting Postgres and a server')
  const postgres = await openPostgres(run, options.postgres)
  const { ready: upstreamUrl } = await run.startChild<string>('upstream.ts', {})
  const databaseUrl = await postgres.newDatabase()
  const setup = { ...newSetup(run, upstreamUrl, databaseUrl), databaseUrl }
  const server = await startValetkey(run, setup)
  const { streams } = options
  const ofAllChanges = Math.ceil(streams / 100)
  await makeAccounts(server, setup, streams + changes)
  const { process: subscribers } = await run.startChild('subscribers.ts', {})
  const ask = (question: SubscribersQuestion) => subscribers.ask<number>(question)

  await sleep(settleMs)
  const before = await usageOf(server.process.pid)
  run.note(`opening ${streams} streams`)
  await ask({ open: subscriptionBodies(streams, ofAllChanges), url: server.url, headers: server.authorization })
  await ask({ events: streams })
  await sleep(settleMs)
  const after = await usageOf(server.process.pid)

  let logged = 0
  /** The node's statements while `work` runs, without its heartbeats and what it does in `perSecond` otherwise. */
  const statements = async (work: () => Promise<unknown>, perSecond = 0): Promise<number | null> => {
    let seconds = 0
    const all = await postgres.loggingStatements(databaseUrl, async () => {
      const began = performance.now()
      await work()
      seconds = (performance.now() - began) / 1_000
    })
    if (all === null) return null
    const fresh = all.slice(logged)
    logged = all.length
    const ofNode = fresh.filter(({ text }) => !text.includes('bench') && text.trim() !== 'select')
    return Math.max(0, ofNode.length - perSecond * seconds)
  }
  const per = (count: number | null, divisor: number) => count && rounded(count / divisor, 2)

  run.note('idle')
  const idle = await statements(() => sleep(idleMs))
  const idlePerSecond = (idle ?? 0) / (idleMs / 1_000)
  run.note('changing accounts without a stream')
  const cpuBefore = await usageOf(server.process.pid)
  const foreign = await statements(async () => {
    await changeAccounts(databaseUrl, streams, streams + changes)
    await ask({ events: streams + changes * ofAllChanges })
  }, idlePerSecond)
  const cpuAfter = await usageOf(server.process.pid)
  run.note('changing accounts with a stream')
  const own = await statements(async () => {
    await changeAccounts(databaseUrl, 0, changes)
    await ask({ events: streams + 2 * changes * ofAllChanges + changes })
  }, idlePerSecond)
  return {
    streams: streams + ofAllChanges,
    ratios: {
      kbPerStream: before && after && rounded((after.rssBytes - before.rssBytes) / 1024 / (streams + ofAllChanges), 1),
      statementsPerForeignChange: per(foreign, changes),
      statementsPerOwnChange: per(own, changes),
      statementsPerIdleSecond: per(idle, idleMs / 1_000),
      cpuMsPerForeignChange: cpuBefore && cpuAfter && rounded((cpuAfter.cpuMs - cpuBefore.cpuMs) / changes, 1),
    },
  }
}
