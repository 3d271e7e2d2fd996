import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { connectAccount, named, newEnvironment, startCluster, type TestCluster } from '../grants/support.ts'
import type { LoggedRequest, RunningSandbox } from '../sandbox/support.ts'
import { quickTiming } from '../support/accounts-context.ts'
import { type NodeProcess, type NodeSettings, startNodeProcess } from './processes.ts'
import { report, size } from './report.ts'
import { startSandboxProcess } from './sandbox-process.ts'

const isRefresh = (entry: LoggedRequest) => entry.grantType === 'refresh_token'

describe('node processes that share a grant', () => {
  let sandbox: RunningSandbox
  let cluster: TestCluster
  let environment: Awaited<ReturnType<typeof newEnvironment>>
  const running: NodeProcess[] = []
  const start = async (settings: Partial<NodeSettings> = {}) => {
    const node = await startNodeProcess({
      location: cluster.location,
      masterKey: cluster.masterKey.reveal(),
      apiUrl: sandbox.url,
      leaseMs: 10_000,
      timeoutMs: 5_000,
      clockOffsetMs: 0,
      dieAt: null,
      ...settings,
    })
    running.push(node)
    return node
  }
  const expire = () => sandbox.control('expire', { clientId: environment.client.id, access: true })
  const alice = () => ({ environmentId: environment.environmentId, identifier: 'alice' })
  const find = () => findAccount(cluster.node.context.db, environment.environmentId, named('alice'))
  const tokenWorks = async () => {
    const { accessToken } = await openAccount(cluster.node.context, environment.environmentId, named('alice'))
    return accessToken !== null && (await sandbox.call(accessToken.reveal(), 'GET', '/v1/users/me')).status === 200
  }

  beforeAll(async () => {
    sandbox = await startSandboxProcess()
    cluster = await startCluster(sandbox)
  })
  beforeEach(async () => {
    await sandbox.control('reset')
    await sandbox.control('rateLimit', { perMinute: 1_000_000 })
    environment = await newEnvironment(cluster.node.context)
    await connectAccount(cluster.node.context, sandbox, environment, 'alice')
  })
  afterEach(async () => {
    for (const node of running.splice(0)) {
      node.child.kill('SIGKILL')
      await node.gone
    }
  })
  afterAll(async () => {
    await cluster.close()
    await sandbox.close()
  })

  it(
    'refresh exactly once a round for all their callers, with the clock of one node two hours off',
    async () => {
      const rounds = size(5, 500)
      const callers = size(20, 50)
      // No time of a lease or a request ends while a busy machine works on all callers.
      const patient = { leaseMs: 110_000, timeoutMs: 100_000 }
      const nodes = await Promise.all([
        start(patient),
        start(patient),
        start({ ...patient, clockOffsetMs: 2 * 3_600_000 }),
      ])
      const presented = new Set<string>()
      for (let round = 1; round <= rounds; round++) {
        const startedAt = new Date().toISOString()
        await expire()
        const results = (await Promise.all(
          nodes.map((node) => node.order({ ...alice(), kind: 'callers', count: callers })),
        )) as { versions: number[]; failures: string[] }[]
        expect(results.flatMap((result) => result.failures)).toEqual([])
        expect(new Set(results.flatMap((result) => result.versions))).toEqual(new Set([round + 1]))
        const refreshes = (await sandbox.log()).filter((entry) => isRefresh(entry) && entry.at >= startedAt)
        expect(refreshes).toHaveLength(1)
        for (const { tokenFingerprint = '' } of refreshes) presented.add(tokenFingerprint)
      }
      // No refresh token was ever presented twice.
      expect(presented.size).toBe(rounds)
      report(
        `${callers} callers on each of 3 nodes, one with its clock 2 h off, strict provider`,
        rounds,
        'one refresh a round, no failed caller, no refresh token presented twice',
      )
    },
    size(120_000, 1_800_000),
  )

  it.each(['none', 'grace', 'strict'] as const)(
    'do not overwrite a newer pair when one is stopped past its lease and woken, %s provider',
    async (rotation) => {
      await sandbox.control('mode', { rotation, latencyMs: 300 })
      const zombie = await start({ leaseMs: 500 })
      await expire()
      const late = zombie.order({ ...alice(), kind: 'renew' }).then(
        (version) => version as number,
        (error: unknown) => String(error),
      )
      await expect.poll(async () => (await sandbox.log()).filter(isRefresh).length, { interval: 10 }).toBe(1)
      zombie.child.kill('SIGSTOP')
      await sleep(800)
      const { context } = cluster.node
      const { account: refused } = await openAccount(context, environment.environmentId, named('alice'))
      const taken = await renewAccessToken({ ...context, timing: { ...quickTiming, leaseMs: 500 } }, refused, 1).then(
        ({ version }) => version,
        (error: unknown) => String(error),
      )
      zombie.child.kill('SIGCONT')
      const woken = await late
      const account = await find()
      if (rotation === 'strict') {
        // The taker presented a used token: the provider ended the family, and that is what is reported.
        expect(account).toMatchObject({ status: 'EXPIRED', statusReason: 'RENEWAL_INTERRUPTED' })
        expect(woken).toMatch(/AccountNotActiveError/)
      } else {
        expect(taken).toBe(2)
        expect(woken).toBe(2)
        expect(account).toMatchObject({ status: 'ACTIVE', grant: { version: 2 } })
        expect(await tokenWorks()).toBe(true)
      }
      report(
        `holder stopped past its lease and woken, ${rotation} provider`,
        1,
        rotation === 'strict'
          ? 'reuse detected by the provider, reported as RENEWAL_INTERRUPTED'
          : 'newer tokens preserved',
      )
    },
  )
})
