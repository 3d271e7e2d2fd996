import { confirmAuthorization, findPendingAuthorization } from '../../accounts/authorization/confirm-authorization.ts'
import { finishAuthorization } from '../../accounts/authorization/finish-authorization.ts'
import { type FlowCookie, surplusCookies } from '../../accounts/authorization/flow-cookies.ts'
import { openAuthorization } from '../../accounts/authorization/open-authorization.ts'
import { findOnlyApp, findShownApp } from '../../accounts/branded-app.ts'
import type { AccountsContext } from '../../accounts/context.ts'
import { actingAs, browserActor } from '../../audit/audit-log.ts'
import { AuthorizationFlowNotFoundError, ProviderUserChangedError } from '../../errors.ts'
import { type Connector, requireConnector } from '../../tools/connector.ts'
import { logUnexpected } from '../../unexpected-error.ts'
import { headResponse, pageResponse, redirectResponse } from '../page.ts'
import { isSameOrigin } from '../same-origin.ts'
import {
  type ApprovePageContext,
  confirmApproverInDevelopment,
  decideApproval,
  mayReplaceApplication,
  showApproval,
} from './approve-handler.ts'
import { cookieNames, cookieReader } from './cookies.ts'
import {
  beforeConsentPage,
  brokenPage,
  closedLinkPage,
  confirmationPage,
  confirmedPage,
  endingPage,
  foreignFormPage,
  nothingToConfirmPage,
  refusedCallbackPage,
  unknownLinkPage,
  wrongMethodPage,
} from './pages.ts'

/** What the pages depend on in addition to the authorizations. */
export interface ConnectHandlerOptions {
  readonly connectors: readonly Connector[]
  readonly development: boolean
  /** Absent: approvals have no page. */
  readonly approvals?: Omit<ApprovePageContext, 'accounts'>
}

/**
 * Serves the pages for users' browsers: `/connect/<link>`, `/oauth/callback/<connection>`, `/approve/<approval>` and, in
 * development, `/connect/confirm`. Returns null for every other path.
 *
 * A link redirects to the provider with 303. Where the user must be informed first, of expected resources or of an index of
 * the content, it returns a page with one `<a>` to the provider. Both set the cookie that the callback checks, and use
 * nothing up: mail scanners, link previews and prefetching open links as well, and cannot be distinguished from people. HEAD
 * does nothing at all.
 */
export function createConnectHandler(
  accounts: AccountsContext,
  options: ConnectHandlerOptions,
): (request: Request, requestId: string, address: string | null) => Promise<Response | null> {
  const context = actingAs(accounts, browserActor)
  const approvals = options.approvals && { ...options.approvals, accounts: context }
  return async (request, requestId, address) => {
    const url = new URL(request.url)
    const [, first, second, third, ...rest] = url.pathname.split('/')
    if (first === 'connect') {
      const approvalState = url.searchParams.get('approval_state')
      if (second === 'confirm' && approvalState !== null && approvals && options.development) {
        const confirmApprover = () => confirmApproverInDevelopment(approvals, request, address, approvalState)
        return answer(context, request, requestId, { get: confirmApprover, post: confirmApprover })
      }
      if (second === 'confirm' && third === undefined && options.development) {
        return answer(context, request, requestId, {
          get: () => showConfirmation(context, request, address),
          post: () => confirm(context, options, request, address),
        })
      }
      return answer(context, request, requestId, {
        get: () => open(context, options, request, third === undefined ? (second ?? '') : ''),
      })
    }
    if (first === 'approve' && approvals) {
      const id = third === undefined ? (second ?? '').toLowerCase() : ''
      return answer(context, request, requestId, {
        get: () => showApproval(approvals, request, id),
        post: () => decideApproval(approvals, request, id, requestId),
      })
    }
    if (first === 'oauth' && second === 'callback') {
      return answer(context, request, requestId, {
        get: () => finish(context, options, request, url.searchParams, rest.length === 0 ? (third ?? '') : ''),
      })
    }
    return null
  }
}

async function answer(
  context: AccountsContext,
  request: Request,
  requestId: string,
  { get, post }: { readonly get: () => Promise<Response>; readonly post?: () => Promise<Response> },
): Promise<Response> {
  if (request.method === 'HEAD') return headResponse()
  const respond = request.method === 'GET' ? get : request.method === 'POST' ? post : undefined
  try {
    if (respond) return await respond()
    const response = pageResponse(wrongMethodPage(await findOnlyApp(context)))
    response.headers.set('allow', post ? 'GET, HEAD, POST' : 'GET, HEAD')
    return response
  } catch (err) {
    // Neither path nor query: both contain one-time tokens.
    logUnexpected(context.log, err, { requestId })
    return pageResponse(brokenPage)
  }
}

async function open(
  context: AccountsContext,
  { connectors }: ConnectHandlerOptions,
  request: Request,
  linkText: string,
): Promise<Response> {
  const opening = /^[\w-]{43}$/.test(linkText)
    ? await openAuthorization(context, linkText)
    : ({ kind: 'unknown' } as const)
  if (opening.kind === 'unknown') return pageResponse(unknownLinkPage(await findOnlyApp(context)))
  if (opening.kind !== 'open') return pageResponse(closedLinkPage(opening))
  const surplus = surplusCookies(context, cookieNames(request.headers.get('cookie')))
  const cookies = setCookies(context, [opening.cookie, ...surplus])
  return opening.expectedResources.length === 0 && !opening.contentSearch
    ? redirectResponse(opening.authorizationUrl, cookies)
    : pageResponse(beforeConsentPage(opening, requireConnector(connectors, opening.connector)), cookies)
}

async function finish(
  context: AccountsContext,
  { connectors }: ConnectHandlerOptions,
  request: Request,
  query: URLSearchParams,
  callback: string,
): Promise<Response> {
  const outcome = await finishAuthorization(context, {
    callback,
    query,
    readCookie: cookieReader(request.headers.get('cookie')),
  })
  if (!('cookies' in outcome)) {
    const oauthAppId = 'oauthAppId' in outcome ? outcome.oauthAppId : null
    const app = oauthAppId === null ? null : await findShownApp(context, oauthAppId)
    if (outcome.kind === 'malformed' || outcome.kind === 'unknown')
      return pageResponse(refusedCallbackPage(outcome, await findOnlyApp(context)))
    return pageResponse(refusedCallbackPage(outcome, app))
  }
  const cookies = setCookies(context, outcome.cookies)
  if (outcome.kind === 'to_application') return redirectResponse(outcome.url, cookies)
  return outcome.returnUrl === null
    ? pageResponse(
        endingPage(outcome.result, requireConnector(connectors, outcome.connector).name, outcome.app),
        cookies,
      )
    : redirectResponse(outcome.returnUrl, cookies)
}

const findPending = async (context: AccountsContext, request: Request) => {
  const flowId = new URL(request.url).searchParams.get('flow_id') ?? ''
  return { flowId, pending: /^[\w-]{43}$/.test(flowId) ? await findPendingAuthorization(context, flowId) : null }
}

async function showConfirmation(context: AccountsContext, request: Request, address: string | null): Promise<Response> {
  const { flowId, pending } = await findPending(context, request)
  if (!pending) return pageResponse(nothingToConfirmPage(await findOnlyApp(context)))
  return pageResponse(confirmationPage(flowId, pending, mayReplaceApplication(pending, request, address)))
}

/** Confirms as the application would whose signed-in user is the one that the link was made for. */
async function confirm(
  context: AccountsContext,
  { connectors }: ConnectHandlerOptions,
  request: Request,
  address: string | null,
): Promise<Response> {
  if (!isSameOrigin(request, context.publicUrl)) return pageResponse(foreignFormPage)
  const { flowId: confirmationToken, pending } = await findPending(context, request)
  if (!pending) return pageResponse(nothingToConfirmPage(await findOnlyApp(context)))
  if (!mayReplaceApplication(pending, request, address)) return pageResponse(foreignFormPage)
  const { environmentId, identifier, app } = pending
  const service = requireConnector(connectors, pending.connector).name
  try {
    const { account, returnUrl } = await confirmAuthorization(context, environmentId, { confirmationToken, identifier })
    return pageResponse(confirmedPage(account, service, app, returnUrl))
  } catch (error) {
    if (error instanceof ProviderUserChangedError)
      return pageResponse(endingPage({ kind: 'user_changed' }, service, app))
    // Another tab was faster.
    if (error instanceof AuthorizationFlowNotFoundError) return pageResponse(nothingToConfirmPage(app))
    throw error
  }
}

/** Lax, not Strict: the callback is a navigation from the provider's site. */
function setCookies(context: AccountsContext, cookies: readonly FlowCookie[]): readonly string[] {
  const secure = context.publicUrl.startsWith('https:') ? '; Secure' : ''
  return cookies.map(
    ({ name, value, maxAgeSeconds }) =>
      `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`,
  )
}
