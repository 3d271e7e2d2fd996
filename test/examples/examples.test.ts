import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Valetkey } from '../../src/client/valetkey.ts'
import { consent, createVisitor } from '../../src/testing/visitor.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'
import { freePort } from '../support/free-port.ts'
import { canRun, type Examples, openExamples } from './example.ts'

const root = resolve(import.meta.dirname, '../..')
const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0
const installing = { timeout: 900_000 }

let app: TestApp
let examples: Examples
/** Where the Next.js app is: the server must know its origin. */
let pagesPort: number
let env: Record<string, string>
beforeAll(async () => {
  pagesPort = await freePort()
  app = await startApp({ env: { VALETKEY_CORS_ORIGINS: `http://localhost:${pagesPort}` } })
  env = { VALETKEY_URL: app.url, VALETKEY_API_KEY: app.apiKey }
  examples = await openExamples()
  await app.connect('ann')
})
afterAll(async () => {
  await examples.close()
  await app.stop()
})

/** Runs an example for a connected user, and for one whose account needs its user. */
const runForBoth = async (name: string) => {
  const [connected, unconnected] = await Promise.all([
    examples.run(name, ['ann'], env),
    examples.run(name, [`new-${name}`], env),
  ])
  return { connected, unconnected }
}
const confirmAt = (confirmationUrl: string) =>
  new Valetkey({ url: app.url, apiKey: app.apiKey }).oauthApps.register({
    clientId: 'example',
    clientSecret: 'any',
    confirmationUrl,
  })

describe('the example', () => {
  it.runIf(canRun('ai-sdk'))(
    'ai-sdk searches, and shows the link of an account that needs its user',
    installing,
    async () => {
      const { connected, unconnected } = await runForBoth('ai-sdk')
      expect(connected).toContain('| Projects |')
      expect(unconnected).toMatch(/^open http\S+\/connect\//)
    },
  )

  it.runIf(canRun('mcp-host'))(
    'mcp-host calls a tool, and shows the link that the server asks it to',
    installing,
    async () => {
      const { connected, unconnected } = await runForBoth('mcp-host')
      expect(connected).toMatch(/^1\d tools\n/)
      expect(connected).toContain('| Projects |')
      expect(unconnected).toMatch(/^open http\S+\/connect\//m)
    },
  )

  it.runIf(canRun('langchain'))(
    'langchain searches, and shows the link of an account that needs its user',
    installing,
    async () => {
      const { connected, unconnected } = await runForBoth('langchain')
      expect(connected).toContain('| Projects |')
      expect(unconnected).toMatch(/^open http\S+\/connect\//)
    },
  )

  it.runIf(canRun('mastra'))(
    'mastra searches with the adapter and over MCP as the documentation has it, and shows the link in both',
    installing,
    async () => {
      const [documentation, example] = await Promise.all(
        ['docs/clients.md', 'examples/mastra/agent.js'].map((file) => readFile(resolve(root, file), 'utf8')),
      )
      const line = /^\| Mastra \| `(.+)` \|$/m.exec(documentation ?? '')?.[1]
      expect(line).toMatch(/^new MCPClient/)
      expect(example).toContain(line)
      const { connected, unconnected } = await runForBoth('mastra')
      const [found, foundOverMcp] = connected.split(/^MCP: /m)
      for (const each of [found, foundOverMcp]) expect(each).toContain('| Projects |')
      const [adapter, overMcp] = unconnected.split(/^MCP: /m)
      expect(adapter).toMatch(/^adapter: open http\S+\/connect\//)
      expect(overMcp).toMatch(/^Error: .*new-mastra/)
      expect(overMcp).toMatch(/open this link, .* http\S+\/connect\//)
    },
  )

  it.runIf(canRun('codegen'))('codegen compiles, and reads rows and errors with their types', installing, async () => {
    const { connected, unconnected } = await runForBoth('codegen')
    expect(connected).toMatch(/, edited at \d{4}-/)
    expect(connected).toMatch(/^\d\d errors of tools$/m)
    expect(unconnected).toMatch(/^AccountNotFoundError: .*new-codegen/)
  })

  it.runIf(hasPython)('python searches, and shows the link of an account that needs its user', async () => {
    const search = async (identifier: string) => {
      const options = {
        cwd: resolve(root, 'examples/python'),
        env: { PATH: process.env['PATH'], ...env, PYTHONPATH: resolve(root, 'clients/python') },
      }
      return (await promisify(execFile)('python3', ['-B', 'search.py', identifier], options)).stdout
    }
    expect(await search('ann')).toContain('| Projects |')
    expect(await search('new-python')).toMatch(/^open http\S+\/connect\//)
  })

  it.runIf(canRun('express'))('express connects an account with its button, and searches', installing, async () => {
    const { match, stop } = await examples.start('express', [], { ...env, PORT: '0' }, /listens at (http\S+)/)
    try {
      const url = match[1] ?? ''
      await confirmAt(`${url}/notion/confirm`)
      const page = async (path: string) => (await fetch(`${url}${path}`)).text()
      expect(await page('/')).toContain('<button>Connect Notion</button>')
      const search = await fetch(`${url}/search?query=Projects`, { redirect: 'manual' })
      expect(search.headers.get('location')).toContain('/connect/')
      const connect = await fetch(`${url}/connect`, { method: 'POST', redirect: 'manual' })
      const arrived = await consent(createVisitor(), connect.headers.get('location') ?? '')
      expect(arrived.href).toContain(`${url}/notion/confirm?`)
      expect(await (await fetch(arrived)).text()).toContain('Connected to Acme.')
      expect(await page('/search?query=Projects')).toContain('| Projects |')
    } finally {
      await stop()
    }
  })

  it.runIf(canRun('nextjs') && chromiumPath !== null)(
    'nextjs connects an account with its button',
    installing,
    async () => {
      const url = `http://localhost:${pagesPort}`
      await confirmAt(`${url}/notion/confirm`)
      await app.graphql('mutation { deleteConnectedAccount(input: { identifier: "user_1" }) { __typename } }')
      const { stop } = await examples.start('nextjs', ['-p', String(pagesPort)], env, /Ready in/)
      const browser = await launchChromium()
      try {
        const page = await browser.newPage()
        await page.goto(url)
        const opened = page.waitForEvent('popup')
        await page.getByRole('button', { name: 'Connect Notion' }).click()
        const popup = await opened
        const closed = popup.waitForEvent('close')
        await popup.getByRole('checkbox', { name: /everything/i }).check()
        await popup.getByRole('button', { name: /allow/i }).click()
        await closed
        await expect.poll(() => page.getByRole('button').textContent()).toBe('Connected to Acme')
      } finally {
        await browser.close()
        await stop()
      }
    },
  )
})
