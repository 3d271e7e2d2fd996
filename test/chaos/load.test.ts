import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { activatePendingGrant, createPendingGrant } from '../../src/accounts/grants/pending-grant.ts'
import { startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { Secret } from '../../src/vault/secret.ts'
import { newEnvironment, startCluster, type TestCluster } from '../grants/support.ts'
import { report, size } from './report.ts'

/** A token endpoint that takes 20 ms, rotates, and remembers what was presented. It can hold its answers back. */
async function startProvider() {
  const presented: string[] = []
  const pending = { now: 0, max: 0 }
  let held: (() => void)[] | null = null
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      presented.push((JSON.parse(body) as { refresh_token: string }).refresh_token)
      pending.now += 1
      pending.max = Math.max(pending.max, pending.now)
      const answer = () => {
        pending.now -= 1
        response.setHeader('content-type', 'application/json')
        response.end(
          JSON.stringify({
            access_token: `ntn_${randomUUID()}`,
            refresh_token: `nrt_${randomUUID()}`,
            token_type: 'bearer',
          }),
        )
      }
      if (held === null) setTimeout(answer, 20)
      else held.push(answer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const hold = () => {
    held = []
  }
  const release = () => {
    for (const answer of held ?? []) answer()
    held = null
  }
  return {
    server,
    presented,
    pending,
    hold,
    release,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  }
}

describe('many grants due at once', () => {
  let provider: Awaited<ReturnType<typeof startProvider>>
  let cluster: TestCluster
  const makeDue = async (count: number) => {
    const { context } = cluster.node
    const { environmentId } = await newEnvironment(context)
    const { id: oauthAppId } = await context.db
      .selectFrom('oauth_apps')
      .select('id')
      .where('environment_id', '=', environmentId)
      .executeTakeFirstOrThrow()
    for (let start = 0; start < count; start += 100)
      await context.db.transaction().execute(async (trx) => {
        for (let index = start; index < Math.min(count, start + 100); index++) {
          const grantId = await createPendingGrant(context, trx, {
            environmentId,
            oauthAppId,
            accountId: randomUUID(),
            capabilities: [],
            deniedCapabilities: [],
            requestedScopes: [],
            scopes: [],
            issuedAt: null,
            owner: {
              providerUserId: randomUUID(),
              workspaceId: 'workspace',
              workspaceName: null,
              workspaceIconUrl: null,
              ownerName: null,
              ownerEmail: null,
              botId: null,
            },
            tokens: {
              accessToken: new Secret('ntn_old'),
              refreshToken: new Secret(`nrt_${index}`),
              expiresInSeconds: null,
            },
          })
          await activatePendingGrant(context, trx, { environmentId, grantId }, 'always')
        }
      })
    await context.db
      .updateTable('grants')
      .set({ next_refresh_at: sql`clock_timestamp()` })
      .where('environment_id', '=', environmentId)
      .execute()
  }

  beforeEach(async () => {
    provider = await startProvider()
    cluster = await startCluster(provider, 2)
  })
  afterEach(async () => {
    await cluster.close()
    provider.server.close()
  })

  it('are renewed a few at a time while the process is busy, and more and more while it is not', async () => {
    let busy = true
    const worker = startRenewalWorker(cluster.node.context, { everyMs: 3_600_000, isBusy: () => busy })
    const renewWhileHeld = async (count: number) => {
      await makeDue(count)
      provider.hold()
      const run = worker.runOnce()
      await expect.poll(() => provider.pending.now).toBe(busy ? 2 : 32)
      provider.release()
      expect((await run).renewals).toBe(count)
    }
    await renewWhileHeld(40)
    expect(provider.pending.max).toBe(2)
    busy = false
    await makeDue(200)
    expect((await worker.runOnce()).renewals).toBe(200)
    await renewWhileHeld(40)
    expect(provider.pending.max).toBe(32)
    await worker.stop()
  })

  it(
    'are shared by the nodes and renewed once each',
    async () => {
      const count = size(300, 10_000)
      await makeDue(count)

      const workers = cluster.nodes.map((node) => startRenewalWorker(node.context, { everyMs: 3_600_000 }))
      const started = performance.now()
      let renewals = 0
      while (renewals < count) {
        const runs = await Promise.all(workers.map((worker) => worker.runOnce()))
        renewals += runs.reduce((sum, run) => sum + run.renewals, 0)
        await sleep(1)
      }
      const seconds = (performance.now() - started) / 1000
      await Promise.all(workers.map((worker) => worker.stop()))

      expect(provider.presented).toHaveLength(count)
      expect(new Set(provider.presented).size).toBe(count)
      const versions = await cluster.node.context.db
        .selectFrom('grants')
        .select(['version', sql<number>`count(*)::int`.as('count')])
        .groupBy('version')
        .execute()
      expect(versions).toEqual([{ version: 2, count }])
      report(
        'grants due at once, 2 nodes in one process, provider of 20 ms',
        count,
        `each renewed once, in ${seconds.toFixed(1)} s (${Math.round(count / seconds)}/s)`,
      )
    },
    size(120_000, 600_000),
  )
})
