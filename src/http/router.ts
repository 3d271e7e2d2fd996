import { randomUUID } from 'node:crypto'
import type { Authentication } from '../environments/viewer.ts'
import type { Log } from '../log.ts'
import type { Cors } from './cors.ts'
import type { GraphQLHandler } from './graphql.ts'
import type { Metrics } from './metrics.ts'
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
  readonly authenticate: (authorization: string | null) => Promise<Authentication>
  /** The documentation of the tools. */
  readonly toolsPage: () => Response
  readonly isReady: () => Promise<boolean>
  readonly throttle: Throttle
  readonly cors: Cors
  readonly metrics: Metrics
  readonly log: Log
  readonly development: boolean
  readonly stopping: AbortSignal
}): FetchHandler {
  const { metrics, log } = options

  const graphql = async (request: Request, requestId: string, address: string | null): Promise<Response> => {
    const authorization = request.headers.get('authorization')
    // GraphiQL sends the scheme alone until a key is entered, and must be able to read the schema then.
    const authentication = await options.authenticate(
      authorization === null || /^bearer\s*$/i.test(authorization) ? null : authorization,
    )
    const viewer = authentication.kind === 'viewer' ? authentication.viewer : null
    const wait = viewer
      ? options.throttle.take(viewer.credential.id, 'credential')
      : options.throttle.take(addressKey(address), 'address')
    if (wait !== null) {
      const seconds = Math.ceil(wait / 1000)
      return errorResponse(429, 'THROTTLED', `Too many requests. Try again in ${seconds} s.`, {
        'retry-after': `${seconds}`,
      })
    }
    if (authentication.kind === 'refused') {
      return errorResponse(401, 'UNAUTHENTICATED', authentication.message, {
        'www-authenticate': 'Bearer error="invalid_token"',
      })
    }
    return options.graphql(request, { viewer, requestId })
  }

  const route = async (request: Request, path: string, requestId: string, address: string | null) => {
    switch (path) {
      case '/graphql':
        return request.method === 'OPTIONS' ? options.cors.preflight(request) : graphql(request, requestId, address)
      case '/health':
        return Response.json({ status: 'ok' })
      case '/ready': {
        const ready = !options.stopping.aborted && (await options.isReady())
        return Response.json({ status: ready ? 'ready' : 'not ready' }, { status: ready ? 200 : 503 })
      }
      case '/metrics': {
        const { contentType, body } = await metrics.expose()
        return new Response(body, { headers: { 'content-type': contentType } })
      }
      case '/tools':
        if (options.development) return options.toolsPage()
        break
      case '/':
        if (options.development) return new Response(null, { status: 302, headers: { location: '/graphql' } })
        break
    }
    return (await options.connect(request)) ?? Response.json({ error: `No route matches ${path}.` }, { status: 404 })
  }

  return async (request, { address }) => {
    const started = performance.now()
    const requestId = randomUUID()
    const path = new URL(request.url).pathname
    let response: Response
    try {
      response = await route(request, path, requestId, address)
    } catch (error) {
      log.error({ err: error, requestId, path: routeName(path) }, 'request failed')
      response = Response.json({ errors: [internalError(requestId)] }, { status: 500 })
    }
    if (path === '/graphql' && request.method !== 'OPTIONS') options.cors.allow(request, response)
    const seconds = (performance.now() - started) / 1000
    metrics.request(routeName(path), response.status, seconds)
    log.debug({ requestId, method: request.method, path: routeName(path), status: response.status, seconds }, 'request')
    response.headers.set('x-request-id', requestId)
    return response
  }
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
