import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningSandbox } from '../support.ts'
import { authorizeUrl, startSandbox } from '../support.ts'

let sandbox: RunningSandbox

beforeAll(async () => {
  sandbox = await startSandbox()
})
afterAll(() => sandbox.close())

const open = (query = '', consent = {}) => fetch(`${authorizeUrl(sandbox.url, consent)}${query}`)
const pageText = async (query = '', consent = {}) => (await open(query, consent)).text()

describe('the consent page', () => {
  it('states that it is not Notion and loads no resources', async () => {
    const response = await open()
    const page = await response.text()
    expect(response.status).toBe(200)
    expect(page).toContain('It is not Notion')
    expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(/i)
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; frame-ancestors 'none'$/,
    )
    expect(response.headers.get('referrer-policy')).toBe('no-referrer')
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('lists the people who can sign in, with links that preserve the request', async () => {
    const page = await pageText()
    for (const email of ['owner@acme.test', 'member@acme.test', 'owner@globex.test', 'member@globex.test']) {
      expect(page).toContain(email)
    }
    expect(page).not.toContain('chair@acme.test')
    expect(page).toMatch(/href="\?[^"]*client_id=test-client[^"]*state=a-state[^"]*user=member%40acme\.test"/)
  })

  it('shows only pages to which the selected person has full access, as a tree', async () => {
    const page = await pageText('&user=member%40acme.test')
    expect(page).toMatch(/Engineering.*<ul>.*Runbooks.*<ul>.*Database failover/s)
    expect(page).toContain('Milo’s private notes')
    for (const hidden of [
      'Olivia’s private notes',
      'Company policies',
      'Board minutes',
      'Old roadmap',
      'Globex Home',
    ]) {
      expect(page).not.toContain(hidden)
    }
  })

  it('labels all checkboxes, has one main heading and declares its language', async () => {
    const page = await pageText()
    const checkboxes = page.match(/<input type="checkbox"/g) ?? []
    expect(checkboxes.length).toBeGreaterThan(10)
    expect(page.match(/<label><input type="checkbox"[^>]*><span>/g)).toHaveLength(checkboxes.length)
    expect(page.match(/<h1>/g)).toHaveLength(1)
    expect(page).toContain('<html lang="en">')
    expect(page).toContain('name="viewport"')
    expect(page).toContain('<legend>')
  })

  it('escapes values of the request', async () => {
    const consent = { clientId: '<b>x</b>"', state: '"><script>alert(1)</script>' }
    const page = await pageText('', consent)
    expect(page).toContain('&lt;b&gt;x&lt;/b&gt;&quot;')
    expect(page).not.toContain('<script>')
  })

  it('shows the name of a registered client', async () => {
    await sandbox.control('client', { clientId: 'named', name: 'Knowledge assistant' })
    expect(await pageText('', { clientId: 'named' })).toContain('Knowledge assistant asks for access')
  })

  it('accepts a selection of pages and databases', async () => {
    const form = new URLSearchParams({ user: 'owner@acme.test', picker: 'true', decision: 'allow' })
    form.append('resources', 'a1b2c3d4-e5f6-7890-abcd-ef1234567890')
    form.append('resources', '2561ab6c-418b-8072-beec-c4779fa811cf')
    const response = await fetch(authorizeUrl(sandbox.url), { method: 'POST', body: form, redirect: 'manual' })
    expect(response.status).toBe(302)
  })

  it('shows the page again when nothing is selected', async () => {
    const form = new URLSearchParams({ user: 'member@acme.test', picker: 'true', decision: 'allow' })
    const response = await fetch(authorizeUrl(sandbox.url), { method: 'POST', body: form, redirect: 'manual' })
    const page = await response.text()
    expect(response.status).toBe(422)
    expect(page).toMatch(/role="alert">Select at least one/)
    expect(page).toContain('Milo’s private notes')
  })

  it('limits the number of listed pages', async () => {
    await sandbox.control('seed', { databases: 500 })
    const page = await pageText()
    expect(page.match(/<input type="checkbox"/g)?.length).toBeLessThan(310)
    expect(page).toMatch(/At least \d+ more are not listed/)
  })
})
