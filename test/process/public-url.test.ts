import { expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'

it('links contain the public URL, and the server reaches its sandbox without that URL', async () => {
  const publicUrl = 'http://valetkey.invalid'
  const app = await startApp({ env: { PUBLIC_URL: publicUrl } })
  try {
    // What a proxy in front of the server does for browsers.
    const behindProxy = (url: URL | string) => String(url).replace(publicUrl, app.url)
    const authorized = await app.graphql(
      'mutation { authorize(input: { identifier: "u" }) { ... on AuthorizePayload { link } } }',
    )
    const { link } = authorized.data['authorize'] as { link: string }
    expect(link.startsWith(`${publicUrl}/connect/`)).toBe(true)
    const browser = newBrowser()
    const consent = browser.redirectOf(await browser.get(behindProxy(link)))
    expect(consent.href.startsWith(`${publicUrl}/sandbox/`)).toBe(true)
    const callback = browser.redirectOf(
      await browser.post(behindProxy(consent), { resources: 'all', decision: 'allow' }),
    )
    expect(callback.href.startsWith(`${publicUrl}/oauth/callback/`)).toBe(true)
    const confirmation = browser.redirectOf(await browser.get(behindProxy(callback)))
    expect(confirmation.href.startsWith(`${publicUrl}/connect/confirm`)).toBe(true)
    expect(confirmation.searchParams.get('flow_id')).toBeTruthy()
  } finally {
    await app.stop()
  }
})
