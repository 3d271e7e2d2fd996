import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'

/** Set to a directory to keep pictures of the pages. */
const pictures = process.env['PICTURES']

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.stop())

describe.skipIf(chromiumPath === null)('pages for developers', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  it.each([
    [390, 'light'],
    [1280, 'dark'],
  ] as const)('fit %i pixels in %s colors, and report no error', async (width, colorScheme) => {
    const context = await browser.newContext({ viewport: { width, height: 844 }, colorScheme })
    const page = await context.newPage()
    const errors: string[] = []
    page.on('pageerror', ({ message }) => errors.push(message))
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text())
    })
    for (const path of ['/tools', '/sandbox', '/connect/unknown']) {
      await page.goto(app.url + path)
      if (pictures) await page.screenshot({ path: `${pictures}/${path.slice(1, 5)}-${width}-${colorScheme}.png` })
      expect(await page.evaluate('document.documentElement.scrollWidth'), path).toBe(width)
      expect(await page.locator('h1').count(), path).toBe(1)
      expect(await page.getAttribute('html', 'lang'), path).toBe('en')
    }
    expect(errors.filter((error) => !error.includes('404'))).toEqual([])
    await context.close()
  })

  it('list the tools in an index that can be searched, with inputs that open on demand', async () => {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 844 } })).newPage()
    await page.goto(`${app.url}/tools`)
    const height = Number(await page.evaluate('document.documentElement.scrollHeight'))
    expect(height).toBeLessThan(8_000)
    const index = page.locator('li[data-text]')
    const all = await index.count()
    expect(await page.locator('details[id]').count()).toBe(all)
    await page.getByLabel('Search').fill('comment create')
    await expect.poll(() => index.filter({ visible: true }).allTextContents()).toHaveLength(1)
    await page.getByRole('link', { name: 'notion_comment_create' }).click()
    const opened = page.locator('#notion_comment_create')
    await expect.poll(() => opened.getAttribute('open')).toBe('')
    expect(JSON.parse(await opened.locator('h3:has-text("Example") + pre').innerText())).toMatchObject({
      comment: 'Looks good.',
    })
    for (const [format, text] of [
      ['MARKDOWN', '<notion-content>'],
      ['COMPACT', 'untrusted_notion_content'],
      ['RAW', '"object": "comment"'],
    ] as const) {
      await opened.locator('summary', { hasText: `Result as ${format}` }).focus()
      await page.keyboard.press('Enter')
      await opened.locator('details[open]', { hasText: format }).getByText(text).waitFor()
    }
    const widths = 'document.documentElement.scrollWidth'
    await page.setViewportSize({ width: 390, height: 844 })
    await page.evaluate('document.querySelectorAll("details").forEach((each) => { each.open = true })')
    expect(await page.evaluate(widths)).toBe(390)
    const plain = await (await browser.newContext({ javaScriptEnabled: false })).newPage()
    await plain.goto(`${app.url}/tools`)
    expect(await plain.getByLabel('Search').isVisible()).toBe(false)
    expect(await plain.locator('li[data-text]').filter({ visible: true }).count()).toBe(all)
    await plain.context().close()
    await page.context().close()
  })

  it('show what the sandbox is, lead to its consent, and revoke and break it with buttons', async () => {
    await app.connect('ann')
    const page = await (await browser.newContext()).newPage()
    await page.goto(`${app.url}/sandbox`)
    await page.getByRole('link', { name: /consent page/i }).click()
    await page.getByRole('button', { name: /cancel/i }).click()
    await page.waitForURL(/\/sandbox\/\?/)
    await page.getByRole('button', { name: /begin an outage/i }).click()
    await page.getByText('Done: Begin an outage').waitFor()
    const called = () => app.executeTool('ann', 'notion_user_self', {})
    expect((await called()).__typename).toBe('ProviderError')
    await page.getByRole('button', { name: /end outages/i }).click()
    await page.getByText('Done: End outages').waitFor()
    expect((await called()).__typename).toBe('ExecuteToolPayload')
    await page.getByRole('button', { name: /revoke/i }).click()
    await page.getByText('Done: Revoke').waitFor()
    expect((await called()).__typename).toBe('AccountNotActiveError')
    await page.context().close()
  })
})

describe('the page of the sandbox', () => {
  it('accepts its own form only', async () => {
    await app.connect('bob')
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const foreign: Record<string, string>[] = [
      form,
      { ...form, 'sec-fetch-site': 'cross-site' },
      { ...form, 'sec-fetch-site': 'same-site' },
      { 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' },
    ]
    for (const headers of foreign) {
      const response = await fetch(`${app.url}/sandbox`, { method: 'POST', headers, body: 'control=revoke' })
      expect(response.status, JSON.stringify(headers)).toBe(403)
    }
    const own = { ...form, 'sec-fetch-site': 'same-origin' }
    for (const body of ['control=reset', 'control=constructor', ''])
      expect((await fetch(`${app.url}/sandbox`, { method: 'POST', headers: own, body })).status, body).toBe(403)
    expect((await app.executeTool('bob', 'notion_user_self', {})).__typename).toBe('ExecuteToolPayload')
  })

  it('is not there where the sandbox is off', async () => {
    const real = await startApp({ env: { VALETKEY_SANDBOX: 'off' } })
    expect((await fetch(`${real.url}/sandbox`)).status).toBe(404)
    await real.stop()
  })
})
