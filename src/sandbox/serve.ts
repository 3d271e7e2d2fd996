import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiRoutes } from './api/routes.ts'
import { bearerToken, runApiCall } from './api-call.ts'
import { limits } from './context.ts'
import { answerControl, controlPath } from './control/endpoint.ts'
import type { ControlTargets } from './control/operation.ts'
import { internalServerError, invalidRequestUrl, NotionApiError, validationError } from './errors.ts'
import type { Answer, SandboxRequest } from './exchange.ts'
import { errorAnswer, jsonAnswer, oauthErrorAnswer, receiveBody } from './exchange.ts'
import type { Fault } from './faults/fault.ts'
import { faultsBefore } from './faults/fault.ts'
import { refusal, savedAnswer } from './faults/refusals.ts'
import { answerHome, asksForHome } from './home.ts'
import { answerAuthorize } from './oauth/authorize.ts'
import { OAuthError } from './oauth/oauth-error.ts'
import { oauthOperations, readOAuthParameters, runOAuthOperation } from './oauth/token-endpoints.ts'
import type { RateLimiter } from './rate-limit.ts'
import type { LogEntry, RequestLog } from './request-log.ts'
import { createRouter } from './router.ts'
import { fingerprint } from './state.ts'
import type { Wire } from './wire.ts'

/** Options of `createServe`. */
export interface ServeOptions {
  /** Prefix of all paths. Other paths are unknown. */
  readonly basePath: string
  publicUrl(): string
  /** Enables `/_control`. */
  readonly control: boolean
  readonly targets: ControlTargets
  readonly log: RequestLog
  readonly rateLimiter: RateLimiter
  /** Waits until all changes are in the journal. */
  saved(): Promise<void>
  readonly wire: Wire
}

/** Default target of a redirect fault. It logs whether the request contains credentials. */
const redirectTrap = '/_redirected'

/** Maximum size in bytes of an upload. It bounds memory; the limit of the workspace is checked separately. */
const maxRawBodyBytes = 32 * 1024 * 1024

/** Maximum size in bytes of a control operation or a form of the consent page, which grows with the selection. */
const maxOtherBodyBytes = 1024 * 1024

const bodyTooLarge = (bytes: number) =>
  validationError(`body failed validation: body size should be ≤ \`${bytes}\` bytes, instead was larger.`)

const isControl = (path: string) => path === controlPath || path.startsWith(`${controlPath}/`)

/**
 * Returns a function that handles a request: it reads the body, logs the request, takes the fault for it, runs the
 * operation and sends the response. The promise resolves when the response is sent or the connection is closed, and
 * rejects only for bugs.
 */
export function createServe(
  options: ServeOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { basePath, log, rateLimiter, wire } = options
  const { state, faults, webhooks } = options.targets
  const findRoute = createRouter(apiRoutes)

  /** Runs an operation and returns its response or its error response. */
  async function runOperation(request: SandboxRequest): Promise<Answer> {
    try {
      const { method, path } = request
      const asksForConsent = path === '/v1/oauth/authorize' && (method === 'GET' || method === 'POST')
      if (asksForConsent) return answerAuthorize(state, request)
      const oauthOperation = method === 'POST' ? oauthOperations.get(path) : undefined
      if (oauthOperation) {
        const result = runOAuthOperation(state, oauthOperation, request)
        return { ...jsonAnswer(200, { ...result, request_id: request.requestId }), result }
      }
      const match = findRoute(method, path)
      if (!match) throw invalidRequestUrl()
      return await runApiCall({ state, rateLimiter, webhooks, publicUrl: options.publicUrl() }, match, request)
    } catch (error) {
      if (error instanceof NotionApiError) return errorAnswer(error, request.requestId)
      if (error instanceof OAuthError) return oauthErrorAnswer(error, request.requestId)
      state.logger.error('sandbox operation failed', error)
      return errorAnswer(internalServerError(), request.requestId)
    }
  }

  async function runWithFault(request: SandboxRequest, fault: Fault | undefined): Promise<Answer> {
    if (!fault) return runOperation(request)
    const isInstead = faultsBefore.some((kind) => kind === fault.kind)
    if (isInstead) return refusal(fault, request, `${options.publicUrl()}${redirectTrap}`)
    const answer = await runOperation(request)
    return fault.kind === 'commit_then_503' ? savedAnswer(answer, request) : answer
  }

  /** Returns the maximum size of a request body in bytes. */
  function maxBodyBytes(method: string, path: string): number {
    if (isControl(path) || path === '/v1/oauth/authorize' || path === '/' || path === '') return maxOtherBodyBytes
    const rawBody = findRoute(method, path)?.route.rawBody
    return rawBody === undefined ? limits.bodyBytes : Math.min(rawBody, maxRawBodyBytes)
  }

  function logCredentials(entry: LogEntry, request: SandboxRequest): void {
    const bearer = bearerToken(request.headers.authorization)
    if (bearer !== undefined) entry.tokenFingerprint = fingerprint(bearer)
    if (request.method !== 'POST' || !oauthOperations.has(request.path)) return
    const parameters = readOAuthParameters(request)
    const token = parameters?.get('refresh_token') ?? parameters?.get('token')
    const grantType = parameters?.get('grant_type')
    if (token !== undefined) entry.tokenFingerprint = fingerprint(token)
    if (grantType !== undefined) entry.grantType = grantType
  }

  async function serveApi(request: SandboxRequest, response: ServerResponse, entry: LogEntry): Promise<void> {
    logCredentials(entry, request)
    const fault = faults.take(request.method, request.path)
    if (fault) entry.fault = fault.kind
    const answer = await runWithFault(request, fault)
    // A client that has the response relies on the change: it must survive a crash.
    await options.saved()
    if (!(await wire.pause(response, state.settings().latencyMs))) return
    if (fault?.kind === 'html') response.removeHeader('x-notion-request-id')
    if (fault?.kind !== 'reset' && fault?.kind !== 'commit_then_reset') entry.status = answer.status
    if (fault) await wire.sendFaulty(response, answer, fault)
    else wire.send(response, answer)
  }

  return async (incoming, response) => {
    const method = incoming.method ?? 'GET'
    const [target = '', ...query] = (incoming.url ?? '/').split('?')
    const isOurs = target === basePath || target.startsWith(`${basePath}/`)
    const path = isOurs ? target.slice(basePath.length) : target
    const requestId = state.newId()
    response.setHeader('x-notion-sandbox', 'true')
    response.setHeader('date', state.now().toUTCString())

    const maxBytes = isOurs ? maxBodyBytes(method, path) : 0
    const received = await receiveBody(incoming, maxBytes)
    if (received.kind === 'aborted') return
    const body = received.kind === 'complete' ? received.bytes : Buffer.alloc(0)
    const request = { method, path, search: query.join('?'), headers: incoming.headers, body, requestId }
    const isControlRequest = isOurs && options.control && isControl(path)
    if (isControlRequest && received.kind === 'complete') {
      const answer = await answerControl(options.targets, log, request)
      await options.saved()
      return wire.send(response, answer)
    }

    if (isOurs && options.control && asksForHome(request) && received.kind === 'complete') {
      const answer = await answerHome(options.targets, request, options.publicUrl())
      await options.saved()
      return wire.send(response, answer)
    }

    response.setHeader('x-notion-request-id', requestId)
    const entry = log.start({ at: state.now().toISOString(), method, path, requestId, status: null })
    const refuse = (error: NotionApiError) => {
      entry.status = error.status
      wire.send(response, errorAnswer(error, requestId))
    }
    if (!isOurs) return refuse(invalidRequestUrl())
    if (path === redirectTrap) {
      entry.credentialsReceived = request.headers.authorization !== undefined || body.length > 0
      return refuse(invalidRequestUrl())
    }
    if (received.kind === 'too_large') {
      response.setHeader('connection', 'close')
      return refuse(bodyTooLarge(maxBytes))
    }
    await serveApi(request, response, entry)
  }
}
