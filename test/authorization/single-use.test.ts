import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { confirmAuthorization } from '../../src/accounts/authorization/confirm-authorization.ts'
import { endAuthorizations } from '../../src/accounts/authorization/outcome.ts'
import {
  startAuthorizationSweeper,
  sweepAuthorizations,
} from '../../src/accounts/authorization/sweep-authorizations.ts'
import { sendRevocations } from '../../src/accounts/grants/revocation-outbox.ts'
import { AuthorizationFlowNotFoundError } from '../../src/errors.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import {
  type AuthorizationSystem,
  Browser,
  connectInBrowser,
  consent,
  flowIdOf,
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

const confirm = (flowId: string, identifier: string) =>
  confirmAuthorization(system.context, system.environmentId, { confirmationToken: flowId, identifier })

const requestsTo = async (path: string) =>
  (await sandbox.log()).filter((entry) => entry.path.endsWith(path) && entry.method === 'POST').length

const stages = async () =>
  (await system.database.db.selectFrom('authorization_flows').select('stage').execute()).map(({ stage }) => stage)

/** Lets every flow's time be up by the database's clock. */
const expireFlows = () =>
  system.database.db
    .updateTable('authorization_flows')
    .set({ expires_at: sql`clock_timestamp() - interval '1 millisecond'` })
    .execute()

describe('single use', () => {
  it('makes one exchange for fifty identical callbacks at once', async () => {
    const browser = new Browser(system)
    const callback = await consent(await browser.openLink(await system.link('many')))
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => new Browser(system).visit(callback, { headers: { cookie } })),
    )
    const statuses = responses.map((response) => response.status).sort()
    expect(statuses).toEqual([303, ...Array.from({ length: 49 }, () => 400)])
    expect(await requestsTo('/oauth/token')).toBe(1)
  })

  it('lets one of many confirmations at once succeed', async () => {
    const flowId = flowIdOf(await connectInBrowser(new Browser(system), await system.link('confirmed-by-many')))
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => confirm(flowId, 'confirmed-by-many')))
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(AuthorizationFlowNotFoundError)
    }
  })

  it('binds a link that many browsers open to the first of them that comes back', async () => {
    const link = await system.link('raced')
    const consented = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const browser = new Browser(system)
        return { browser, callback: await consent(await browser.openLink(link)) }
      }),
    )
    expect(new Set(consented.map(({ callback }) => stateOf(callback))).size).toBe(20)
    const responses = await Promise.all(consented.map(({ browser, callback }) => browser.visit(callback)))
    expect(responses.filter((response) => response.status === 303)).toHaveLength(1)
    expect(responses.filter((response) => response.status === 400)).toHaveLength(19)
    expect(await requestsTo('/oauth/token')).toBe(1)
  })

  it.each([0, 1, 2])('lets the same browser open the link three times and consent in tab %i', async (tab) => {
    const browser = new Browser(system)
    const link = await system.link('reopened')
    const tabs = [await browser.openLink(link), await browser.openLink(link), await browser.openLink(link)]
    expect(browser.cookies.size).toBe(3)
    expect((await browser.visit(await consent(tabs[tab] ?? ''))).status).toBe(303)
    for (const other of tabs) {
      const page = await browser.visit(await consent(other))
      expect([page.status, await page.text()]).toEqual([400, expect.stringContaining('agreed already')])
    }
    expect(await requestsTo('/oauth/token')).toBe(1)
  })

  it('distinguishes a used link from an unknown one', async () => {
    const browser = new Browser(system)
    const link = await system.link('used')
    await connectInBrowser(browser, link)
    const used = await browser.visit(link)
    expect([used.status, await used.text()]).toEqual([410, expect.stringContaining('has been used')])
    expect((await browser.visit(`${link.slice(0, -43)}${'x'.repeat(43)}`)).status).toBe(404)
    expect((await browser.visit(link.slice(0, -1))).status).toBe(404)
  })

  it('does nothing for HEAD', async () => {
    const robot = new Browser(system)
    const response = await robot.visit(await system.link('head'), { method: 'HEAD' })
    expect([response.status, robot.cookies.size]).toEqual([200, 0])
    expect(await stages()).toEqual(['created'])
  })

  it('uses nothing up when scanners, previews and prefetching open a link, before and after the person does', async () => {
    const robots: Record<string, string>[] = [
      {},
      { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36' },
      { 'user-agent': 'curl/8.5.0' },
      { 'user-agent': 'Go-http-client/2.0' },
      { 'user-agent': 'Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0)' },
      { 'user-agent': 'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)' },
      { 'sec-purpose': 'prefetch;prerender' },
      { 'sec-fetch-dest': 'image' },
      { 'sec-fetch-dest': 'iframe' },
    ]
    const link = await system.link('scanned')
    const dump = () => system.database.db.selectFrom('authorization_flows').selectAll().execute()
    const scan = async () => {
      for (const headers of robots) expect((await new Browser(system).visit(link, { headers })).status).toBe(303)
    }
    await scan()
    const opened = await dump()
    const browser = new Browser(system)
    // An aborted visit: its response, with the cookie, never arrives.
    await new Browser(system).visit(link)
    const authorizationUrl = await browser.openLink(link)
    await scan()
    // Only the first opening writes.
    expect(await dump()).toEqual(opened)
    expect((await browser.visit(await consent(authorizationUrl))).status).toBe(303)
  })

  it('lets a browser open links as often as it wants, with few cookies', async () => {
    const browser = new Browser(system)
    for (let link = 0; link < 5; link++) {
      const again = await system.link(`cookies-${link}`)
      for (let visit = 0; visit < 8; visit++) await browser.visit(again)
    }
    expect(browser.cookies.size).toBeLessThan(20)
    expect((await browser.visit(await consent(await browser.openLink(await system.link('last'))))).status).toBe(303)
  })

  it('keeps no text that travels through browsers in the database', async () => {
    const browser = new Browser(system)
    const link = await system.link('dumped')
    const authorizationUrl = new URL(await browser.openLink(link))
    const dump = async () => {
      const { rows } = await sql<{ text: string }>`
        select to_jsonb(authorization_flows)::text as text from authorization_flows`.execute(system.database.db)
      return rows.map((row) => row.text).join('\n')
    }
    const opened = await dump()
    const callback = await consent(authorizationUrl.href)
    const cookieValues = [...browser.cookies.values()]
    const confirming = await browser.visit(callback)
    const flowId = flowIdOf(confirming.headers.get('location') ?? '')
    const secrets = [link.slice(-43), authorizationUrl.searchParams.get('state') ?? '', flowId, ...cookieValues]
    const dumps = `${opened}\n${await dump()}\n${system.logged()}`
    for (const secret of secrets) {
      expect(secret).toMatch(/^[\w-]{43,}$/)
      expect(dumps).not.toContain(secret)
    }
    expect(dumps).not.toMatch(/ntn_|nrt_/)
  })
})

describe('expiry by the clock of the database', () => {
  it('closes a link that was not opened', async () => {
    const link = await system.link('late')
    await expireFlows()
    expect((await new Browser(system).visit(link)).status).toBe(410)
  })

  it('refuses a callback that comes too late, and exchanges nothing', async () => {
    const browser = new Browser(system)
    const callback = await consent(await browser.openLink(await system.link('late-callback')))
    await expireFlows()
    expect((await browser.visit(callback)).status).toBe(410)
    expect(await requestsTo('/oauth/token')).toBe(0)
  })

  it('discards what was not confirmed in time, and revokes it at the provider', async () => {
    const flowId = flowIdOf(await connectInBrowser(new Browser(system), await system.link('unconfirmed')))
    const unopened = await system.link('unopened')
    expect(await sweepAuthorizations(system.context)).toEqual({ unconfirmed: 0, abandoned: 0 })
    await expireFlows()
    await expect(confirm(flowId, 'unconfirmed')).rejects.toBeInstanceOf(AuthorizationFlowNotFoundError)
    const swept = await Promise.all([sweepAuthorizations(system.context), sweepAuthorizations(system.context)])
    expect(swept.reduce((sum, result) => sum + result.unconfirmed, 0)).toBe(1)
    expect(swept.reduce((sum, result) => sum + result.abandoned, 0)).toBe(0)
    expect(await system.status('unconfirmed')).toEqual({ status: 'PENDING', reason: 'CONFIRMATION_EXPIRED' })
    expect(await system.status('unopened')).toEqual({ status: 'PENDING', reason: 'CREATED' })
    await sendRevocations(system.context, { limit: 10 })
    expect(await requestsTo('/oauth/revoke')).toBeGreaterThan(0)
    expect((await new Browser(system).visit(unopened)).status).toBe(410)
  })

  it('reports an abandoned link to the application, and to a late user that it has expired', async () => {
    const returnUrl = 'https://app.example/settings?tab=notion'
    const browser = new Browser(system)
    const link = await system.link('abandoned', { returnUrl, state: 'a "state"' })
    const callback = await consent(await browser.openLink(link))
    await expireFlows()
    for (const lapsing of [1, 0]) {
      for (const url of [callback, link]) {
        const page = await browser.visit(url)
        expect(page.status).toBe(410)
        const [, href = ''] = /href="([^"]+)"/.exec(await page.text()) ?? []
        const back = new URL(href.replaceAll('&amp;', '&'))
        expect(back.origin + back.pathname).toBe('https://app.example/settings')
        expect(Object.fromEntries(back.searchParams)).toEqual({
          tab: 'notion',
          status: 'PENDING',
          error: 'expired',
          state: 'a "state"',
        })
      }
      expect(await sweepAuthorizations(system.context)).toEqual({ unconfirmed: 0, abandoned: lapsing })
      expect(await system.status('abandoned')).toEqual({ status: 'PENDING', reason: 'AUTHORIZATION_ABANDONED' })
    }
    expect(await requestsTo('/oauth/token')).toBe(0)
    // In another browser the callback says nothing of where it would lead.
    const elsewhere = await new Browser(system).visit(callback)
    expect([elsewhere.status, (await elsewhere.text()).includes('app.example')]).toEqual([403, false])
    await system.database.db
      .updateTable('authorization_flows')
      .set({ expires_at: sql`clock_timestamp() - interval '25 hours'` })
      .execute()
    await sweepAuthorizations(system.context)
    expect((await browser.visit(link)).status).toBe(404)
  })

  it('says nothing of an abandoned link where something has happened since', async () => {
    await new Browser(system).openLink(await system.link('denied-since'))
    await new Browser(system).openLink(await system.link('linked-again'))
    const browser = new Browser(system)
    await browser.visit(await consent(await browser.openLink(await system.link('denied-since')), { decision: 'deny' }))
    await expireFlows()
    await system.link('linked-again')
    expect(await sweepAuthorizations(system.context)).toEqual({ unconfirmed: 0, abandoned: 2 })
    expect(await system.status('denied-since')).toEqual({ status: 'PENDING', reason: 'AUTHORIZATION_DENIED' })
    expect(await system.status('linked-again')).toEqual({ status: 'PENDING', reason: 'CREATED' })
  })

  it('leaves an exchange its time, however late the callback came', async () => {
    const browser = new Browser(system)
    await system.registerApp({ confirmationUrl: null })
    const callback = await consent(await browser.openLink(await system.link('last-second')))
    await sandbox.control('mode', { latencyMs: 1_000 })
    const flows = system.database.db.updateTable('authorization_flows')
    await flows.set({ expires_at: sql`clock_timestamp() + interval '1 minute'` }).execute()
    const finished = browser.visit(callback)
    await expect
      .poll(async () => {
        const { stage, left } = await system.database.db
          .selectFrom('authorization_flows')
          .select(['stage', sql<number>`extract(epoch from expires_at - clock_timestamp())::float8`.as('left')])
          .executeTakeFirstOrThrow()
        return stage === 'exchanging' && left > 300
      })
      .toBe(true)
    expect((await finished).status).toBe(200)
    expect(await system.status('last-second')).toEqual({ status: 'ACTIVE', reason: 'AUTHORIZED' })
  })

  it('discards all of them when the tokens of one do not open', async () => {
    await connectInBrowser(new Browser(system), await system.link('damaged'))
    await system.database.db.updateTable('grants').set({ access_token: 'damaged' }).execute()
    await connectInBrowser(new Browser(system), await system.link('sound'))
    await expireFlows()
    expect(await sweepAuthorizations(system.context)).toMatchObject({ unconfirmed: 2 })
    expect(await system.status('damaged')).toEqual({ status: 'PENDING', reason: 'CONFIRMATION_EXPIRED' })
    expect(system.logged()).toContain('erased an unreadable pending token')
    expect(await system.status('sound')).toEqual({ status: 'PENDING', reason: 'CONFIRMATION_EXPIRED' })
  })

  it('leaves a confirmation its full time, however late the callback came', async () => {
    const browser = new Browser(system)
    const callback = await consent(await browser.openLink(await system.link('slow')))
    const flows = system.database.db.updateTable('authorization_flows')
    await flows.set({ expires_at: sql`clock_timestamp() + interval '1 minute'` }).execute()
    await browser.visit(callback)
    const { left } = await system.database.db
      .selectFrom('authorization_flows')
      .select(sql<number>`extract(epoch from expires_at - clock_timestamp())::float8`.as('left'))
      .executeTakeFirstOrThrow()
    expect(left).toBeGreaterThan(300)
  })

  it('is handled by the sweeper, which stops on request', async () => {
    await connectInBrowser(new Browser(system), await system.link('swept'))
    await expireFlows()
    const sweeper = startAuthorizationSweeper(system.context, 5)
    await expect.poll(() => system.status('swept')).toEqual({ status: 'PENDING', reason: 'CONFIRMATION_EXPIRED' })
    await sweeper.stop()
    await connectInBrowser(new Browser(system), await system.link('swept-2'))
    await expireFlows()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(await system.status('swept-2')).toMatchObject({ status: 'PENDING_CONFIRMATION' })
  })
})

describe('an account with several authorizations under way', () => {
  it('waits for the other one when one of them is given up', async () => {
    const first = flowIdOf(await connectInBrowser(new Browser(system), await system.link('two-tabs')))
    const second = flowIdOf(await connectInBrowser(new Browser(system), await system.link('two-tabs')))
    await expect(confirm(first, 'wrong')).rejects.toThrow()
    expect(await system.status('two-tabs')).toMatchObject({ status: 'PENDING_CONFIRMATION' })
    expect((await confirm(second, 'two-tabs')).account.status).toBe('ACTIVE')
  })

  it('has none left after they were ended, and their tokens are revoked', async () => {
    const flowId = flowIdOf(await connectInBrowser(new Browser(system), await system.link('ended')))
    const unopened = await system.link('ended')
    const { id } = await system.database.db
      .selectFrom('connected_accounts')
      .select('id')
      .where('identifier', '=', 'ended')
      .executeTakeFirstOrThrow()
    const name = { environmentId: system.environmentId, accountId: id }
    await system.database.db.transaction().execute((trx) => endAuthorizations(system.context, trx, name))
    await expect(confirm(flowId, 'ended')).rejects.toBeInstanceOf(AuthorizationFlowNotFoundError)
    expect((await new Browser(system).visit(unopened)).status).toBe(404)
    await sendRevocations(system.context, { limit: 10 })
    expect(await requestsTo('/oauth/revoke')).toBeGreaterThan(0)
  })
})
