import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { sweepCutOffRenewals } from '../../src/accounts/grants/lease.ts'
import { refreshAccount } from '../../src/accounts/grants/verify-grant.ts'
import { quickTiming } from '../grants/node.ts'
import { connectAccount, named, newEnvironment, startCluster, type TestCluster } from '../grants/support.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { deathPoints, type NodeSettings, startNodeProcess } from './processes.ts'
import { printReport, report, size } from './report.ts'

const leaseMs = 400
/** Where a strict provider has rotated and nobody has its answer any more. */
const lossy: readonly string[] = ['after send', 'after server commit', 'after reply', 'mid-commit']

describe('kill -9 around a refresh', () => {
  let sandbox: RunningSandbox
  let cluster: TestCluster
  const settings = (): NodeSettings => ({
    location: cluster.location,
    masterKey: cluster.masterKey.reveal(),
    apiUrl: sandbox.url,
    leaseMs,
    timeoutMs: 2_000,
    clockOffsetMs: 0,
    dieAt: null,
  })

  beforeAll(async () => {
    sandbox = await startSandbox()
    cluster = await startCluster(sandbox)
    await sandbox.control('rateLimit', { perMinute: 100_000 })
  })
  afterAll(async () => {
    printReport()
    await cluster.close()
    await sandbox.close()
  })

  it.each(['strict', 'grace', 'none'] as const)(
    'loses no grant that a %s provider keeps alive, and calls none dead that lives',
    async (rotation) => {
      await sandbox.control('mode', { rotation, latencyMs: 200 })
      const rounds = size(1, 13)
      const losses: string[] = []
      const one = async (point: (typeof deathPoints)[number]) => {
        const { context } = cluster.node
        const environment = await newEnvironment(context)
        await connectAccount(context, sandbox, environment, 'alice')
        const doomed = await startNodeProcess({ ...settings(), dieAt: point })
        await sandbox.control('expire', { clientId: environment.client.id, access: true })
        const order = { kind: 'renew', environmentId: environment.environmentId, identifier: 'alice' } as const
        await expect(doomed.order(order)).rejects.toThrow('gone')
        expect(await doomed.gone).toBe('SIGKILL')

        await expect
          .poll(
            async () => {
              await sweepCutOffRenewals(context.db, 100)
              const grant = await context.db
                .selectFrom('grants')
                .select('lease_until')
                .where('environment_id', '=', environment.environmentId)
                .executeTakeFirstOrThrow()
              return grant.lease_until
            },
            { timeout: 5_000 },
          )
          .toBeNull()
        const after = await refreshAccount(context, environment.environmentId, named('alice'), quickTiming)
        if (after.status === 'ACTIVE') return
        losses.push(point)
        expect(after).toMatchObject({ status: 'EXPIRED', statusReason: 'RENEWAL_INTERRUPTED' })
        // What is called dead has to be dead: the provider knows no living token of this client any more.
        const found = await findAccount(context.db, environment.environmentId, named('alice'))
        expect(found?.status).toBe('EXPIRED')
      }
      for (let round = 0; round < rounds; round++)
        // Some at a time: most of a round is the start of a process.
        for (let index = 0; index < deathPoints.length; index += 4)
          await Promise.all(deathPoints.slice(index, index + 4).map(one))
      if (rotation === 'strict') expect(losses.filter((point) => !lossy.includes(point))).toEqual([])
      else expect(losses).toEqual([])
      const kills = rounds * deathPoints.length
      report(
        `kill -9 at the eight points around a refresh, ${rotation} provider`,
        kills,
        losses.length === 0
          ? 'no grant lost'
          : `${losses.length} lost between the provider's commit and ours, each told as RENEWAL_INTERRUPTED; no false REVOKED or EXPIRED`,
      )
    },
    size(60_000, 600_000),
  )
})
