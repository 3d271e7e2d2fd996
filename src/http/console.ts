import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { html } from './html.ts'
import { pageResponse } from './page.ts'

/** Answers requests at /console and below it; null for paths that it does not have. */
export type ConsoleHandler = (request: Request, path: string) => Response | null

/**
 * Allows what the build has written and requests to this server, nothing else: no inline scripts or styles, no markup from
 * strings (Trusted Types), no frames. The console's tab holds an API key.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const security = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
} as const

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * Serves the operator's console from the folder that the build has written: its page, which is never cached, and its
 * assets, whose names change with their content. The page is public; what it shows comes from /graphql, with the
 * operator's API key.
 */
export function createConsole(folder: URL): ConsoleHandler {
  let files: Map<string, { readonly body: Uint8Array<ArrayBuffer>; readonly type: string }> | undefined
  const load = () => {
    files ??= new Map(
      readNames(folder).map((name) => [
        name,
        { body: new Uint8Array(readFileSync(new URL(name, folder))), type: types[extname(name)] ?? '' },
      ]),
    )
    return files
  }
  return (request, path) => {
    const name = /^\/console\/assets\/([\w.-]+)$/.exec(path)?.[1]
    if (path !== '/console' && path !== '/console/' && name === undefined) return null
    if (!['GET', 'HEAD'].includes(request.method)) {
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
    }
    // Relative, for a proxy that serves this under a path of its own. The URLs in the page are relative, too.
    if (path === '/console/')
      return new Response(null, { status: 308, headers: { ...security, location: '../console' } })
    const file = load().get(name ?? 'index.html')
    if (name !== undefined) {
      if (!file?.type) return null
      return respond(request, file.body, {
        ...security,
        'content-type': file.type,
        'cache-control': 'public, max-age=31536000, immutable',
      })
    }
    if (!file) {
      const content = html`<p>The console is not built. Run <code>npm run build</code>, then restart the server.</p>`
      return pageResponse({ status: 503, title: 'Console', content })
    }
    return respond(request, file.body, {
      ...security,
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
    })
  }
}

const respond = (request: Request, body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
  new Response(request.method === 'HEAD' ? null : body, { headers })

function readNames(folder: URL): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
