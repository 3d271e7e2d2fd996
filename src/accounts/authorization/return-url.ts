import type { AccountStatus } from '../status.ts'

const maxLength = 2048

/** Characters that WHATWG parsing silently drops or rewrites: blanks, control characters, backslashes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern has to find them
const rewritten = /[\u0000-\u0020\u007f\\]|\p{Surrogate}/u

/** An encoded slash, backslash, dot or percent sign: servers differ in whether these separate path segments. */
const ambiguousEncoding = /%(?:2f|5c|2e|25)/i

/**
 * Parses an absolute URL of an application: https, or http on a loopback address (RFC 8252 section 8.3), without
 * credentials. Returns null for everything else, and for every string that a browser could read as another URL.
 */
export function parseApplicationUrl(text: string): URL | null {
  if (text.length > maxLength || rewritten.test(text) || !/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text))
    return null
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || text.split(/[/?#]/, 3)[2]?.includes('@')) return null
  // The parser of Node 20 leaves dot segments after a segment that begins with a dot (`/.a/../..`); browsers do not.
  if (/\/\.{1,2}(?:\/|$)/.test(url.pathname)) return null
  if (url.protocol === 'https:') return url
  return url.protocol === 'http:' && isLoopback(url.hostname) ? url : null
}

/** Whether the host name of a parsed URL is this machine: localhost, 127.0.0.0/8 or ::1. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname)
  )
}

/**
 * Returns the URL if one of the registered prefixes allows it: the same origin, and the prefix's path or one below it
 * (`/app` allows `/app` and `/app/done`, not `/apple`). Otherwise null.
 */
export function allowedReturnUrl(text: string, prefixes: readonly string[]): URL | null {
  const url = parseApplicationUrl(text)
  if (!url) return null
  const allowed = prefixes.some((prefix) => {
    const base = parseApplicationUrl(prefix)
    if (!base || base.origin !== url.origin) return false
    if (base.pathname === '/') return true
    if (ambiguousEncoding.test(url.pathname)) return false
    const directory = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`
    return url.pathname === base.pathname || url.pathname.startsWith(directory)
  })
  return allowed ? url : null
}

/** What the parameters of a return URL report to the application. */
export interface ReturnOutcome {
  readonly status: AccountStatus
  /** `access_denied`, another code of RFC 6749 section 4.1.2.1, or one of ours. Null for success. */
  readonly error: string | null
  readonly missing: readonly { readonly name: string; readonly resourceId: string | null }[]
}

/**
 * Returns the return URL with the outcome: `status`, `error`, `state` and one `missing` for each resource that the
 * consent did not include (its id, or its name where the id is unknown).
 */
export function withOutcome(returnUrl: string, applicationState: string | null, outcome: ReturnOutcome): string {
  const url = new URL(returnUrl)
  // An application may pass the URL to which an earlier attempt returned.
  for (const name of ['error', 'missing']) url.searchParams.delete(name)
  url.searchParams.set('status', outcome.status)
  if (outcome.error !== null) url.searchParams.set('error', outcome.error)
  if (applicationState !== null) url.searchParams.set('state', applicationState)
  for (const resource of outcome.missing) url.searchParams.append('missing', resource.resourceId ?? resource.name)
  return url.href
}
