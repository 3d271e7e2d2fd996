import { findOnlyApp } from '../../accounts/branded-app.ts'
import { shownApp } from '../../accounts/branding.ts'
import type { AccountsContext } from '../../accounts/context.ts'
import { findOAuthApp } from '../../accounts/oauth-app-store.ts'
import { ToolError } from '../../errors.ts'
import type { StoredApproval } from '../../tools/approval-store.ts'
import type { Approvers } from '../../tools/approvers.ts'
import type { ToolEngine } from '../../tools/engine.ts'
import { pageResponse, redirectResponse } from '../page.ts'
import { isSameOrigin } from '../same-origin.ts'
import { isFromThisMachine } from '../this-machine.ts'
import {
  approverConfirmationPage,
  decidedPage,
  decisionPage,
  noConfirmationPage,
  refusedDecisionPage,
  signInPage,
  unknownApprovalPage,
} from './approve-pages.ts'
import { cookieReader } from './cookies.ts'
import { foreignFormPage } from './pages.ts'

/** What the page of an approval works with. */
export interface ApprovePageContext {
  readonly accounts: AccountsContext
  readonly approvers: Approvers
  readonly tools: Pick<ToolEngine, 'catalogue' | 'executions'>
}

/** Seconds that a browser has for the way from the link over the application to the decision. */
const openingSeconds = 3_600

/** The `decision` of a form, of which nothing else is read. */
const maxFormBytes = 100

/**
 * Shows an approval. Changes nothing: mail scanners and previews open links too. Without the proof that the application
 * confirmed its user, leads to the application.
 */
export async function showApproval(context: ApprovePageContext, request: Request, id: string): Promise<Response> {
  const { approvers, accounts } = context
  const approval = await approvers.find(id)
  if (!approval) return pageResponse(unknownApprovalPage(await findOnlyApp(accounts)))
  const app = await appOf(accounts, approval)
  if (approval.status !== 'PENDING') return decided(context, approval)
  const viewer = await approvers.viewerOf(approverRequest(request, id))
  const shown = viewer && (await approvers.show(viewer, id))
  if (shown?.status === 'PENDING') {
    const tool = context.tools.catalogue.find(shown.toolName)
    const effect = tool?.destructive ? 'can replace or remove content' : tool?.readOnly ? 'reads' : 'writes'
    return pageResponse(decisionPage(app.shown, shown, tool?.title ?? shown.toolName, effect))
  }
  if (app.confirmationUrl === null) return pageResponse(noConfirmationPage(app.shown))
  const { state, cookie } = approvers.open(id)
  const url = new URL(app.confirmationUrl)
  url.searchParams.set('approval_state', state)
  const secure = accounts.publicUrl.startsWith('https:') ? '; Secure' : ''
  return pageResponse(signInPage(app.shown, url.href), [
    `${cookie.name}=${cookie.value}; Path=/; Max-Age=${openingSeconds}; HttpOnly; SameSite=Lax${secure}`,
  ])
}

/** Takes the decision from the page's own form, in the browser whose user the application has confirmed. */
export async function decideApproval(
  context: ApprovePageContext,
  request: Request,
  id: string,
  requestId: string,
): Promise<Response> {
  const { approvers, accounts } = context
  if (!isSameOrigin(request, accounts.publicUrl)) return pageResponse(foreignFormPage)
  const viewer = await approvers.viewerOf(approverRequest(request, id))
  const decision = await readDecision(request)
  if (!viewer || decision === null) return pageResponse(foreignFormPage)
  try {
    await approvers.decide(viewer, id, decision, requestId)
  } catch (error) {
    if (!(error instanceof ToolError)) throw error
    const now = await approvers.find(id)
    const app = now && (await appOf(accounts, now))
    if (now?.status === 'PENDING') return pageResponse(refusedDecisionPage(app?.shown ?? null, error.message))
  }
  const after = await approvers.find(id)
  return after ? decided(context, after) : pageResponse(unknownApprovalPage(await findOnlyApp(accounts)))
}

/**
 * Whether a page of a development server may act as the application, which knows who is signed in: for examples of the
 * sandbox, and for people at this machine. A server behind a tunnel, for tests with real accounts, is open to others.
 */
export const mayReplaceApplication = (
  { sandbox }: { readonly sandbox: boolean },
  request: Request,
  address: string | null,
): boolean => sandbox || isFromThisMachine(request, address)

/** The development page that replaces the application: GET shows it, POST continues as the account's user. */
export async function confirmApproverInDevelopment(
  { approvers, accounts }: ApprovePageContext,
  request: Request,
  address: string | null,
  state: string,
): Promise<Response> {
  const confirmed = await approvers.confirmInDevelopment(state)
  if (!confirmed) return pageResponse(unknownApprovalPage(await findOnlyApp(accounts)))
  const { shown, sandbox } = await appOf(accounts, confirmed.approval)
  if (!mayReplaceApplication({ sandbox }, request, address)) return pageResponse(noConfirmationPage(shown))
  if (request.method === 'GET') return pageResponse(approverConfirmationPage(shown, confirmed.approval))
  return isSameOrigin(request, accounts.publicUrl)
    ? redirectResponse(confirmed.path, [])
    : pageResponse(foreignFormPage)
}

function approverRequest(request: Request, approvalId: string) {
  const { searchParams } = new URL(request.url)
  return {
    approvalId,
    state: searchParams.get('approval_state'),
    proof: searchParams.get('proof'),
    readCookie: cookieReader(request.headers.get('cookie')),
  }
}

/** Nothing of an app that another program than this server wrote, such as its confirmation URL, is used. */
async function appOf(accounts: AccountsContext, { environmentId, connectionName }: StoredApproval) {
  const app = await findOAuthApp(accounts.db, environmentId, connectionName)
  const shown = app && shownApp(accounts, app)
  return { shown, confirmationUrl: (shown && app?.confirmationUrl) ?? null, sandbox: app?.sandbox ?? false }
}

async function decided({ accounts, tools }: ApprovePageContext, approval: StoredApproval): Promise<Response> {
  const { environmentId, executionId } = approval
  const [execution] = executionId === null ? [] : await tools.executions.byId(environmentId, [executionId])
  const { shown } = await appOf(accounts, approval)
  return pageResponse(decidedPage(shown, approval, execution?.status ?? null))
}

async function readDecision(request: Request): Promise<'approve' | 'reject' | null> {
  if (Number(request.headers.get('content-length') ?? Number.POSITIVE_INFINITY) > maxFormBytes) return null
  const decision = new URLSearchParams(await request.text()).get('decision')
  return decision === 'approve' || decision === 'reject' ? decision : null
}
