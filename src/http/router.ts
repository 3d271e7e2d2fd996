import { randomUUID } from 'node:crypto'
import type { LookupLimit } from '../environments/authenticate.ts'
import type { Authentication, Viewer } from '../environments/viewer.ts'
import type { Log } from '../log.ts'
import type { Cors } from './cors.ts'
import type { GraphQLHandler } from './graphql.ts'
import { html } from './html.ts'
import type { Metrics } from './metrics.ts'
import { pageResponse } from './page.ts'
import type { FetchHandler } from './server.ts'
import { addressKey, type Throttle } from './throttle.ts'

/**
 * Routes all paths except the sandbox's. Every response has an `x-request-id`, which its log lines have too. The query of a
 * URL is never logged: the callback's contains codes and states.
 */
export function createRouter(options: {
  readonly graphql: GraphQLHandler
  /** Answers /connect and the callback; null for other paths. */
  readonly connect: (request: Request) => Promise<Response | null>
  readonly authenticate: (authorization: string | null, limit: LookupLimit) => Promise<Authentication>
  /** The documentation of the tools. */
  readonly toolsPage: () => Response
  readonly isReady: () => Promise<boolean>
  readonly throttle: Throttle
  readonly cors: Cors
  readonly metrics: Metrics
  /** Whether /metrics is a path here, for API keys with the scope ADMIN; otherwise it has a listener of its own. */
  readonly servesMetrics: boolean
  /** Whether browsers must use https from now on (RFC 6797). */
  readonly https: boolean
  readonly log: Log
  readonly development: boolean
  readonly stopping: AbortSignal
}): FetchHandler {
  const { metrics, log, throttle } = options

  /** Returns the caller, null without a credential, or the response that refuses the request. */
  const identify = async (request: Request, address: string | null): Promise<Viewer | null | Response> => {
    const authorization = request.headers.get('authorization')
    const key = addressKey(address)
    // GraphiQL sends the scheme alone until a key is entered, and must be able to read the schema then.
    const authentication = await options.authenticate(
      authorization === null || /^bearer\s*$/i.test(authorization) ? null : authorization,
      { take: () => throttle.take(key, 'lookup'), giveBack: () => throttle.giveBack(key, 'lookup') },
    )
    if (authentication.kind === 'throttled') return tooManyRequests(authentication.waitMs)
    const { credential } = authentication.kind === 'viewer' ? authentication.viewer : { credential: null }
    const waitMs = credential
      ? throttle.take(credential.id, credential.kind === 'user_session' ? 'session' : 'credential')
      : throttle.take(key, 'address')
    if (waitMs !== null) return tooManyRequests(waitMs)
    if (authentication.kind === 'refused') {
      return errorResponse(401, 'UNAUTHENTICATED', authentication.message, {
        'www-authenticate': 'Bearer error="invalid_token"',
      })
    }
    return authentication.kind === 'viewer' ? authentication.viewer : null
  }

  const graphql = async (request: Request, requestId: string, address: string | null): Promise<Response> => {
    const viewer = await identify(request, address)
    return viewer instanceof Response ? viewer : options.graphql(request, { viewer, requestId })
  }

  const exposeMetrics = async (request: Request, address: string | null): Promise<Response> => {
    const viewer = await identify(request, address)
    if (viewer instanceof Response) return viewer
    if (viewer?.scopes.has('ADMIN')) return metrics.expose()
    const message =
      'Metrics require an API key with the scope ADMIN. Set METRICS_PORT to serve them on a port of their own.'
    return viewer === null
      ? errorResponse(401, 'UNAUTHENTICATED', message, { 'www-authenticate': 'Bearer' })
      : errorResponse(403, 'FORBIDDEN', message, {})
  }

  const route = async (request: Request, path: string, requestId: string, address: string | null) => {
    switch (path) {
      case '/graphql':
        return request.method === 'OPTIONS' ? options.cors.preflight(request) : graphql(request, requestId, address)
      case '/health':
        return Response.json({ status: 'ok' })
      case '/ready': {
        const wait = throttle.take(addressKey(address), 'probe')
        if (wait !== null) return tooManyRequests(wait)
        const ready = !options.stopping.aborted && (await options.isReady())
        return Response.json({ status: ready ? 'ready' : 'not ready' }, { status: ready ? 200 : 503 })
      }
      case '/metrics':
        if (options.servesMetrics) return exposeMetrics(request, address)
        break
      case '/tools':
        if (options.development) return options.toolsPage()
        break
      case '/':
        if (options.development) return new Response(null, { status: 302, headers: { location: '/graphql' } })
        break
    }
    const wait = throttle.take(addressKey(address), 'page')
    if (wait !== null) return tooManyRequestsPage(wait)
    return (await options.connect(request)) ?? Response.json({ error: `No route matches ${path}.` }, { status: 404 })
  }

  return async (request, { address, malformed }) => {
    const started = performance.now()
    const requestId = randomUUID()
    let path = ''
    let response: Response
    try {
      path = new URL(request.url).pathname
      response = malformed
        ? errorResponse(400, 'BAD_REQUEST', 'The request target or the Host field is malformed.', {})
        : await route(request, path, requestId, address)
      if (path === '/graphql' && request.method !== 'OPTIONS') options.cors.allow(request, response)
    } catch (error) {
      log.error({ err: error, requestId, path: routeName(path) }, 'request failed')
      response = Response.json({ errors: [internalError(requestId)] }, { status: 500 })
    }
    const seconds = (performance.now() - started) / 1000
    metrics.request(routeName(path), response.status, seconds)
    log.debug({ requestId, method: request.method, path: routeName(path), status: response.status, seconds }, 'request')
    response.headers.set('x-request-id', requestId)
    response.headers.set('x-content-type-options', 'nosniff')
    if (options.https) response.headers.set('strict-transport-security', 'max-age=31536000')
    return response
  }
}

const tooManyRequests = (waitMs: number) => {
  const seconds = Math.ceil(waitMs / 1000)
  return errorResponse(429, 'THROTTLED', `Too many requests. Try again in ${seconds} s.`, {
    'retry-after': `${seconds}`,
  })
}

/** For people. Reloading works, because a refused request uses nothing up. */
function tooManyRequestsPage(waitMs: number): Response {
  const seconds = Math.ceil(waitMs / 1000)
  const response = pageResponse({
    status: 429,
    title: 'Too many requests',
    content: html`<p>Your network sent too many requests. Wait ${seconds} s, then reload this page.</p>`,
  })
  response.headers.set('retry-after', `${seconds}`)
  return response
}

const errorResponse = (status: number, code: string, message: string, headers: Record<string, string>) =>
  Response.json({ errors: [{ message, extensions: { code } }] }, { status, headers })

const internalError = (requestId: string) => ({
  message: 'Internal error. The server log has the details under this request id.',
  extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
})

/** Returns the route of a path, without the secrets in the paths of links. */
function routeName(path: string): string {
  const first = `/${path.split('/')[1] ?? ''}`
  return ['/graphql', '/connect', '/oauth', '/health', '/ready', '/metrics', '/tools', '/'].includes(first)
    ? first
    : 'other'
}
