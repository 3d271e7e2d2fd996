import { randomUUID } from 'node:crypto'
import { operatorEnvironment } from '../environments/environment-store.ts'
import { permitsAll } from '../environments/narrowing.ts'
import type { Viewer } from '../environments/viewer.ts'
import type { Log } from '../log.ts'
import type { McpEndpoint } from '../mcp/mcp-endpoint.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { hiddenError, logUnexpected } from '../unexpected-error.ts'
import type { ConsoleHandler } from './console.ts'
import type { Cors } from './cors.ts'
import { faviconResponse } from './favicon.ts'
import type { GraphQLHandler } from './graphql.ts'
import { html } from './html.ts'
import type { GivenCredential, Identify } from './identify.ts'
import type { Metrics } from './metrics.ts'
import { pageResponse } from './page.ts'
import type { ProviderWebhooks } from './provider-webhooks.ts'
import { isSchemaFile, type SchemaFiles } from './schema-files.ts'
import type { FetchHandler } from './server.ts'
import { addressKey, type Throttle } from './throttle.ts'

/**
 * Routes all paths except the sandbox's. Every response has an `x-request-id`, which its log lines have too. The query of a
 * URL is never logged: the callback's contains codes and states.
 */
export function createRouter(options: {
  readonly graphql: GraphQLHandler
  /** Answers /connect, /approve and the callback; null for other paths. */
  readonly connect: (request: Request, requestId: string, address: string | null) => Promise<Response | null>
  readonly providerWebhooks: ProviderWebhooks
  /** Answers /console; null: it is off. */
  readonly console: ConsoleHandler | null
  readonly mcp: McpEndpoint
  readonly identify: Identify
  readonly schemaFiles: SchemaFiles
  /** The documentation of the tools. */
  readonly toolsPage: () => Promise<Response>
  readonly isReady: () => Promise<boolean>
  /** Proves at /health to a process with the same database that this is its server. */
  readonly proveInstallation: (challenge: string) => string
  readonly throttle: Throttle
  readonly cors: Cors
  readonly metrics: Metrics
  /** Whether /metrics is a path here, for ADMIN keys of the operator; otherwise it has a listener of its own. */
  readonly servesMetrics: boolean
  /** Whether browsers must use https from now on (RFC 6797). */
  readonly https: boolean
  readonly log: Log
  /** Null: requests are not traced. */
  readonly tracing: Tracing | null
  readonly development: boolean
  readonly stopping: AbortSignal
}): FetchHandler {
  const { metrics, log, throttle } = options

  /** Returns the caller, null without a credential, or the response that refuses the request. */
  const callerOf = async (given: GivenCredential, address: string | null): Promise<Viewer | null | Response> => {
    const found = await options.identify(given, address)
    if (found.kind === 'throttled') return tooManyRequests(found.waitMs)
    if (found.kind === 'caller') return found.viewer
    if (found.reason === 'network') return errorResponse(403, { code: 'FORBIDDEN' }, found.message, {})
    return errorResponse(401, { code: 'UNAUTHENTICATED', reason: found.reason }, found.message, {
      'www-authenticate': 'Bearer error="invalid_token"',
    })
  }

  const graphql = async (request: Request, requestId: string, address: string | null): Promise<Response> => {
    const authorization = request.headers.get('authorization')
    const ticket = new URL(request.url).searchParams.get('ticket')
    if (ticket !== null && (authorization !== null || !opensEvents(request))) {
      return errorResponse(400, { code: 'BAD_REQUEST' }, ticketRule, {})
    }
    const viewer = await callerOf(ticket === null ? { authorization } : { ticket }, address)
    if (viewer instanceof Response) return viewer
    return options.graphql(request, { viewer, requestId, address, byTicket: ticket !== null })
  }

  const mcp = async (request: Request, requestId: string, address: string | null): Promise<Response> => {
    // As the transport of MCP requires, so that no page reaches a server in the network of its reader (DNS rebinding).
    if (options.cors.isForeign(request)) return errorResponse(403, { code: 'FORBIDDEN' }, foreignOrigin, {})
    const viewer = await callerOf({ authorization: request.headers.get('authorization') }, address)
    if (viewer instanceof Response) return viewer
    if (viewer === null) {
      const message = 'MCP requires an API key: Authorization: Bearer <key>.'
      return errorResponse(401, { code: 'UNAUTHENTICATED' }, message, { 'www-authenticate': 'Bearer' })
    }
    if (viewer.identifier !== null) {
      const message = 'A user session cannot call tools. Use an API key.'
      return errorResponse(403, { code: 'FORBIDDEN' }, message, {})
    }
    return options.mcp(request, viewer, { requestId, sourceAddress: address })
  }

  const exposeMetrics = async (request: Request, address: string | null): Promise<Response> => {
    const viewer = await callerOf({ authorization: request.headers.get('authorization') }, address)
    if (viewer instanceof Response) return viewer
    const isOperator = viewer?.environmentName === operatorEnvironment && permitsAll(viewer.narrowing, 'environment')
    if (isOperator && viewer.scopes.has('ADMIN')) return metrics.expose()
    const message = `Metrics count the calls of all environments. They require an API key of the environment "${operatorEnvironment}" with the scope ADMIN that is not narrowed. Set METRICS_PORT to serve them on a port of their own.`
    return viewer === null
      ? errorResponse(401, { code: 'UNAUTHENTICATED' }, message, { 'www-authenticate': 'Bearer' })
      : errorResponse(403, { code: 'FORBIDDEN' }, message, {})
  }

  const schemaFile = async (request: Request, path: string, address: string | null): Promise<Response> => {
    if (request.method === 'OPTIONS') return options.cors.preflight(request)
    const viewer = await callerOf({ authorization: request.headers.get('authorization') }, address)
    if (viewer instanceof Response) return viewer
    if (viewer !== null) return options.schemaFiles(request, path)
    const message = 'The schema requires a credential. Send "Authorization: Bearer <API key or user session>".'
    return errorResponse(401, { code: 'UNAUTHENTICATED' }, message, { 'www-authenticate': 'Bearer' })
  }

  const route = async (request: Request, path: string, requestId: string, address: string | null) => {
    switch (path) {
      case '/graphql':
        return request.method === 'OPTIONS' ? options.cors.preflight(request) : graphql(request, requestId, address)
      case '/mcp':
        return request.method === 'OPTIONS' ? options.cors.preflight(request) : mcp(request, requestId, address)
      case '/health': {
        const challenge = new URL(request.url).searchParams.get('challenge')
        if (challenge === null || !/^[\w-]{43}$/.test(challenge)) return Response.json({ status: 'ok' })
        return Response.json({ status: 'ok', proof: options.proveInstallation(challenge) })
      }
      case '/ready': {
        const wait = throttle.take(addressKey(address), 'probe')
        if (wait !== null) return tooManyRequests(wait)
        const ready = !options.stopping.aborted && (await options.isReady())
        return Response.json({ status: ready ? 'ready' : 'not ready' }, { status: ready ? 200 : 503 })
      }
      case '/metrics':
        if (options.servesMetrics) return exposeMetrics(request, address)
        break
      case '/favicon.ico':
        return faviconResponse()
      case '/tools':
        if (options.development) return options.toolsPage()
        break
      case '/':
        if (options.development) return new Response(null, { status: 302, headers: { location: '/graphql' } })
        break
    }
    if (isSchemaFile(path)) return schemaFile(request, path, address)
    if (path.startsWith('/webhooks/')) return options.providerWebhooks(request, path, address)
    const wait = throttle.take(addressKey(address), 'page')
    if (wait !== null) return tooManyRequestsPage(wait)
    return (
      options.console?.(request, path) ??
      (await options.connect(request, requestId, address)) ??
      notFound(request, path, options.development)
    )
  }

  const answer: FetchHandler = async (request, { address, malformed }) => {
    const started = performance.now()
    const requestId = randomUUID()
    let path = ''
    let response: Response
    try {
      path = new URL(request.url).pathname
      response = malformed
        ? errorResponse(400, { code: 'BAD_REQUEST' }, 'The request target or the Host field is malformed.', {})
        : await route(request, path, requestId, address)
    } catch (error) {
      logUnexpected(log, error, { requestId, path: routeName(path) })
      const { code, message } = hiddenError(error)
      const isOutage = code === 'SERVICE_UNAVAILABLE'
      response = Response.json(
        { errors: [{ message, extensions: { code, requestId } }] },
        isOutage ? { status: 503, headers: { 'retry-after': '1' } } : { status: 500 },
      )
    }
    if ((path === '/graphql' || path === '/mcp' || isSchemaFile(path)) && request.method !== 'OPTIONS')
      options.cors.allow(request, response)
    const seconds = (performance.now() - started) / 1000
    metrics.request(routeName(path), response.status, seconds)
    log.debug({ requestId, method: request.method, path: routeName(path), status: response.status, seconds }, 'request')
    response.headers.set('x-request-id', requestId)
    response.headers.set('x-content-type-options', 'nosniff')
    if (options.https) response.headers.set('strict-transport-security', 'max-age=31536000')
    return response
  }
  return options.tracing ? traceRequests(options.tracing, answer) : answer
}

const tooManyRequests = (waitMs: number) => {
  const seconds = Math.ceil(waitMs / 1000)
  return errorResponse(429, { code: 'THROTTLED' }, `Too many requests. Try again in ${seconds} s.`, {
    'retry-after': `${seconds}`,
  })
}

/** For programs, and for people who open the address in a browser. */
function notFound(request: Request, path: string, development: boolean): Response {
  if (!/\btext\/html\b/i.test(request.headers.get('accept') ?? ''))
    return Response.json({ error: `No route matches ${path}.` }, { status: 404 })
  return pageResponse({
    status: 404,
    title: 'There is no page here',
    content: html`<p>Check the address. If you came from an application, go back to it.</p>${
      development ? html`<a class="go" href="/">Open GraphiQL</a>` : null
    }`,
  })
}

/** For people. Reloading works, because a refused request uses nothing up. */
function tooManyRequestsPage(waitMs: number): Response {
  const seconds = Math.ceil(waitMs / 1000)
  const response = pageResponse({
    status: 429,
    title: 'Too many requests',
    content: html`<p>Your network sent too many requests. Wait ${seconds} s, then try again. Nothing was used up.</p><a class="go" href="">Try again</a>`,
  })
  response.headers.set('retry-after', `${seconds}`)
  return response
}

/** The request of a browser's EventSource. */
const opensEvents = ({ method, headers }: Request) =>
  method === 'GET' && /\btext\/event-stream\b/i.test(headers.get('accept') ?? '')

const foreignOrigin =
  'The page that sent this request has an origin that may not call /mcp. List it in VALETKEY_CORS_ORIGINS.'

const ticketRule =
  'A stream ticket requires a GET with "accept: text/event-stream" and without an Authorization header, as EventSource sends it.'

const errorResponse = (
  status: number,
  extensions: { readonly code: string; readonly reason?: string },
  message: string,
  headers: Record<string, string>,
) => Response.json({ errors: [{ message, extensions }] }, { status, headers })

/** Monitoring asks for these all the time. */
const untraced = new Set(['/health', '/ready', '/metrics'])

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Measures requests until the first byte of their responses, as a part of the trace that their headers name. */
function traceRequests(tracing: Tracing, answer: FetchHandler): FetchHandler {
  return (request, peer) => {
    const route = URL.canParse(request.url) ? routeName(new URL(request.url).pathname) : 'other'
    if (untraced.has(route)) return answer(request, peer)
    const method = methods.has(request.method) ? request.method : '_OTHER'
    const work = {
      name: `${method} ${route}`,
      kind: 'server',
      attributes: { 'http.request.method': method, 'http.route': route },
      callerHeaders: request.headers,
    } as const
    return tracing.span(work, async (span) => {
      const response = await answer(request, peer)
      span.set({ 'http.response.status_code': response.status })
      if (response.status >= 500) span.fail(String(response.status))
      return response
    })
  }
}

/** Returns the route of a path, without the secrets in the paths of links. */
function routeName(path: string): string {
  const first = `/${path.split('/')[1] ?? ''}`
  const routes = [
    '/graphql',
    '/mcp',
    '/connect',
    '/approve',
    '/oauth',
    '/health',
    '/ready',
    '/metrics',
    '/tools',
    '/console',
    '/webhooks',
    '/favicon.ico',
    '/',
  ]
  return routes.includes(first) || isSchemaFile(path) ? first : 'other'
}
