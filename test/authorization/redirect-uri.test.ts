import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { registerOAuthApp } from '../../src/accounts/authorization/register-oauth-app.ts'
import { appValues, requireBoundApp } from '../../src/accounts/bindings.ts'
import { findOAuthApp, type OAuthApp, type OAuthAppRegistration } from '../../src/accounts/oauth-app-store.ts'
import { plannedRedirectUri, redirectUri } from '../../src/accounts/redirect-uri.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { bindingOf } from '../../src/vault/row-binding.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type FakeOAuthServer, json, startFakeOAuthServer, tokenAnswer } from './fake-oauth-server.ts'
import { type AuthorizationSystem, Browser, startAuthorizationSystem } from './support.ts'

const base = 'https://valetkey.example/oauth/callback'
let server: FakeOAuthServer
let system: AuthorizationSystem
let environmentId: string
beforeAll(async () => {
  server = await startFakeOAuthServer()
  system = await startAuthorizationSystem({ apiUrl: server.url })
})
afterAll(async () => {
  await system.close()
  await server.close()
})
beforeEach(async () => {
  server.behave(json(200, tokenAnswer))
  environmentId = await system.newEnvironment()
})
const register = (change: Partial<OAuthAppRegistration> = {}, environment = environmentId) =>
  system.registerApp({ capabilities: [], ...change }, environment)
const link = (identifier: string, environment = environmentId) => system.link(identifier, {}, environment)
const status = (identifier: string, environment = environmentId) => system.status(identifier, environment)

/** The system with a second connector, whose provider is another issuer. */
const withAcme = () => ({
  ...system.context,
  providers: new Map([...system.context.providers, ['acme', createNotionOAuth()]]),
})
const registration = (connectionName: string, connector = 'notion'): OAuthAppRegistration => ({
  connectionName,
  connector,
  clientId: `client-${connector}`,
  clientSecret: new Secret('secret-of-the-tests'),
  capabilities: [],
  returnUrls: [],
  confirmationUrl: 'https://app.example/connected',
  sandbox: false,
})
const uriOf = (app: OAuthApp) => redirectUri(system.context.publicUrl, app)
const planned = (connectionName: string, connector = 'notion', environment = environmentId) =>
  plannedRedirectUri(withAcme(), { environmentId: environment, connectionName, connector })

/** Opens a link in a new browser: what the provider is sent, and the state that it sends back. */
async function opened(link: string) {
  const browser = new Browser(system)
  const { searchParams } = new URL(await browser.openLink(link))
  const sent = searchParams.get('redirect_uri') ?? ''
  const callback = (uri = sent) => browser.visit(`${uri}?code=c&state=${searchParams.get('state')}`)
  return { sent, callback }
}
/** The redirect URIs of the code exchanges that the provider received. */
const exchanged = () =>
  server.received
    .filter(({ path }) => path.endsWith('/token'))
    .map(({ body }) => (JSON.parse(body) as { redirect_uri: string }).redirect_uri)

/** Makes the app one of an earlier release, whose redirect URI has its id. */
async function withoutName(app: OAuthApp) {
  const before = { ...app, callbackName: null }
  await system.database.db
    .updateTable('oauth_apps')
    .set({
      callback_name: null,
      binding: bindingOf(system.context.bindingKey, 'oauth_apps', appValues(before)),
    })
    .where('id', '=', app.id)
    .execute()
}

describe('the redirect URI of an OAuth app', () => {
  it('is known before the registration, by the connection name', async () => {
    for (const name of ['notion', 'notion-staging', 'My_Connection']) {
      const before = await planned(name)
      expect(before).toBe(`${base}/${name}`)
      expect(uriOf(await register({ connectionName: name }))).toBe(before)
      expect(await planned(name)).toBe(before)
    }
    expect(await findOAuthApp(system.context.db, environmentId, 'never-registered')).toBeNull()
  })

  it('is the same in two environments, and the state decides whose authorization it is', async () => {
    const other = await system.newEnvironment()
    await register()
    await register({ clientId: 'client-of-the-other' }, other)
    const [first, second] = [await opened(await link('ann')), await opened(await link('bob', other))]
    expect([first.sent, second.sent]).toEqual([`${base}/notion`, `${base}/notion`])
    expect((await second.callback()).status).toBe(303)
    expect((await first.callback()).status).toBe(303)
    expect(await status('bob', other)).toMatchObject({ status: 'PENDING_CONFIRMATION' })
    expect(await status('bob')).toBeNull()
    expect(await status('ann')).toMatchObject({ status: 'PENDING_CONFIRMATION' })
    expect(exchanged()).toEqual([`${base}/notion`, `${base}/notion`])
  })

  it.each([
    ['its id, as before the names', async (app: OAuthApp) => withoutName(app), (app: OAuthApp) => app.id],
    ['its name', async () => {}, () => 'notion'],
  ])('stays %s when the app is registered again, also with another client', async (_what, prepare, part) => {
    const app = await register({ sandbox: false })
    await prepare(app)
    expect(await planned('notion')).toBe(`${base}/${part(app)}`)
    for (const change of [{ clientSecret: new Secret('rotated') }, { clientId: 'another-client' }]) {
      const again = await register({ sandbox: false, ...change })
      expect(uriOf(again)).toBe(`${base}/${part(app)}`)
      requireBoundApp(system.context, again)
    }
    const flow = await opened(await link('ann'))
    expect(flow.sent).toBe(`${base}/${part(app)}`)
    expect((await flow.callback()).status).toBe(303)
    expect(exchanged()).toEqual([flow.sent])
  })

  it('gets its name when the app leaves the sandbox', async () => {
    await withoutName(await register({ sandbox: true }))
    expect(await planned('notion')).toBe(`${base}/notion`)
    expect(uriOf(await register({ sandbox: false, clientId: 'real' }))).toBe(`${base}/notion`)
  })

  it('of an authorization in progress stays that of its request', async () => {
    await withoutName(await register())
    const flow = await opened(await link('ann'))
    expect(flow.sent).not.toBe(`${base}/notion`)
    expect(uriOf(await register())).toBe(`${base}/notion`)
    expect((await flow.callback()).status).toBe(303)
    expect(exchanged()).toEqual([flow.sent])
  })

  it('is never shared by two connectors', async () => {
    const other = await system.newEnvironment()
    const registerAs = async (environmentId: string, name: string, connector: string) => {
      const before = await planned(name, connector, environmentId)
      expect(uriOf(await registerOAuthApp(withAcme(), environmentId, registration(name, connector)))).toBe(before)
      return before
    }
    expect(await registerAs(environmentId, 'work', 'notion')).toBe(`${base}/work`)
    expect(await registerAs(other, 'work', 'acme')).toBe(`${base}/work.acme`)
    // The name of a connector is for its own apps.
    expect(await registerAs(environmentId, 'acme', 'notion')).toBe(`${base}/acme.notion`)
    expect(await registerAs(other, 'acme', 'acme')).toBe(`${base}/acme`)
    // The same app, for another connector.
    expect(await registerAs(other, 'moving', 'acme')).toBe(`${base}/moving`)
    expect(await registerAs(other, 'moving', 'notion')).toBe(`${base}/moving`)
    // A name that is like an app's id.
    const { id } = await register()
    for (const name of [id, id.toUpperCase()])
      expect(await registerAs(other, name, 'acme')).toBe(`${base}/${name}.acme`)
  })

  it('is not shared either when two connectors register a name at once', async () => {
    const environments = await Promise.all(Array.from({ length: 6 }, () => system.newEnvironment()))
    const apps = await Promise.all(
      environments.map((environmentId, index) =>
        registerOAuthApp(withAcme(), environmentId, registration('raced', index % 2 === 0 ? 'notion' : 'acme')),
      ),
    )
    const connectors = new Map<string, Set<string>>()
    for (const app of apps) connectors.set(uriOf(app), (connectors.get(uriOf(app)) ?? new Set()).add(app.connector))
    expect([...connectors.values()].map((each) => each.size)).toEqual(apps.length > 0 ? [1, 1] : [])
  })
})

describe('a response at the callback of another connection', () => {
  it.each(['other', 'notion.acme', 'NOTION', 'notion/', 'notion%00', '%6eotion', ''])(
    'is refused at "%s", nothing is exchanged, and the right callback still works',
    async (path) => {
      await register()
      await register({ connectionName: 'other', clientId: 'client-of-the-other' })
      const flow = await opened(await link('ann'))
      expect((await flow.callback(`${base}/${path}`)).status).toBe(400)
      expect(server.received).toEqual([])
      expect((await flow.callback()).status).toBe(303)
    },
  )

  it('is refused when another program changed the name of the app', async () => {
    const app = await register()
    const flow = await opened(await link('ann'))
    await system.database.db
      .updateTable('oauth_apps')
      .set({ callback_name: 'stolen' })
      .where('id', '=', app.id)
      .execute()
    expect((await flow.callback(`${base}/stolen`)).status).toBe(500)
    expect(server.received).toEqual([])
  })
})
