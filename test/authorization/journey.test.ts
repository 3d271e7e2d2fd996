import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { confirmAuthorization } from '../../src/accounts/authorization/confirm-authorization.ts'
import { needsReauthorization, nextAction } from '../../src/accounts/next-action.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import {
  type AuthorizationSystem,
  application,
  Browser,
  confirmationUrl,
  connectInBrowser,
  consent,
  flowIdOf,
  locationOf,
  startAuthorizationSystem,
} from './support.ts'

const seedPage = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const seedDatabase = '2561ab6c-418b-8072-beec-c4779fa811cf'

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

const account = (identifier: string) =>
  findAccount(system.context.db, system.environmentId, { connectionName: 'notion', identifier })

describe('an authorization that goes well', () => {
  it('is PENDING after authorize, PENDING_CONFIRMATION after the callback and ACTIVE once it is confirmed', async () => {
    const link = await system.link('ann', { returnUrl: `${application}/settings?tab=1`, state: 'a b&c' })
    expect(link).toMatch(/^https:\/\/valetkey\.example\/connect\/[\w-]{43}$/)
    expect(await system.status('ann')).toEqual({ status: 'PENDING', reason: 'CREATED' })

    const browser = new Browser(system)
    const confirming = new URL(await connectInBrowser(browser, link))
    expect(confirming.origin + confirming.pathname).toBe(confirmationUrl)
    expect(confirming.searchParams.get('state')).toBe('a b&c')
    expect(await system.status('ann')).toEqual({ status: 'PENDING_CONFIRMATION', reason: 'AWAITING_CONFIRMATION' })
    // The receipt alone, by which a reload says what happened.
    expect([...browser.cookies.values()]).toEqual([expect.stringMatching(/^consented:[\da-f-]{36}\./)])

    const confirmed = await confirmAuthorization(system.context, system.environmentId, {
      confirmationToken: flowIdOf(confirming.href),
      identifier: 'ann',
    })
    expect(confirmed.returnUrl).toBe(`${application}/settings?tab=1&status=ACTIVE&state=a+b%26c`)
    expect(confirmed.account).toMatchObject({ status: 'ACTIVE', statusReason: 'AUTHORIZED', missingResources: [] })
    expect(confirmed.account.authorizedAt).toBeInstanceOf(Date)
    expect(confirmed.account.grant).toMatchObject({ workspaceName: expect.any(String), ownerEmail: 'owner@acme.test' })
    expect(nextAction(confirmed.account)).toBeNull()

    const transitions = await system.database.db
      .selectFrom('status_transitions')
      .select(['to_status', 'id'])
      .where('account_id', '=', confirmed.account.id)
      .orderBy('sequence')
      .execute()
    expect(transitions.map((row) => row.to_status)).toEqual(['PENDING', 'PENDING_CONFIRMATION', 'ACTIVE'])
    const published = system.events.filter((event) => event.accountId === confirmed.account.id)
    expect(published.map((event) => event.transitionId)).toEqual(transitions.map((row) => row.id))
  })

  it('turns ACTIVE at the callback where the OAuth app has no confirmation URL', async () => {
    await system.registerApp({ confirmationUrl: null })
    const link = await system.link('ben', { returnUrl: `${application}/done` })
    expect(await connectInBrowser(new Browser(system), link)).toBe(`${application}/done?status=ACTIVE`)
    expect(await system.status('ben')).toEqual({ status: 'ACTIVE', reason: 'AUTHORIZED' })
  })

  it('ends on a page of ours where the application gave no return URL', async () => {
    await system.registerApp({ confirmationUrl: null })
    const browser = new Browser(system)
    const callback = await consent(await browser.openLink(await system.link('cleo')))
    const response = await browser.visit(callback)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('Your Notion is connected')
  })

  it('shows what the agent needs before the consent and reports afterwards what is missing', async () => {
    const expectedResources = [
      { name: 'Tasks <db>', reason: 'to plan & track', resourceId: seedDatabase },
      { name: 'Notes', reason: null, resourceId: seedPage.replaceAll('-', '') },
      { name: 'Handbook', reason: null, resourceId: null },
    ]
    const link = await system.link('dora', { returnUrl: application, expectedResources })
    const browser = new Browser(system)
    const page = await (await browser.visit(link)).text()
    expect(page).toContain('Tasks &lt;db&gt;')
    expect(page).toContain('to plan &amp; track')

    const confirming = await connectInBrowser(browser, link, { resources: seedDatabase })
    const { account: confirmed, returnUrl } = await confirmAuthorization(system.context, system.environmentId, {
      confirmationToken: flowIdOf(confirming),
      identifier: 'dora',
    })
    const missing = seedPage.replaceAll('-', '')
    expect(confirmed.missingResources).toEqual([
      { name: 'Notes', resourceId: missing },
      { name: 'Handbook', resourceId: null },
    ])
    expect(new URL(returnUrl ?? '').searchParams.getAll('missing')).toEqual([missing, 'Handbook'])
    expect(needsReauthorization(confirmed)).toBe(true)
    expect(nextAction(confirmed)).toContain('"Notes"')

    // A new consent that brings it ends the need.
    const again = await connectInBrowser(new Browser(system), await system.link('dora', { expectedResources }))
    const second = await confirmAuthorization(system.context, system.environmentId, {
      confirmationToken: flowIdOf(again),
      identifier: 'dora',
    })
    expect(needsReauthorization(second.account)).toBe(false)
    expect(second.account.grant?.id).toBe(confirmed.grant?.id)
    expect(second.account.grant?.version).toBe((confirmed.grant?.version ?? 0) + 1)
  })

  it('leaves an ACTIVE account ACTIVE until the new consent is confirmed', async () => {
    const first = await connectInBrowser(new Browser(system), await system.link('emil'))
    await confirmAuthorization(system.context, system.environmentId, {
      confirmationToken: flowIdOf(first),
      identifier: 'emil',
    })
    const before = await account('emil')
    const second = await connectInBrowser(new Browser(system), await system.link('emil'))
    expect(await account('emil')).toEqual(before)
    await confirmAuthorization(system.context, system.environmentId, {
      confirmationToken: flowIdOf(second),
      identifier: 'emil',
    })
    expect((await account('emil'))?.grant?.version).toBe((before?.grant?.version ?? 0) + 1)
  })
})

describe('an authorization that the user denies', () => {
  it('brings the browser back with the error and leaves the reason on the account', async () => {
    const link = await system.link('fay', { returnUrl: `${application}/x`, state: 's' })
    const browser = new Browser(system)
    const callback = await consent(await browser.openLink(link), { decision: 'deny' })
    expect(locationOf(await browser.visit(callback))).toBe(
      `${application}/x?status=PENDING&error=access_denied&state=s`,
    )
    expect(await system.status('fay')).toEqual({ status: 'PENDING', reason: 'AUTHORIZATION_DENIED' })
    expect((await browser.visit(callback)).status).toBe(400)
  })

  it('keeps a working account as it is', async () => {
    const first = await connectInBrowser(new Browser(system), await system.link('gil'))
    await confirmAuthorization(system.context, system.environmentId, {
      confirmationToken: flowIdOf(first),
      identifier: 'gil',
    })
    const browser = new Browser(system)
    const callback = await consent(await browser.openLink(await system.link('gil')), { decision: 'deny' })
    expect(await (await browser.visit(callback)).text()).toContain('Nothing was connected')
    expect(await system.status('gil')).toEqual({ status: 'ACTIVE', reason: 'AUTHORIZED' })
  })
})
