import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { deleteAccount, disconnectAccount } from '../../src/accounts/authorization/disconnect-account.ts'
import { importAccount } from '../../src/accounts/authorization/import-account.ts'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import { openAccessToken, openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { refreshAccount } from '../../src/accounts/grants/verify-grant.ts'
import { drainRenewals } from '../../src/accounts/node-state.ts'
import { eraseDeletedAccounts, eraseReleasedGrants } from '../../src/accounts/sweep-history.ts'
import { deleteEnvironment } from '../../src/environments/environment-store.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { connectAccount, named, newEnvironment, slowNode, startCluster, type TestCluster } from './support.ts'

describe('accounts and their grants', () => {
  let sandbox: RunningSandbox
  let cluster: TestCluster
  let environment: Awaited<ReturnType<typeof newEnvironment>>
  let account: ConnectedAccount
  const context = () => cluster.node.context
  const find = (identifier: string) => findAccount(context().db, environment.environmentId, named(identifier))
  const works = async (token: Secret) => (await sandbox.call(token.reveal(), 'GET', '/v1/users/me')).status === 200
  const revocations = async () => (await sandbox.log()).filter((entry) => entry.path === '/v1/oauth/revoke')
  const outbox = () =>
    context().db.selectFrom('revocation_outbox').selectAll().where('environment_id', '=', environment.environmentId)

  beforeAll(async () => {
    sandbox = await startSandbox()
    cluster = await startCluster(sandbox, 2)
  })
  beforeEach(async () => {
    await sandbox.control('reset')
    environment = await newEnvironment(context())
    account = await connectAccount(context(), sandbox, environment, 'alice')
  })
  afterAll(async () => {
    await cluster.close()
    await sandbox.close()
  })

  describe('opening', () => {
    it('returns the account and its token by name', async () => {
      const opened = await openAccount(context(), environment.environmentId, named('alice'))
      expect(opened.account).toEqual(account)
      expect(opened.accessToken && (await works(opened.accessToken))).toBe(true)
    })

    it('finds nothing under another environment or identifier', async () => {
      const other = await newEnvironment(context())
      await expect(openAccount(context(), other.environmentId, named('alice'))).rejects.toMatchObject({
        name: 'AccountNotFoundError',
      })
      await expect(openAccount(context(), environment.environmentId, named('bob'))).rejects.toMatchObject({
        name: 'AccountNotFoundError',
      })
    })

    it('does not open a token that was moved to another grant', async () => {
      await connectAccount(context(), sandbox, environment, 'bob', 'member@acme.test')
      const { access_token } = await context()
        .db.selectFrom('grants')
        .select('access_token')
        .where('id', '=', account.grant?.id ?? '')
        .executeTakeFirstOrThrow()
      await context()
        .db.updateTable('grants')
        .set({ access_token })
        .where('environment_id', '=', environment.environmentId)
        .execute()
      await expect(openAccount(context(), environment.environmentId, named('bob'))).rejects.toMatchObject({
        name: 'VaultError',
        kind: 'does_not_open',
      })
    })
  })

  describe('disconnecting', () => {
    it('erases the tokens, keeps the account and revokes at the provider', async () => {
      const { accessToken } = await openAccessToken(context(), account)
      const disconnected = await disconnectAccount(context(), environment.environmentId, named('alice'))
      expect(disconnected).toMatchObject({ status: 'DISCONNECTED', statusReason: 'DISCONNECTED_BY_APPLICATION' })
      await expect(openAccessToken(context(), account)).rejects.toMatchObject({ status: 'DISCONNECTED' })
      await drainRenewals(context())
      expect(await works(accessToken)).toBe(false)
      expect(await outbox().execute()).toEqual([])
    })

    it('leaves a second account of the same user working, and the last one revokes', async () => {
      const second = await connectAccount(context(), sandbox, environment, 'alice-again')
      expect(second.grant?.id).toBe(account.grant?.id)
      await disconnectAccount(context(), environment.environmentId, named('alice'))
      await drainRenewals(context())
      const { accessToken } = await openAccessToken(context(), second)
      expect(await works(accessToken)).toBe(true)
      expect(await revocations()).toEqual([])
      await disconnectAccount(context(), environment.environmentId, named('alice-again'))
      await drainRenewals(context())
      expect(await works(accessToken)).toBe(false)
    })

    it('is final for a refresh in progress, whose tokens are revoked too', async () => {
      const slow = await slowNode(cluster, sandbox)
      const renewing = renewAccessToken(slow.context, account, 1).catch((error: unknown) => error)
      await expect
        .poll(async () => (await sandbox.log()).filter((entry) => entry.grantType === 'refresh_token').length)
        .toBe(1)
      await slow.hurry()
      await disconnectAccount(cluster.nodes[1]?.context ?? context(), environment.environmentId, named('alice'))
      expect(await renewing).toMatchObject({ name: 'AccountNotActiveError', status: 'DISCONNECTED' })
      await startRenewalWorker(context()).stop()
      const worker = startRenewalWorker(context())
      await worker.runOnce()
      await worker.stop()
      expect(await outbox().execute()).toEqual([])
      expect(await find('alice')).toMatchObject({ status: 'DISCONNECTED' })
    })

    it('tries the revocation again after an outage, from another node', async () => {
      await sandbox.control('fault', { match: { path: '/v1/oauth/revoke' }, kind: 'status', status: 503 })
      await disconnectAccount(context(), environment.environmentId, named('alice'))
      await drainRenewals(context())
      expect(await outbox().execute()).toHaveLength(1)
      const worker = startRenewalWorker(cluster.nodes[1]?.context ?? context())
      await expect
        .poll(
          async () => {
            await worker.runOnce()
            return (await outbox().execute()).length
          },
          { interval: 200 },
        )
        .toBe(0)
      await worker.stop()
    })

    it('does not send a revocation that would end a newer consent of the same user', async () => {
      await sandbox.control('fault', { match: { path: '/v1/oauth/revoke' }, kind: 'status', status: 503 })
      await disconnectAccount(context(), environment.environmentId, named('alice'))
      await drainRenewals(context())
      const again = await connectAccount(context(), sandbox, environment, 'alice')
      await context()
        .db.updateTable('revocation_outbox')
        .set({ next_attempt_at: new Date(0) })
        .execute()
      const worker = startRenewalWorker(context())
      await worker.runOnce()
      await worker.stop()
      expect(await outbox().execute()).toEqual([])
      expect(await works((await openAccessToken(context(), again)).accessToken)).toBe(true)
    })
  })

  describe('tokens that no longer open', () => {
    beforeEach(async () => {
      await connectAccount(context(), sandbox, environment, 'bob', 'member@acme.test')
      const { access_token, refresh_token } = await context()
        .db.selectFrom('grants')
        .select(['access_token', 'refresh_token'])
        .where('id', '=', account.grant?.id ?? '')
        .executeTakeFirstOrThrow()
      await context()
        .db.updateTable('grants')
        .set({ access_token, refresh_token })
        .where('environment_id', '=', environment.environmentId)
        .execute()
    })

    it('do not prevent a disconnection', async () => {
      expect(await disconnectAccount(context(), environment.environmentId, named('bob'))).toMatchObject({
        status: 'DISCONNECTED',
      })
      expect(cluster.node.logged()).toMatch(/erased an unreadable token/)
    })

    it('do not prevent a new consent', async () => {
      const again = await connectAccount(context(), sandbox, environment, 'bob', 'member@acme.test')
      expect(await works((await openAccessToken(context(), again)).accessToken)).toBe(true)
    })

    it('do not prevent a deletion', async () => {
      await deleteAccount(context(), environment.environmentId, named('bob'))
      expect(await find('bob')).toBeNull()
    })
  })

  describe('deleting', () => {
    it('leaves nothing but the queued revocation, which opens in no other context', async () => {
      await sandbox.control('fault', { match: { path: '/v1/oauth/revoke' }, kind: 'status', status: 503 })
      const grantId = account.grant?.id ?? ''
      const { id } = await deleteAccount(context(), environment.environmentId, named('alice'))
      expect(id).toBe(account.id)
      await drainRenewals(context())
      const { db, vault } = context()
      await eraseDeletedAccounts(db)
      await eraseReleasedGrants(db)
      for (const table of ['connected_accounts', 'grants', 'status_transitions'] as const)
        expect(
          await db.selectFrom(table).select('id').where('environment_id', '=', environment.environmentId).execute(),
        ).toEqual([])
      const [entry] = await outbox().execute()
      const asToken = { environmentId: environment.environmentId, subject: grantId, field: 'access_token', version: 1 }
      await expect(vault.open(entry?.sealed_token ?? '', asToken)).rejects.toMatchObject({ kind: 'does_not_open' })
      await db.deleteFrom('environments').where('id', '=', environment.environmentId).execute()
      expect(await outbox().execute()).toEqual([])
    })
  })

  it('are not waited for when their environment is deleted during a refresh', async () => {
    const slow = await slowNode(cluster, sandbox)
    const renewing = renewAccessToken(slow.context, account, 1).catch((error: unknown) => error)
    await expect
      .poll(async () => (await sandbox.log()).filter((entry) => entry.grantType === 'refresh_token').length)
      .toBe(1)
    await deleteEnvironment(context().db, environment.environmentId)
    expect(await renewing).toMatchObject({ name: 'AccountNotFoundError' })
    await drainRenewals(slow.context)
    expect(slow.logged()).not.toContain('token_unpersisted')
  })

  it('do not keep their environment from being deleted while work that holds one refers to it', async () => {
    const { db } = context()
    const { environmentId } = environment
    const deleting = db.transaction().execute(async (trx) => {
      // Postgres then ends the deletion, whose wait it looks at after a second.
      await sql`set local deadlock_timeout = '1h'`.execute(trx)
      await trx.selectFrom('grants').select('id').where('environment_id', '=', environmentId).forNoKeyUpdate().execute()
      const deletion = deleteEnvironment(db, environmentId)
      await expect
        .poll(async () => {
          const { rows } = await sql`select from pg_locks where not granted and locktype = 'transactionid'`.execute(db)
          return rows.length
        })
        .toBeGreaterThan(0)
      await trx.selectFrom('environments').select('id').where('id', '=', environmentId).forKeyShare().execute()
      return { deletion }
    })
    await (await deleting).deletion
    expect(await db.selectFrom('grants').select('id').where('environment_id', '=', environmentId).execute()).toEqual([])
  })

  describe('refreshing on demand', () => {
    it('verifies credentials that work and renews nothing', async () => {
      const before = account.grant?.lastVerifiedAt?.getTime() ?? 0
      const refreshed = await refreshAccount(context(), environment.environmentId, named('alice'))
      expect(refreshed).toMatchObject({ status: 'ACTIVE', grant: { version: 1 } })
      expect(refreshed.grant?.lastVerifiedAt?.getTime()).toBeGreaterThan(before)
    })

    it('renews credentials that expired', async () => {
      await sandbox.control('expire', { access: true })
      const refreshed = await refreshAccount(context(), environment.environmentId, named('alice'))
      expect(refreshed).toMatchObject({ status: 'ACTIVE', grant: { version: 2 } })
    })

    it('shows every account on a grant that the user revoked as REVOKED', async () => {
      await connectAccount(context(), sandbox, environment, 'alice-again')
      await sandbox.control('revoke', { user: 'owner@acme.test' })
      const refreshed = await refreshAccount(context(), environment.environmentId, named('alice'))
      expect(refreshed).toMatchObject({ status: 'REVOKED', statusReason: 'REVOKED_AT_PROVIDER' })
      expect(await find('alice-again')).toMatchObject({ status: 'REVOKED' })
    })

    it('changes nothing while the provider is away', async () => {
      await sandbox.control('fault', { kind: 'status', status: 503, times: 0 })
      await expect(refreshAccount(context(), environment.environmentId, named('alice'))).rejects.toMatchObject({
        name: 'ProviderUnavailableError',
      })
      expect(await find('alice')).toEqual(account)
      await sandbox.control('clear')
    })
  })

  describe('importing', () => {
    it('refuses a token that the provider does not know and stores nothing', async () => {
      const attempt = importAccount(context(), environment.environmentId, {
        ...named('carol'),
        accessToken: new Secret('ntn_unknown'),
        refreshToken: null,
      })
      await expect(attempt).rejects.toMatchObject({ name: 'InvalidInputError', issues: [{ path: 'accessToken' }] })
      expect(await find('carol')).toBeNull()
    })

    it('refuses a token that was issued to another client', async () => {
      const foreign = await sandbox.connect({}, { id: 'other-client', secret: 's' })
      const attempt = importAccount(context(), environment.environmentId, {
        ...named('carol'),
        accessToken: new Secret(foreign.access_token),
        refreshToken: null,
      })
      await expect(attempt).rejects.toMatchObject({ name: 'InvalidInputError', issues: [{ path: 'accessToken' }] })
    })

    it.each([
      ['accessToken', ''],
      ['accessToken', 'ntn_a\nb'],
      ['accessToken', 'ntn_ä'],
      ['refreshToken', ''],
      ['refreshToken', 'nrt_a b'],
    ] as const)('refuses an invalid %s: %j', async (path, text) => {
      const attempt = importAccount(context(), environment.environmentId, {
        ...named('carol'),
        accessToken: new Secret('ntn_1'),
        refreshToken: null,
        [path]: new Secret(text),
      })
      await expect(attempt).rejects.toMatchObject({ name: 'InvalidInputError', issues: [{ path }] })
    })

    it('does not change the user of an account unless that is allowed or the account was disconnected', async () => {
      const tokens = await sandbox.connect({ user: 'member@acme.test' }, environment.client)
      const request = {
        ...named('alice'),
        accessToken: new Secret(tokens.access_token),
        refreshToken: new Secret(tokens.refresh_token),
      }
      const attempt = importAccount(context(), environment.environmentId, request)
      await expect(attempt).rejects.toMatchObject({ name: 'ProviderUserChangedError' })
      expect(await find('alice')).toEqual(account)
      const changed = await importAccount(context(), environment.environmentId, { ...request, allowUserChange: true })
      expect(changed.grant).toMatchObject({ ownerEmail: 'member@acme.test' })
      await disconnectAccount(context(), environment.environmentId, named('alice'))
      await drainRenewals(context())
      const back = await connectAccount(context(), sandbox, environment, 'alice')
      expect(back.grant).toMatchObject({ ownerEmail: 'owner@acme.test' })
    })

    it('keeps the refresh token that there is when an access token comes without one', async () => {
      const tokens = await sandbox.connect({}, environment.client)
      const imported = { ...named('alice'), accessToken: new Secret(tokens.access_token) }
      await importAccount(context(), environment.environmentId, {
        ...imported,
        refreshToken: new Secret(tokens.refresh_token),
      })
      await importAccount(context(), environment.environmentId, { ...imported, refreshToken: null })
      await sandbox.control('expire', { access: true })
      expect(await refreshAccount(context(), environment.environmentId, named('alice'))).toMatchObject({
        status: 'ACTIVE',
        grant: { version: 4 },
      })
    })

    it('makes an account that says REVOKED when its unrenewable token is taken away, EXPIRED when its time is up', async () => {
      for (const [identifier, user, expiresAt, status] of [
        ['dora', 'member@acme.test', null, 'REVOKED'],
        ['emil', 'owner@globex.test', new Date(0), 'EXPIRED'],
      ] as const) {
        const tokens = await sandbox.connect({ user }, environment.client)
        const imported = await importAccount(context(), environment.environmentId, {
          ...named(identifier),
          accessToken: new Secret(tokens.access_token),
          refreshToken: null,
        })
        expect(imported).toMatchObject({ status: 'ACTIVE', statusReason: 'IMPORTED' })
        await context()
          .db.updateTable('grants')
          .set({ expires_at: expiresAt })
          .where('id', '=', imported.grant?.id ?? '')
          .execute()
        await sandbox.control('expire', { user, access: true })
        await expect(renewAccessToken(context(), imported, 1)).rejects.toMatchObject({ status })
      }
    })
  })
})
