import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { disconnectAccount } from '../../src/accounts/authorization/disconnect-account.ts'
import { openAccessToken } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { refreshAccount } from '../../src/accounts/grants/verify-grant.ts'
import { drainRenewals } from '../../src/accounts/node-state.ts'
import { startNode, type TestNode } from '../grants/node.ts'
import { connectAccount, named, newEnvironment, startCluster, type TestCluster } from '../grants/support.ts'
import type { RunningSandbox } from '../sandbox/support.ts'
import { report, reportFault } from './report.ts'
import { startSandboxProcess } from './sandbox-process.ts'

const faults: readonly { readonly kind: string; readonly [parameter: string]: unknown }[] = [
  ...[400, 401, 403, 404, 429, 500, 502, 503, 529].map((status) => ({ kind: 'status', status })),
  { kind: 'rate_limit', retryAfter: 0 },
  { kind: 'rate_limit', retryAfter: 1_000_000_000 },
  ...['reset', 'html', 'redirect', 'huge', 'truncate', 'invalid_json'].map((kind) => ({ kind })),
  // Longer than a test may take: one that waited for the answer would not end.
  ...['slow_headers', 'slow_body'].map((kind) => ({ kind, delayMs: 600_000 })),
  { kind: 'commit_then_503' },
  { kind: 'commit_then_reset' },
]

const endpoints = ['token', 'introspect', 'revoke'] as const

describe('every fault at every OAuth endpoint', () => {
  let sandbox: RunningSandbox
  let cluster: TestCluster
  let hurried: TestNode
  const secrets: string[] = []
  beforeAll(async () => {
    sandbox = await startSandboxProcess()
    // The first node has all the time that a busy machine needs. The second one meets providers that never answer.
    cluster = await startCluster(sandbox, 1, 60_000)
    const { location, masterKey } = cluster
    hurried = await startNode({ location, masterKey, apiUrl: sandbox.url, timeoutMs: 3_000 })
  })
  afterAll(async () => {
    await hurried.close()
    await cluster.close()
    await sandbox.close()
  })

  it.each(endpoints.flatMap((endpoint) => faults.map((fault) => ({ endpoint, fault }))))(
    'ends with a typed error in time, and never ends a valid grant: $endpoint $fault',
    async ({ endpoint, fault }) => {
      await sandbox.control('reset')
      await sandbox.control('mode', { rotation: 'grace' })
      const { context } = cluster.node
      const environment = await newEnvironment(context)
      const account = await connectAccount(context, sandbox, environment, 'alice')
      secrets.push((await openAccessToken(context, account)).accessToken.reveal(), environment.client.secret)
      await sandbox.control('fault', { match: { path: `/v1/oauth/${endpoint}` }, ...fault })
      const outcome = await operate(endpoint).then(
        () => 'done',
        (error: unknown) => (error as Error).name,
      )
      const requests = (await sandbox.log()).filter((entry) => entry.path === `/v1/oauth/${endpoint}`)
      const faulty = requests.findIndex((entry) => entry.fault !== undefined)
      expect(faulty).toBeGreaterThanOrEqual(0)
      // What may have been received is not sent a second time by the same operation.
      expect(
        requests.slice(faulty + 1).filter((entry) => entry.tokenFingerprint === requests[faulty]?.tokenFingerprint),
      ).toEqual([])
      expect((await sandbox.log()).some((entry) => entry.credentialsReceived)).toBe(false)

      const after = await findAccount(context.db, environment.environmentId, named('alice'))
      if (endpoint === 'revoke') expect(after).toMatchObject({ status: 'DISCONNECTED' })
      else {
        expect(after).toMatchObject({ status: 'ACTIVE' })
        expect(['done', 'ProviderUnavailableError', 'OAuthAppRejectedError']).toContain(outcome)
      }
      const { kind, ...parameters } = fault
      reportFault([kind, ...Object.values(parameters)].join(' '), endpoint, `${outcome}, ${after?.status}`)

      async function operate(where: (typeof endpoints)[number]): Promise<unknown> {
        const { context } = fault.kind.startsWith('slow') ? hurried : cluster.node
        switch (where) {
          case 'token':
            return renewAccessToken(context, account, 1)
          case 'introspect':
            return refreshAccount(context, environment.environmentId, named('alice'))
          case 'revoke': {
            await disconnectAccount(context, environment.environmentId, named('alice'))
            return drainRenewals(context)
          }
        }
      }
    },
  )

  it('leaves no secret in the log and none in the database but sealed', async () => {
    const cells = faults.length * endpoints.length
    report(
      `${faults.length} faults at each of token, introspect and revoke`,
      cells,
      "a typed outcome in time, no second send, no secret at a redirect's target",
    )
    const { db } = cluster.node.context
    const { rows: tables } = await sql<{ table_name: string }>`
      select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'
    `.execute(db)
    let dump = ''
    for (const { table_name } of tables) {
      const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(table_name)} t`.execute(db)
      dump += rows.map(({ row }) => row).join('\n')
    }
    expect(dump.length).toBeGreaterThan(10_000)
    expect(secrets.length).toBeGreaterThan(50)
    const log = cluster.node.logged() + hurried.logged()
    for (const secret of secrets) {
      expect(dump.includes(secret)).toBe(false)
      expect(log.includes(secret)).toBe(false)
    }
    expect(dump).not.toMatch(/ntn_|nrt_/)
    expect(log).not.toMatch(/ntn_|nrt_/)
  })
})
