import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { activatePendingGrant, createPendingGrant } from '../../src/accounts/grants/pending-grant.ts'
import { startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { Secret } from '../../src/vault/secret.ts'
import { newEnvironment, startCluster, type TestCluster } from '../grants/support.ts'
import { report, size } from './report.ts'

/** A token endpoint that takes 20 ms, rotates, and remembers what was presented. */
async function startProvider(): Promise<{ server: Server; url: string; presented: string[] }> {
  const presented: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      presented.push((JSON.parse(body) as { refresh_token: string }).refresh_token)
      setTimeout(() => {
        response.setHeader('content-type', 'application/json')
        response.end(
          JSON.stringify({
            access_token: `ntn_${randomUUID()}`,
            refresh_token: `nrt_${randomUUID()}`,
            token_type: 'bearer',
          }),
        )
      }, 20)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, presented, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('many grants due at once', () => {
  let provider: Awaited<ReturnType<typeof startProvider>>
  let cluster: TestCluster
  beforeAll(async () => {
    provider = await startProvider()
    cluster = await startCluster(provider, 2)
  })
  afterAll(async () => {
    await cluster.close()
    provider.server.close()
  })

  it(
    'are shared by the nodes and renewed once each',
    async () => {
      const count = size(300, 10_000)
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
      await context.db.updateTable('grants').set({ next_refresh_at: sql`clock_timestamp()` }).execute()

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
      const versions = await context.db
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
