import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { confirmAuthorization } from '../../src/accounts/authorization/confirm-authorization.ts'
import { importAccount } from '../../src/accounts/authorization/import-account.ts'
import type { Capability } from '../../src/accounts/capability.ts'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import { needsReauthorization, nextAction } from '../../src/accounts/next-action.ts'
import { notionCapabilities as capabilities } from '../../src/notion/capabilities.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { unavailableReason } from '../../src/tools/capability-check.ts'
import { Secret } from '../../src/vault/secret.ts'
import { toolbox } from '../notion/support.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { type AuthorizationSystem, Browser, connectInBrowser, flowIdOf, startAuthorizationSystem } from './support.ts'

const clientId = 'client-of-the-tests'
const all = Object.keys(capabilities) as Capability[]
const { tool } = toolbox()

let sandbox: RunningSandbox
let system: AuthorizationSystem
beforeAll(async () => {
  sandbox = await startSandbox()
  // A deadline far away: what a test learns, it learns by an answer.
  system = await startAuthorizationSystem({
    apiUrl: sandbox.url,
    provider: createNotionOAuth({ probeTimeoutMs: 60_000, timeoutMs: 60_000 }),
  })
})
afterAll(async () => {
  await system.close()
  await sandbox.close()
})
beforeEach(async () => {
  await sandbox.control('reset')
  await system.clear()
})

const switchOn = (switchedOn: readonly Capability[]) =>
  sandbox.control('capabilities', { clientId, capabilities: switchedOn })
const without = (...missing: Capability[]) => all.filter((capability) => !missing.includes(capability))

async function connect(identifier: string, of = system): Promise<ConnectedAccount> {
  const url = await connectInBrowser(new Browser(of), await of.link(identifier))
  return (await confirmAuthorization(of.context, of.environmentId, { confirmationToken: flowIdOf(url), identifier }))
    .account
}

describe('what the provider refuses after a consent', () => {
  beforeEach(() => system.registerApp())

  it('is said at once: by the next action, and by the tools that cannot work', async () => {
    await switchOn(without('READ_COMMENTS', 'INSERT_COMMENTS'))
    const account = await connect('ann')
    expect(account.grant?.deniedCapabilities).toEqual(['READ_COMMENTS', 'INSERT_COMMENTS'])
    expect(nextAction(account)).toMatch(/refuses READ_COMMENTS, INSERT_COMMENTS\. Enable it .* authorize again/)
    // The operator must act first: a new consent alone would bring nothing.
    expect(needsReauthorization(account)).toBe(false)
    expect(unavailableReason(tool('notion_comments_fetch'), account)).toContain('READ_COMMENTS')
    expect(unavailableReason(tool('notion_data_fetch'), account)).toBeNull()
    expect(system.logged()).toContain('"deniedCapabilities":["READ_COMMENTS","INSERT_COMMENTS"]')
  })

  it('is forgotten with the next consent, once it is switched on', async () => {
    await switchOn(without('INSERT_CONTENT'))
    expect((await connect('ann')).grant?.deniedCapabilities).toEqual(['INSERT_CONTENT'])
    await switchOn(without('UPDATE_CONTENT'))
    const again = await connect('ann')
    expect(again.grant?.deniedCapabilities).toEqual(['UPDATE_CONTENT'])
    await switchOn(all)
    const whole = await connect('ann')
    expect([whole.grant?.deniedCapabilities, nextAction(whole)]).toEqual([[], null])
    expect(unavailableReason(tool('notion_page_create'), whole)).toBeNull()
  })

  it('changes nothing about the grant that works until the new consent is confirmed', async () => {
    await connect('ann')
    await switchOn(without('READ_USERS', 'READ_USER_EMAILS'))
    await connectInBrowser(new Browser(system), await system.link('ann'))
    const account = await findAccount(system.context.db, system.environmentId, {
      connectionName: 'notion',
      identifier: 'ann',
    })
    expect(account?.grant?.deniedCapabilities).toEqual([])
  })

  it('is asked of imported tokens as well', async () => {
    await switchOn(without('READ_COMMENTS'))
    const tokens = await sandbox.connect({}, { id: clientId, secret: 'secret-of-the-tests' })
    const account = await importAccount(system.context, system.environmentId, {
      connectionName: 'notion',
      identifier: 'imported',
      accessToken: new Secret(tokens.access_token),
      refreshToken: new Secret(tokens.refresh_token),
    })
    expect(account.grant?.deniedCapabilities).toEqual(['READ_COMMENTS'])
  })

  it.each([
    ['an outage', { kind: 'status', status: 503 }],
    ['a rate limit', { kind: 'rate_limit', retryAfter: 60 }],
    ['a reset', { kind: 'reset' }],
  ])('is nothing as long as %s keeps it from being asked', async (_what, fault) => {
    await switchOn([])
    for (const path of ['/v1/search', '/v1/blocks', '/v1/pages', '/v1/comments', '/v1/users']) {
      await sandbox.control('fault', { ...fault, match: { path }, times: 0 })
    }
    const account = await connect(randomUUID())
    expect(account).toMatchObject({ status: 'ACTIVE', grant: { deniedCapabilities: [] } })
  })
})

describe('a provider that does not answer after a consent', () => {
  it('is not waited for, and what it did not refuse is not denied', async () => {
    const impatient = await startAuthorizationSystem({
      apiUrl: sandbox.url,
      provider: createNotionOAuth({ probeTimeoutMs: 300 }),
    })
    try {
      await impatient.registerApp()
      await switchOn([])
      for (const path of ['/v1/search', '/v1/blocks', '/v1/pages', '/v1/comments', '/v1/users']) {
        // The answers would come long after this test was given up.
        await sandbox.control('fault', { kind: 'slow_headers', match: { path }, times: 0, delayMs: 600_000 })
      }
      const account = await connect('ann', impatient)
      expect(account).toMatchObject({ status: 'ACTIVE', grant: { deniedCapabilities: [] } })
    } finally {
      await impatient.close()
    }
  })
})

describe('an OAuth app that does not claim a capability', () => {
  it('is not asked for it', async () => {
    await system.registerApp({ capabilities: without('READ_COMMENTS', 'INSERT_COMMENTS') })
    await switchOn(without('READ_COMMENTS', 'INSERT_COMMENTS'))
    const account = await connect('ann')
    expect([account.grant?.deniedCapabilities, nextAction(account)]).toEqual([[], null])
    const asked = (await sandbox.log()).filter(({ path }) => path.startsWith('/v1/comments'))
    expect(asked).toEqual([])
  })
})
