/** Cross-origin access (Fetch standard, "CORS protocol") for the pages of configured origins. */
export interface Cors {
  /** The answer to an OPTIONS request, which browsers send ahead and without credentials. */
  preflight(request: Request): Response
  /** Lets the page read this answer, whatever its status is, if its origin is a configured one. */
  allow(request: Request, response: Response): void
}

/** What pages may read besides the body. */
const exposedHeaders = 'retry-after, www-authenticate, x-request-id'

/**
 * Only origins of the list are ever named, each to itself: `null` (sandboxed frames, files) is none of them, and `*` is not
 * used. Cookies are never let through: callers send a bearer token.
 */
export function createCors(origins: readonly string[]): Cors {
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
    preflight(request) {
      const response = new Response(null, { status: 204, headers: { allow: 'GET, POST, OPTIONS' } })
      if (!allow(request, response)) return response
      response.headers.append('vary', 'access-control-request-headers')
      response.headers.set('access-control-allow-methods', 'GET, POST')
      response.headers.set('access-control-max-age', '600')
      const asked = request.headers.get('access-control-request-headers')
      // Whichever they are: none of them is anything more than the caller's own.
      if (asked !== null && /^[\w!#$%&'*+.^`|~, -]{1,1000}$/.test(asked)) {
        response.headers.set('access-control-allow-headers', asked)
      }
      return response
    },
  }
}
