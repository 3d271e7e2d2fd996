import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import { keyStatus } from '../../src/vault/rotate-keys.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecretContext } from '../../src/vault/server-secret.ts'
import { connectAccount, named, newEnvironment, startCluster, type TestCluster } from '../grants/support.ts'
import type { RunningSandbox } from '../sandbox/support.ts'
import { databaseEnv } from '../support/database.ts'
import { report, size } from './report.ts'
import { startSandboxProcess } from './sandbox-process.ts'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

describe('rotating the keys while everything runs', () => {
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

  /**
   * `npm run valetkey -- keys rotate` as a process; with `kill` it is killed so many milliseconds after it has reported the
   * first texts that it re-encrypted. Returns its exit code, or the signal that ended it.
   */
  const rotate = async (kill: number | null): Promise<number | string | null> => {
    const child = spawn(process.execPath, [cli, 'keys', 'rotate', '--settle', '1'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...databaseEnv(cluster.location), VALETKEY_MASTER_KEY: cluster.masterKey.reveal() },
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      const before = said.includes('Re-encrypted')
      said += chunk
      if (kill !== null && !before && said.includes('Re-encrypted')) setTimeout(() => child.kill('SIGKILL'), kill)
    })
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    return signal ?? code
  }

  /** Many texts in addition to the grants', so that re-encrypting them takes a while. */
  const seal = async (count: number) => {
    const { db, vault } = cluster.node.context
    for (let start = 0; start < count; start += 500) {
      const purposes = Array.from({ length: Math.min(500, count - start) }, (_, index) => `filler ${start + index}`)
      const values = purposes.map(async (purpose) => ({
        purpose,
        sealed: await vault.seal(new Secret(purpose), serverSecretContext(purpose)),
      }))
      await db
        .insertInto('server_secrets')
        .values(await Promise.all(values))
        .execute()
    }
  }

  it(
    'costs no call and no token, however often the rotation is killed on its way',
    async () => {
      const kills = size(2, 20)
      const environments = await Promise.all(Array.from({ length: 4 }, () => newEnvironment(cluster.node.context)))
      for (const environment of environments) await connectAccount(cluster.node.context, sandbox, environment, 'alice')
      await seal(size(1_500, 4_000))
      let running = true
      let renewals = 0
      const failures: string[] = []
      const traffic = environments.map(async (environment, index) => {
        const { context } = cluster.nodes[index % 2] ?? cluster.node
        while (running) {
          try {
            await sandbox.control('expire', { clientId: environment.client.id, access: true })
            const { account } = await openAccount(context, environment.environmentId, named('alice'))
            await renewAccessToken(context, account, account.grant?.version ?? 0)
            renewals++
          } catch (error) {
            failures.push(String(error))
          }
          await sleep(20)
        }
      })
      // One that has nothing left to re-encrypt ends by itself before the kill; the next one begins a new rotation.
      for (let kill = 0; kill < kills; ) {
        const end = await rotate((kill % 5) * 100)
        expect(['SIGKILL', 0]).toContain(end)
        if (end === 'SIGKILL') kill++
      }
      expect(await rotate(null)).toBe(0)
      running = false
      await Promise.all(traffic)
      expect(failures).toEqual([])
      const keys = await keyStatus(cluster.node.context.db, sealedColumns)
      expect(keys.filter((key) => key.state === 'decrypt_only')).toEqual([])
      expect(keys.filter((key) => key.state === 'retired' && key.ciphertexts > 0)).toEqual([])
      expect(keys.length).toBeGreaterThan(1)
      for (const environment of environments) {
        const { accessToken } = await openAccount(cluster.node.context, environment.environmentId, named('alice'))
        expect((await sandbox.call(accessToken?.reveal() ?? '', 'GET', '/v1/users/me')).status).toBe(200)
      }
      report(
        'keys rotated while refreshing on 2 nodes, killed while re-encrypting',
        kills,
        `${renewals} renewals meanwhile, 0 failed; ${keys.length - 1} keys retired, nothing left under them`,
      )
    },
    size(120_000, 900_000),
  )
})
