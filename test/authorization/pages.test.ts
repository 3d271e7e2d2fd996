import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CallbackResult } from '../../src/accounts/authorization/finish-authorization.ts'
import { endingPage } from '../../src/http/connect/pages.ts'
import { pageResponse } from '../../src/http/page.ts'
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

const hostile = `"><script>alert('x')</script>&amp;`

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
  await system.registerApp()
})

/** Every answer that a browser can get on the paths of an authorization, by what it is. */
async function everyAnswer(): Promise<[string, Response][]> {
  const resource = { name: hostile, reason: hostile, resourceId: null }
  const browser = new Browser(system)
  const asking = await system.link(hostile, { expectedResources: [resource] })
  const link = await system.link('plain')
  const direct = await browser.visit(link)
  const callback = await consent(direct.headers.get('location') ?? '')
  const finished = await browser.visit(callback)
  const flowId = flowIdOf(finished.headers.get('location') ?? '')
  const { origin, pathname } = new URL(callback)
  return [
    ['the page before the consent', await browser.visit(asking)],
    ['another browser', await new Browser(system).visit(await consent(await browser.openLink(asking)))],
    ['the redirect to the provider', direct],
    ['the redirect to the application', finished],
    ['the confirmation', await browser.visit(`${origin}/connect/confirm?flow_id=${flowId}`)],
    ['nothing to confirm', await browser.visit(`${origin}/connect/confirm?flow_id=${encodeURIComponent(hostile)}`)],
    ['a replayed callback', await browser.visit(callback)],
    ['a mangled callback', await browser.visit(`${origin}${pathname}?code=${encodeURIComponent(hostile)}`)],
    ['a used link', await browser.visit(link)],
    ['an unknown link', await browser.visit(`${origin}/connect/${encodeURIComponent(hostile)}`)],
    ['HEAD', await browser.visit(asking, { method: 'HEAD' })],
    ['POST', await browser.visit(asking, { method: 'POST' })],
    ['DELETE of a callback', await browser.visit(callback, { method: 'DELETE' })],
  ]
}

describe('every answer to a browser', () => {
  it('carries headers that keep its URL and its content to itself', async () => {
    for (const [what, response] of await everyAnswer()) {
      const headers = Object.fromEntries(response.headers)
      expect({ what, ...headers }).toMatchObject({
        what,
        'cache-control': 'no-store',
        // A form needs its origin.
        'referrer-policy': what === 'the confirmation' ? 'same-origin' : 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      })
      // Only the confirmation has a form.
      const forms = what === 'the confirmation' ? 'self' : 'none'
      const policy = (headers['content-security-policy'] ?? '').replace(/'sha256-[\w+/=]+'/, 'HASH')
      expect({ what, policy }).toEqual({
        what,
        policy: `default-src 'none'; style-src HASH; form-action '${forms}'; base-uri 'none'; frame-ancestors 'none'`,
      })
    }
  })

  it('repeats nothing unescaped, loads nothing and runs nothing', async () => {
    for (const [what, response] of await everyAnswer()) {
      const body = await response.text()
      expect(body, what).not.toContain('<script')
      expect(body, what).not.toContain(hostile)
      expect(body, what).not.toMatch(/\s(?:src|srcset|action|on\w+)=/)
      const hrefs = [...body.matchAll(/href="([^"]*)"/g)].map((match) => match[1] ?? '')
      const isOurs = (href: string) => what === 'the confirmation' && /^\/graphql\?flow_id=[\w-]{43}&amp;/.test(href)
      for (const href of hrefs)
        expect(href.startsWith(sandbox.url) || href === application || isOurs(href), `${what}: ${href}`).toBe(true)
    }
  })

  it('that is a page has a language, one heading, the title in it, and a style that its policy knows', async () => {
    for (const [what, response] of await everyAnswer()) {
      const body = await response.text()
      if (body === '') continue
      expect(response.headers.get('content-type'), what).toBe('text/html; charset=utf-8')
      expect(body, what).toContain('<html lang="en">')
      expect(body, what).toContain('name="viewport"')
      expect(body.match(/<h1>/g), what).toHaveLength(1)
      expect(/<title>(.*)<\/title>/.exec(body)?.[1], what).toBe(/<h1>(.*)<\/h1>/.exec(body)?.[1])
      const style = /<style>([\s\S]*)<\/style>/.exec(body)?.[1] ?? ''
      const hash = createHash('sha256').update(style).digest('base64')
      expect(response.headers.get('content-security-policy'), what).toContain(`'sha256-${hash}'`)
    }
  })

  it('that refuses a method names those that work', async () => {
    const response = await new Browser(system).visit(await system.link('methods'), { method: 'PUT' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})

describe('the cookie of a flow', () => {
  it('cannot be read by scripts, set by other hosts or sent by other sites, and ends with the flow', async () => {
    const browser = new Browser(system)
    const opened = await browser.visit(await system.link('cookie'))
    const name = '__Host-valetkey-flow-[0-9a-f-]{36}'
    expect(opened.headers.get('set-cookie')).toMatch(
      new RegExp(`^${name}=[\\w-]{43}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$`),
    )
    const finished = await browser.visit(await consent(opened.headers.get('location') ?? ''))
    expect(finished.headers.get('set-cookie')).toMatch(new RegExp(`^${name}=; Path=/; Max-Age=0; HttpOnly`))
  })

  it('has a plain name on http, where browsers take no other', async () => {
    const local = await startAuthorizationSystem({ apiUrl: sandbox.url, publicUrl: 'http://localhost:4000' })
    await local.registerApp()
    const browser = new Browser(local)
    const opened = await browser.visit(await local.link('local'))
    expect(opened.headers.get('set-cookie')).toMatch(
      /^valetkey-flow-[0-9a-f-]{36}=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/,
    )
    await connectInBrowser(new Browser(local), await local.link('local'))
    await local.close()
  })
})

describe('the origin of links and redirect URIs', () => {
  it('is that of the configuration, whatever the request says', async () => {
    const link = new URL(await system.link('host'))
    link.host = 'evil.example'
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }
    const response = await new Browser(system).visit(link.href, { headers })
    const asked = new URL(response.headers.get('location') ?? '')
    expect(new URL(asked.searchParams.get('redirect_uri') ?? '').origin).toBe('https://valetkey.example')
  })
})

describe('the development confirmation page', () => {
  it('shows who consented and the mutation that the application would run, and uses nothing up', async () => {
    const browser = new Browser(system)
    const confirming = new URL(await connectInBrowser(browser, await system.link('dev "quoted"')))
    const flowId = flowIdOf(confirming.href)
    for (let visit = 0; visit < 2; visit++) {
      const page = await browser.visit(`https://valetkey.example/connect/confirm?flow_id=${flowId}`)
      const text = await page.text()
      expect(text).toContain('owner@acme.test')
      expect(text).toContain(`flowId: &quot;${flowId}&quot;`)
      expect(text).toContain('identifier: &quot;dev \\&quot;quoted\\&quot;&quot;')
    }
    expect(await system.status('dev "quoted"')).toMatchObject({ status: 'PENDING_CONFIRMATION' })
  })

  it('confirms with one click of its own form, once, and refuses forms of other sites', async () => {
    const browser = new Browser(system)
    const confirming = new URL(await connectInBrowser(browser, await system.link('clicked')))
    const url = `https://valetkey.example/connect/confirm?flow_id=${flowIdOf(confirming.href)}`
    const post = (headers: Record<string, string>) => browser.visit(url, { method: 'POST', headers })
    const foreign: Record<string, string>[] = [
      {},
      { origin: 'null' },
      { origin: 'https://evil.example' },
      { origin: 'https://valetkey.example', 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ]
    for (const headers of foreign) expect((await post(headers)).status, JSON.stringify(headers)).toBe(403)
    expect(await system.status('clicked')).toMatchObject({ status: 'PENDING_CONFIRMATION' })
    const own = { 'sec-fetch-site': 'same-origin' }
    const answers = await Promise.all([post(own), post(own)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404])
    const shown = await answers.find(({ status }) => status === 200)?.text()
    expect(shown).toContain('<h1>Your Notion is connected</h1>')
    expect(shown).toContain(`href="${application}`)
    expect(await system.status('clicked')).toMatchObject({ status: 'ACTIVE' })
    expect((await post(own)).status).toBe(404)
  })

  it.each([
    ['on this machine', 'http://localhost:4000', '127.0.0.1', {}, 200],
    ['under a name that another site gave this machine', 'http://rebound.example:4000', '127.0.0.1', {}, 403],
    ['behind a tunnel', 'http://localhost:4000', '127.0.0.1', { 'x-forwarded-for': '203.0.113.9' }, 403],
    ['on another machine', 'http://localhost:4000', '203.0.113.9', {}, 403],
  ])('with a provider itself, one click confirms %s or is refused', async (_where, base, address, headers, status) => {
    const real = await startAuthorizationSystem({ apiUrl: sandbox.url, development: true })
    await real.registerApp({ sandbox: false })
    const flowId = flowIdOf(await connectInBrowser(new Browser(real), await real.link('dev')))
    const url = `${base}/connect/confirm?flow_id=${flowId}`
    const page = await real.handle(new Request(url, { headers }), address)
    const text = (await page?.text()) ?? ''
    expect(text).toContain('confirmAuthorization')
    expect(text.includes('<form')).toBe(status === 200)
    const own = { ...headers, 'sec-fetch-site': 'same-origin' }
    expect((await real.handle(new Request(url, { method: 'POST', headers: own }), address))?.status).toBe(status)
    expect(await real.status('dev')).toMatchObject({ status: status === 200 ? 'ACTIVE' : 'PENDING_CONFIRMATION' })
    await real.close()
  })

  it('is not there in production', async () => {
    const production = await startAuthorizationSystem({ apiUrl: sandbox.url })
    await production.registerApp()
    const browser = new Browser(production)
    const flowId = flowIdOf(await connectInBrowser(browser, await production.link('prod')))
    const page = await browser.visit(`https://valetkey.example/connect/confirm?flow_id=${flowId}`)
    expect(page.status).toBe(404)
    expect(await page.text()).not.toContain('acme')
    const posted = await browser.visit(`https://valetkey.example/connect/confirm?flow_id=${flowId}`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin' },
    })
    expect(posted.status).toBe(405)
    expect(await production.status('prod')).toMatchObject({ status: 'PENDING_CONFIRMATION' })
    await production.close()
  })
})

describe('a page that cannot know what it is about', () => {
  const unknown = async (browser: Browser) => [
    await browser.visit('https://valetkey.example/connect/unknown'),
    await browser.visit('https://valetkey.example/oauth/callback/notion?state=x&code=y'),
    await browser.visit('https://valetkey.example/connect/confirm?flow_id=x'),
    await browser.visit('https://valetkey.example/connect/unknown', { method: 'PATCH' }),
  ]

  it('leads back to the application where there is one only, and to none otherwise', async () => {
    for (const page of await unknown(new Browser(system))) expect(await page.text()).toContain('>Back to <bdi>')
    await system.registerApp({ connectionName: 'notion-2' })
    for (const page of await unknown(new Browser(system))) expect(await page.text()).not.toContain('Back to')
  })
})

describe('paths of others', () => {
  it.each(['/', '/graphql', '/connected', '/oauth', '/oauth/token', '/sandbox/connect'])(
    'are left alone: %s',
    async (path) => {
      expect(await system.handle(new Request(`https://valetkey.example${path}`))).toBeNull()
    },
  )
})

describe('a callback after the end', () => {
  const endings: [string, (browser: Browser, callback: string) => Promise<unknown>, RegExp][] = [
    ['consented', (browser, callback) => browser.visit(callback), /agreed already.*application that sent you/s],
    ['denied', (browser, callback) => browser.visit(callback), /declined already.*application that sent you/s],
    [
      'failed',
      async (browser, callback) => browser.visit(callback.replace(/code=[^&]+/, 'code=unknown')),
      /not finished.*application that sent you/s,
    ],
    [
      'ended by the application',
      () => system.database.db.deleteFrom('authorization_flows').execute(),
      /has ended.*finished, declined or stopped.*application that sent you/s,
    ],
  ]

  it.each(endings)('says that it was %s to the browser that knows, in every tab', async (what, end, words) => {
    const browser = new Browser(system)
    const link = await system.link('tabs')
    const [first, second] = [await browser.openLink(link), await browser.openLink(link)]
    const decision = what === 'denied' ? 'deny' : 'allow'
    const [callback, other] = [await consent(first, { decision }), await consent(second)]
    await end(browser, callback)
    for (const url of [callback, other, other]) {
      const page = await browser.visit(url)
      expect([page.status, await page.text()]).toEqual([400, expect.stringMatching(words)])
    }
  })

  it('says the same to every other browser, however it ended, with and without an opening of its own', async () => {
    const pages: string[] = []
    for (const [what, end] of endings) {
      await system.clear()
      const link = await system.link('new-user', { returnUrl: 'https://app.example/back' })
      const browser = new Browser(system)
      const otherBrowser = new Browser(system)
      const decision = what === 'denied' ? 'deny' : 'allow'
      const callback = await consent(await browser.openLink(link), { decision })
      const own = await consent(await otherBrowser.openLink(link))
      await end(browser, callback)
      for (const url of [own, callback]) pages.push(await (await otherBrowser.visit(url)).text())
      // A receipt of one ending cannot be changed into another.
      const id = [...browser.cookies.keys()].find((name) => browser.cookies.get(name)?.includes('.')) ?? 'none'
      const [, mac = 'x'.repeat(43)] = (browser.cookies.get(id) ?? '').split('.')
      otherBrowser.cookies.set(id, `connected.${mac}`)
      pages.push(await (await otherBrowser.visit(own)).text())
    }
    expect(new Set(pages).size).toBe(1)
  })
})

describe('the page at the end', () => {
  it.each([
    [{ kind: 'connected', missing: [] }, 200, 'is connected'],
    [{ kind: 'connected', missing: [{ name: hostile, resourceId: null }] }, 200, 'Not shared'],
    [{ kind: 'denied' }, 200, 'You declined'],
    [{ kind: 'user_changed' }, 409, 'another user or workspace'],
    [{ kind: 'withdrawn' }, 409, 'ended or changed the connection'],
    [{ kind: 'provider_error', error: 'server_error' }, 502, 'did not finish'],
    [{ kind: 'exchange_failed', failure: 'client_refused' }, 502, 'operator must correct'],
    [{ kind: 'exchange_failed', failure: 'ambiguous' }, 502, 'did not finish'],
  ] as [CallbackResult, number, string][])('says in plain words what %j means', async (ending, status, words) => {
    const response = pageResponse(endingPage(ending, 'Notion'))
    const text = await response.text()
    expect(response.status).toBe(status)
    expect(text.replaceAll(/\s+/g, ' ')).toContain(words)
    expect(text).not.toContain('<script')
  })
})
