import type { RefusedCallback } from '../../accounts/authorization/callback.ts'
import type { PendingAuthorization } from '../../accounts/authorization/confirm-authorization.ts'
import type { CallbackResult } from '../../accounts/authorization/finish-authorization.ts'
import type { OpenResult } from '../../accounts/authorization/open-authorization.ts'
import type { Connector } from '../../tools/connector.ts'
import { html } from '../html.ts'
import type { Page } from '../page.ts'

const startAgain = html`<p>Go back to the application that sent you here and start the connection again. Nothing was connected.</p>`

/** A way back for those whose browser has not been sent there by itself. */
const back = (returnUrl: string | null) =>
  returnUrl && html`<a class="go" href="${returnUrl}">Back to the application</a>`

/** What the agent asks for, and the way on to the provider. */
export function beforeConsentPage(opening: Extract<OpenResult, { kind: 'open' }>, connector: Connector): Page {
  const service = connector.name
  return {
    status: 200,
    title: `Connect your ${service}`,
    content: html`
<p>An application asks for access to your ${service} through its connection “${opening.connectionName}”. It needs:</p>
<ul>
${opening.expectedResources.map(
  ({ name, reason }) =>
    html`<li><strong>${name}</strong>${reason && html`<br><span class="quiet">${reason}</span>`}</li>`,
)}
</ul>
<h2>What happens next</h2>
<p>${connector.connectPage.consentStep}</p>
<a class="go" href="${opening.authorizationUrl}">Continue to ${service}</a>
<p class="quiet">If you did not ask for this connection, close this page. Nothing is shared until you agree at ${service}.</p>`,
  }
}

/** Why a link does not go on. */
export function closedLinkPage(opening: Exclude<OpenResult, { kind: 'open' }>): Page {
  switch (opening.kind) {
    case 'unknown':
      return {
        status: 404,
        title: 'This link does not work',
        content: html`<p>It is incomplete, it has been used already, or its time is up.</p>${startAgain}`,
      }
    case 'expired':
      return {
        status: 410,
        title: 'This link has expired',
        content: html`<p>For your safety such links work for a few minutes only.</p>${startAgain}${back(opening.returnUrl)}`,
      }
    case 'used':
      return {
        status: 410,
        title: 'This link has been used',
        content: html`<p>Each link works once. If the connection was finished, there is nothing left to do, and you can close this page.</p>
<p>If not, go back to the application that sent you here and start the connection again.</p>`,
      }
    case 'other_browser':
      return otherBrowserPage
  }
}

const otherBrowserPage: Page = {
  status: 403,
  title: 'This link belongs to another browser',
  content: html`<p>For your safety a connection has to be finished in the browser in which its link was opened first, with cookies allowed.</p>${startAgain}`,
}

/** Why a callback was not accepted. */
export function refusedCallbackPage({ kind, returnUrl }: RefusedCallback): Page {
  switch (kind) {
    case 'malformed':
      return {
        status: 400,
        title: 'This answer cannot be used',
        content: html`<p>The address of this page is not one that the service sends its users to.</p>${startAgain}`,
      }
    case 'unknown':
      return {
        status: 400,
        title: 'This answer was used already',
        content: html`<p>An answer counts once, for a few minutes. If the page was loaded again or reached by the back button, the connection may be finished: look in the application that sent you here.</p>
<p>If it is not, start the connection again there.</p>`,
      }
    case 'expired':
      return {
        status: 410,
        title: 'It took too long',
        content: html`<p>For your safety a connection has to be finished within a few minutes.</p>${startAgain}${back(returnUrl)}`,
      }
    case 'other_browser':
      return otherBrowserPage
  }
}

/** How an authorization ended, for applications that gave no return URL. */
export function endingPage(ending: CallbackResult, service: string): Page {
  switch (ending.kind) {
    case 'connected':
      return {
        status: 200,
        title: `Your ${service} is connected`,
        content: html`<p>You can close this page and go back to the application.</p>${
          ending.missing.length === 0
            ? null
            : html`<h2>Not shared</h2>
<p>The application also asked for these. If it needs them, it will tell you how to share them.</p>
<ul>${ending.missing.map(({ name }) => html`<li>${name}</li>`)}</ul>`
        }`,
      }
    case 'denied':
      return {
        status: 200,
        title: 'Nothing was connected',
        content: html`<p>You said no at ${service}, and the application has no access. You can close this page.</p>
<p>If you change your mind, start the connection again in the application.</p>`,
      }
    case 'user_changed':
      return {
        status: 409,
        title: `This is another ${service} user`,
        content: html`<p>The application is connected with another user or workspace of ${service} than the one that you have just chosen. The new access was given back.</p>
<p>Go back to the application and connect with the same ${service} user and workspace as before.</p>`,
      }
    case 'withdrawn':
      return {
        status: 409,
        title: 'The application ended this connection',
        content: html`<p>While you were at ${service}, the connection was ended or set up anew in the application. Your access was given back.</p>${startAgain}`,
      }
    case 'provider_error':
    case 'exchange_failed':
      return {
        status: 502,
        title: 'The connection could not be finished',
        content: html`<p>${
          ending.kind === 'exchange_failed' && ending.failure === 'client_refused'
            ? `${service} does not accept the application’s credentials. Its operator has to correct them.`
            : `${service} did not finish the connection. It may work in a few minutes.`
        }</p>${startAgain}`,
      }
  }
}

/** Shown to programs that look at links for their users, and for addresses that are opened in the wrong way. */
export const notOpenedPage: Page = {
  status: 200,
  title: 'Connect an account',
  content: html`<p>Open this link in your browser to connect your account with an application.</p>`,
}

/** When something failed on our side; what it was is in the log. */
export const brokenPage: Page = {
  status: 500,
  title: 'Something went wrong on our side',
  content: html`<p>It is not your fault, and it may work in a few minutes.</p>${startAgain}`,
}

/** For methods that change nothing here. */
export const wrongMethodPage: Page = {
  status: 405,
  title: 'This page is only for reading',
  content: startAgain,
}

/** Stands in for the application in development: who consented, and what the application would now call. */
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
<p>The consent is in, and the account is PENDING_CONFIRMATION. In production the browser is now at your application, which says who is signed in. In development this page stands in for it.</p>
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

/** The development page when its flow id is unknown, used up or expired. */
export const nothingToConfirmPage: Page = {
  status: 404,
  title: 'There is nothing to confirm',
  content: html`<p>No authorization waits under this flow id: it was confirmed already, was refused, or its time is up.</p>${startAgain}`,
}
