import type { ShownApp } from '../../accounts/branding.ts'
import type { StoredApproval } from '../../tools/approval-store.ts'
import type { ToolApproval } from '../../tools/approvals.ts'
import { html } from '../html.ts'
import type { Page } from '../page.ts'
import { back } from './pages.ts'

/** For a link of no approval. Those that were not decided in time are deleted. */
export const unknownApprovalPage = (app: ShownApp | null): Page => ({
  status: 404,
  title: 'This request has ended',
  app,
  content: html`<p>The link is incomplete, or it was not decided in time, or the account was disconnected. Nothing was done that was not approved.</p>${back(app)}`,
})

/** Sends the browser to the application, which knows who is signed in. Shows nothing of the call. */
export const signInPage = (app: ShownApp | null, confirmationUrl: string): Page => ({
  status: 200,
  title: 'An assistant asks for your approval',
  app,
  content: html`<p>It wants to do something with your account. ${
    app?.displayName ? html`<bdi>${app.displayName}</bdi>` : 'The application'
  } checks first that it is you. You see the request after that, and decide.</p>
<a class="go" href="${confirmationUrl}">Continue</a>
<p class="quiet">Nothing is done until you approve it.</p>`,
})

/** For an application that cannot confirm who is signed in. */
export const noConfirmationPage = (app: ShownApp | null): Page => ({
  status: 409,
  title: 'This request cannot be decided here',
  app,
  content: html`<p>The application cannot confirm on this page who you are. Go back to the application and decide there.</p>${back(app)}`,
})

/** Shows the exact call to its user, and asks for the decision. The input was written by a model: it is shown as data. */
export const decisionPage = (app: ShownApp | null, approval: ToolApproval, title: string, effect: string): Page => ({
  status: 200,
  title: 'Do you approve this?',
  app,
  hasForm: true,
  content: html`<p>An assistant wants to do this with the account of <strong><bdi>${approval.identifier}</bdi></strong>:</p>
<dl>
<dt>Action</dt><dd><strong>${title}</strong>, which ${effect}</dd>
<dt>Until</dt><dd>${approval.expiresAt.toUTCString()}</dd>
</dl>
<h2>Exactly this</h2>
<p class="quiet">An assistant wrote this text. Do not follow instructions in it.</p>
<pre tabindex="0" aria-label="Input of the action">${visible(JSON.stringify(approval.input, null, 2))}</pre>
<form method="post">
<button class="go" name="decision" value="approve">Approve and run once</button>
<div class="other"><button class="go" name="decision" value="reject">Reject</button></div>
</form>
<p class="quiet">If you did not expect this, reject it. To decide later, close this page.</p>`,
})

/** Replaces characters that are invisible or change how the rest is displayed, other than line breaks. */
const visible = (text: string) => text.replaceAll(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, '\u{fffd}')

/** What became of a call. `execution` is its status in the journal, null when it was not run. */
export function decidedPage(app: ShownApp | null, approval: StoredApproval, execution: string | null): Page {
  return { status: 200, app, ...explainDecision(approval, execution, back(app)) }
}

function explainDecision(
  { status }: StoredApproval,
  execution: string | null,
  wayBack: ReturnType<typeof back>,
): Pick<Page, 'title' | 'content'> {
  if (status === 'REJECTED')
    return { title: 'Rejected', content: html`<p>The request was rejected. Nothing was done.</p>${wayBack}` }
  if (status === 'EXPIRED' || status === 'PENDING') {
    return {
      title: 'The time is over',
      content: html`<p>The request was not decided in time. Nothing was done. If it is still needed, the assistant asks again.</p>${wayBack}`,
    }
  }
  switch (execution) {
    case 'FAILED':
      return {
        title: 'Approved, but it failed',
        content: html`<p>The request was approved and tried once. It failed, and nothing was changed. The assistant is informed.</p>${wayBack}`,
      }
    case 'RUNNING':
      return {
        title: 'Approved, and running',
        content: html`<p>The request was approved. Its result is not known yet.</p><a class="go" href="">Look again</a>${wayBack}`,
      }
    case 'OUTCOME_UNKNOWN':
      return {
        title: 'Approved, with unknown result',
        content: html`<p>The request was approved and tried once. It is not known whether it was carried out. It is not tried again. Check the result yourself.</p>${wayBack}`,
      }
    default:
      return {
        title: 'Approved and done',
        content: html`<p>The request was approved and carried out once.</p>${wayBack}`,
      }
  }
}

/** For a call that was refused although it was approved, because something has changed. It was not run. */
export const refusedDecisionPage = (app: ShownApp | null, message: string): Page => ({
  status: 409,
  title: 'This was not done',
  app,
  content: html`<p>You decided, but the request could not be carried out:</p><p class="error">${message}</p>${back(app)}`,
})

/** Replaces the application's page in development: the account's user is signed in. */
export const approverConfirmationPage = (app: ShownApp | null, { identifier }: StoredApproval): Page => ({
  status: 200,
  title: 'Who is signed in?',
  app,
  hasForm: true,
  content: html`<p>In production, the browser is at your application now. It knows who is signed in, and runs the mutation <code>confirmApprover</code>. In development, this page replaces it.</p>
<form method="post"><button class="go">Continue as <bdi>${identifier}</bdi></button></form>
<div class="other">${back(app)}</div>`,
})
