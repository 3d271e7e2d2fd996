import { createHash } from 'node:crypto'
import type { ShownApp } from '../accounts/branding.ts'
import { accentStyle } from './accent.ts'
import { Html, html } from './html.ts'

const style = `
:root { color-scheme: light dark; --paper: #f6f7f6; --sheet: #fff; --ink: #1c2420; --quiet: #56625c; --line: #d5dcd8; --accent: #14532d; --on-accent: #fff; --edge: var(--accent) }
@media (prefers-color-scheme: dark) {
  :root { --paper: #131815; --sheet: #1c2420; --ink: #e8eeea; --quiet: #a7b3ac; --line: #37433c; --accent: #86efac; --on-accent: #052e16 }
}
* { box-sizing: border-box }
body { margin: 0; padding: 1rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 36rem; margin: 8vh auto 2rem; padding: 1.75rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem }
main.wide { max-width: 56rem }
@media (max-width: 30rem) { main { margin-top: 0; padding: 1.25rem } }
header { display: flex; align-items: center; gap: .75rem; margin: 0 0 1.25rem; font-weight: 600 }
header img { width: 2.5rem; height: 2.5rem; padding: .125rem; border: 1px solid var(--line); border-radius: .5rem; background: #fff; object-fit: contain }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25 }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.0625rem }
h3 { margin: 1rem 0 .5rem; font-size: 1rem }
ul { margin: 0; padding: 0; list-style: none }
li { padding: .75rem 0; border-top: 1px solid var(--line) }
li:last-child { border-bottom: 1px solid var(--line) }
.quiet { color: var(--quiet) }
dl { margin: 0 }
dt { color: var(--quiet); font-size: .9375rem }
dd { margin: 0 0 .75rem }
pre { margin: 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; font-size: .875rem; white-space: pre-wrap; user-select: all }
.go { display: block; width: 100%; margin: 1.5rem 0 0; padding: .8rem 1.25rem; border: 1px solid var(--edge); border-radius: .5rem; background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer }
.other .go { margin-top: .75rem; border-color: var(--quiet); background: none; color: inherit }
input { width: 100%; padding: .6rem .75rem; border: 1px solid var(--quiet); border-radius: .5rem; background: none; color: inherit; font: inherit }
a { color: inherit }
[hidden] { display: none }
summary { padding: .5rem 0; cursor: pointer }
details > pre { margin-top: .75rem }
.error { padding: .75rem 1rem; border: 2px solid #b91c1c; border-radius: .5rem }
:focus-visible { outline: 3px solid #2563eb; outline-offset: 3px }
`

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/**
 * Blocks loading, frames, scripts other than the page's own, and forms other than those of this server on pages that have one.
 * Allows the style sheet by its hash (CSP Level 3 section 2.3.1), and images of the logo's origin, where there is one.
 */
const contentSecurityPolicy = (
  styleSheet: string,
  logo: URL | null = null,
  { hasForm = false, script }: Pick<Page, 'hasForm' | 'script'> = {},
) =>
  [
    "default-src 'none'",
    `style-src ${hashOf(styleSheet)}`,
    ...(script === undefined ? [] : [`script-src ${hashOf(script)}`]),
    ...(logo ? [`img-src ${logo.origin}`] : []),
    `form-action ${hasForm ? "'self'" : "'none'"}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/**
 * The headers of every response of the authorization's paths. Their URLs contain one-time tokens, which must not reach
 * caches or other sites; and other sites must not show the pages in a frame (clickjacking).
 */
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy(style),
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
  /** The application that the page is about. Absent or null: unknown. */
  readonly app?: ShownApp | null
  /** Whether the content has a form. Browsers apply the policy for forms to redirects after them too: answer with a page. */
  readonly hasForm?: boolean
  /** Whether the content has results and tables, which need more width than sentences. */
  readonly wide?: boolean
  /** The script in the content. It must work without. */
  readonly script?: string
}

/** Returns the response with a page. `cookies` are the values of Set-Cookie headers. */
export function pageResponse(page: Page, cookies: readonly string[] = []): Response {
  const { app = null } = page
  const styleSheet = style + accentStyle(app?.accentColor ?? null)
  const logo = app?.logoUrl ? new URL(app.logoUrl) : null
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title}</title>
<style>${new Html(styleSheet)}</style>
</head>
<body>
<main${page.wide ? html` class="wide"` : null}>
${identity(app, logo)}<h1>${page.title}</h1>
${page.content}
</main>
</body>
</html>
`
  return withCookies(
    new Response(document.markup, {
      status: page.status,
      headers: {
        ...headers,
        'content-security-policy': contentSecurityPolicy(styleSheet, logo, page),
        // With no-referrer the Origin of a form is null (Fetch standard), and over http browsers send no Sec-Fetch-Site.
        ...(page.hasForm && { 'referrer-policy': 'same-origin' }),
        'content-type': 'text/html; charset=utf-8',
      },
    }),
    cookies,
  )
}

/** The application's logo and name. The logo's site must not learn the URL of the page, which contains a one-time token. */
function identity(app: ShownApp | null, logo: URL | null): Html | null {
  if (logo === null && !app?.displayName) return null
  return html`<header>${logo && html`<img src="${logo.href}" alt="" width="40" height="40" referrerpolicy="no-referrer">`}${
    app?.displayName ? html`<bdi>${app.displayName}</bdi>` : null
  }</header>
`
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
