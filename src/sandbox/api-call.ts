import type { ApiVersion, CallContext, Route } from './context.ts'
import { apiVersions, limits } from './context.ts'
import {
  invalidBeta,
  invalidJson,
  invalidRequestUrl,
  missingBearer,
  missingVersion,
  rateLimited,
  unknownVersion,
} from './errors.ts'
import type { Answer, SandboxRequest } from './exchange.ts'
import { jsonAnswer, parseJsonBody } from './exchange.ts'
import { authenticate } from './oauth/rotation.ts'
import type { RateLimiter } from './rate-limit.ts'
import type { RouteMatch } from './router.ts'
import type { SandboxState } from './state.ts'
import { isObject } from './validation/check.ts'
import type { Webhooks } from './webhooks/webhooks.ts'

/**
 * Returns the token of an Authorization header in the form `Bearer <token>`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
 */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1]
}

function versionOf(header: string | string[] | undefined): ApiVersion {
  if (header === undefined || header === '') throw missingVersion()
  const sent = String(header)
  const version = apiVersions.find((known) => known === sent)
  if (!version) throw unknownVersion(sent, apiVersions)
  return version
}

/**
 * Runs an operation that requires a bearer token. Checks in the order of the live service: JSON syntax, token, version,
 * rate limit, capability, then the checks of the operation.
 *
 * Throws NotionApiError when a check fails.
 */
export async function runApiCall(
  deps: {
    readonly state: SandboxState
    readonly rateLimiter: RateLimiter
    readonly webhooks: Pick<Webhooks, 'actAs'>
    readonly publicUrl: string
  },
  match: RouteMatch<Route>,
  request: SandboxRequest,
): Promise<Answer> {
  const { state } = deps
  const { route, params } = match
  const parsed = route.rawBody === undefined ? parseJsonBody(request.body) : { ok: true as const, value: undefined }
  if (!parsed.ok) throw invalidJson()

  const bearer = bearerToken(request.headers.authorization)
  if (bearer === undefined) throw missingBearer()
  const access = authenticate(state, bearer)
  const version = versionOf(request.headers['notion-version'])
  if (route.versions && !route.versions.includes(version)) throw invalidRequestUrl()
  const beta = request.headers['notion-beta']
  if (beta !== undefined) throw invalidBeta(String(beta))

  const retryAfter = deps.rateLimiter.take(access.grant.id, state.settings().rateLimitPerMinute)
  if (retryAfter !== undefined) throw rateLimited(retryAfter, 'public_api_request_rate_limit')
  if (route.capability) access.requireCapability(route.capability)

  const context: CallContext = {
    store: state.store,
    now: state.settings().wholeMinutes === true ? () => minuteOf(state.now()) : state.now,
    newId: state.newId,
    access,
    version,
    params,
    query: new URLSearchParams(request.search),
    body: parsed.value,
    raw:
      route.rawBody === undefined
        ? undefined
        : { contentType: request.headers['content-type'] ?? '', bytes: request.body },
    headers: request.headers,
    requestId: request.requestId,
    publicUrl: deps.publicUrl,
    limits,
  }
  const result: unknown = await deps.webhooks.actAs(access.bot.id, () => route.handler(context))
  // Accepted, and not yet done.
  const isStarted = route.method !== 'GET' && isObject(result) && result.object === 'async_task'
  return { ...jsonAnswer(isStarted ? 202 : 200, withRequestId(result, request.requestId)), result }
}

const minuteOf = (time: Date) => new Date(Math.floor(time.getTime() / 60_000) * 60_000)

/** Adds the request id to an object, as Notion does. */
function withRequestId(result: unknown, requestId: string): unknown {
  return isObject(result) ? { ...result, request_id: requestId } : result
}
