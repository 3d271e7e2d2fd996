import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CallbackResult } from '../../src/accounts/authorization/finish-authorization.ts'
import { updateOAuthApp } from '../../src/accounts/authorization/register-oauth-app.ts'
import { accentStyle, contrast } from '../../src/http/accent.ts'
import { endingPage } from '../../src/http/connect/pages.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import {
  type AuthorizationSystem,
  application,
  Browser,
  connectInBrowser,
  consent,
  flowIdOf,
  startAuthorizationSystem,
} from './support.ts'

const branding = {
  displayName: 'Acme <b>&"Tasks"</b>',
  logoUrl: "https://cdn.acme.test/logo.svg?a=1&b='2'",
  accentColor: '#ffdd00',
}
const shownName = 'Acme &lt;b&gt;&amp;&quot;Tasks&quot;&lt;/b&gt;'

let sandbox: RunningSandbox
let system: AuthorizationSystem
beforeAll(async () => {
  sandbox = await startSandbox()
  system = await startAuthorizationSystem({ apiUrl: sandbox.url, development: true })
})
afterAll(async () => {
  await system.close()
  await sandbox.close()
})
beforeEach(async () => {
  await sandbox.control('reset')
  await system.clear()
  await system.registerApp({ branding })
})

const update = (change: Parameters<typeof updateOAuthApp>[2]) =>
  updateOAuthApp(system.context, system.environmentId, change)

const resource = { expectedResources: [{ name: 'Projects', reason: null, resourceId: null }] }
const beforeConsent = async () => {
  const response = await new Browser(system).visit(await system.link('ann', resource))
  return { response, body: await response.text() }
}

/** Pages that end something, each of which must lead back. */
async function endPages(): Promise<[string, Response][]> {
  const browser = new Browser(system)
  const link = await system.link('ann')
  const callback = await consent(await browser.openLink(link))
  const finished = flowIdOf((await browser.visit(callback)).headers.get('location') ?? '')
  const expired = await system.link('eve')
  await sql`update authorization_flows set expires_at = now() - interval '1 minute'
    where account_id = (select id from connected_accounts where identifier = 'eve')`.execute(system.database.db)
  return [
    ['a used link', await browser.visit(link)],
    ['a replayed callback', await browser.visit(callback)],
    ['an expired link', await browser.visit(expired)],
    ['the confirmation', await browser.visit(`https://valetkey.example/connect/confirm?flow_id=${finished}`)],
  ]
}

describe('what users see of an application', () => {
  it('is its name, logo and color on the page before the consent, escaped', async () => {
    const { response, body } = await beforeConsent()
    expect(/<h1>(.*)<\/h1>/.exec(body)?.[1]).toBe(`${shownName} wants to connect your Notion`)
    expect(/<title>(.*)<\/title>/.exec(body)?.[1]).toBe(`${shownName} wants to connect your Notion`)
    expect(body).toContain(
      `<img src="https://cdn.acme.test/logo.svg?a=1&amp;b=%272%27" alt="" width="40" height="40" referrerpolicy="no-referrer">`,
    )
    expect(body).toContain('--accent: #ffdd00; --on-accent: #000000')
    expect(body).not.toContain('<b>')
    const policy = response.headers.get('content-security-policy')
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; img-src https:\/\/cdn\.acme\.test; form-action/,
    )
    expect(response.headers.get('referrer-policy')).toBe('no-referrer')
  })

  it('is on every page that ends something, with a way back to the application', async () => {
    for (const [what, response] of await endPages()) {
      const body = await response.text()
      expect(body, what).toContain(`<bdi>${shownName}</bdi></header>`)
      const back = new RegExp(`<a class="go" href="${application}/?">Back to <bdi>${shownName}</bdi></a>`)
      expect(body, what).toMatch(back)
      expect(response.headers.get('content-security-policy'), what).toContain('img-src https://cdn.acme.test;')
    }
  })

  it('leads back from the result of every authorization', () => {
    const app = { ...branding, homeUrl: 'https://app.example/' }
    const results: readonly CallbackResult[] = [
      { kind: 'connected', missing: [] },
      { kind: 'denied' },
      { kind: 'user_changed' },
      { kind: 'withdrawn' },
      { kind: 'provider_error', error: 'server_error' },
      { kind: 'exchange_failed', failure: 'client_refused' },
    ]
    for (const result of results)
      expect(endingPage(result, 'Notion', app).content.markup, result.kind).toContain('href="https://app.example/"')
  })

  it('is nothing, and loads nothing, where nothing is registered', async () => {
    await update({ connectionName: 'notion', displayName: null, logoUrl: null, accentColor: null })
    const { response, body } = await beforeConsent()
    expect(body).toContain('<h1>Connect your Notion</h1>')
    expect(body).not.toContain('<img')
    expect(body).not.toContain('<header')
    expect(response.headers.get('content-security-policy')).not.toContain('img-src')
  })

  it('retains its value when the app is registered again without it, and is changed and removed by field', async () => {
    expect(await system.registerApp({ clientId: 'client-of-the-tests' })).toMatchObject({
      displayName: branding.displayName,
    })
    expect(await update({ connectionName: 'notion', displayName: 'Other' })).toMatchObject({
      displayName: 'Other',
      accentColor: '#ffdd00',
    })
    expect(await system.registerApp({ branding: { logoUrl: null } })).toMatchObject({
      displayName: 'Other',
      logoUrl: null,
    })
    expect(flowIdOf(await connectInBrowser(new Browser(system), await system.link('still')))).toMatch(/^[\w-]{43}$/)
  })

  it('is in the audit log, and unchanged values are not', async () => {
    const count = async () => {
      const { rows } = await sql<{ before: unknown; after: unknown }>`
        select before, after from audit_events where action = 'oauth_app.updated' order by id desc`.execute(
        system.database.db,
      )
      return rows
    }
    await update({ connectionName: 'notion', displayName: 'Audited' })
    const recorded = await count()
    expect(recorded[0]).toMatchObject({ before: branding, after: { ...branding, displayName: 'Audited' } })
    await update({ connectionName: 'notion', displayName: 'Audited' })
    expect(await count()).toHaveLength(recorded.length)
  })

  it.each([
    ['displayName', 'x'.repeat(81)],
    ['displayName', ' \t'],
    ['displayName', '  '],
    ['displayName', 'Acme\u202egro'],
    ['logoUrl', 'http://cdn.acme.test/logo.png'],
    ['logoUrl', 'https://user@cdn.acme.test/logo.png'],
    ['logoUrl', 'https://*.acme.test/logo.png'],
    ['logoUrl', 'https://*/logo.png'],
    ['logoUrl', 'https://a;script-src/logo.png'],
    ['logoUrl', "https://'self'/logo.png"],
    ['logoUrl', 'https://a,b/logo.png'],
    ['logoUrl', 'https://[2001:db8::1]/logo.png'],
    ['logoUrl', 'data:image/png;base64,AAAA'],
    ['logoUrl', 'javascript:alert(1)'],
    ['accentColor', 'red'],
    ['accentColor', '#fff'],
    ['accentColor', '#ffffff;}body{display:none'],
    ['accentColor', '#ffffff\n'],
  ])('is refused with its place: %s %j', async (field, value) => {
    const issues = { issues: [{ path: field, message: expect.any(String) }] }
    await expect(update({ connectionName: 'notion', [field]: value })).rejects.toMatchObject(issues)
    await expect(system.registerApp({ branding: { [field]: value } })).rejects.toMatchObject(issues)
  })

  it('may be loaded over http from this machine', async () => {
    await update({ connectionName: 'notion', logoUrl: 'http://localhost:9/logo.png' })
    const { response } = await beforeConsent()
    expect(response.headers.get('content-security-policy')).toContain('img-src http://localhost:9;')
  })

  it('cannot be changed by a writer of the database', async () => {
    const link = await system.link('victim', resource)
    const used = await system.link('used')
    await connectInBrowser(new Browser(system), used)
    for (const change of [
      `display_name = 'Evil'`,
      `display_name = null`,
      `logo_url = 'https://evil.example/logo.png'`,
      `accent_color = '#ff0000'`,
      `display_name = null, logo_url = null, accent_color = null`,
      `return_urls = '{https://evil.example/}'`,
    ]) {
      await sql.raw(`update oauth_apps set ${change}`).execute(system.database.db)
      const before = await new Browser(system).visit(link)
      expect([before.status, await before.text()], change).toEqual([500, expect.not.stringMatching(/evil|Notion/i)])
      const page = await (await new Browser(system).visit(used)).text()
      expect(page, change).toContain('This link has been used')
      expect(page, change).not.toMatch(/evil|acme|#ff0000/i)
      await expect(update({ connectionName: 'notion', accentColor: '#00ff00' }), change).rejects.toThrow('binding')
      // Registering the app again does not bind what the writer put there.
      const again = await system.registerApp()
      expect(again, change).toMatchObject({ displayName: null, logoUrl: null, accentColor: null })
      await system.registerApp({ branding })
    }
  })
})

describe('the color of an application', () => {
  it('has text that can be read, whatever it is', () => {
    for (let red = 0; red < 256; red += 15)
      for (let green = 0; green < 256; green += 15)
        for (let blue = 0; blue < 256; blue += 15) {
          const color = `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`
          const text = /--on-accent: (#\w{6})/.exec(accentStyle(color))?.[1] ?? ''
          expect(contrast(color, text)).toBeGreaterThanOrEqual(4.5)
        }
  })

  it('has an edge where it has the color of the page', () => {
    expect(accentStyle('#fefefe')).toMatch(/--edge: var\(--quiet\) \}\n@media.*--edge: #fefefe/)
    expect(accentStyle('#101010')).toMatch(/--edge: #101010 \}\n@media.*--edge: var\(--quiet\)/)
    expect([accentStyle(null), accentStyle('#12345'), accentStyle('red;}')]).toEqual(['', '', ''])
  })
})
