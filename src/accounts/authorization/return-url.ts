import { parseApplicationUrl } from '../../application-url.ts'
import type { AccountStatus } from '../status.ts'

/** An encoded slash, backslash, dot or percent sign: servers differ in whether these separate path segments. */
const ambiguousEncoding = /%(?:2f|5c|2e|25)/i

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
