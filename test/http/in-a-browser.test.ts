import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'

/** Set to a directory to keep pictures of the pages. */
const pictures = process.env['PICTURES']

describe.skipIf(chromiumPath === null)('in a browser', () => {
  let app: TestApp
  let browser: Browser
  beforeAll(async () => {
    app = await startApp()
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
  })

  const open = async (options: Parameters<Browser['newPage']>[0] = {}) => {
    const page = await browser.newPage(options)
    const foreign: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url())
      if (protocol.startsWith('http') && origin !== app.url) foreign.push(request.url())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    return { page, foreign, complaints }
  }
  const picture = async (page: Page, name: string) => {
    if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true })
  }
  const link = async (identifier: string) => {
    const answer = await app.graphql(
      `mutation ($i: String!) {
        authorize(input: { identifier: $i, expectedResources: [{ name: "Projects", reason: "to list your <b>tasks</b>" }] }) {
          ... on AuthorizePayload { link }
        }
      }`,
      { i: identifier },
    )
    return (answer.data['authorize'] as { link: string }).link
  }

  it('GraphiQL is served from our own origin, knows the schema and runs its first step', async () => {
    const { page, foreign, complaints } = await open({ viewport: { width: 1280, height: 800 } })
    const answers: string[] = []
    page.on('response', (response) => {
      if (response.request().method() !== 'POST') return
      response.text().then(
        (text) => answers.push(text),
        () => {},
      )
    })
    const answered = (part: string) => expect.poll(() => answers.some((text) => text.includes(part))).toBe(true)
    await page.goto(`${app.url}/graphql`)
    await answered('"__schema"')
    await page.getByRole('button', { name: /execute query/i }).click()
    await answered('Acme Tasks')
    await picture(page, 'graphiql')
    expect(foreign).toEqual([])
    expect(complaints).toEqual([])
    await page.close()
  })

  it('a user is led from the link to the confirmation, with an explanation of each step', async () => {
    const { page, foreign } = await open({ viewport: { width: 390, height: 844 } })
    await page.goto(await link('person'))
    await picture(page, 'connect')
    expect(await page.locator('body').textContent()).toContain('to list your <b>tasks</b>')
    await page.getByRole('link', { name: /notion|continue/i }).click()
    await picture(page, 'consent')
    await page.getByRole('checkbox', { name: /everything/i }).check()
    await page.getByRole('button', { name: /allow/i }).click()
    await page.waitForURL(/\/connect\/confirm/)
    await picture(page, 'confirm')
    expect(await page.locator('body').textContent()).toContain('confirmAuthorization')
    expect(foreign).toEqual([])
    await page.close()
  })

  it('a user who refuses sees what happened', async () => {
    const { page } = await open({ viewport: { width: 390, height: 844 } })
    await page.goto(await link('refuser'))
    await page.getByRole('link', { name: /notion|continue/i }).click()
    await page.getByRole('button', { name: /cancel|deny/i }).click()
    await page.waitForURL(/\/oauth\/callback|\/connect/)
    await picture(page, 'denied')
    expect(await page.locator('h1').textContent()).toBeTruthy()
    await page.close()
  })

  it("pages show the application's name, logo and color at every width and scheme, and load nothing else", async () => {
    const logo = createServer((_request, response) => {
      response.setHeader('content-type', 'image/svg+xml')
      response.end('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>')
    })
    const referrers: (string | undefined)[] = []
    logo.on('request', ({ headers }) => referrers.push(headers.referer))
    await new Promise<void>((resolve) => logo.listen(0, '127.0.0.1', resolve))
    const { port } = logo.address() as AddressInfo
    await app.graphql(
      `mutation ($logoUrl: URL!) { updateOAuthApp(input: {
        displayName: "Acme <b>Tasks</b>", logoUrl: $logoUrl, accentColor: "#ffdd00"
      }) { __typename } }`,
      { logoUrl: `http://127.0.0.1:${port}/logo.svg` },
    )
    for (const width of [390, 1280])
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, foreign, complaints } = await open({ viewport: { width, height: 844 }, colorScheme })
        const shown = async (name: string) => {
          await picture(page, `branded-${name}-${width}-${colorScheme}`)
          const logoWidth = 'document.querySelector("header img").naturalWidth'
          await expect.poll(() => page.evaluate(logoWidth), { message: name }).toBeGreaterThan(0)
          expect(await page.locator('header').textContent(), name).toBe('Acme <b>Tasks</b>')
          expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBe(width)
        }
        await page.goto(await link('branded'))
        await shown('connect')
        const button = page.getByRole('link', { name: /continue to notion/i })
        const colors = 'getComputedStyle(document.querySelector("a.go")).backgroundColor'
        expect(await page.evaluate(colors)).toBe('rgb(255, 221, 0)')
        await button.click()
        await page.getByRole('checkbox', { name: /everything/i }).check()
        await page.getByRole('button', { name: /allow/i }).click()
        await page.waitForURL(/\/connect\/confirm/)
        await shown('confirm')
        await page.goBack()
        await page.goto(await link('branded'))
        await page.getByRole('link', { name: /continue to notion/i }).click()
        await page.getByRole('button', { name: /cancel|deny/i }).click()
        await page.waitForURL(/\/oauth\/callback|\/connect/)
        await shown('denied')
        await page.reload()
        await shown('finished')
        await page.getByRole('link', { name: 'Back to Acme <b>Tasks</b>' }).click()
        await page.waitForURL(`${app.url}/**`)
        expect(new Set(foreign)).toEqual(new Set([`http://127.0.0.1:${port}/logo.svg`]))
        expect(complaints).toEqual([])
        await page.close()
      }
    expect(new Set(referrers)).toEqual(new Set([undefined]))
    logo.closeAllConnections()
    logo.close()
    await app.graphql(
      'mutation { updateOAuthApp(input: { displayName: null, logoUrl: null, accentColor: null }) { __typename } }',
    )
  })

  it('pages can be used by keyboard alone', async () => {
    const { page } = await open()
    await page.goto(await link('keyboard'))
    for (let presses = 0; presses < 10; presses++) {
      await page.keyboard.press('Tab')
      if ((await page.evaluate('document.activeElement?.tagName')) === 'A') break
    }
    await Promise.all([page.waitForURL(/oauth\/authorize/), page.keyboard.press('Enter')])
    await page.close()
  })
})
