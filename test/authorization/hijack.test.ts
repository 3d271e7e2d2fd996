import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { confirmAuthorization } from '../../src/accounts/authorization/confirm-authorization.ts'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { sendRevocations } from '../../src/accounts/grants/revocation-outbox.ts'
import { AuthorizationFlowNotFoundError, IdentifierMismatchError, ProviderUserChangedError } from '../../src/errors.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { bindRows } from '../support/bindings.ts'
import {
  type AuthorizationSystem,
  Browser,
  connectInBrowser,
  consent,
  flowIdOf,
  locationOf,
  startAuthorizationSystem,
  stateOf,
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

const confirm = (flowId: string, identifier: string, environmentId = system.environmentId) =>
  confirmAuthorization(system.context, environmentId, { confirmationToken: flowId, identifier })

const exchanges = async () =>
  (await sandbox.log()).filter((entry) => entry.path.endsWith('/oauth/token') && entry.method === 'POST').length

/** No account of this identifier can be used, and nothing of a discarded consent is left here or at the provider. */
async function expectNothingUsable(identifier: string, environmentId = system.environmentId): Promise<void> {
  const account = await findAccount(system.context.db, environmentId, { connectionName: 'notion', identifier })
  expect(account?.status).not.toBe('ACTIVE')
  expect(account?.grant ?? null).toBeNull()
  const { count } = await system.database.db
    .selectFrom('grants')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('environment_id', '=', environmentId)
    .where('status', '=', 'pending')
    .executeTakeFirstOrThrow()
  expect(count).toBe(0)
}

async function expectRevokedAtProvider(): Promise<void> {
  expect(await sendRevocations(system.context, { limit: 10 })).toBeGreaterThan(0)
  const revoked = (await sandbox.log()).filter((entry) => entry.path.endsWith('/oauth/revoke') && entry.status === 200)
  expect(revoked.length).toBeGreaterThan(0)
}

describe('an attacker who starts an authorization and has another person finish it', () => {
  it('gets no account: the application confirms the victim, whom the link was not made for', async () => {
    const link = await system.link('attacker')
    const confirming = await connectInBrowser(new Browser(system), link)
    await expect(confirm(flowIdOf(confirming), 'victim')).rejects.toBeInstanceOf(IdentifierMismatchError)
    expect(await system.status('attacker')).toEqual({ status: 'PENDING', reason: 'CONFIRMATION_REFUSED' })
    await expectNothingUsable('attacker')
    await expectRevokedAtProvider()
    // The flow id is used up.
    await expect(confirm(flowIdOf(confirming), 'attacker')).rejects.toBeInstanceOf(AuthorizationFlowNotFoundError)
  })

  it('leaves the working account of the victim as it is', async () => {
    await confirm(flowIdOf(await connectInBrowser(new Browser(system), await system.link('bystander'))), 'bystander')
    const confirming = await connectInBrowser(new Browser(system), await system.link('attacker2'))
    await expect(confirm(flowIdOf(confirming), 'bystander')).rejects.toBeInstanceOf(IdentifierMismatchError)
    await sendRevocations(system.context, { limit: 10 })
    expect(await system.status('bystander')).toEqual({ status: 'ACTIVE', reason: 'AUTHORIZED' })
    // The discarded tokens were the same user's: revoking them could have ended the grant that works.
    expect((await sandbox.log()).filter((entry) => entry.path.endsWith('/oauth/revoke'))).toEqual([])
  })

  it('gets no further with a link that was opened beforehand', async () => {
    const link = await system.link('attacker3')
    const attacker = new Browser(system)
    const authorizationUrl = await attacker.openLink(link)
    const victim = new Browser(system)
    const ofTheVictim = await victim.openLink(link)
    // The two openings have nothing in common by which one could continue the other.
    expect(stateOf(ofTheVictim)).not.toBe(stateOf(authorizationUrl))
    expect([...victim.cookies.keys()]).not.toEqual([...attacker.cookies.keys()])
    expect([...victim.cookies.values()]).not.toEqual([...attacker.cookies.values()])
    // Nor with the consent page instead of the link.
    const callback = await consent(authorizationUrl)
    const refused = await victim.visit(callback)
    expect(refused.status).toBe(403)
    expect(await refused.text()).toContain('another browser')
    expect((await attacker.visit(await consent(ofTheVictim))).status).toBe(403)
    expect(await exchanges()).toBe(0)
    await expectNothingUsable('attacker3')
  })

  it('gets no account either when both consent: one of the two is exchanged, and it is not confirmed for the other', async () => {
    const link = await system.link('attacker4')
    const [attacker, victim] = [new Browser(system), new Browser(system)]
    const callbacks = [await consent(await attacker.openLink(link)), await consent(await victim.openLink(link))]
    const confirming = locationOf(await victim.visit(callbacks[1] ?? ''))
    const late = await attacker.visit(callbacks[0] ?? '')
    expect([late.status, late.headers.getSetCookie()]).toEqual([400, []])
    expect(await exchanges()).toBe(1)
    await expect(confirm(flowIdOf(confirming), 'victim')).rejects.toBeInstanceOf(IdentifierMismatchError)
    await expectNothingUsable('attacker4')
  })

  it('gets no further with the callback of a victim who never loaded it', async () => {
    const victim = new Browser(system)
    const callback = await consent(await victim.openLink(await system.link('victim')))
    expect((await new Browser(system).visit(callback)).status).toBe(403)
    expect(await exchanges()).toBe(0)
  })
})

describe('the tokens of an unconfirmed consent', () => {
  it('open for no tool, even in rows that were changed to say otherwise', async () => {
    await connectInBrowser(new Browser(system), await system.link('forced'))
    const { db } = system.database
    const open = () =>
      openAccount(system.context, system.environmentId, { connectionName: 'notion', identifier: 'forced' })
    const { id } = await db.selectFrom('grants').select('id').where('status', '=', 'pending').executeTakeFirstOrThrow()
    await db
      .updateTable('connected_accounts')
      .set({ status: 'ACTIVE', grant_id: id })
      .where('identifier', '=', 'forced')
      .execute()
    expect((await open()).accessToken).toBeNull()
    await db.updateTable('grants').set({ status: 'active' }).where('id', '=', id).execute()
    await expect(open()).rejects.toMatchObject({ name: 'VaultError', kind: 'not_bound' })
    await bindRows(db)
    await expect(open()).rejects.toMatchObject({ name: 'VaultError', kind: 'does_not_open' })
  })
})

describe('a callback in another browser', () => {
  it.each([
    ['without cookies', () => ({})],
    ['with the cookie of another flow', (name) => ({ [`${name}x`]: 'a'.repeat(43) })],
    ['with another value', (name) => ({ [name]: 'a'.repeat(43) })],
    ['with an empty value', (name) => ({ [name]: '' })],
  ] as [string, (name: string) => Record<string, string>][])(
    'is refused %s, exchanges nothing and consumes nothing',
    async (_what, cookies) => {
      const browser = new Browser(system)
      const callback = await consent(await browser.openLink(await system.link(randomUUID())))
      const [name = ''] = browser.cookies.keys()
      const other = new Browser(system)
      for (const [key, value] of Object.entries(cookies(name))) other.cookies.set(key, value)
      expect((await other.visit(callback)).status).toBe(403)
      expect(await exchanges()).toBe(0)
      expect((await browser.visit(callback)).status).toBe(303)
    },
  )

  it('is refused when the cookie comes twice, as one of the two is not ours', async () => {
    const browser = new Browser(system)
    const callback = await consent(await browser.openLink(await system.link('twice')))
    const [[name, value] = ['', ''] as const] = [...browser.cookies]
    const cookie = `${name}=tossed; ${name}=${value}`
    expect((await new Browser(system).visit(callback, { headers: { cookie } })).status).toBe(403)
  })
})

describe('another tenant', () => {
  it('can neither confirm nor refuse an authorization, and its flow ids look unknown', async () => {
    const other = await system.newEnvironment()
    await system.registerApp({}, other)
    const confirming = await connectInBrowser(new Browser(system), await system.link('tenant-user'))
    const flowId = flowIdOf(confirming)
    for (const identifier of ['tenant-user', 'other-user']) {
      await expect(confirm(flowId, identifier, other)).rejects.toBeInstanceOf(AuthorizationFlowNotFoundError)
    }
    expect((await confirm(flowId, 'tenant-user')).account.status).toBe('ACTIVE')
    expect(await system.status('tenant-user', other)).toBeNull()
  })

  it("cannot have a code exchanged at its own OAuth app's callback", async () => {
    const other = await system.newEnvironment()
    const otherApp = await system.registerApp({ clientId: 'of-the-other-tenant' }, other)
    const browser = new Browser(system)
    const callback = new URL(await consent(await browser.openLink(await system.link('mixed-up'))))
    const mixedUp = new URL(callback)
    mixedUp.pathname = `/oauth/callback/${otherApp.id}`
    expect((await browser.visit(mixedUp.href)).status).toBe(400)
    expect(await exchanges()).toBe(0)
    expect((await browser.visit(callback.href)).status).toBe(303)
  })

  it('has the same identifier for a different account', async () => {
    const other = await system.newEnvironment()
    await system.registerApp({}, other)
    await system.link('shared-name', {}, other)
    await confirm(
      flowIdOf(await connectInBrowser(new Browser(system), await system.link('shared-name'))),
      'shared-name',
    )
    expect(await system.status('shared-name')).toMatchObject({ status: 'ACTIVE' })
    expect(await system.status('shared-name', other)).toMatchObject({ status: 'PENDING' })
  })
})

describe('another user of the provider behind a connected account', () => {
  const connect = async (identifier: string, user: string, options: { allowUserChange?: boolean } = {}) =>
    connectInBrowser(new Browser(system), await system.link(identifier, options), { user })

  it('is refused, and the old grant keeps working', async () => {
    const before = (await confirm(flowIdOf(await connect('ann', 'owner@acme.test')), 'ann')).account
    const flowId = flowIdOf(await connect('ann', 'member@acme.test'))
    await expect(confirm(flowId, 'ann')).rejects.toBeInstanceOf(ProviderUserChangedError)
    const after = await findAccount(system.context.db, system.environmentId, {
      connectionName: 'notion',
      identifier: 'ann',
    })
    expect(after).toEqual(before)
    await expectRevokedAtProvider()
  })

  it('is refused after a revocation as well', async () => {
    await confirm(flowIdOf(await connect('bea', 'owner@acme.test')), 'bea')
    await system.database.db
      .updateTable('connected_accounts')
      .set({ status: 'REVOKED', status_reason: 'REVOKED_AT_PROVIDER' })
      .where('identifier', '=', 'bea')
      .execute()
    const flowId = flowIdOf(await connect('bea', 'owner@globex.test'))
    expect(await system.status('bea')).toMatchObject({ status: 'PENDING_CONFIRMATION' })
    await expect(confirm(flowId, 'bea')).rejects.toBeInstanceOf(ProviderUserChangedError)
    expect(await system.status('bea')).toEqual({ status: 'REVOKED', reason: 'USER_CHANGED' })
  })

  it('is let in where authorize allowed it, and the grant of the one before ends', async () => {
    const before = (await confirm(flowIdOf(await connect('cid', 'owner@acme.test')), 'cid')).account
    const flowId = flowIdOf(await connect('cid', 'member@acme.test', { allowUserChange: true }))
    const after = (await confirm(flowId, 'cid')).account
    expect(after).toMatchObject({ status: 'ACTIVE', grant: { ownerEmail: 'member@acme.test' } })
    const old = await system.database.db
      .selectFrom('grants')
      .select(['status', 'access_token'])
      .where('id', '=', before.grant?.id ?? '')
      .executeTakeFirstOrThrow()
    expect(old).toEqual({ status: 'ended', access_token: null })
    await expectRevokedAtProvider()
  })

  it('is let in after the application disconnected the account', async () => {
    await confirm(flowIdOf(await connect('dot', 'owner@acme.test')), 'dot')
    await system.database.db
      .updateTable('connected_accounts')
      .set({ status: 'DISCONNECTED', status_reason: 'DISCONNECTED_BY_APPLICATION' })
      .where('identifier', '=', 'dot')
      .execute()
    const flowId = flowIdOf(await connect('dot', 'owner@globex.test'))
    expect((await confirm(flowId, 'dot')).account.grant?.ownerEmail).toBe('owner@globex.test')
  })

  it('is refused at the callback where nothing is confirmed', async () => {
    await system.registerApp({ confirmationUrl: null })
    const options = { returnUrl: 'https://app.example/' }
    await connectInBrowser(new Browser(system), await system.link('eve', options), { user: 'owner@acme.test' })
    const back = await connectInBrowser(new Browser(system), await system.link('eve', options), {
      user: 'member@acme.test',
    })
    expect(back).toBe('https://app.example/?status=ACTIVE&error=user_changed')
  })
})
