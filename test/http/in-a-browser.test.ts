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

  it('GraphiQL is served from our own origin, knows the schema and reports what a query lacks', async () => {
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
    await answered('Authorization: Bearer')
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
