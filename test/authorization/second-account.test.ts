import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { confirmAuthorization } from '../../src/accounts/authorization/confirm-authorization.ts'
import { disconnectAccount } from '../../src/accounts/authorization/disconnect-account.ts'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { sendRevocations } from '../../src/accounts/grants/revocation-outbox.ts'
import { drainRenewals } from '../../src/accounts/node-state.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import {
  type AuthorizationSystem,
  Browser,
  connectInBrowser,
  createPendingConsents,
  flowIdOf,
  startAuthorizationSystem,
} from './support.ts'

let sandbox: RunningSandbox
let system: AuthorizationSystem
beforeAll(async () => {
  sandbox = await startSandbox()
  system = await startAuthorizationSystem({ apiUrl: sandbox.url })
})
afterAll(async () => {
  await system.close()
  await sandbox.close()
})
beforeEach(async () => {
  await sandbox.control('reset')
  await system.clear()
  await system.registerApp()
})

const named = (identifier: string) => ({ connectionName: 'notion', identifier })
const account = (identifier: string) => findAccount(system.context.db, system.environmentId, named(identifier))
/** A consent of the sandbox's first user; returns the flow id for its confirmation. */
const consentFor = async (identifier: string) =>
  flowIdOf(await connectInBrowser(new Browser(system), await system.link(identifier)))
const confirm = (flowId: string, identifier: string) =>
  confirmAuthorization(system.context, system.environmentId, { confirmationToken: flowId, identifier })
/** What a tool call does: uses the token, and renews it when it is refused. */
const call = async (identifier: string) => {
  const opened = await openAccount(system.context, system.environmentId, named(identifier))
  const send = async (token: string) => (await sandbox.call(token, 'GET', '/v1/users/me')).status
  const status = await send(opened.accessToken?.reveal() ?? '')
  if (status !== 401) return status
  const renewed = await renewAccessToken(system.context, opened.account, opened.account.grant?.version ?? 0)
  return send(renewed.accessToken.reveal())
}

describe('a consent of the user who is behind another account', () => {
  beforeEach(async () => {
    await confirm(await consentFor('ann'), 'ann')
  })

  it('takes nothing from that account when its confirmation is refused', async () => {
    await expect(confirm(await consentFor('bob'), 'mallory')).rejects.toMatchObject({ name: 'IdentifierMismatchError' })
    await sendRevocations(system.context, { limit: 10 })
    await sandbox.control('expire', { access: true })
    expect(await call('ann')).toBe(200)
    expect((await account('bob'))?.status).toBe('PENDING')
  })

  it('takes nothing from that account while it waits, and brings no older pair when it is confirmed', async () => {
    const flowId = await consentFor('bob')
    await sandbox.control('expire', { access: true })
    expect(await call('ann')).toBe(200)
    const before = await account('ann')
    const confirmed = await confirm(flowId, 'bob')
    expect(confirmed.account.grant).toMatchObject({ id: before?.grant?.id, version: before?.grant?.version })
    expect(await call('bob')).toBe(200)
    await sandbox.control('expire', { access: true })
    expect(await call('bob')).toBe(200)
    expect(await call('ann')).toBe(200)
  })

  it('stores its tokens for that account when that one has no refresh token', async () => {
    const flowId = await consentFor('bob')
    await system.context.db.updateTable('grants').set({ refresh_token: null }).where('status', '=', 'active').execute()
    await sandbox.control('expire', { access: true })
    expect(await call('ann')).toBe(200)
    await confirm(flowId, 'bob')
    expect(await call('bob')).toBe(200)
  })

  it('takes nothing from that account when the other one is disconnected meanwhile', async () => {
    const flowId = await consentFor('bob')
    await disconnectAccount(system.context, system.environmentId, named('bob'))
    await drainRenewals(system.context)
    await expect(confirm(flowId, 'bob')).rejects.toMatchObject({ name: 'AuthorizationFlowNotFoundError' })
    await sandbox.control('expire', { access: true })
    expect(await call('ann')).toBe(200)
  })

  it('is not ended by the revocation of older tokens that is still queued', async () => {
    await sandbox.control('fault', { match: { path: '/v1/oauth/revoke' }, kind: 'status', status: 503 })
    await disconnectAccount(system.context, system.environmentId, named('ann'))
    await drainRenewals(system.context)
    const outbox = system.context.db.updateTable('revocation_outbox').set({ next_attempt_at: new Date(0) })
    expect((await outbox.executeTakeFirst()).numUpdatedRows).toBe(1n)
    const flowId = await consentFor('ann')
    await sendRevocations(system.context, { limit: 10 })
    await confirm(flowId, 'ann')
    expect(await call('ann')).toBe(200)
  })
})

describe('an unconfirmed consent', () => {
  it.each([
    ['another one of the same user is refused', (flowId: string) => confirm(flowId, 'mallory').catch(() => {})],
    [
      'another one of the same user is disconnected',
      () => disconnectAccount(system.context, system.environmentId, named('ann')),
    ],
    [
      'an account of the same user is disconnected',
      async (flowId: string) => {
        await confirm(flowId, 'ann')
        await disconnectAccount(system.context, system.environmentId, named('ann'))
      },
    ],
  ])('is not revoked when %s', async (_what, giveUpTheOther) => {
    const other = await consentFor('ann')
    const flowId = await consentFor('bob')
    await giveUpTheOther(other)
    await drainRenewals(system.context)
    await sendRevocations(system.context, { limit: 10 })
    await confirm(flowId, 'bob')
    expect(await call('bob')).toBe(200)
  })

  it('is not revoked either among hundreds of pending consents of other users', async () => {
    const refused = await consentFor('ann')
    const flowId = await consentFor('bob')
    await createPendingConsents(system.context, (await account('ann'))?.oauthAppId ?? '', 250)
    await expect(confirm(refused, 'mallory')).rejects.toMatchObject({ name: 'IdentifierMismatchError' })
    await sendRevocations(system.context, { limit: 10 })
    await confirm(flowId, 'bob')
    expect(await call('bob')).toBe(200)
  })

  it('is revoked with the others once it was discarded itself', async () => {
    const first = await consentFor('ann')
    const second = await consentFor('bob')
    for (const flowId of [first, second]) await expect(confirm(flowId, 'mallory')).rejects.toThrow()
    await system.context.db
      .updateTable('revocation_outbox')
      .set({ next_attempt_at: new Date(0) })
      .execute()
    expect(await sendRevocations(system.context, { limit: 10 })).toBe(2)
    const { count } = await system.context.db
      .selectFrom('revocation_outbox')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    expect(count).toBe(0)
  })
})

describe('a consent that comes while the revocation of older tokens is on its way', () => {
  const revocations = async () => (await sandbox.log()).filter(({ path }) => path === '/v1/oauth/revoke').length
  /** Disconnects the account. Resolves when the provider has received the first of two requests, and answers later. */
  const disconnectSlowly = async () => {
    await confirm(await consentFor('ann'), 'ann')
    await sandbox.control('fault', { match: { path: '/v1/oauth/revoke' }, kind: 'slow_headers', delayMs: 3_000 })
    await disconnectAccount(system.context, system.environmentId, named('ann'))
    await expect.poll(revocations).toBe(1)
  }
  const verifyDue = async () => {
    const worker = startRenewalWorker(system.context, { everyMs: 3_600_000 })
    await worker.runOnce()
    await worker.stop()
  }

  it('is not followed by the next request, and works', async () => {
    await disconnectSlowly()
    await confirm(await consentFor('ann'), 'ann')
    await drainRenewals(system.context)
    expect(await revocations()).toBe(1)
    expect(await call('ann')).toBe(200)
    await verifyDue()
    expect((await account('ann'))?.status).toBe('ACTIVE')
  })

  it.each([
    ['confirmed before the answer', true],
    ['confirmed after the answer', false],
  ])('is verified at once when it was %s, because the request may have ended it', async (_when, early) => {
    await disconnectSlowly()
    const flowId = await consentFor('ann')
    if (early) await confirm(flowId, 'ann')
    await sandbox.control('revoke', {})
    await drainRenewals(system.context)
    if (!early) await confirm(flowId, 'ann')
    expect((await account('ann'))?.status).toBe('ACTIVE')
    await verifyDue()
    expect((await account('ann'))?.status).toBe('REVOKED')
  })
})
