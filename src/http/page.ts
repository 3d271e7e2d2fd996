import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'

const style = `
:root { color-scheme: light dark; --paper: #f6f7f6; --sheet: #fff; --ink: #1c2420; --quiet: #56625c; --line: #d5dcd8; --accent: #14532d; --on-accent: #fff }
@media (prefers-color-scheme: dark) {
  :root { --paper: #131815; --sheet: #1c2420; --ink: #e8eeea; --quiet: #a7b3ac; --line: #37433c; --accent: #86efac; --on-accent: #052e16 }
}
* { box-sizing: border-box }
body { margin: 0; padding: 1rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 36rem; margin: 8vh auto 2rem; padding: 1.75rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem }
@media (max-width: 30rem) { main { margin-top: 0; padding: 1.25rem } }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25 }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.0625rem }
ul { margin: 0; padding: 0; list-style: none }
li { padding: .75rem 0; border-top: 1px solid var(--line) }
li:last-child { border-bottom: 1px solid var(--line) }
.quiet { color: var(--quiet) }
dl { margin: 0 }
dt { color: var(--quiet); font-size: .9375rem }
dd { margin: 0 0 .75rem }
pre { margin: 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; font-size: .875rem; white-space: pre-wrap; user-select: all }
.go { display: block; margin: 1.5rem 0 0; padding: .8rem 1.25rem; border-radius: .5rem; background: var(--accent); color: var(--on-accent); font-weight: 600; text-align: center; text-decoration: none }
:focus-visible { outline: 3px solid #2563eb; outline-offset: 3px }
`

/** Blocks loading, scripts, forms and frames. Allows the style sheet by its hash (CSP Level 3 section 2.3.1). */
const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * The headers of every response of the authorization's paths. Their URLs contain one-time tokens, which must not reach
 * caches or other sites; and other sites must not show the pages in a frame (clickjacking).
 */
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
} as const

/** A page: its title, which is also its heading, and its content. */
export interface Page {
  readonly status: number
  readonly title: string
  readonly content: Html
}

/** Returns the response with a page. `cookies` are the values of Set-Cookie headers. */
export function pageResponse(page: Page, cookies: readonly string[] = []): Response {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
<h1>${page.title}</h1>
${page.content}
</main>
</body>
</html>
`
  return withCookies(
    new Response(document.markup, {
      status: page.status,
      headers: { ...headers, 'content-type': 'text/html; charset=utf-8' },
    }),
    cookies,
  )
}

/** Redirects with 303, which never repeats a request's body (RFC 9110 section 15.4.4). */
export function redirectResponse(location: string, cookies: readonly string[]): Response {
  return withCookies(new Response(null, { status: 303, headers: { ...headers, location } }), cookies)
}

function withCookies(response: Response, cookies: readonly string[]): Response {
  for (const cookie of cookies) response.headers.append('set-cookie', cookie)
  return response
}

/** Returns the response to HEAD: headers without a body. */
export function headResponse(): Response {
  return new Response(null, { status: 200, headers: { ...headers, 'content-type': 'text/html; charset=utf-8' } })
}
