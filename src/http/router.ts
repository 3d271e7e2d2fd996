import { randomUUID } from 'node:crypto'
import type { Authentication } from '../environments/authenticate.ts'
import type { Log } from '../log.ts'
import type { Cors } from './cors.ts'
import type { GraphQLHandler } from './graphql.ts'
import type { Metrics } from './metrics.ts'
import type { FetchHandler } from './server.ts'
import { addressKey, type Throttle } from './throttle.ts'

/**
 * All paths but the sandbox's. Every answer carries an `x-request-id`; every log line of a request has the same.
 * Queries of URLs are never logged: those of the callback hold codes and states.
 */
export function createRouter(options: {
  readonly graphql: GraphQLHandler
  /** The pages of /connect and the callback; null for paths that are not theirs. */
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
    // GraphiQL sends the scheme alone until a key has been entered; it is to see the schema all the same.
    const authentication = await options.authenticate(
      authorization === null || /^bearer\s*$/i.test(authorization) ? null : authorization,
    )
    const viewer = authentication.kind === 'viewer' ? authentication.viewer : null
    const wait = viewer
      ? options.throttle.take(viewer.credential.id, 'credential')
      : options.throttle.take(addressKey(address), 'address')
    if (wait !== null) {
      const seconds = Math.ceil(wait / 1000)
      return errorAnswer(429, 'THROTTLED', `Too many requests: try again in ${seconds} s.`, {
        'retry-after': `${seconds}`,
      })
    }
    if (authentication.kind === 'refused') {
      return errorAnswer(401, 'UNAUTHENTICATED', authentication.message, {
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
    return (await options.connect(request)) ?? Response.json({ error: `There is nothing at ${path}.` }, { status: 404 })
  }

  return async (request, { address }) => {
    const started = performance.now()
    const requestId = randomUUID()
    const path = new URL(request.url).pathname
    let response: Response
    try {
      response = await route(request, path, requestId, address)
    } catch (error) {
      log.error({ err: error, requestId, path: routeName(path) }, 'a request failed')
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

const errorAnswer = (status: number, code: string, message: string, headers: Record<string, string>) =>
  Response.json({ errors: [{ message, extensions: { code } }] }, { status, headers })

const internalError = (requestId: string) => ({
  message: 'Something went wrong on the server. Its log tells more under the request id.',
  extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
})

/** The route of a path, without the secrets that paths of links hold. */
function routeName(path: string): string {
  const first = `/${path.split('/')[1] ?? ''}`
  return ['/graphql', '/connect', '/oauth', '/health', '/ready', '/metrics', '/tools', '/'].includes(first)
    ? first
    : 'other'
}
