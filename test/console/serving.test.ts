import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { buildSchema, parse, validate } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createConsole } from '../../src/http/console.ts'
import { welcome } from '../../src/welcome.ts'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.stop())

const root = resolve(import.meta.dirname, '../..')
const page = async () => (await fetch(`${app.url}/console`)).text()
/** The URLs that the page loads, as the browser resolves them. */
const assets = async () =>
  [...(await page()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => new URL(url, `${app.url}/console`).href)

describe('the page', () => {
  it('is not cached, and permits only what the build has written', async () => {
    const response = await fetch(`${app.url}/console`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const policy = response.headers.get('content-security-policy') ?? ''
    const directives = new Map(
      policy.split('; ').map((each) => [each.split(' ')[0], each.split(' ').slice(1).join(' ')]),
    )
    expect(Object.fromEntries(directives)).toMatchObject({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'connect-src': "'self'",
      'frame-ancestors': "'none'",
      'base-uri': "'none'",
      'form-action': "'none'",
    })
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'x-request-id': expect.stringMatching(/^[\w-]{36}$/),
    })
    expect(response.headers.get('set-cookie')).toBeNull()
    expect(await response.text()).not.toMatch(/<style|<script(?! type="module" src=)|\son\w+=/)
  })

  it('loads assets of this server alone, with names that change with their content and a long cache', async () => {
    const urls = await assets()
    expect(urls).toHaveLength(3)
    for (const url of urls) {
      expect(url).toMatch(new RegExp(`^${app.url}/console/assets/[a-z]+-[A-Z0-9]{8}\\.(js|css|svg)$`))
      const response = await fetch(url)
      expect([url, response.status]).toEqual([url, 200])
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(response.headers.get('content-type')).toMatch(/javascript|css|svg/)
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      const text = await response.text()
      // A link to Notion's portal and the example in placeholders; the page's policy lets the browser load nothing of them.
      const named = new Set(text.match(/https?:\/\/(?!www\.w3\.org)[\w.-]+/g))
      const links = ['https://app.notion.com', 'https://app.example.com']
      expect([...named].filter((each) => !links.includes(each))).toEqual([])
      expect(text).not.toMatch(/\beval\(|new Function\(|sourceMappingURL/)
      const head = await fetch(url, { method: 'HEAD' })
      expect([head.status, await head.text()]).toEqual([200, ''])
    }
  })

  it('is at most 150 kB with its assets', async () => {
    const sizes = await Promise.all(
      (await assets()).map(async (url) => (await (await fetch(url)).arrayBuffer()).byteLength),
    )
    const total = sizes.reduce((sum, size) => sum + size, (await page()).length)
    expect(total).toBeLessThan(150_000)
    expect(gzipSync(await page()).length).toBeLessThan(2_000)
  })

  it('needs no credential and contains none', async () => {
    const text = await page()
    expect(text).not.toContain(app.apiKey)
    for (const url of await assets()) expect(await (await fetch(url)).text()).not.toContain(app.apiKey)
  })

  it('names its files relative to its own address, for proxies that serve it under another path', async () => {
    expect(await page()).not.toMatch(/(?:src|href)="(?:\/|http)/)
    const response = await fetch(`${app.url}/console/`, { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([308, '../console'])
  })
})

it.each([
  '/console/assets/',
  '/console/assets/none.js',
  '/console/assets/index.html',
  '/console/accounts',
  '/consoles',
])('%s is not found', async (path) => {
  expect((await fetch(app.url + path)).status).toBe(404)
})

it.each(['%2e%2e%2fmain.js', '..%2f..%2fpackage.json', '....//main.js'])(
  'no file outside of the assets is served: %s',
  async (name) => {
    expect((await fetch(`${app.url}/console/assets/${name}`)).status).toBe(404)
  },
)

it('other methods are refused', async () => {
  const response = await fetch(`${app.url}/console`, { method: 'POST', body: 'x' })
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

it('a missing build is reported with the command that makes it', async () => {
  const handler = createConsole(new URL('file:///nowhere/'))
  const response = handler(new Request('http://localhost/console'), '/console')
  expect(response?.status).toBe(503)
  expect(await response?.text()).toContain('npm run build')
})

it('the terminal names it, unless VALETKEY_CONSOLE is off: then it is not found', async () => {
  expect(welcome(app.config, app.started)).toContain(`Console   ${app.url}/console\n`)
  const off = await startApp({ env: { VALETKEY_CONSOLE: 'off' } })
  try {
    for (const url of [`${off.url}/console`, ...(await assets()).map((each) => each.replace(app.url, off.url))]) {
      expect((await fetch(url)).status).toBe(404)
    }
    expect(welcome(off.config, off.started)).not.toContain('/console')
  } finally {
    await off.stop()
  }
})

it('every operation is valid for the public schema, and within its limits', async () => {
  const schema = buildSchema(readFileSync(resolve(root, 'schema.graphql'), 'utf8'))
  const document = parse(readFileSync(resolve(root, 'src/console/operations.graphql'), 'utf8'))
  expect(validate(schema, document)).toEqual([])
  const names = document.definitions.flatMap((each) => (each.kind === 'OperationDefinition' ? [each.name?.value] : []))
  expect(names.length).toBeGreaterThan(30)
  const generated = readFileSync(resolve(root, 'src/console/operations.ts'), 'utf8')
  const texts = [...generated.matchAll(/^export const \w+ = ("(?:query|subscription) .*") as /gm)].map(
    ([, text = '']) => JSON.parse(text) as string,
  )
  const variables = { first: 100, hours: 24, intervals: 24, connectionName: 'notion', identifier: 'no one' }
  for (const text of texts.filter((each) => each.startsWith('query'))) {
    const { errors } = await app.graphql(text, variables)
    expect([text.slice(0, 40), errors]).toEqual([text.slice(0, 40), undefined])
  }
})
