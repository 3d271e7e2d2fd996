import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sendRevocations } from '../../src/accounts/grants/revocation-outbox.ts'
import { type Behaviour, type FakeOAuthServer, json, startFakeOAuthServer, tokenAnswer } from './fake-oauth-server.ts'
import { type AuthorizationSystem, Browser, startAuthorizationSystem } from './support.ts'

let server: FakeOAuthServer
let system: AuthorizationSystem
let appId: string
beforeAll(async () => {
  server = await startFakeOAuthServer()
  system = await startAuthorizationSystem({ apiUrl: server.url })
  appId = (await system.registerApp()).id
})
afterAll(async () => {
  await system.close()
  await server.close()
})
beforeEach(() => server.behave())

/** A browser that has opened the link, and the callback that a provider would send it to. */
async function atTheProvider(identifier: string, returnUrl: string | null = 'https://app.example/back') {
  const browser = new Browser(system)
  const authorizationUrl = new URL(await browser.openLink(await system.link(identifier, { returnUrl, state: 'st' })))
  const state = authorizationUrl.searchParams.get('state') ?? ''
  const callback = `https://valetkey.example/oauth/callback/${appId}?code=canary-code&state=${state}`
  return { browser, callback }
}

describe('an exchange that fails', () => {
  it.each([
    ['a code that is refused', json(400, { error: 'invalid_grant' })],
    ['a client that is refused', json(401, { error: 'invalid_client' })],
    ['a limit', json(429, {})],
    ['an outage', json(503, {})],
    ['a redirect', json(307, {}, { location: 'http://127.0.0.1:9/' })],
    ['nonsense', json(200, { hello: 'world' })],
  ] as [string, Behaviour][])(
    'brings the browser back with the reason, keeps nothing and is not repeated: %s',
    async (what, behaviour) => {
      server.behave(behaviour)
      const { browser, callback } = await atTheProvider(what)
      const back = await browser.visit(callback)
      expect(back.headers.get('location')).toBe(
        'https://app.example/back?status=PENDING&error=exchange_failed&state=st',
      )
      expect(await system.status(what)).toEqual({ status: 'PENDING', reason: 'AUTHORIZATION_FAILED' })
      expect((await browser.visit(callback)).status).toBe(400)
      expect(server.received).toHaveLength(1)
      expect(system.logged()).not.toContain('canary-code')
      expect(system.logged()).not.toContain('secret-of-the-tests')
    },
  )

  it('ends on a page of ours where the application gave no return URL', async () => {
    server.behave(json(503, {}))
    const { browser, callback } = await atTheProvider('no-return', null)
    const page = await browser.visit(callback)
    expect([page.status, await page.text()]).toEqual([502, expect.stringContaining('could not be finished')])
  })
})

describe('tokens that cannot be stored', () => {
  it('are given back when the account went away during the exchange', async () => {
    const { browser, callback } = await atTheProvider('deleted-meanwhile')
    server.behave((received, response) => {
      if (received.path !== '/v1/oauth/token') return json(200, {})(received, response)
      void system.database.db
        .deleteFrom('connected_accounts')
        .where('identifier', '=', 'deleted-meanwhile')
        .execute()
        .then(() => json(200, tokenAnswer)(received, response))
    })
    const page = await browser.visit(callback)
    expect([page.status, await page.text()]).toEqual([409, expect.stringContaining('ended this connection')])
    await sendRevocations(system.context, { limit: 10 })
    expect(server.received.map(({ path }) => path)).toContain('/v1/oauth/revoke')
  })

  it('are given back when the database fails, and the browser gets a page', async () => {
    const { browser, callback } = await atTheProvider('unstorable')
    server.behave(json(200, tokenAnswer))
    await sql`create function refuse() returns trigger language plpgsql as 'begin raise exception ''disk full''; end'`.execute(
      system.database.db,
    )
    await sql`create trigger refuse before update of grant_id on authorization_flows
      for each row execute function refuse()`.execute(system.database.db)
    const page = await browser.visit(callback)
    await sql`drop function refuse cascade`.execute(system.database.db)
    expect([page.status, await page.text()]).toEqual([500, expect.stringContaining('on our side')])
    expect(system.logged()).toContain('disk full')
    expect(system.logged()).not.toContain('canary-code')
    await sendRevocations(system.context, { limit: 10 })
    expect(server.received.map(({ path }) => path)).toContain('/v1/oauth/revoke')
    expect(await system.status('unstorable')).toEqual({ status: 'PENDING', reason: 'CREATED' })
  })
})

describe('the expected resources', () => {
  it('are not claimed to be missing when the provider cannot be asked for them', async () => {
    server.behave((received, response) =>
      json(received.path === '/v1/oauth/token' ? 200 : 500, received.path === '/v1/oauth/token' ? tokenAnswer : {})(
        received,
        response,
      ),
    )
    const browser = new Browser(system)
    const resource = { name: 'Tasks', reason: null, resourceId: '2561ab6c-418b-8072-beec-c4779fa811cf' }
    const link = await system.link('unasked', { expectedResources: [resource] })
    const state = new URL(await browser.openLink(link)).searchParams.get('state') ?? ''
    const response = await browser.visit(`https://valetkey.example/oauth/callback/${appId}?code=c&state=${state}`)
    expect(response.status).toBe(303)
    const flow = await system.database.db
      .selectFrom('authorization_flows')
      .select('missing_resources')
      .where('stage', '=', 'consented')
      .executeTakeFirstOrThrow()
    expect(flow.missing_resources).toEqual([])
    await sendRevocations(system.context, { limit: 1 })
  })
})
