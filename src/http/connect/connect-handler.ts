import { findPendingAuthorization } from '../../accounts/authorization/confirm-authorization.ts'
import { finishAuthorization } from '../../accounts/authorization/finish-authorization.ts'
import { type FlowCookie, surplusCookies } from '../../accounts/authorization/flow-cookies.ts'
import { openAuthorization } from '../../accounts/authorization/open-authorization.ts'
import type { AccountsContext } from '../../accounts/context.ts'
import type { Connector } from '../../tools/connector.ts'
import { headResponse, type Page, pageResponse, redirectResponse } from '../page.ts'
import { cookieNames, cookieReader } from './cookies.ts'
import {
  beforeConsentPage,
  brokenPage,
  closedLinkPage,
  confirmationPage,
  endingPage,
  nothingToConfirmPage,
  refusedCallbackPage,
  wrongMethodPage,
} from './pages.ts'

/** What the pages depend on in addition to the authorizations. */
export interface ConnectHandlerOptions {
  readonly connectors: readonly Connector[]
  readonly development: boolean
}

/**
 * Serves the pages for users' browsers: `/connect/<link>`, `/oauth/callback/<OAuth app>` and, in development,
 * `/connect/confirm`. Returns null for every other path.
 *
 * A link without expected resources redirects to the provider with 303. With them it returns a page with one `<a>` to the
 * provider. Both set the cookie that the callback checks, and use nothing up: mail scanners, link previews and prefetching
 * open links as well, and cannot be distinguished from people. HEAD does nothing at all.
 */
export function createConnectHandler(
  context: AccountsContext,
  options: ConnectHandlerOptions,
): (request: Request) => Promise<Response | null> {
  return async (request) => {
    const url = new URL(request.url)
    const [, first, second, third, ...rest] = url.pathname.split('/')
    if (first === 'connect') {
      return answer(context, request, () => {
        if (second === 'confirm' && options.development) return confirm(context, url.searchParams)
        return open(context, options, request, third === undefined ? (second ?? '') : '')
      })
    }
    if (first === 'oauth' && second === 'callback') {
      return answer(context, request, () =>
        finish(context, options, request, url.searchParams, rest.length === 0 ? (third ?? '') : ''),
      )
    }
    return null
  }
}

async function answer(context: AccountsContext, request: Request, get: () => Promise<Response>): Promise<Response> {
  if (request.method === 'GET') {
    try {
      return await get()
    } catch (err) {
      // Neither path nor query: both contain one-time tokens.
      context.log.error({ err }, 'connect page failed')
      return pageResponse(brokenPage)
    }
  }
  if (request.method === 'HEAD') return headResponse()
  const response = pageResponse(wrongMethodPage)
  response.headers.set('allow', 'GET, HEAD')
  return response
}

async function open(
  context: AccountsContext,
  { connectors }: ConnectHandlerOptions,
  request: Request,
  linkText: string,
): Promise<Response> {
  if (!/^[\w-]{43}$/.test(linkText)) return pageResponse(closedLinkPage({ kind: 'unknown' }))
  const opening = await openAuthorization(context, linkText)
  if (opening.kind !== 'open') return pageResponse(closedLinkPage(opening))
  const surplus = surplusCookies(context, cookieNames(request.headers.get('cookie')))
  const cookies = setCookies(context, [opening.cookie, ...surplus])
  return opening.expectedResources.length === 0
    ? redirectResponse(opening.authorizationUrl, cookies)
    : pageResponse(beforeConsentPage(opening, connectorOf(connectors, opening.connector)), cookies)
}

async function finish(
  context: AccountsContext,
  { connectors }: ConnectHandlerOptions,
  request: Request,
  query: URLSearchParams,
  oauthAppId: string,
): Promise<Response> {
  const outcome = await finishAuthorization(context, {
    oauthAppId,
    query,
    readCookie: cookieReader(request.headers.get('cookie')),
  })
  if (!('cookies' in outcome)) return pageResponse(refusedCallbackPage(outcome))
  const cookies = setCookies(context, outcome.cookies)
  if (outcome.kind === 'to_application') return redirectResponse(outcome.url, cookies)
  return outcome.returnUrl === null
    ? pageResponse(endingPage(outcome.result, connectorOf(connectors, outcome.connector).name), cookies)
    : redirectResponse(outcome.returnUrl, cookies)
}

function connectorOf(connectors: readonly Connector[], slug: string): Connector {
  const connector = connectors.find((each) => each.slug === slug)
  if (!connector) throw new Error(`The connector ${slug} is not installed.`)
  return connector
}

async function confirm(context: AccountsContext, query: URLSearchParams): Promise<Response> {
  const flowId = query.get('flow_id') ?? ''
  const pending = /^[\w-]{43}$/.test(flowId) ? await findPendingAuthorization(context, flowId) : null
  const page: Page = pending ? confirmationPage(flowId, pending) : nothingToConfirmPage
  return pageResponse(page)
}

/** Lax, not Strict: the callback is a navigation from the provider's site. */
function setCookies(context: AccountsContext, cookies: readonly FlowCookie[]): readonly string[] {
  const secure = context.publicUrl.startsWith('https:') ? '; Secure' : ''
  return cookies.map(
    ({ name, value, maxAgeSeconds }) =>
      `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`,
  )
}
