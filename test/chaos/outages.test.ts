import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { refreshAccount } from '../../src/accounts/grants/verify-grant.ts'
import { drainRenewals } from '../../src/accounts/node-state.ts'
import { Secret } from '../../src/vault/secret.ts'
import { startNode, type TestNode } from '../grants/node.ts'
import { connectAccount, named, newEnvironment } from '../grants/support.ts'
import type { RunningSandbox } from '../sandbox/support.ts'
import { quickTiming } from '../support/accounts-context.ts'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'
import { percentile, report, size } from './report.ts'
import { startSandboxProcess } from './sandbox-process.ts'

describe('a database that goes away', () => {
  let sandbox: RunningSandbox
  let server: PostgresServer
  let nodes: TestNode[]
  const node = () => {
    const [first] = nodes
    if (!first) throw new Error('no node')
    return first
  }

  beforeAll(async () => {
    sandbox = await startSandboxProcess()
    await sandbox.control('rateLimit', { perMinute: 1_000_000 })
    server = await startPostgresServer()
    const admin = new pg.Client({ connectionString: server.url('postgres') })
    await admin.connect()
    await admin.query('create database chaos')
    await admin.end()
    const masterKey = new Secret(randomBytes(32).toString('base64'))
    const start = (maxConnections: number) =>
      startNode({
        location: { kind: 'server', url: server.url('chaos'), maxConnections },
        masterKey,
        apiUrl: sandbox.url,
        timeoutMs: 15_000,
        timing: { ...quickTiming, leaseMs: 1_000 },
      })
    nodes = [await start(2), await start(10)]
  })
  afterAll(async () => {
    await Promise.all(nodes.map((each) => each.close()))
    await server.stop()
    await sandbox.close()
  })

  it('keeps a pair that the provider has issued, serves it, and stores it when the database is back', async () => {
    const { context } = node()
    const environment = await newEnvironment(context)
    const account = await connectAccount(context, sandbox, environment, 'alice')
    await sandbox.control('expire', { clientId: environment.client.id, access: true })
    await sandbox.control('mode', { rotation: 'strict', latencyMs: 300 })
    const renewing = renewAccessToken(context, account, 1)
    await expect
      .poll(async () => (await sandbox.log()).filter((entry) => entry.grantType === 'refresh_token').length)
      .toBe(1)
    await server.kill()
    const renewed = await renewing
    await sandbox.control('mode', { latencyMs: 0 })
    expect((await sandbox.call(renewed.accessToken.reveal(), 'GET', '/v1/users/me')).status).toBe(200)
    expect(node().logged()).toMatch(/token_unpersisted/)
    await server.start()
    await drainRenewals(context)
    const opened = await openAccount(context, environment.environmentId, named('alice'))
    expect(opened.account.grant?.version).toBe(2)
    expect(opened.accessToken?.reveal()).toBe(renewed.accessToken.reveal())
    report('Postgres killed after the provider answered', 1, 'served from memory, stored after the restart')
  })

  it(
    'costs no grant when it is killed again and again under renewals, with pools of two and ten connections',
    async () => {
      await sandbox.control('mode', { rotation: 'strict' })
      const kills = size(2, 10)
      const { context } = node()
      const environments = await Promise.all([1, 2, 3, 4].map(() => newEnvironment(context)))
      for (const environment of environments) await connectAccount(context, sandbox, environment, 'alice')
      let killing = true
      let renewals = 0
      let refusals = 0
      const traffic = environments.map(async (environment, index) => {
        const { context: mine } = nodes[index % 2] ?? node()
        while (killing) {
          try {
            await sandbox.control('expire', { clientId: environment.client.id, access: true })
            const opened = await openAccount(mine, environment.environmentId, named('alice'))
            await renewAccessToken(mine, opened.account, opened.account.grant?.version ?? 0)
            renewals++
          } catch {
            refusals++
            await sleep(20)
          }
        }
      })
      for (let kill = 0; kill < kills; kill++) {
        await sleep(700)
        await server.kill()
        await sleep(200)
        await server.start()
      }
      await sleep(500)
      killing = false
      await Promise.all(traffic)
      await Promise.all(nodes.map((each) => drainRenewals(each.context)))
      for (const environment of environments) {
        await expect
          .poll(() => refreshAccount(context, environment.environmentId, named('alice')).catch(() => null))
          .toMatchObject({ status: 'ACTIVE' })
        const opened = await openAccount(context, environment.environmentId, named('alice'))
        const answer = await sandbox.call(opened.accessToken?.reveal() ?? '', 'GET', '/v1/users/me')
        expect(answer.status).toBe(200)
        expect(await findAccount(context.db, environment.environmentId, named('alice'))).toMatchObject({
          status: 'ACTIVE',
        })
      }
      report(
        'Postgres killed and restarted under renewals, strict provider, pools of 2 and 10',
        kills,
        `0 of 4 grants lost, ${renewals} renewals, ${refusals} calls refused while it was away`,
      )
    },
    size(120_000, 300_000),
  )

  it('answers reads while thirty renewals hang at the provider', async () => {
    const pool = nodes[1] ?? node()
    const { context } = pool
    // Long enough for the reads on a busy machine; the short form stops reading when it has seen enough.
    const hangMs = size(8_000, 10_000)
    const maxSamples = size(51, Number.POSITIVE_INFINITY)
    await sandbox.control('mode', { rotation: 'strict', latencyMs: 0 })
    const environments = await Promise.all(Array.from({ length: 30 }, () => newEnvironment(context)))
    const accounts = []
    for (const environment of environments) accounts.push(await connectAccount(context, sandbox, environment, 'alice'))
    await sandbox.control('mode', { latencyMs: hangMs })
    const renewing = Promise.all(accounts.map((account) => renewAccessToken(context, account, 1)))
    await sleep(200)
    const samples: number[] = []
    const until = performance.now() + hangMs - 500
    while (performance.now() < until && samples.length < maxSamples) {
      const started = performance.now()
      await findAccount(context.db, environments[0]?.environmentId ?? '', named('alice'))
      samples.push(performance.now() - started)
      await sleep(2)
    }
    await renewing
    await sandbox.control('mode', { latencyMs: 0 })
    expect(samples.length).toBeGreaterThan(50)
    report(
      `unrelated reads while 30 refreshes hang for ${hangMs / 1000} s, pool of 10`,
      samples.length,
      `p50 ${percentile(samples, 50).toFixed(1)} ms, p99 ${percentile(samples, 99).toFixed(1)} ms`,
    )
  })
})
