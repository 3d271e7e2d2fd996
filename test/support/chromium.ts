import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** The path of the system's Chromium; null when it is not installed. */
export const chromiumPath =
  [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (path) => path && existsSync(path),
  ) ?? null

if (chromiumPath === null) {
  process.stderr.write('Not run: what people see in a browser. Install Chromium, or set CHROMIUM_PATH.\n')
}

/** Against hanging, below the timeout of tests: a busy machine takes its time. Milliseconds. */
const timeout = 110_000

/** Starts the system's Chromium without a window and without its calls home. */
export async function launchChromium(): Promise<Browser> {
  if (chromiumPath === null) throw new Error('Chromium is not installed.')
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    timeout,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  const newContext = browser.newContext.bind(browser)
  browser.newContext = async (options) => {
    const context = await newContext(options)
    context.setDefaultTimeout(timeout)
    return context
  }
  return browser
}
