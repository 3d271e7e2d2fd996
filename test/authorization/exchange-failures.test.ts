import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { requireAccount } from '../../src/accounts/account-store.ts'
import { sendRevocations } from '../../src/accounts/grants/revocation-outbox.ts'
import { nextAction } from '../../src/accounts/next-action.ts'
import { drainRenewals } from '../../src/accounts/node-state.ts'
import { AccountNotActiveError } from '../../src/errors.ts'
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
      const reason = what === 'a client that is refused' ? 'OAUTH_APP_REJECTED' : 'AUTHORIZATION_FAILED'
      expect(await system.status(what)).toEqual({ status: 'PENDING', reason })
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

describe('an OAuth app that is wrong at the provider', () => {
  const account = async (identifier: string) => {
    const name = { connectionName: 'notion', identifier }
    return requireAccount(system.context, system.environmentId, name)
  }
  const bareUnauthorized =
    (introspection: Behaviour): Behaviour =>
    (received, response) =>
      (received.path === '/v1/oauth/introspect' ? introspection : json(401, {}))(received, response)

  it.each([
    ['a wrong secret', json(401, { error: 'invalid_client' }), 'OAUTH_APP_REJECTED', 'invalid_client'],
    ['a wrong secret in a 200', json(200, { error: 'invalid_client' }), 'OAUTH_APP_REJECTED', 'invalid_client'],
    ['a bare 401', bareUnauthorized(json(401, {})), 'OAUTH_APP_REJECTED', 'unauthorized'],
    ['a bare 401 for the code', bareUnauthorized(json(200, { active: false })), 'AUTHORIZATION_FAILED', null],
    // These do not prove that every authorization fails.
    ['a grant type that is not allowed', json(400, { error: 'unauthorized_client' }), 'OAUTH_APP_REJECTED', null],
    ['a redirect URI', json(400, { error: 'redirect_uri_mismatch' }), 'OAUTH_APP_REJECTED', null],
    [
      'a redirect URI in words',
      json(400, { error: 'invalid_grant', error_description: 'Invalid redirect_uri' }),
      'OAUTH_APP_REJECTED',
      null,
    ],
    ['a page of a proxy', (_, response) => response.writeHead(401).end('<p>Log in'), 'AUTHORIZATION_FAILED', null],
  ] as [string, Behaviour, string, string | null][])(
    'is reported to the application for %s',
    async (what, behaviour, reason, rejection) => {
      await system.registerApp()
      server.behave(behaviour)
      const { browser, callback } = await atTheProvider(`wrong: ${what}`)
      await browser.visit(callback)
      const seen = await account(`wrong: ${what}`)
      expect(seen).toMatchObject({ statusReason: reason, appRejection: rejection })
      const cause = /client ID, client secret and redirectUri/
      if (reason === 'OAUTH_APP_REJECTED') expect(nextAction(seen)).toMatch(cause)
      else expect(nextAction(seen)).not.toMatch(cause)
      const { hint, userAction } = new AccountNotActiveError(seen)
      expect([userAction, hint]).toEqual(
        reason === 'OAUTH_APP_REJECTED'
          ? [null, expect.stringContaining('Do not send the user')]
          : ['REAUTHORIZE', expect.any(String)],
      )
    },
  )

  it('is reported until the provider accepts it or it is registered again', async () => {
    server.behave(json(401, { error: 'invalid_client' }))
    await (async ({ browser, callback }) => browser.visit(callback))(await atTheProvider('until'))
    expect(await account('until')).toMatchObject({ appRejection: 'invalid_client' })
    const working = await atTheProvider('works')
    server.behave((received, response) =>
      json(200, received.path === '/v1/oauth/token' ? tokenAnswer : {})(received, response),
    )
    await working.browser.visit(working.callback)
    await drainRenewals(system.context)
    expect(await account('until')).toMatchObject({ appRejection: null })
    await system.clear()
  })

  it.each(['unauthorized_client', 'invalid_client', 'redirect_uri_mismatch', 'invalid_scope'])(
    'is reported when the provider sends the browser back with %s',
    async (error) => {
      const { browser, callback } = await atTheProvider(error)
      await browser.visit(callback.replace('code=canary-code', `error=${error}`))
      // A browser can forge this, so it counts for its own account only.
      expect(await account(error)).toMatchObject({ statusReason: 'OAUTH_APP_REJECTED', appRejection: null })
    },
  )
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
