import { describe, expect, it } from 'vitest'
import { allowedReturnUrl, withOutcome } from '../../src/accounts/authorization/return-url.ts'
import { parseApplicationUrl } from '../../src/application-url.ts'
import fc from '../support/fast-check.ts'

/** How many random cases each property tries; raise it for a long run. */
const numRuns = Number(process.env['VALETKEY_FUZZ_RUNS'] ?? 10_000)

const prefixes = [
  'https://app.example',
  'https://tenant.example/app',
  'http://localhost:3000/',
  'https://bad.example/x?y',
]
const allowed = (url: string) => allowedReturnUrl(url, prefixes)?.href ?? null

describe('a return URL', () => {
  it.each([
    ['https://app.example', 'https://app.example/'],
    ['https://app.example/', 'https://app.example/'],
    ['https://app.example/deep/path?q=1#/route', 'https://app.example/deep/path?q=1#/route'],
    ['HTTPS://APP.EXAMPLE/x', 'https://app.example/x'],
    ['https://app.example:443/x', 'https://app.example/x'],
    ['https://app.example/a%2fb', 'https://app.example/a%2fb'],
    ['https://tenant.example/app', 'https://tenant.example/app'],
    ['https://tenant.example/app/', 'https://tenant.example/app/'],
    ['https://tenant.example/app?x', 'https://tenant.example/app?x'],
    ['https://tenant.example/app/done', 'https://tenant.example/app/done'],
    ['http://localhost:3000/cb', 'http://localhost:3000/cb'],
  ])('is allowed: %s', (url, href) => {
    expect(allowed(url)).toBe(href)
  })

  it.each([
    ['another origin', 'https://evil.example/'],
    ['a longer host', 'https://app.example.evil.example/'],
    ['a shorter host', 'https://app.exampl/'],
    ['a subdomain', 'https://x.app.example/'],
    ['another port', 'https://app.example:8443/'],
    ['another scheme', 'http://app.example/'],
    ['no scheme', '//app.example/'],
    ['a scheme and one slash', 'https:/app.example/'],
    ['a scheme and no slash', 'https:app.example'],
    ['three slashes', 'https:///app.example/'],
    ['backslashes', 'https:\\\\app.example\\'],
    ['a backslash in the authority', 'https://evil.example\\@app.example/'],
    ['a backslash in the path', 'https://app.example/\\evil.example'],
    ['a user name', 'https://app.example@evil.example/'],
    ['an empty user name', 'https://@app.example/'],
    ['credentials for the right host', 'https://user:pass@app.example/'],
    ['a tab', 'https://app.exam\tple/'],
    ['a newline', 'https://app.example/\nx'],
    ['a leading blank', ' https://app.example/'],
    ['NUL', 'https://app.example/\0'],
    ['javascript:', 'javascript:alert(1)//https://app.example/'],
    ['data:', 'data:text/html,https://app.example/'],
    ['a full-width host', 'https://app。example.evil.example/'],
    ['a homograph', 'https://аpp.example/'],
    ['a path next to the prefix', 'https://tenant.example/apple'],
    ['a path above the prefix', 'https://tenant.example/'],
    ['dot segments', 'https://tenant.example/app/../admin'],
    ['dot segments that a parser overlooks', 'https://tenant.example/app/.a/../../admin'],
    ['a dot segment at the end that a parser overlooks', 'https://tenant.example/app/.a/../..'],
    ['encoded dot segments', 'https://tenant.example/app/%2e%2e/admin'],
    ['an encoded slash', 'https://tenant.example/app/..%2fadmin'],
    ['an encoded backslash', 'https://tenant.example/app/..%5cadmin'],
    ['dots that were encoded twice', 'https://tenant.example/app/%252e%252e/admin'],
    ['another case in the path', 'https://tenant.example/APP/x'],
    ['http on another loopback port', 'http://localhost:3001/'],
    ['http on a name that only looks local', 'http://localhost.evil.example:3000/'],
    ['an unpaired surrogate', 'https://app.example/\ud800'],
    ['nothing', ''],
    ['more than 2 kB', `https://app.example/${'a'.repeat(2_048)}`],
  ])('is refused: %s', (_what, url) => {
    expect(allowed(url)).toBeNull()
  })

  it('of http is a loopback address', () => {
    const parsed = (text: string) => parseApplicationUrl(text)?.href ?? null
    expect(parsed('http://127.0.0.1:8080/x')).toBe('http://127.0.0.1:8080/x')
    expect(parsed('http://127.1/x')).toBe('http://127.0.0.1/x')
    expect(parsed('http://[::1]:8080/')).toBe('http://[::1]:8080/')
    expect(parsed('http://0.0.0.0/')).toBeNull()
    expect(parsed('http://10.0.0.1/')).toBeNull()
    expect(parsed('http://127.0.0.1.evil.example/')).toBeNull()
  })

  const mangled = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          ...['https:', 'http:', 'javascript:', '//', '/', '\\', '@', ':', '.', '..', '/.', '/..', '/.a/'],
          ...['%2e', '%2f', '%5c', '%25', '?', '#', '\t'],
          ...['app.example', 'tenant.example', 'evil.example', 'localhost', 'app', '3000', '[::1]', '。', 'user:pw@'],
        ),
        fc.string({ unit: 'binary', maxLength: 3 }),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(''))

  it('leads, when it is allowed, to a registered origin and path for every parser', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          mangled,
          mangled.map((text) => `https://tenant.example/app/${text}`),
        ),
        (text) => {
          const url = allowedReturnUrl(text, prefixes)
          if (!url) return
          expect(new URL(text).href).toBe(url.href)
          expect(['https://app.example', 'https://tenant.example', 'http://localhost:3000']).toContain(url.origin)
          if (url.origin === 'https://tenant.example') {
            // As a server would that decodes before it routes, and ignores invalid encodings.
            const decoded = url.pathname.replaceAll(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
              String.fromCharCode(Number.parseInt(hex, 16)),
            )
            expect(decoded).toMatch(/^\/app(\/|$)/)
            expect(decoded.split(/[/\\]/)).not.toContain('..')
          }
          // What a careless parser takes for the host: all between the slashes.
          expect(/^https?:\/\/([^/?#]*)/i.exec(text)?.[1]?.toLowerCase().replace(/:443$/, '')).toBe(url.host)
        },
      ),
      { numRuns },
    )
  })

  it('is allowed however it continues below a registered path', () => {
    const segment = fc.stringMatching(/^[a-z0-9_~-]{1,8}$/)
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 5 }), fc.webQueryParameters(), (path, query) => {
        expect(allowed(`https://tenant.example/app/${path.join('/')}?${query}`)).not.toBeNull()
      }),
      { numRuns: 500 },
    )
  })
})

describe('the outcome in a return URL', () => {
  it('is in its parameters, whatever the state and the names are, and the rest stays as it was', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 50 }).filter((value) => !/\p{Surrogate}/u.test(value))
    fc.assert(
      fc.property(
        text,
        fc.array(
          text.filter((name) => name !== ''),
          { maxLength: 3 },
        ),
        (state, names) => {
          const missing = names.map((name) => ({ name, resourceId: null }))
          const url = new URL(
            withOutcome('https://app.example/p?keep=1&status=FAKE&error=fake#/r', state, {
              status: 'ACTIVE',
              error: null,
              missing,
            }),
          )
          expect(url.origin + url.pathname + url.hash).toBe('https://app.example/p#/r')
          expect(url.searchParams.get('keep')).toBe('1')
          expect(url.searchParams.getAll('status')).toEqual(['ACTIVE'])
          expect(url.searchParams.get('state')).toBe(state)
          expect(url.searchParams.getAll('missing')).toEqual(names)
          expect(url.searchParams.has('error')).toBe(false)
        },
      ),
      { numRuns: 500 },
    )
  })
})
