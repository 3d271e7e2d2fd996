import { findPendingAuthorization } from '../../accounts/authorization/confirm-authorization.ts'
import { finishAuthorization } from '../../accounts/authorization/finish-authorization.ts'
import { type FlowCookie, openAuthorization } from '../../accounts/authorization/open-authorization.ts'
import type { AccountsContext } from '../../accounts/context.ts'
import type { Connector } from '../../tools/connector.ts'
import { headResponse, type Page, pageResponse, redirectResponse } from '../page.ts'
import { cookieReader } from './cookies.ts'
import {
  beforeConsentPage,
  brokenPage,
  closedLinkPage,
  confirmationPage,
  endingPage,
  nothingToConfirmPage,
  notOpenedPage,
  refusedCallbackPage,
  wrongMethodPage,
} from './pages.ts'
import { isPrefetch } from './prefetch.ts'

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
 * provider. Both set the cookie that the callback checks. Everything is a GET, since people follow links: what a GET
 * changes is bound to the link, and HEAD, prefetching and link previews change nothing.
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
  if (isPrefetch(request.headers)) return pageResponse(notOpenedPage)
  const opening = await openAuthorization(context, linkText, cookieReader(request.headers.get('cookie')))
  if (opening.kind !== 'open') return pageResponse(closedLinkPage(opening))
  const cookie = setCookie(context, opening.cookie)
  return opening.expectedResources.length === 0
    ? redirectResponse(opening.authorizationUrl, cookie)
    : pageResponse(beforeConsentPage(opening, connectorOf(connectors, opening.connector)), cookie)
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
  if (!('cookieName' in outcome)) return pageResponse(refusedCallbackPage(outcome))
  const removal = setCookie(context, { name: outcome.cookieName, value: '', maxAgeSeconds: 0 })
  if (outcome.kind === 'to_application') return redirectResponse(outcome.url, removal)
  return outcome.returnUrl === null
    ? pageResponse(endingPage(outcome.result, connectorOf(connectors, outcome.connector).name), removal)
    : redirectResponse(outcome.returnUrl, removal)
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
function setCookie(context: AccountsContext, cookie: FlowCookie): string {
  const secure = context.publicUrl.startsWith('https:') ? '; Secure' : ''
  return `${cookie.name}=${cookie.value}; Path=/; Max-Age=${cookie.maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`
}
