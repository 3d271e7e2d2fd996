import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { deleteAccount, disconnectAccount } from '../../src/accounts/authorization/disconnect-account.ts'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { refreshAccount } from '../../src/accounts/grants/verify-grant.ts'
import { drainRenewals } from '../../src/accounts/node-state.ts'
import { operatorActor } from '../../src/audit/audit-log.ts'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { keyStatus, rotateKeys } from '../../src/vault/rotate-keys.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { startNode, type TestNode } from './node.ts'
import { connectAccount, named, newEnvironment } from './support.ts'

describe('grants on the embedded database, with one connection for all', () => {
  let sandbox: RunningSandbox
  let node: TestNode
  const masterKey = new Secret(randomBytes(32).toString('base64'))
  beforeAll(async () => {
    sandbox = await startSandbox()
    node = await startNode({
      location: { kind: 'embedded', directory: undefined },
      masterKey,
      apiUrl: sandbox.url,
    })
  })
  afterAll(async () => {
    await node.close()
    await sandbox.close()
  })

  it('are renewed once for many callers, verified, revoked and removed', async () => {
    const { context } = node
    const environment = await newEnvironment(context)
    const { environmentId } = environment
    const account = await connectAccount(context, sandbox, environment, 'alice')
    await sandbox.control('expire', { access: true })
    const tokens = await Promise.all(Array.from({ length: 30 }, () => renewAccessToken(context, account, 1)))
    expect(new Set(tokens.map((token) => token.version))).toEqual(new Set([2]))
    expect((await sandbox.log()).filter((entry) => entry.grantType === 'refresh_token')).toHaveLength(1)

    await context.db
      .updateTable('grants')
      .set({ next_refresh_at: new Date(0) })
      .execute()
    const worker = startRenewalWorker(context, { everyMs: 3_600_000 })
    expect((await worker.runOnce()).renewals).toBe(1)
    expect(await refreshAccount(context, environmentId, named('alice'))).toMatchObject({ status: 'ACTIVE' })

    const opened = await openAccount(context, environmentId, named('alice'))
    expect(await disconnectAccount(context, environmentId, named('alice'))).toMatchObject({ status: 'DISCONNECTED' })
    await worker.stop()
    await drainRenewals(context)
    const { status } = await sandbox.call(opened.accessToken?.reveal() ?? '', 'GET', '/v1/users/me')
    expect(status).toBe(401)
    await deleteAccount(context, environmentId, named('alice'))
    expect(await findAccount(context.db, environmentId, named('alice'))).toBeNull()
  })

  it('move to a new data key with every text that is stored', async () => {
    const { context, vault } = node
    const environment = await newEnvironment(context)
    await connectAccount(context, sandbox, environment, 'bob')
    const keyEncryption = masterKeys({ primary: masterKey, older: [] })
    const result = await rotateKeys({
      db: context.db,
      vault,
      keyEncryption,
      columns: sealedColumns,
      actor: operatorActor,
      settleMs: 0,
      onProgress: () => {},
    })
    expect(result).toMatchObject({ unreadable: 0, stillUsed: [] })
    const [primary, retired] = await keyStatus(context.db, sealedColumns)
    expect(primary).toMatchObject({ state: 'primary', ciphertexts: result.rewrapped })
    expect(retired).toMatchObject({ state: 'retired', ciphertexts: 0 })
    const { account, accessToken } = await openAccount(context, environment.environmentId, named('bob'))
    expect((await sandbox.call(accessToken?.reveal() ?? '', 'GET', '/v1/users/me')).status).toBe(200)
    expect((await renewAccessToken(context, account, 1)).version).toBe(2)
  })
})
