import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { launchChromium } from '../support/chromium.ts'
import { walk } from './journey.ts'

// Writes the pictures that the documentation shows to docs/images/. `npm run screenshots -- <directory>` writes a picture of every
// page there, in light and dark, 1280 and 390 pixels wide. Needs the port 4000, which is in the pictures.

const root = resolve(import.meta.dirname, '../..')
const images = join(root, 'docs/images')
const everything = process.argv[2] === undefined ? null : resolve(process.argv[2])

const views = (['light', 'dark'] as const).flatMap((colorScheme) =>
  ([1280, 390] as const).map((width) => ({ colorScheme, width })),
)

/** The names of the pictures that pages of the documentation refer to. */
function shownImages(): ReadonlySet<string> {
  const pages = [
    'README.md',
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ]
  const texts = pages.filter((name) => name.endsWith('.md')).map((name) => readFileSync(join(root, name), 'utf8'))
  return new Set(texts.flatMap((text) => [...text.matchAll(/images\/([\w-]+\.png)/g)].map(([, name = '']) => name)))
}

/** Replaces times and durations, which change with each run. */
const fixTimes = `const replace = (selector, pattern, text) => {
  for (const each of document.querySelectorAll(selector)) if (pattern.test(each.textContent)) each.textContent = text
}
replace('time', /./, 'Jul 1, 2026, 9:00:00 AM')
replace('dd', / GMT$/, 'Wed, 01 Jul 2026 10:00:00 GMT')
replace('td div', /^[0-9]+ ms$/, '40 ms')
document.querySelectorAll('.axis span').forEach((each, index) => { each.textContent = (8 + 4 * index) % 24 + ':00' })`

/** The height of what is on the page, up to that of the window. The console fills the window. */
const contentHeight = `document.querySelector('dialog, .graphiql-container') ? innerHeight
  : Math.min(innerHeight, 32 + Math.max(...[...document.querySelectorAll('main > *, main:not(#main), nav li')]
    .map((each) => each.getBoundingClientRect().bottom)))`

async function capture(page: Page, name: string, shown: ReadonlySet<string>): Promise<void> {
  for (const { colorScheme, width } of views) {
    const file = `${name}-${width}-${colorScheme}.png`
    const paths = [...(shown.has(file) ? [join(images, file)] : []), ...(everything ? [join(everything, file)] : [])]
    if (paths.length === 0) continue
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height: width === 390 ? 844 : name === 'graphiql' ? 760 : 1100 })
    // Its editor takes its colors when it starts.
    if (name === 'graphiql' && colorScheme === 'dark') {
      await page.reload()
      await page.locator('.graphiql-query-editor .view-line').first().waitFor()
    }
    await page.mouse.move(0, 0)
    await page.evaluate(fixTimes)
    await page.evaluate('document.getElementById(location.hash.slice(1))?.scrollIntoView()')
    const height = Math.ceil((await page.evaluate(contentHeight)) as number)
    for (const path of paths)
      await page.screenshot({ path, clip: { x: 0, y: 0, width, height }, animations: 'disabled', caret: 'hide' })
  }
}

const shown = shownImages()
for (const directory of [images, ...(everything ? [everything] : [])]) mkdirSync(directory, { recursive: true })
for (const file of readdirSync(images)) if (!shown.has(file)) rmSync(join(images, file))
const app = await startApp({ env: { PORT: '4000' } })
const browser = await launchChromium()
try {
  await walk(app, browser, (page, name) => capture(page, name, shown))
} finally {
  await browser.close()
  await app.stop()
}
const missing = [...shown].filter((file) => !existsSync(join(images, file)))
if (missing.length > 0) {
  console.error(`No page has the name of: ${missing.join(', ')}`)
  process.exitCode = 1
}
