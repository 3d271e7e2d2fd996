import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readCallbackParameters } from '../../src/accounts/authorization/callback.ts'
import fc from '../support/fast-check.ts'
import { type FakeOAuthServer, json, startFakeOAuthServer, tokenAnswer } from './fake-oauth-server.ts'
import { type AuthorizationSystem, Browser, startAuthorizationSystem } from './support.ts'

/** How many random cases run: through the parsers, and through the whole handler with its database. */
const parserRuns = Number(process.env['VALETKEY_FUZZ_RUNS'] ?? 5_000)
const handlerRuns = Math.ceil(parserRuns / 10)

let server: FakeOAuthServer
let system: AuthorizationSystem
let appId: string
beforeAll(async () => {
  server = await startFakeOAuthServer()
  system = await startAuthorizationSystem({ apiUrl: server.url })
  appId = (await system.registerApp({ confirmationUrl: null })).id
})
afterAll(async () => {
  await system.close()
  await server.close()
})
beforeEach(() => server.behave(json(200, tokenAnswer)))

const name = fc.oneof(
  fc.constantFrom('code', 'state', 'error', 'iss', 'error_description', 'error_uri', 'code[]', '__proto__', ''),
  fc.string({ unit: 'binary', maxLength: 10 }),
)
const value = fc.oneof(
  fc.constantFrom(
    '',
    'access_denied',
    'a'.repeat(43),
    '<script>alert(1)</script>',
    '\'"><img src=x>',
    '\0',
    '\r\nset-cookie: a=b',
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.integer({ min: 2_000, max: 3_000 }).map((length) => 'x'.repeat(length)),
)
const pairs = fc.array(fc.tuple(name, value), { maxLength: 6 })

/** A live flow in a browser of its own: its callback without a query, its state and its cookie. */
async function liveFlow(identifier: string) {
  const browser = new Browser(system)
  const authorizationUrl = new URL(await browser.openLink(await system.link(identifier)))
  const [cookieName = ''] = browser.cookies.keys()
  return {
    browser,
    callback: `https://valetkey.example/oauth/callback/${appId}`,
    state: authorizationUrl.searchParams.get('state') ?? '',
    cookie: `${cookieName}=${browser.cookies.get(cookieName)}`,
    cookieName,
  }
}

describe('the parameters of a callback', () => {
  it('are read for exactly one state with a code or an error, or not at all', () => {
    fc.assert(
      fc.property(pairs, (given) => {
        const query = new URLSearchParams(given)
        const read = readCallbackParameters(query)
        const names = given.map(([key]) => key)
        const wellFormed =
          new Set(names).size === names.length &&
          given.every(([, text]) => text.length <= 2_048) &&
          !!query.get('state') &&
          query.has('code') !== query.has('error') &&
          query.get('code') !== ''
        expect(read !== null).toBe(wellFormed)
      }),
      { numRuns: parserRuns },
    )
  })
})

describe('a mangled callback', () => {
  it('is answered with a page of ours that repeats nothing of it, exchanges nothing and takes nothing away', async () => {
    const { browser, callback, state } = await liveFlow('fuzzed-query')
    await fc.assert(
      fc.asyncProperty(pairs, fc.boolean(), async (given, withState) => {
        const query = new URLSearchParams(withState ? [...given, ['state', state]] : given)
        // Whatever could be an answer of the provider's for this flow is another test's.
        fc.pre(!(withState && readCallbackParameters(query)))
        const response = await browser.visit(`${callback}?${query.toString()}`)
        expect([400, 403, 410]).toContain(response.status)
        const body = await response.text()
        for (const [, text] of given) if (/[<>"']/.test(text)) expect(body).not.toContain(text)
      }),
      { numRuns: handlerRuns },
    )
    expect(server.received).toEqual([])
    expect((await browser.visit(`${callback}?code=c&state=${state}`)).status).toBe(200)
  })

  it('is refused with whatever cookie it comes, but for its own', async () => {
    const { callback, state, cookie, cookieName } = await liveFlow('fuzzed-cookie')
    const junk = fc.stringMatching(/^[\x20-\x7e]{0,60}$/)
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          junk,
          junk.map((text) => `${cookieName}=${text}`),
          junk.map((text) => `${cookie}${text || 'x'}`),
        ),
        async (header) => {
          fc.pre(!header.split(';').some((pair) => pair.trim() === cookie))
          const response = await new Browser(system).visit(`${callback}?code=c&state=${state}`, {
            headers: { cookie: header },
          })
          expect(response.status).toBe(403)
        },
      ),
      { numRuns: handlerRuns },
    )
    expect(server.received).toEqual([])
    const own = await new Browser(system).visit(`${callback}?code=c&state=${state}`, {
      headers: { cookie: `a=b; ${cookie}` },
    })
    expect(own.status).toBe(200)
  })

  it('is refused under every path but that of its OAuth app', async () => {
    const { browser, state } = await liveFlow('fuzzed-path')
    const paths = fc.oneof(
      fc.uuid(),
      fc.webSegment(),
      fc.constantFrom('', `${appId}/`, `${appId}/x`, `${appId}%00`, `..%2f${appId}`, `${appId.slice(1)}`),
    )
    await fc.assert(
      fc.asyncProperty(paths, async (path) => {
        fc.pre(path !== appId)
        const response = await browser.visit(`https://valetkey.example/oauth/callback/${path}?code=c&state=${state}`)
        expect(response.status).toBe(400)
      }),
      { numRuns: 200 },
    )
    expect(server.received).toEqual([])
  })

  it('is refused when it names another issuer than the one that was asked', async () => {
    const { browser, callback, state } = await liveFlow('issuer')
    expect((await browser.visit(`${callback}?code=c&state=${state}&iss=https://evil.example`)).status).toBe(400)
    expect(server.received).toEqual([])
    expect(
      (await browser.visit(`${callback}?code=c&state=${state}&iss=${encodeURIComponent(server.url)}`)).status,
    ).toBe(200)
  })

  it('reports every error of the provider to the application by a name from a fixed list', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.constantFrom('access_denied', 'server_error'), value), async (error) => {
        fc.pre(error.length <= 2_048)
        const identifier = 'errors'
        const browser = new Browser(system)
        const link = await system.link(identifier, { returnUrl: 'https://app.example/back' })
        const state = new URL(await browser.openLink(link)).searchParams.get('state') ?? ''
        const query = new URLSearchParams({ error, state, error_description: '<b>hello</b>' })
        const response = await browser.visit(`https://valetkey.example/oauth/callback/${appId}?${query.toString()}`)
        const back = new URL(response.headers.get('location') ?? '')
        const expected = ['access_denied', 'server_error'].includes(error) ? error : 'provider_error'
        expect(Object.fromEntries(back.searchParams)).toEqual({ status: 'PENDING', error: expected })
      }),
      { numRuns: 40 },
    )
  })
})

describe('the path of a link', () => {
  it('is answered with any content, and never with an internal error', async () => {
    const path = fc.oneof(
      fc.webPath(),
      fc
        .string({ unit: 'binary', maxLength: 80 })
        .map((text) => `/${encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, ''))}`),
    )
    await fc.assert(
      fc.asyncProperty(path, async (text) => {
        const response = await new Browser(system).visit(`https://valetkey.example/connect${text}`)
        expect(response.status).toBe(404)
      }),
      { numRuns: handlerRuns },
    )
  })
})
