import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import { claimRenewal } from '../../src/accounts/grants/lease.ts'
import { openAccessToken, openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { nextAction } from '../../src/accounts/next-action.ts'
import { saveOAuthApp } from '../../src/accounts/oauth-app-store.ts'
import { listTransitions } from '../../src/accounts/status-transitions.ts'
import { ProviderUnavailableError } from '../../src/errors.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { startNode } from './node.ts'
import {
  connectAccount,
  hurriedNode,
  named,
  newEnvironment,
  slowNode,
  startCluster,
  type TestCluster,
  watch,
} from './support.ts'

describe('renewing a refused access token', () => {
  let sandbox: RunningSandbox
  let cluster: TestCluster
  let environment: Awaited<ReturnType<typeof newEnvironment>>
  let account: ConnectedAccount
  const refreshes = async () => (await sandbox.log()).filter((entry) => entry.grantType === 'refresh_token')
  const statusOf = async (identifier = 'alice') =>
    findAccount(cluster.node.context.db, environment.environmentId, named(identifier))
  const grantRow = () =>
    cluster.node.context.db
      .selectFrom('grants')
      .selectAll()
      .where('id', '=', account.grant?.id ?? '')
      .executeTakeFirstOrThrow()
  const works = async (token: string) => (await sandbox.call(token, 'GET', '/v1/users/me')).status === 200

  beforeAll(async () => {
    sandbox = await startSandbox()
    cluster = await startCluster(sandbox, 3)
  })
  beforeEach(async () => {
    await sandbox.control('reset')
    environment = await newEnvironment(cluster.node.context)
    account = await connectAccount(cluster.node.context, sandbox, environment, 'alice')
  })
  afterAll(async () => {
    await cluster.close()
    await sandbox.close()
  })

  it('returns a working token with the next version', async () => {
    await sandbox.control('expire', { access: true })
    const renewed = await renewAccessToken(cluster.node.context, account, 1)
    expect(renewed.version).toBe(2)
    expect(await works(renewed.accessToken.reveal())).toBe(true)
    const opened = await openAccount(cluster.node.context, environment.environmentId, named('alice'))
    expect(opened.accessToken?.reveal()).toBe(renewed.accessToken.reveal())
    expect(opened.account.grant?.version).toBe(2)
    expect(await refreshes()).toHaveLength(1)
  })

  it('is done once for many callers on several nodes', async () => {
    await sandbox.control('mode', { latencyMs: 100 })
    const calls = cluster.nodes.flatMap((node) =>
      Array.from({ length: 20 }, () => renewAccessToken(node.context, account, 1)),
    )
    const tokens = await Promise.all(calls)
    expect(new Set(tokens.map((token) => token.accessToken.reveal())).size).toBe(1)
    expect(await refreshes()).toHaveLength(1)
  })

  it('returns the current token to a late caller', async () => {
    const first = await renewAccessToken(cluster.node.context, account, 1)
    const late = await renewAccessToken(cluster.nodes[1]?.context ?? cluster.node.context, account, 1)
    expect(late.accessToken.reveal()).toBe(first.accessToken.reveal())
    expect(await refreshes()).toHaveLength(1)
  })

  it('makes the account REVOKED when the provider reports the grant as gone, erases its tokens and publishes an event', async () => {
    const events = watch(cluster.node.context, environment.environmentId)
    await sandbox.control('revoke')
    await expect(renewAccessToken(cluster.node.context, account, 1)).rejects.toMatchObject({
      name: 'AccountNotActiveError',
      status: 'REVOKED',
      statusReason: 'REVOKED_AT_PROVIDER',
    })
    expect(await grantRow()).toMatchObject({ status: 'ended', access_token: null, refresh_token: null })
    expect(await statusOf()).toMatchObject({ status: 'REVOKED', statusReason: 'REVOKED_AT_PROVIDER' })
    const [[newest] = []] = await listTransitions(cluster.node.context.db, [
      { environmentId: environment.environmentId, accountId: account.id, limit: 5, before: null },
    ])
    expect(newest).toMatchObject({ from: 'ACTIVE', to: 'REVOKED' })
    expect(events.map((event) => event.transitionId)).toEqual([newest?.id])
    await expect(openAccessToken(cluster.node.context, account)).rejects.toMatchObject({ status: 'REVOKED' })
  })

  it.each([
    ['an internal error', { kind: 'status', status: 500 }],
    ['a reset connection', { kind: 'reset' }],
    ['a rate limit', { kind: 'rate_limit', retryAfter: 1 }],
    ['a page of HTML', { kind: 'html' }],
    ['a redirect', { kind: 'redirect' }],
  ])('changes no status for %s, backs off, and works again afterwards', async (_, fault) => {
    await sandbox.control('fault', { match: { path: '/v1/oauth/token' }, ...fault })
    const failure = await renewAccessToken(cluster.node.context, account, 1).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'ProviderUnavailableError' })
    expect(await statusOf()).toMatchObject({ status: 'ACTIVE' })
    await expect
      .poll(() =>
        renewAccessToken(cluster.node.context, account, 1).then(
          (token) => token.version,
          () => null,
        ),
      )
      .toBe(2)
    expect((await sandbox.log()).some((entry) => entry.credentialsReceived)).toBe(false)
  })

  it.each(['commit_then_503', 'commit_then_reset', 'truncate', 'invalid_json', 'slow_body'])(
    'loses nothing to the fault %s at a provider that keeps the old pair until the new one is used',
    async (kind) => {
      await sandbox.control('mode', { rotation: 'grace' })
      await sandbox.control('fault', { match: { path: '/v1/oauth/token' }, kind })
      const node = kind === 'slow_body' ? await hurriedNode(cluster, sandbox) : cluster.node
      await expect(renewAccessToken(node.context, account, 1)).rejects.toMatchObject({
        name: 'ProviderUnavailableError',
      })
      expect(await grantRow()).toMatchObject({ status: 'active', phase: 'sending', lease_until: null, version: 1 })
      const renewed = await renewAccessToken(cluster.node.context, account, 1, { ignoreBackoff: true })
      expect(await works(renewed.accessToken.reveal())).toBe(true)
      expect(await grantRow()).toMatchObject({ status: 'active', phase: 'idle', fail_count: 0, version: 2 })
    },
  )

  it('says RENEWAL_INTERRUPTED, not REVOKED, when the answer was lost at a provider that rotates at once', async () => {
    await sandbox.control('fault', { match: { path: '/v1/oauth/token' }, kind: 'commit_then_503' })
    await expect(renewAccessToken(cluster.node.context, account, 1)).rejects.toMatchObject({
      name: 'ProviderUnavailableError',
    })
    expect(await statusOf()).toMatchObject({ status: 'ACTIVE' })
    const again = renewAccessToken(cluster.node.context, account, 1, { ignoreBackoff: true })
    await expect(again).rejects.toMatchObject({ status: 'EXPIRED', statusReason: 'RENEWAL_INTERRUPTED' })
    expect(await refreshes()).toHaveLength(2)
  })

  it('pauses the whole app with one loud error when the provider refuses the client, and harms no account', async () => {
    await sandbox.control('client', { clientId: environment.client.id, clientSecret: 'another-secret' })
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(renewAccessToken(cluster.node.context, account, 1)).rejects.toMatchObject({
        name: 'OAuthAppRejectedError',
        connectionName: 'notion',
      })
    const seen = await statusOf()
    expect(seen).toMatchObject({ status: 'ACTIVE', appRejection: 'invalid_client' })
    expect(seen && nextAction(seen)).toMatch(/rejected the OAuth app \(invalid_client\).*registerOAuthApp/)
    expect(await refreshes()).toHaveLength(1)
    expect(cluster.node.logged().match(/"event":"oauth_app_rejected"/g)).toHaveLength(1)
  })

  it('does not pause an app for the refusal of a secret that has been replaced meanwhile', async () => {
    const register = (clientSecret: string) =>
      cluster.node.context.db.transaction().execute((trx) =>
        saveOAuthApp(cluster.node.context, trx, environment.environmentId, {
          connectionName: 'notion',
          connector: 'notion',
          clientId: environment.client.id,
          clientSecret: new Secret(clientSecret),
          capabilities: ['READ_CONTENT'],
          returnUrls: [],
          confirmationUrl: null,
          sandbox: true,
        }),
      )
    await sandbox.control('client', { clientId: environment.client.id, clientSecret: environment.client.secret })
    await register('a mistyped one')
    await sandbox.control('mode', { latencyMs: 300 })
    const renewing = renewAccessToken(cluster.node.context, account, 1).catch((error: unknown) => error)
    await expect.poll(async () => (await refreshes()).length).toBe(1)
    await register(environment.client.secret)
    expect(await renewing).toMatchObject({ name: 'OAuthAppRejectedError' })
    expect((await renewAccessToken(cluster.node.context, account, 1)).version).toBe(2)
  })

  it('reports at once, with the time until the next attempt, that the node of another renewal is gone', async () => {
    const lost = await startNode({ ...cluster, apiUrl: sandbox.url })
    const claim = { nodeId: lost.context.node.nodeId, leaseMs: 600_000, ignoreBackoff: false }
    const key = { environmentId: environment.environmentId, grantId: account.grant?.id ?? '' }
    expect(await claimRenewal(lost.context.db, { ...key, version: 1 }, claim)).not.toBeNull()
    // A call that waits while the node lives. Its time to wait is longer than the test may take.
    const timing = { ...cluster.node.context.timing, waitMs: 3_600_000 }
    const failure = renewAccessToken({ ...cluster.node.context, timing }, account, 1).catch((error: unknown) => error)
    // As if it was killed: Postgres ends its sessions.
    await lost.close()
    const error = await failure
    expect(error).toBeInstanceOf(ProviderUnavailableError)
    expect((error as ProviderUnavailableError).retryAfterMs).toBeGreaterThan(60_000)
    // Its refresh token is not presented before the lease is over.
    expect(await refreshes()).toEqual([])
    await cluster.node.context.db
      .updateTable('grants')
      .set({ lease_until: new Date(0) })
      .where('id', '=', key.grantId)
      .execute()
    expect((await renewAccessToken(cluster.node.context, account, 1)).version).toBe(2)
  })

  it('lets an authorization during a refresh win', async () => {
    const slow = await slowNode(cluster, sandbox)
    const renewing = renewAccessToken(slow.context, account, 1)
    await expect.poll(async () => (await refreshes()).length).toBe(1)
    await slow.hurry()
    const again = await connectAccount(cluster.node.context, sandbox, environment, 'alice')
    expect(again.grant?.id).toBe(account.grant?.id)
    expect(again.grant?.version).toBe(2)
    const renewed = await renewing
    const standing = await openAccessToken(cluster.node.context, again)
    expect(standing.version).toBe(2)
    expect(renewed.accessToken.reveal()).toBe(standing.accessToken.reveal())
    expect(await works(standing.accessToken.reveal())).toBe(true)
  })
})
