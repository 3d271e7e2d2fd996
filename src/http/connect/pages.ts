import type { Ending, RefusedCallback } from '../../accounts/authorization/callback.ts'
import type { PendingAuthorization } from '../../accounts/authorization/confirm-authorization.ts'
import type { CallbackResult } from '../../accounts/authorization/finish-authorization.ts'
import type { OpenResult } from '../../accounts/authorization/open-authorization.ts'
import type { Connector } from '../../tools/connector.ts'
import { html } from '../html.ts'
import type { Page } from '../page.ts'

const startAgain = html`<p>Go back to the application that sent you here. Start the connection again there.</p>`

/** Where the connection may exist already: the application knows, these pages do not. */
const lookAndStartAgain = html`<p>Go back to the application that sent you here. If your account is not connected there, start the connection again.</p>`

/** A link back to the application, for browsers that are not redirected. */
const back = (returnUrl: string | null) =>
  returnUrl && html`<a class="go" href="${returnUrl}">Back to the application</a>`

/** Lists what the application needs and links to the provider's consent page. */
export function beforeConsentPage(opening: Extract<OpenResult, { kind: 'open' }>, connector: Connector): Page {
  const service = connector.name
  return {
    status: 200,
    title: `Connect your ${service}`,
    content: html`
<p>An application requests access to your ${service} through its connection “${opening.connectionName}”. It needs:</p>
<ul>
${opening.expectedResources.map(
  ({ name, reason }) =>
    html`<li><strong>${name}</strong>${reason && html`<br><span class="quiet">${reason}</span>`}</li>`,
)}
</ul>
<h2>What happens next</h2>
<p>${connector.connectPage.consentStep}</p>
<a class="go" href="${opening.authorizationUrl}">Continue to ${service}</a>
<p class="quiet">If you did not start this connection, close this page. Nothing is shared until you agree at ${service}.</p>`,
  }
}

/** Explains why a link cannot be used. */
export function closedLinkPage(opening: Exclude<OpenResult, { kind: 'open' }>): Page {
  switch (opening.kind) {
    case 'unknown':
      return {
        status: 404,
        title: 'This link does not work',
        content: html`<p>The link is incomplete, or it was used, replaced or expired some time ago.</p>${lookAndStartAgain}`,
      }
    case 'expired':
      return {
        status: 410,
        title: 'This link has expired',
        content: html`<p>For your safety, the link works for a few minutes only. It connected nothing.</p>${startAgain}${back(opening.returnUrl)}`,
      }
    case 'used':
      return {
        status: 410,
        title: 'This link has been used',
        content: html`<p>A connection through this link was finished or is being finished. Each link connects once.</p>${lookAndStartAgain}`,
      }
  }
}

/** Explains why a callback was not accepted. */
export function refusedCallbackPage(refused: RefusedCallback): Page {
  switch (refused.kind) {
    case 'malformed':
      return {
        status: 400,
        title: 'This page cannot be opened',
        content: html`<p>The address of this page is incomplete or was changed. This page connected nothing.</p>${lookAndStartAgain}`,
      }
    case 'unknown':
      return {
        status: 400,
        title: 'This connection has ended',
        content: html`<p>It was finished, declined or stopped before, perhaps in another tab or browser, or this page is old. This page changed nothing.</p>${lookAndStartAgain}`,
      }
    case 'other_browser':
      return {
        status: 403,
        title: 'This page belongs to another browser',
        content: html`<p>For your safety, you must finish a connection in the browser in which you opened its link. That browser must accept cookies. This page connected nothing.</p>
<p>Open the link again in this browser, or go back to the application that sent you here and start the connection again.</p>`,
      }
    case 'expired':
      return {
        status: 410,
        title: 'The time is over',
        content: html`<p>For your safety, you must finish a connection within a few minutes. This page connected nothing.</p>${startAgain}${back(refused.returnUrl)}`,
      }
    case 'in_progress':
      return {
        status: 400,
        title: 'This connection is being finished',
        content: html`<p>It is being finished in this or another tab, or an error interrupted it. This page changed nothing.</p>${lookAndStartAgain}`,
      }
    case 'finished':
      return { ...finishedPage(refused.ending), status: 400 }
  }
}

/** For the browser that ended a connection, when it comes back to the callback by reloading or from another tab. */
function finishedPage(ending: Ending): Omit<Page, 'status'> {
  switch (ending) {
    case 'consented':
    case 'connected':
      return {
        title: 'You have agreed already',
        content: html`<p>You agreed to this connection before, in this or another tab. This page changed nothing.</p>${lookAndStartAgain}`,
      }
    case 'denied':
      return {
        title: 'You have declined already',
        content: html`<p>You declined this connection before, in this or another tab. This page changed nothing.</p>
<p>If you changed your mind, go back to the application that sent you here. Start the connection again there.</p>`,
      }
    case 'user_changed':
    case 'withdrawn':
    case 'provider_error':
    case 'exchange_failed':
      return {
        title: 'This connection was not finished',
        content: html`<p>It failed before, in this or another tab. This page changed nothing.</p>${startAgain}`,
      }
  }
}

/** The result of an authorization, for applications without a return URL. */
export function endingPage(ending: CallbackResult, service: string): Page {
  switch (ending.kind) {
    case 'connected':
      return {
        status: 200,
        title: `Your ${service} is connected`,
        content: html`<p>Close this page and go back to the application.</p>${
          ending.missing.length === 0
            ? null
            : html`<h2>Not shared</h2>
<p>The application also requested these. If it needs them, it explains how to share them.</p>
<ul>${ending.missing.map(({ name }) => html`<li>${name}</li>`)}</ul>`
        }`,
      }
    case 'denied':
      return {
        status: 200,
        title: 'Nothing was connected',
        content: html`<p>You declined at ${service}. The application received no new access. Close this page and go back to the application.</p>
<p>If you change your mind, start the connection again there.</p>`,
      }
    case 'user_changed':
      return {
        status: 409,
        title: `This is another ${service} user`,
        content: html`<p>The application is connected to another user or workspace of ${service} than the one that you selected. Nothing was changed, and the new access is revoked.</p>
<p>Go back to the application. Start the connection again there. Select the same ${service} user and workspace as before.</p>`,
      }
    case 'withdrawn':
      return {
        status: 409,
        title: 'The application ended this connection',
        content: html`<p>The application ended or changed the connection while you were at ${service}. Nothing was connected, and the new access is revoked.</p>${startAgain}`,
      }
    case 'provider_error':
    case 'exchange_failed':
      return {
        status: 502,
        title: 'The connection could not be finished',
        content: html`<p>${
          ending.kind === 'exchange_failed' && ending.failure === 'client_refused'
            ? `${service} rejects the credentials of the application. Its operator must correct them.`
            : `${service} did not finish the connection. Try again in a few minutes.`
        } Nothing was connected.</p>${startAgain}`,
      }
  }
}

/** For failures of this server. The cause is in the log. */
export const brokenPage: Page = {
  status: 500,
  title: 'Something went wrong',
  content: html`<p>The error is on our side. Try again in a few minutes.</p>${lookAndStartAgain}`,
}

/** For every method other than GET and HEAD. */
export const wrongMethodPage: Page = {
  status: 405,
  title: 'This page only accepts GET',
  content: html`<p>This page changed nothing.</p>${lookAndStartAgain}`,
}

/** Replaces the application's page in development: shows who consented and the mutation that confirms it. */
export function confirmationPage(flowId: string, pending: PendingAuthorization): Page {
  const { owner } = pending
  const mutation = `mutation {
  confirmAuthorization(input: {
    flowId: ${JSON.stringify(flowId)}
    identifier: ${JSON.stringify(pending.identifier)}
  }) {
    __typename
    ... on ConfirmAuthorizationPayload { connectedAccount { identifier status } returnUrl }
    ... on Error { message }
  }
}`
  return {
    status: 200,
    title: 'One step is left',
    content: html`
<p>The user consented, and the account is PENDING_CONFIRMATION. In production, the browser is now at your application, which knows who is signed in. In development, this page replaces it.</p>
<dl>
<dt>Connection</dt><dd>${pending.connectionName}</dd>
<dt>The link was made for</dt><dd>${pending.identifier}</dd>
<dt>Consented</dt><dd>${owner.ownerName ?? owner.providerUserId}${owner.ownerEmail && html` <span class="quiet">${owner.ownerEmail}</span>`}</dd>
${
  owner.workspaceId &&
  html`<dt>Workspace</dt><dd>${owner.workspaceName ?? owner.workspaceId}</dd>
`
}</dl>
<h2>Run this with your API key</h2>
<pre tabindex="0" aria-label="The mutation to run">${mutation}</pre>`,
  }
}

/** The development page for a flow id that is unknown, used or expired. */
export const nothingToConfirmPage: Page = {
  status: 404,
  title: 'There is nothing to confirm',
  content: html`<p>The flow id is unknown, already used or expired.</p>${lookAndStartAgain}`,
}
