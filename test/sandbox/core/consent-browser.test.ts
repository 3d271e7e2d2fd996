import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, launchChromium } from '../../support/chromium.ts'
import type { RunningSandbox } from '../support.ts'
import { authorizeUrl, startSandbox } from '../support.ts'

describe.skipIf(chromiumPath === null)('the consent page in a browser', () => {
  let sandbox: RunningSandbox
  let browser: Browser
  const application = createServer((request, response) => response.end(`back with ${request.url}`))
  let redirectUri = ''

  beforeAll(async () => {
    sandbox = await startSandbox()
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
    redirectUri = `http://127.0.0.1:${(application.address() as AddressInfo).port}/callback`
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    application.close()
    await sandbox.close()
  })

  it('is usable with the keyboard only, on a phone, without scripts', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 360, height: 640 } })
    const page = await context.newPage()
    await page.goto(authorizeUrl(sandbox.url, { redirectUri }))
    await page.getByRole('link', { name: /Milo Member/ }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('Milo’s private notes').waitFor()
    await page.getByRole('button', { name: 'Allow access' }).focus()
    await page.keyboard.press('Enter')
    expect(await page.getByRole('alert').textContent()).toContain('Select at least one')
    await page.getByLabel('Meeting Notes').focus()
    await page.keyboard.press('Space')
    await page.getByRole('button', { name: 'Allow access' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/callback\?code=[^&]+&state=a-state$/)
    await context.close()
  })

  it('redirects with access_denied on cancel', async () => {
    const page = await browser.newPage()
    await page.goto(authorizeUrl(sandbox.url, { redirectUri }))
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.waitForURL(/\/callback\?error=access_denied&state=a-state$/)
    await page.close()
  })

  it('does not scroll horizontally', async () => {
    const page = await browser.newPage({ viewport: { width: 320, height: 568 } })
    await page.goto(authorizeUrl(sandbox.url, { redirectUri, clientId: 'a-client-id-'.repeat(10) }))
    const widths = await page.evaluate('[document.documentElement.scrollWidth, document.documentElement.clientWidth]')
    expect(widths).toEqual([320, 320])
    await page.close()
  })
})
