import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConnectButton } from '../../src/client/react.ts'
import { Valetkey } from '../../src/client/valetkey.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'

/** A page of an application that shows the account of the user whose session token is in its address. */
const source = `
  import { createElement, Fragment, useEffect, useState } from 'react'
  import { createRoot } from 'react-dom/client'
  import { ConnectButton, useConnectedAccount } from './react.ts'
  import { Valetkey } from './valetkey.ts'

  const { url, token, identifier, mode } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
  const valetkey = new Valetkey({ url, apiKey: () => globalThis.newToken ?? token })
  function Account() {
    const [shown, setShown] = useState(identifier)
    globalThis.show = setShown
    const { account, isLoading, error, disconnect } = useConnectedAccount(valetkey, shown)
    useEffect(() => {
      globalThis.seen = [...(globalThis.seen ?? []), { shown, of: account?.identifier ?? null }]
    })
    return createElement(
      Fragment,
      null,
      createElement('p', { id: 'status' }, isLoading ? 'loading' : (account?.status ?? 'none')),
      createElement('p', { id: 'workspace' }, account?.workspace?.name ?? ''),
      createElement('p', { id: 'error' }, error?.message ?? ''),
      createElement('button', { id: 'disconnect', onClick: disconnect }, 'Disconnect'),
    )
  }
  createRoot(document.getElementById('root')).render(
    createElement(
      Fragment,
      null,
      createElement(ConnectButton, { valetkey, identifier, id: 'connect', className: 'mine', ...(mode && { mode }) }),
      createElement(Account),
    ),
  )`

it('renders on a server as a disabled button', () => {
  const valetkey = new Valetkey({ url: 'http://localhost:1', apiKey: 'x' })
  const html = renderToString(createElement(ConnectButton, { valetkey, identifier: 'ann', className: 'mine' }))
  expect(html).toBe('<button type="button" class="mine" disabled="" data-status="">Connect</button>')
})

describe.skipIf(chromiumPath === null)('a page of an application', () => {
  let app: TestApp
  let browser: Browser
  let pages: Server
  let origin: string
  /** In front of the server. */
  let proxy: Server
  /** Whether the proxy answers streams with an error. */
  let failing = false
  beforeAll(async () => {
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: resolve(import.meta.dirname, '../../src/client') },
      bundle: true,
      write: false,
      format: 'esm',
      define: { 'process.env.NODE_ENV': '"development"' },
    })
    pages = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end(`<!doctype html><div id="root"></div><script type="module">${outputFiles[0]?.text}</script>`)
    }).listen(0, '127.0.0.1')
    await once(pages, 'listening')
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
    app = await startApp({ env: { VALETKEY_CORS_ORIGINS: origin } })
    proxy = createServer((incoming, outgoing) => {
      const { method, headers } = incoming
      if (failing && headers.accept === 'text/event-stream') {
        incoming.resume()
        outgoing.writeHead(500, { 'access-control-allow-origin': origin }).end('<html>')
        return
      }
      const passed = request(new URL(incoming.url ?? '', app.url), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(outgoing)
      })
      passed.on('error', () => outgoing.destroy())
      outgoing.on('close', () => passed.destroy())
      incoming.pipe(passed)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    pages.close()
    proxy.closeAllConnections()
    proxy.close()
    await app.stop()
  })

  const open = async (identifier: string, more: Record<string, string> = {}) => {
    const { token } = await new Valetkey({ url: app.url, apiKey: app.apiKey }).sessions.create(identifier)
    const page = await browser.newPage()
    await page.goto(`${origin}/#${new URLSearchParams({ url: app.url, token, identifier, ...more })}`)
    return page
  }
  const shows = (page: Page, id: string, text: string) =>
    expect.poll(() => page.locator(`#${id}`).textContent()).toBe(text)
  /** Consents, and confirms as the application's backend does. */
  const consent = async (page: Page, identifier: string) => {
    await page.getByRole('checkbox', { name: /everything/i }).check()
    await page.getByRole('button', { name: /allow/i }).click()
    await page.waitForURL(/flow_id=/)
    const flowId = new URL(page.url()).searchParams.get('flow_id') ?? ''
    await new Valetkey({ url: app.url, apiKey: app.apiKey }).confirm({ flowId, identifier })
  }

  it('connects the account in a window that closes, and follows it', async () => {
    const page = await open('ann')
    await shows(page, 'connect', 'Connect')
    await shows(page, 'status', 'none')
    expect(await page.locator('#connect').getAttribute('class')).toBe('mine')
    const opened = page.waitForEvent('popup')
    await page.locator('#connect').click()
    const popup = await opened
    const closed = popup.waitForEvent('close')
    await shows(page, 'connect', 'Connecting…')
    await consent(popup, 'ann')
    await closed
    await shows(page, 'connect', 'Connected')
    expect(await page.locator('#connect').isDisabled()).toBe(true)
    expect(await page.locator('#connect').getAttribute('data-status')).toBe('ACTIVE')

    // The other component watched an account that did not exist.
    await page.reload()
    await shows(page, 'status', 'ACTIVE')
    await shows(page, 'workspace', 'Acme')
    await page.locator('#disconnect').click()
    await shows(page, 'status', 'DISCONNECTED')
    await shows(page, 'connect', 'Connect again')
    await page.close()
  })

  it('goes to the provider itself where that is wanted, and where the browser refuses windows', async () => {
    const redirected = await open('bob', { mode: 'redirect' })
    await redirected.locator('#connect:enabled').click()
    await redirected.waitForURL(/\/sandbox\/v1\/oauth\/authorize/)
    await redirected.close()

    const page = await open('carol')
    await page.evaluate('window.open = () => null')
    await page.locator('#connect:enabled').click()
    await page.waitForURL(/\/sandbox\/v1\/oauth\/authorize/)
    await page.close()
  })

  it('is no longer connecting when the user has closed the window', async () => {
    const page = await open('frank')
    const opened = page.waitForEvent('popup')
    await page.locator('#connect:enabled').click()
    const popup = await opened
    await shows(page, 'connect', 'Connecting…')
    await popup.close()
    await shows(page, 'connect', 'Connect')
    await page.close()
  })

  it('follows the account again after an error of the server, which it shows meanwhile', async () => {
    await app.connect('grace')
    const page = await open('grace', { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` })
    await shows(page, 'status', 'ACTIVE')
    failing = true
    proxy.closeAllConnections()
    await expect.poll(() => page.locator('#error').textContent()).toMatch(/500/)
    await shows(page, 'status', 'ACTIVE')
    await new Valetkey({ url: app.url, apiKey: app.apiKey }).accounts.disconnect('grace')
    failing = false
    await shows(page, 'status', 'DISCONNECTED')
    await shows(page, 'error', '')
    await page.close()
  })

  it('follows the account again with a new token after the end of its session', async () => {
    await app.connect('heidi')
    const admin = new Valetkey({ url: app.url, apiKey: app.apiKey })
    const first = await admin.sessions.create('heidi')
    const second = await admin.sessions.create('heidi')
    const page = await open('heidi', { token: first.token })
    await shows(page, 'status', 'ACTIVE')
    await page.evaluate(`globalThis.newToken = '${second.token}'`)
    await admin.sessions.revoke(first.sessionId)
    await shows(page, 'error', '')
    await admin.accounts.disconnect('heidi')
    await shows(page, 'status', 'DISCONNECTED')
    await page.close()
  })

  it('stops with a refused token, and follows the account again after the next action of the user', async () => {
    await app.connect('ivan')
    const admin = new Valetkey({ url: app.url, apiKey: app.apiKey })
    const { token, sessionId } = await admin.sessions.create('ivan')
    const page = await open('ivan', { token })
    await shows(page, 'status', 'ACTIVE')
    const refused: string[] = []
    page.on('response', (response) => {
      if (response.status() === 401) refused.push(response.url())
    })
    await admin.sessions.revoke(sessionId)
    // Each of both components tries once more, as the application may have a new token.
    await expect.poll(() => refused.length).toBe(2)
    await expect.poll(() => page.locator('#error').textContent()).not.toBe('')
    await page.evaluate(`globalThis.newToken = '${(await admin.sessions.create('ivan')).token}'`)
    await page.locator('#disconnect').click()
    await shows(page, 'status', 'DISCONNECTED')
    expect(refused).toHaveLength(2)
    await page.close()
  })

  it('shows nothing of the account of another user before that of the new one is read', async () => {
    await app.connect('judy')
    const page = await open('judy')
    await shows(page, 'status', 'ACTIVE')
    await page.evaluate("globalThis.show('another')")
    await shows(page, 'status', 'none')
    await shows(page, 'workspace', '')
    const seen = (await page.evaluate('globalThis.seen')) as { shown: string; of: string | null }[]
    expect(seen).toContainEqual({ shown: 'judy', of: 'judy' })
    expect(new Set(seen.filter(({ shown }) => shown === 'another').map(({ of }) => of))).toEqual(new Set([null]))
    await page.close()
  })

  it('shows why an account cannot be read or connected', async () => {
    const page = await open('dave', { token: 'vks_not-a-session' })
    await expect.poll(() => page.locator('#error').textContent()).toMatch(/session|key|credential/i)
    await page.close()
    const foreign = await open('erin', { identifier: 'another' })
    await expect.poll(() => foreign.locator('#error').textContent()).toMatch(/identifier/)
    await foreign.close()
  })
})
