import { type KyselyPlugin, SelectQueryNode, sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectedExpiry, findAccount } from '../../src/accounts/account-store.ts'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import { openAccessToken } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { type RenewalWorker, startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { scheduleToken } from '../../src/accounts/grants/token-lifetime.ts'
import { drainRenewals } from '../../src/accounts/node-state.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { connectAccount, named, newEnvironment, startCluster, type TestCluster } from './support.ts'

describe('the renewal worker', () => {
  let sandbox: RunningSandbox
  let cluster: TestCluster
  let worker: RenewalWorker
  let environment: Awaited<ReturnType<typeof newEnvironment>>
  let account: ConnectedAccount
  const context = () => cluster.node.context
  const grant = () =>
    context()
      .db.selectFrom('grants')
      .selectAll()
      .where('environment_id', '=', environment.environmentId)
      .executeTakeFirstOrThrow()
  const find = () => findAccount(context().db, environment.environmentId, named('alice'))
  const refreshes = async () => (await sandbox.log()).filter((entry) => entry.grantType === 'refresh_token')
  const past = sql<Date>`clock_timestamp() - interval '1 second'`
  const change = (values: object) =>
    context().db.updateTable('grants').set(values).where('environment_id', '=', environment.environmentId).execute()
  const aged = (seconds: number) => ({ issued_at: sql`clock_timestamp() - make_interval(secs => ${seconds})` })
  const lifetime = async () => {
    const app = await context()
      .db.selectFrom('oauth_apps')
      .select('token_lifetime_seconds')
      .where('id', '=', account.oauthAppId)
      .executeTakeFirstOrThrow()
    return app.token_lifetime_seconds
  }

  beforeAll(async () => {
    sandbox = await startSandbox()
    cluster = await startCluster(sandbox)
    worker = startRenewalWorker(context(), { everyMs: 3_600_000 })
  })
  beforeEach(async () => {
    await sandbox.control('reset')
    environment = await newEnvironment(context())
    account = await connectAccount(context(), sandbox, environment, 'alice')
  })
  afterAll(async () => {
    await worker.stop()
    await cluster.close()
    await sandbox.close()
  })

  it('renews before the expiry that the provider announces', async () => {
    await sandbox.control('mode', { accessTokenTtlSeconds: 1_000, expiresIn: true })
    await renewAccessToken(context(), account, 1)
    const planned = await grant()
    const expiresAt = planned.expires_at?.getTime() ?? 0
    // Against 1,000 s, with time for a busy machine.
    expect(expiresAt - Date.now()).toBeGreaterThan(900_000)
    const secondsBefore = (expiresAt - (planned.next_refresh_at?.getTime() ?? 0)) / 1000
    expect(secondsBefore).toBeGreaterThan(199)
    expect(secondsBefore).toBeLessThan(210)
    expect((await worker.runOnce()).renewals).toBe(0)
    await change({ next_refresh_at: past })
    expect((await worker.runOnce()).renewals).toBe(1)
    expect((await find())?.grant?.version).toBe(3)
  })

  it('finds a revocation without any tool call', async () => {
    await sandbox.control('revoke')
    expect((await worker.runOnce()).verifications).toBe(0)
    expect(await find()).toMatchObject({ status: 'ACTIVE' })
    await change({ next_verify_at: past })
    expect((await worker.runOnce()).verifications).toBe(1)
    expect(await find()).toMatchObject({ status: 'REVOKED', statusReason: 'REVOKED_AT_PROVIDER' })
  })

  it('keeps an account whose refresh token died alone for as long as its access token works', async () => {
    // Another consent of the same user outside of this system: the older refresh token dies, the access token lives on.
    await sandbox.connect({}, environment.client)
    await change({ next_refresh_at: past })
    await worker.runOnce()
    expect(await find()).toMatchObject({ status: 'ACTIVE', grant: { version: 1 } })
    expect(await grant()).toMatchObject({ refresh_token: null, phase: 'idle', lease_until: null })
    const { accessToken } = await openAccessToken(context(), account)
    expect((await sandbox.call(accessToken.reveal(), 'GET', '/v1/users/me')).status).toBe(200)
    await worker.runOnce()
    expect(await refreshes()).toHaveLength(1)
  })

  it('looks again soon when the provider refused a refresh token and says nothing of the access token', async () => {
    await sandbox.control('revoke')
    await sandbox.control('fault', { match: { path: '/v1/oauth/introspect' }, kind: 'status', status: 503 })
    await change({ next_refresh_at: past })
    await worker.runOnce()
    expect(await find()).toMatchObject({ status: 'ACTIVE' })
    await expect
      .poll(async () => {
        await worker.runOnce()
        return (await find())?.status
      })
      .toBe('REVOKED')
  })

  it('presents no refresh token again after a cut-off renewal while the access token works', async () => {
    await change({ phase: 'sending', lease_until: past, lease_owner: 'a node that died', next_refresh_at: past })
    expect(await worker.runOnce()).toMatchObject({ interrupted: 1, renewals: 0 })
    await worker.runOnce()
    expect(await refreshes()).toEqual([])
    expect(await find()).toMatchObject({ status: 'ACTIVE' })
    await sandbox.control('expire', { access: true })
    await change({ next_verify_at: past })
    await worker.runOnce()
    expect(await find()).toMatchObject({ status: 'ACTIVE', grant: { version: 2 } })
    expect(await grant()).toMatchObject({ phase: 'idle', was_sending: false })
  })

  it('leaves the grants of a rejected OAuth app alone until the app is registered again', async () => {
    await sandbox.control('client', { clientId: environment.client.id, clientSecret: 'another' })
    await change({ next_refresh_at: past, next_verify_at: past })
    await worker.runOnce()
    const asked = (await sandbox.log()).length
    await change({ next_refresh_at: past, next_verify_at: past })
    expect(await worker.runOnce()).toMatchObject({ renewals: 0, verifications: 0 })
    expect((await sandbox.log()).length).toBe(asked)
    expect(await find()).toMatchObject({ status: 'ACTIVE' })
  })

  it('changes no status while the provider is away, and waits longer after each failure', async () => {
    await sandbox.control('fault', { match: { path: '/v1/oauth/token' }, kind: 'status', status: 503, times: 0 })
    for (let failures = 1; failures <= 3; failures++) {
      // A verification of the same grant at the same moment would have the renewal skipped until the next run.
      await change({ next_refresh_at: past, next_verify_at: null, phase: 'idle' })
      await worker.runOnce()
      expect(await grant()).toMatchObject({ status: 'active', fail_count: failures, lease_until: null })
    }
    expect(await find()).toMatchObject({ status: 'ACTIVE' })
  })

  it('learns how long tokens live from the age at which one was refused, and plans the others by it', async () => {
    const other = await connectAccount(context(), sandbox, environment, 'bob', 'member@acme.test')
    await change(aged(1_000))
    await sandbox.control('expire', { user: 'owner@acme.test', access: true })
    await renewAccessToken(context(), account, 1)
    await drainRenewals(context())
    const learned = (await lifetime()) ?? 0
    expect(learned).toBeGreaterThanOrEqual(1_000)
    expect(learned).toBeLessThan(1_100)
    const planned = await context()
      .db.selectFrom('grants')
      .select(['issued_at', 'next_refresh_at'])
      .where('id', '=', other.grant?.id ?? '')
      .executeTakeFirstOrThrow()
    const age = ((planned.next_refresh_at?.getTime() ?? 0) - planned.issued_at.getTime()) / 1000
    expect(age).toBeGreaterThan(learned * 0.71)
    expect(age).toBeLessThan(learned * 0.89)
  })

  it('forgets a learned lifetime that a working token of a greater age disproves', async () => {
    await context()
      .db.updateTable('oauth_apps')
      .set({ token_lifetime_seconds: 60 })
      .where('id', '=', account.oauthAppId)
      .execute()
    await change({ ...aged(600), next_verify_at: past, next_refresh_at: sql`clock_timestamp() + interval '1 hour'` })
    await worker.runOnce()
    await drainRenewals(context())
    expect(await lifetime()).toBeNull()
    expect((await grant()).next_refresh_at).toBeNull()
  })

  it('opens an OAuth app once for the grants that it claims together, and one that does not open fails alone', async () => {
    const environments = [environment, await newEnvironment(context()), await newEnvironment(context())]
    const [first, second, broken] = environments
    if (!first || !second || !broken) throw new Error('There are fewer environments.')
    for (const [of, identifier, user] of [
      [first, 'bob', 'member@acme.test'],
      [second, 'alice', undefined],
      [broken, 'alice', undefined],
    ] as const)
      await connectAccount(context(), sandbox, of, identifier, user)
    await context()
      .db.updateTable('oauth_apps')
      .set({ binding: 'of another program' })
      .where('environment_id', '=', broken.environmentId)
      .execute()
    const inThese = environments.map(({ environmentId }) => environmentId)
    await context()
      .db.updateTable('grants')
      .set({ next_refresh_at: past })
      .where('environment_id', 'in', inThese)
      .execute()
    let opened = 0
    const counting: KyselyPlugin = {
      transformQuery({ node }) {
        // Other tests have left work of theirs.
        const text = SelectQueryNode.is(node) ? JSON.stringify(node) : ''
        if (text.includes('"client_secret"') && inThese.some((id) => text.includes(id))) opened += 1
        return node
      },
      transformResult: async ({ result }) => result,
    }
    // All of them fit into one claim, also where other processes use the machine.
    const counted = startRenewalWorker(
      { ...context(), db: context().db.withPlugin(counting) },
      { everyMs: 3_600_000, concurrencyWhenBusy: 32, isBusy: () => false },
    )
    expect((await counted.runOnce()).renewals).toBe(4)
    await counted.stop()
    expect(opened).toBe(3)
    const grants = await context()
      .db.selectFrom('grants')
      .select(['environment_id', 'version'])
      .where('environment_id', 'in', inThese)
      .execute()
    const versionsOf = ({ environmentId }: typeof environment) =>
      grants.filter((row) => row.environment_id === environmentId).map(({ version }) => version)
    expect(environments.map(versionsOf)).toEqual([[2, 2], [2], [1]])
  })

  it('lets a renewal that is under way finish before it stops', async () => {
    const stopping = startRenewalWorker(context(), { everyMs: 3_600_000 })
    await sandbox.control('mode', { latencyMs: 300 })
    await change({ next_refresh_at: past })
    const run = stopping.runOnce()
    await expect.poll(async () => (await refreshes()).length).toBe(1)
    await stopping.stop()
    expect((await find())?.grant?.version).toBe(2)
    await run
  })
})

describe('the expected expiry', () => {
  const issuedAt = new Date('2026-01-01T00:00:00Z')

  it('is what the provider said, else what was learned, else unknown', () => {
    const expiresAt = new Date('2026-01-01T00:30:00Z')
    expect(expectedExpiry({ issuedAt, expiresAt }, 7_200)).toEqual(expiresAt)
    expect(expectedExpiry({ issuedAt, expiresAt: null }, 7_200)).toEqual(new Date('2026-01-01T02:00:00Z'))
    expect(expectedExpiry({ issuedAt, expiresAt: null }, null)).toBeNull()
  })

  it('leaves one learned renewal in eight out, to look whether the token lives longer', () => {
    const pair = { renewable: true, expiresInSeconds: null, learnedLifetimeSeconds: 1_000 }
    const plan = (random: number) => scheduleToken({ verifyEveryMs: 21_600_000, random: () => random }, pair)
    expect(plan(0.12)).toMatchObject({ renewIn: null, verifyIn: 1_100 })
    expect(plan(0.5)).toMatchObject({ renewIn: 800, verifyIn: 21_600 })
  })
})
