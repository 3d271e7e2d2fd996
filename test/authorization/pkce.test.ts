import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { codeVerifierContext } from '../../src/accounts/authorization/flow.ts'
import { hashOneTimeToken, newOneTimeToken } from '../../src/accounts/authorization/one-time-token.ts'
import type { OAuthProvider } from '../../src/accounts/provider.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { Secret } from '../../src/vault/secret.ts'
import { bindRows } from '../support/bindings.ts'
import { type FakeOAuthServer, json, startFakeOAuthServer, tokenAnswer } from './fake-oauth-server.ts'
import { type AuthorizationSystem, Browser, startAuthorizationSystem } from './support.ts'

/** A provider that documents PKCE (RFC 7636): otherwise Notion's. */
function providerWithPkce(): OAuthProvider {
  const notion = createNotionOAuth()
  return {
    ...notion,
    supportsPkce: true,
    authorizationUrl(client, request) {
      const url = notion.authorizationUrl(client, request)
      url.searchParams.set('code_challenge', request.codeChallenge ?? '')
      url.searchParams.set('code_challenge_method', 'S256')
      return url
    },
  }
}

let server: FakeOAuthServer
let system: AuthorizationSystem
/** The challenges that came with each code. */
const challenges = new Map<string, string>()
beforeAll(async () => {
  server = await startFakeOAuthServer()
  system = await startAuthorizationSystem({ apiUrl: server.url, provider: providerWithPkce() })
  await system.registerApp({ confirmationUrl: null, returnUrls: [] })
})
afterAll(async () => {
  await system.close()
  await server.close()
})
beforeEach(() => {
  server.behave((received, response) => {
    if (received.path !== '/v1/oauth/token') return json(404, { code: 'object_not_found' })(received, response)
    const { code, code_verifier } = JSON.parse(received.body) as Record<string, string>
    const challenge = createHash('sha256').update(`${code_verifier}`, 'ascii').digest('base64url')
    const fits = challenges.get(`${code}`) === challenge
    json(fits ? 200 : 400, fits ? tokenAnswer : { error: 'invalid_grant' })(received, response)
  })
})

/** What the provider's consent page does: a code for the challenge. Returns the callback. */
function consentWithPkce(authorizationUrl: string, code: string): URL {
  const asked = new URL(authorizationUrl).searchParams
  challenges.set(code, asked.get('code_challenge') ?? '')
  const callback = new URL(asked.get('redirect_uri') ?? '')
  callback.search = new URLSearchParams({ code, state: asked.get('state') ?? '' }).toString()
  return callback
}

describe('with a provider that supports PKCE', () => {
  it('the code is exchanged with the verifier of the challenge that was sent', async () => {
    const browser = new Browser(system)
    const authorizationUrl = await browser.openLink(await system.link('ann'))
    expect(new URL(authorizationUrl).searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/)
    expect((await browser.visit(consentWithPkce(authorizationUrl, 'code-1').href)).status).toBe(200)
    expect(await system.status('ann')).toEqual({ status: 'ACTIVE', reason: 'AUTHORIZED' })
  })

  it("a victim's code that was injected into the attacker's own authorization is refused", async () => {
    const victim = await new Browser(system).openLink(await system.link('victim'))
    consentWithPkce(victim, 'code-of-the-victim')
    const browser = new Browser(system)
    const attacker = consentWithPkce(await browser.openLink(await system.link('attacker')), 'unused')
    attacker.searchParams.set('code', 'code-of-the-victim')
    expect((await browser.visit(attacker.href)).status).toBe(502)
    expect(await system.status('attacker')).toEqual({ status: 'PENDING', reason: 'AUTHORIZATION_FAILED' })
  })

  it('each opening of a link has a verifier of its own, which no row contains', async () => {
    const browser = new Browser(system)
    const link = await system.link('again')
    const challengeOf = (url: string) => new URL(url).searchParams.get('code_challenge')
    const first = await browser.openLink(link)
    const second = await browser.openLink(link)
    expect(challengeOf(second)).not.toBe(challengeOf(first))
    const rows = JSON.stringify(await system.database.db.selectFrom('authorization_flows').selectAll().execute())
    expect((await browser.visit(consentWithPkce(first, 'code-2').href)).status).toBe(200)
    const sent = JSON.parse(server.received[0]?.body ?? '') as { code_verifier: string }
    expect(sent.code_verifier).toMatch(/^[\w-]{43}$/)
    expect(rows).not.toContain(sent.code_verifier)
  })

  it('an authorization that a node of the previous release has opened is finished, in its browser alone', async () => {
    const link = await system.link('upgraded')
    const [state, browserToken, verifier] = [newOneTimeToken(), newOneTimeToken(), newOneTimeToken()]
    const rows = system.database.db.selectFrom('authorization_flows').select(['id', 'environment_id'])
    const row = await rows.where('link_hash', '=', hashOneTimeToken(link.slice(-43))).executeTakeFirstOrThrow()
    const sealingContext = codeVerifierContext({ id: row.id, environmentId: row.environment_id })
    await system.database.db
      .updateTable('authorization_flows')
      .set({
        stage: 'opened',
        state_hash: hashOneTimeToken(state),
        browser_hash: hashOneTimeToken(browserToken),
        code_verifier: await system.context.vault.seal(new Secret(verifier), sealingContext),
      })
      .where('id', '=', row.id)
      .execute()
    // As the first node of this release does with what the previous one wrote.
    await bindRows(system.database.db)
    const other = new Browser(system)
    const authorizationUrl = new URL(await other.openLink(link))
    authorizationUrl.searchParams.set('state', state)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    authorizationUrl.searchParams.set('code_challenge', challenge)
    const callback = consentWithPkce(authorizationUrl.href, 'code-3').href
    expect((await other.visit(callback)).status).toBe(403)
    const browser = new Browser(system)
    browser.cookies.set(`__Host-valetkey-flow-${row.id}`, browserToken)
    expect((await browser.visit(callback)).status).toBe(200)
    expect(await system.status('upgraded')).toEqual({ status: 'ACTIVE', reason: 'AUTHORIZED' })
    expect((await browser.visit(callback)).status).toBe(400)
  })
})

it('a provider without PKCE is sent neither a challenge nor a verifier', async () => {
  const plain = await startAuthorizationSystem({ apiUrl: server.url })
  onTestFinished(() => plain.close())
  await plain.registerApp({ confirmationUrl: null, returnUrls: [] })
  server.behave(json(200, tokenAnswer))
  const browser = new Browser(plain)
  const authorizationUrl = await browser.openLink(await plain.link('ann'))
  expect(authorizationUrl).not.toContain('code_challenge')
  expect((await browser.visit(consentWithPkce(authorizationUrl, 'plain').href)).status).toBe(200)
  const sent = server.received.find(({ path }) => path === '/v1/oauth/token')?.body ?? ''
  expect(Object.keys(JSON.parse(sent)).sort()).toEqual(['code', 'grant_type', 'redirect_uri'])
})
