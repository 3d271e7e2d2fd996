import { isLoopback } from '../application-url.ts'

/** Cross-origin access (Fetch standard, "CORS protocol") for the pages of configured origins. */
export interface Cors {
  /** Answers an OPTIONS request, which browsers send first and without credentials. */
  preflight(request: Request): Response
  /** Allows the page to read this response, with any status, if its origin is configured. */
  allow(request: Request, response: Response): void
  /** Whether an origin is configured. */
  has(origin: string): boolean
  /**
   * Whether a page of the web sent the request whose origin is neither configured nor that of this server. Programs send no
   * origin, and those that are made of pages, such as editors, one of another scheme.
   */
  isForeign(request: Request): boolean
}

/** Headers that pages may read. */
const exposedHeaders = 'retry-after, www-authenticate, x-request-id'

/**
 * Allows only the listed origins, and returns each its own name: never `*`, and never `null` (sandboxed frames, files).
 * Cookies are not allowed, because callers send a bearer token.
 */
export function createCors(origins: readonly string[], publicUrl: string | null = null): Cors {
  const allow = (request: Request, response: Response): boolean => {
    if (origins.length === 0) return false
    response.headers.append('vary', 'origin')
    const origin = request.headers.get('origin')
    if (origin === null || !origins.includes(origin)) return false
    response.headers.set('access-control-allow-origin', origin)
    response.headers.set('access-control-expose-headers', exposedHeaders)
    return true
  }
  return {
    allow,
    has: (origin) => origins.includes(origin),
    isForeign({ headers }) {
      const origin = headers.get('origin')
      return (
        origin !== null &&
        /^https?:/i.test(origin) &&
        !origins.includes(origin) &&
        !(isOwnOrigin(origin, headers.get('host')) && isOwnName(origin, publicUrl))
      )
    },
    preflight(request) {
      const response = new Response(null, { status: 204, headers: { allow: 'GET, POST, OPTIONS' } })
      if (!allow(request, response)) return response
      response.headers.append('vary', 'access-control-request-headers')
      response.headers.set('access-control-allow-methods', 'GET, POST')
      response.headers.set('access-control-max-age', '600')
      const asked = request.headers.get('access-control-request-headers')
      // All are allowed: a request header adds nothing to what the page can do without it.
      if (asked !== null && /^[\w!#$%&'*+.^`|~, -]{1,1000}$/.test(asked)) {
        response.headers.set('access-control-allow-headers', asked)
      }
      return response
    },
  }
}

/** Whether only this server's operator can have chosen the name: a page of any other may have it lead to this server. */
const isOwnName = (origin: string, publicUrl: string | null) =>
  isLoopback(new URL(origin).hostname) || (publicUrl !== null && new URL(publicUrl).origin === new URL(origin).origin)

/** Whether an origin is that of this server, which has pages such as GraphiQL. */
export const isOwnOrigin = (origin: string, host: string | null | undefined) =>
  URL.canParse(origin) && new URL(origin).host === host
