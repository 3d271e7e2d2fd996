import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'

/** Set to a directory to keep pictures of the pages. */
const pictures = process.env['PICTURES']

const names = ['RegisterApp', 'CreateAccount', 'Authorize', 'Confirm', 'CallTool', 'Watch']

const navigation = { accept: 'text/html', 'sec-fetch-dest': 'document' }

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.stop())

describe.skipIf(chromiumPath === null)('GraphiQL', () => {
  let browser: Browser
  const errors: string[] = []
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())
  afterEach(() => expect(errors).toEqual([]))

  /** Opens GraphiQL in a browser without a past; `answers` is what its operations return. */
  const open = async (options: Parameters<Browser['newPage']>[0] = { viewport: { width: 1280, height: 800 } }) => {
    const page = await (await browser.newContext(options)).newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(`${app.url}/graphql`)
    await tab(page, 'RegisterApp').waitFor()
    return page
  }
  const tab = (page: Page, name: string) => page.locator('.graphiql-tab', { hasText: name })
  const isActive = (page: Page, name: string) => tab(page, name).getAttribute('aria-selected')
  const tabNames = (page: Page) => page.locator('.graphiql-tab-button').allTextContents()
  /** Selects a tab, and waits until GraphiQL has stored that, which it does with a delay. */
  const select = async (page: Page, name: string) => {
    await tab(page, name).locator('button').first().click()
    await expect.poll(() => isActive(page, name)).toBe('true')
    const stored = 'JSON.parse(localStorage.getItem("graphiql:tabState")).activeTabIndex'
    await expect.poll(() => page.evaluate(stored)).toBe((await tabNames(page)).indexOf(name))
  }
  const run = async (page: Page, name: string) => {
    await select(page, name)
    const answered = page.waitForResponse((response) =>
      (response.request().postData() ?? '').includes(`"operationName":"${name}"`),
    )
    await page.getByRole('button', { name: /execute query/i }).click()
    return (await answered).json() as Promise<{ data: Record<string, never>; errors?: unknown }>
  }
  const shown = (page: Page) => async () =>
    ((await page.locator('.graphiql-response').textContent()) ?? '').replaceAll('\u{a0}', ' ')
  const picture = async (page: Page, name: string) => {
    if (pictures) await page.screenshot({ path: `${pictures}/${name}.png` })
  }

  it('has a tab for each step of the journey, which run in order without a key or an ID to copy', async () => {
    const page = await open()
    expect(await tabNames(page)).toEqual(names)
    const registered = await run(page, 'RegisterApp')
    expect(registered).toMatchObject({ data: { registerOAuthApp: { oauthApp: { displayName: 'Acme Tasks' } } } })
    expect(await run(page, 'CreateAccount')).toMatchObject({
      data: { getOrCreateConnectedAccount: { created: true, connectedAccount: { status: 'PENDING' } } },
    })
    const { data } = await run(page, 'Authorize')
    const { link } = data['authorize'] as unknown as { link: string }
    await picture(page, 'graphiql-1280')

    const user = await page.context().newPage()
    await user.goto(link)
    await user.getByRole('link', { name: /continue to notion/i }).click()
    await user.getByRole('checkbox', { name: /everything/i }).check()
    await user.getByRole('button', { name: /allow/i }).click()
    await user.getByRole('link', { name: /graphiql/i }).click()
    await tab(user, 'Confirm').waitFor()
    expect(new URL(user.url()).search).not.toContain('flow_id')
    expect(await tabNames(user)).toEqual(names)
    expect(await run(user, 'Confirm')).toMatchObject({
      data: { confirmAuthorization: { connectedAccount: { status: 'ACTIVE' } } },
    })
    expect(await run(user, 'CallTool')).toMatchObject({
      data: { executeTool: { data: expect.anything(), execution: { status: 'SUCCEEDED' } } },
    })
    await select(user, 'Watch')
    await user.getByRole('button', { name: /execute query/i }).click()
    await expect.poll(shown(user)).toContain('"ACTIVE"')
    await app.sandbox('revoke', {})
    await app.executeTool('user_1', 'notion_user_self', {})
    await expect.poll(shown(user)).toContain('"REVOKED"')
    await picture(user, 'graphiql-watch')
    await page.context().close()
  })

  it('has the same tabs, and what was changed in them, when it is loaded again', async () => {
    const page = await open()
    for (const name of ['Authorize', 'Confirm']) {
      await select(page, name)
      await page.reload()
      await expect.poll(() => tabNames(page)).toEqual(names)
      expect(await isActive(page, name)).toBe('true')
    }
    await page.goto(`${app.url}/graphql`)
    await expect.poll(() => tabNames(page)).toEqual(names)
    await page.goto(`${app.url}/graphql?query=${encodeURIComponent('query Linked { __typename }')}`)
    await tab(page, 'Linked').waitFor()
    await page.context().close()
  })

  it('opens the example of a tool in a tab of its own, with its input filled in', async () => {
    const page = await open()
    await page.goto(`${app.url}/tools#notion_database_fetch`)
    await page.locator('#notion_database_fetch').getByRole('link', { name: 'Call it in GraphiQL' }).click()
    await tab(page, 'CallTool').nth(1).waitFor()
    expect(await tabNames(page)).toEqual([...names, 'CallTool'])
    expect(new URL(page.url()).search).toBe('')
    const sent = page.waitForRequest((request) => (request.postData() ?? '').includes('notion_database_fetch'))
    await page.getByRole('button', { name: /execute query/i }).click()
    const { variables } = (await sent).postDataJSON() as { variables: { input: object } }
    expect(variables).toEqual({ input: { database_id: '2561ab6c-418b-8072-beec-c4779fa811cf' } })
    await page.context().close()
  })

  it.each([390, 1280])('shows the query, the result and its buttons %i pixels wide', async (width) => {
    const page = await open({ viewport: { width, height: 844 } })
    await run(page, 'RegisterApp')
    await expect.poll(shown(page)).toContain('Acme Tasks')
    await picture(page, `graphiql-${width}-result`)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    for (const selector of ['.graphiql-query-editor', '.graphiql-response', '.graphiql-execute-button']) {
      const box = await page.locator(selector).first().boundingBox()
      expect(box, selector).not.toBeNull()
      const { x, width: wide } = box ?? { x: -1, width: 0 }
      expect(x, selector).toBeGreaterThanOrEqual(0)
      expect(x + wide, selector).toBeLessThanOrEqual(width)
    }
    for (const selector of ['.graphiql-query-editor', '.graphiql-response'])
      expect((await page.locator(selector).boundingBox())?.width, selector).toBeGreaterThan(250)
    await page.context().close()
  })
})

const keyIn = (page: string) => /"Authorization":"Bearer ([^"]+)"/.exec(page)?.[1] ?? ''

describe('the key in GraphiQL', () => {
  const page = async (headers: Record<string, string>, url = app.url) =>
    (await fetch(`${url}/graphql`, { headers })).text()

  it('is there for a browser of this machine only', async () => {
    const key = keyIn(await page(navigation))
    expect(key).not.toBe('')
    expect(key).not.toBe(app.apiKey)
    const others: Record<string, string>[] = [
      { accept: 'text/html' },
      { ...navigation, 'sec-fetch-dest': 'empty' },
      { ...navigation, 'sec-fetch-dest': 'iframe' },
      { ...navigation, 'x-forwarded-for': '127.0.0.1' },
      { ...navigation, forwarded: 'for=127.0.0.1' },
      { ...navigation, via: '1.1 tunnel' },
    ]
    for (const headers of others) expect(keyIn(await page(headers)), JSON.stringify(headers)).toBe('')
  })

  it('is not there under a name that another site can give this machine', async () => {
    const { port } = new URL(app.url)
    const text = await new Promise<string>((resolve, reject) => {
      request({ port, path: '/graphql', headers: { ...navigation, host: `rebound.example:${port}` } }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part
        })
        response.on('end', () => resolve(body))
      })
        .on('error', reject)
        .end()
    })
    expect(text).toContain('YogaGraphiQL')
    expect(keyIn(text)).toBe('')
  })

  it('is not there where accounts are not those of the sandbox', async () => {
    const real = await startApp({ env: { VALETKEY_SANDBOX: 'off' } })
    expect(keyIn(await page(navigation, real.url))).toBe('')
    await real.stop()
  })

  it('is not there, and works no longer, where the database has an OAuth app of the provider itself', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'valetkey-graphiql-'))
    const example = await startApp({ directory })
    const key = keyIn(await page(navigation, example.url))
    await example.stop()
    const real = await startApp({ directory, env: { VALETKEY_SANDBOX: 'off' } })
    await real.graphql(`mutation {
      registerOAuthApp(input: { connectionName: "real", clientId: "mine", clientSecret: "secret" }) { __typename }
    }`)
    await real.stop()
    const mixed = await startApp({ directory })
    expect(keyIn(await page(navigation, mixed.url))).toBe('')
    expect((await mixed.graphql('{ viewer { scopes } }', {}, key)).status).toBe(401)
    await mixed.stop()
    await rm(directory, { recursive: true })
  })

  it('is not there once it was revoked, so that people enter theirs', async () => {
    const own = await startApp()
    const key = keyIn(await page(navigation, own.url))
    const { data } = await own.graphql('{ apiKeys { id name } }')
    const found = (data['apiKeys'] as { id: string; name: string }[]).find(({ name }) => /graphiql/i.test(name))
    await own.graphql('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }', { id: found?.id })
    expect((await own.graphql('{ viewer { scopes } }', {}, key)).status).toBe(401)
    expect(keyIn(await page(navigation, own.url))).toBe('')
    await own.stop()
  })

  it('is another one than the first key, works, and is revoked by a server that serves real accounts', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'valetkey-graphiql-'))
    const env = { VALETKEY_BOOTSTRAP_API_KEY: '' }
    const first = await startApp({ directory, env })
    const key = keyIn(await page(navigation, first.url))
    expect(key).not.toBe('')
    expect(key).not.toBe(first.started.generatedApiKey?.reveal())
    expect((await first.graphql('{ viewer { scopes } }', {}, key)).status).toBe(200)
    await first.stop()
    const again = await startApp({ directory, env })
    expect(await page(navigation, again.url)).toContain(key)
    await again.stop()
    const real = await startApp({ directory, env: { ...env, VALETKEY_SANDBOX: 'off' } })
    expect((await real.graphql('{ viewer { scopes } }', {}, key)).status).toBe(401)
    await real.stop()
    const later = await startApp({ directory, env })
    const renewed = keyIn(await page(navigation, later.url))
    expect(renewed).not.toBe(key)
    expect((await later.graphql('{ viewer { scopes } }', {}, renewed)).status).toBe(200)
    await later.stop()
    await rm(directory, { recursive: true })
  })
})
