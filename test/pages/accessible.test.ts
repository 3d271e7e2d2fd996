import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CallbackResult } from '../../src/accounts/authorization/finish-authorization.ts'
import { endingPage } from '../../src/http/connect/pages.ts'
import { pageResponse } from '../../src/http/page.ts'
import { startApp } from '../support/app.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'
import { walk } from './journey.ts'

/** Each color scheme, at the width at which the layouts differ. */
const views = [
  { colorScheme: 'light', width: 1280 },
  { colorScheme: 'dark', width: 390 },
] as const

/** Returns what axe-core finds in a page: the rules of WCAG 2.2 A and AA, and its best practices. */
async function violationsOf(page: Page, within = 'html'): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate(
    `axe.run(${JSON.stringify(within)}, { resultTypes: ['violations'] })`,
  )) as axe.AxeResults
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, any }) => `${id} (${impact}): ${target.join(' ')} ${any[0]?.message ?? ''}`),
  )
}

/**
 * Returns the controls whose outline has less than 3:1 to what is around them (WCAG 2.2, 1.4.11), which axe-core does not check:
 * buttons and links that look like them by their background or their border, fields by their border.
 */
const weakControls = `[...document.querySelectorAll('button, input, select, textarea, .go, .button, .people a')].flatMap((control) => {
  const box = control.getBoundingClientRect()
  const style = getComputedStyle(control)
  if (box.width < 2 || style.visibility === 'hidden' || ['checkbox', 'hidden'].includes(control.type)) return []
  const channels = (color) => color.match(/[\\d.]+/g).map(Number)
  const luminance = (color) => channels(color).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0)
  const opaque = (color) => (channels(color)[3] ?? 1) > 0.9
  let around = control.parentElement
  while (around && !opaque(getComputedStyle(around).backgroundColor)) around = around.parentElement
  const surface = around ? getComputedStyle(around).backgroundColor
    : matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)'
  const contrast = (color) => {
    const [low, high] = [luminance(color), luminance(surface)].sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }
  const edges = [style.backgroundColor, ...(parseFloat(style.borderTopWidth) > 0 ? [style.borderTopColor] : [])].filter(opaque)
  const best = Math.max(1, ...edges.map(contrast))
  return best >= 3 ? [] : [\`\${control.outerHTML.slice(0, 80)}: \${best.toFixed(2)}:1\`]
})`

describe.skipIf(chromiumPath === null)('what people see in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  it('can be read and used by everyone, in light and dark: text, controls, labels, landmarks and headings', async () => {
    const app = await startApp()
    const found: string[] = []
    await walk(app, browser, async (page, name) => {
      for (const { colorScheme, width } of views) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        await page.setViewportSize({ width, height: 844 })
        const isOurs = name !== 'graphiql'
        const violations = [
          ...(await violationsOf(page, isOurs ? 'html' : '.graphiql-logo')),
          ...(isOurs ? ((await page.evaluate(weakControls)) as string[]) : []),
        ]
        found.push(...violations.map((violation) => `${name} ${colorScheme} ${width}: ${violation}`))
      }
    })
    await app.stop()
    expect(found).toEqual([])
  })

  it.each(['#0b5fff', '#ffdd00', '#777777', '#767676', '#ffffff', '#000000', '#1c2420', '#ff0000'])(
    'can be read in the color %s of an application, on every page that ends an authorization',
    async (accentColor) => {
      const app = { displayName: 'Acme Tasks', logoUrl: null, accentColor, homeUrl: 'https://app.example/' }
      const endings: readonly CallbackResult[] = [
        { kind: 'connected', missing: [{ name: 'Projects', resourceId: null }] },
        { kind: 'denied' },
        { kind: 'user_changed' },
        { kind: 'withdrawn' },
        { kind: 'provider_error', error: 'server_error' },
        { kind: 'exchange_failed', failure: 'client_refused' },
      ]
      const page = await (await browser.newContext()).newPage()
      for (const ending of endings) {
        await page.setContent(await pageResponse(endingPage(ending, 'Notion', app)).text())
        for (const { colorScheme } of views) {
          await page.emulateMedia({ colorScheme })
          const found = [...(await violationsOf(page)), ...((await page.evaluate(weakControls)) as string[])]
          expect(found, `${ending.kind} ${colorScheme}`).toEqual([])
        }
      }
      await page.context().close()
    },
  )
})
