import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** Where the system's Chromium is; null where there is none. */
export const chromiumPath =
  [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (path) => path && existsSync(path),
  ) ?? null

if (chromiumPath === null) {
  process.stderr.write('Not run: what people see in a browser. Install Chromium, or set CHROMIUM_PATH.\n')
}

/** Starts the system's Chromium without a window and without its calls home. */
export function launchChromium(): Promise<Browser> {
  if (chromiumPath === null) throw new Error('There is no Chromium.')
  return chromium.launch({
    executablePath: chromiumPath,
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
}
