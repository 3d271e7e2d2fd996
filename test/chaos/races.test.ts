import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { disconnectAccount } from '../../src/accounts/authorization/disconnect-account.ts'
import type { AccountsContext } from '../../src/accounts/context.ts'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { refreshAccount } from '../../src/accounts/grants/verify-grant.ts'
import { drainRenewals } from '../../src/accounts/node-state.ts'
import { ValetkeyError } from '../../src/errors.ts'
import { connectAccount, named, newEnvironment, startCluster, type TestCluster } from '../grants/support.ts'
import type { RunningSandbox } from '../sandbox/support.ts'
import fc from '../support/fast-check.ts'
import { report, size } from './report.ts'
import { startSandboxProcess } from './sandbox-process.ts'

type Environment = Awaited<ReturnType<typeof newEnvironment>>

describe('races between refreshing, re-authorizing and disconnecting', () => {
  let sandbox: RunningSandbox
  let cluster: TestCluster
  beforeAll(async () => {
    sandbox = await startSandboxProcess()
    await sandbox.control('rateLimit', { perMinute: 1_000_000 })
    cluster = await startCluster(sandbox, 2)
  })
  afterAll(async () => {
    await cluster.close()
    await sandbox.close()
  })

  const operations: Record<string, (context: AccountsContext, environment: Environment) => Promise<unknown>> = {
    refresh: async (context, environment) => {
      const { account } = await openAccount(context, environment.environmentId, named('alice'))
      return renewAccessToken(context, account, account.grant?.version ?? 0)
    },
    authorize: (context, environment) => connectAccount(context, sandbox, environment, 'alice'),
    disconnect: (context, environment) => disconnectAccount(context, environment.environmentId, named('alice')),
    verify: (context, environment) => refreshAccount(context, environment.environmentId, named('alice')),
  }

  it(
    'leave an account that says the truth about its tokens, and nothing that lives outside of it',
    async () => {
      const renewalWorkers = cluster.nodes.map((node) => startRenewalWorker(node.context, { everyMs: 3_600_000 }))
      let histories = 0
      const step = fc.record({
        operation: fc.constantFrom(...Object.keys(operations)),
        node: fc.nat({ max: 1 }),
        afterMs: fc.nat({ max: 40 }),
      })
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('strict', 'grace', 'none'),
          fc.array(step, { minLength: 2, maxLength: 6 }),
          async (rotation, steps) => {
            histories++
            await sandbox.control('mode', { rotation, latencyMs: 10 })
            const environment = await newEnvironment(cluster.node.context)
            await connectAccount(cluster.node.context, sandbox, environment, 'alice')
            await Promise.all(
              steps.map(async ({ operation, node, afterMs }) => {
                await sleep(afterMs)
                const { context } = cluster.nodes[node] ?? cluster.node
                await operations[operation]?.(context, environment).catch((error: unknown) => {
                  // What may fail here fails with a typed error: a race is not an internal error.
                  if (!(error instanceof ValetkeyError)) throw error
                })
              }),
            )
            await Promise.all(cluster.nodes.map((node) => drainRenewals(node.context)))
            await expect
              .poll(async () => {
                await cluster.node.context.db
                  .updateTable('revocation_outbox')
                  .set({ next_attempt_at: new Date(0) })
                  .execute()
                await Promise.all(renewalWorkers.map((worker) => worker.runOnce()))
                return cluster.node.context.db.selectFrom('revocation_outbox').select('id').execute()
              })
              .toEqual([])

            const { db } = cluster.node.context
            const account = await findAccount(db, environment.environmentId, named('alice'))
            const grants = await db
              .selectFrom('grants')
              .select(['id', 'status', 'access_token', 'refresh_token', 'lease_until'])
              .where('environment_id', '=', environment.environmentId)
              .execute()
            const active = grants.filter((grant) => grant.status === 'active')
            if (account?.status === 'ACTIVE') {
              expect(active.map((grant) => grant.id)).toEqual([account.grant?.id])
              expect(active[0]?.lease_until).toBeNull()
              // The truth may be that the provider ended it: then that is what the next look says.
              const looked = await vi.waitFor(
                () => refreshAccount(cluster.node.context, environment.environmentId, named('alice')),
                // On a machine that is busy enough the provider may miss its deadline.
                { timeout: 60_000 },
              )
              if (looked.status === 'ACTIVE') {
                const { accessToken } = await openAccount(
                  cluster.node.context,
                  environment.environmentId,
                  named('alice'),
                )
                expect((await sandbox.call(accessToken?.reveal() ?? '', 'GET', '/v1/users/me')).status).toBe(200)
              } else {
                // Only a disconnection ends a grant at the provider here.
                expect(steps.some(({ operation }) => operation === 'disconnect')).toBe(true)
              }
            } else {
              // A revocation that was under way when the user consented again may have ended the new grant as well.
              const isEnded = account?.status === 'REVOKED' && steps.some(({ operation }) => operation === 'disconnect')
              expect(isEnded ? 'DISCONNECTED' : account?.status).toBe('DISCONNECTED')
              expect(active).toEqual([])
            }
          },
        ),
        { numRuns: Number(process.env['VALETKEY_HISTORIES'] ?? size(20, 1_000)), endOnFailure: true },
      )
      await Promise.all(renewalWorkers.map((worker) => worker.stop()))
      report(
        'random histories of refresh, re-authorization, verification and disconnection on 2 nodes',
        histories,
        'status true to the tokens in each',
      )
    },
    size(120_000, 1_800_000),
  )
})
