import type { Ending, RefusedCallback } from '../../accounts/authorization/callback.ts'
import type { PendingAuthorization } from '../../accounts/authorization/confirm-authorization.ts'
import type { CallbackResult } from '../../accounts/authorization/finish-authorization.ts'
import type { OpenResult } from '../../accounts/authorization/open-authorization.ts'
import type { ShownApp } from '../../accounts/branding.ts'
import type { ConnectedAccount } from '../../accounts/connected-account.ts'
import type { Connector } from '../../tools/connector.ts'
import { html } from '../html.ts'
import type { Page } from '../page.ts'

const startAgain = html`<p>Go back to the application that sent you here. Start the connection again there.</p>`

/** Where the connection may exist already: the application knows, these pages do not. */
const lookAndStartAgain = html`<p>Go back to the application that sent you here. If your account is not connected there, start the connection again.</p>`

/** A link back to the application, for browsers that are not redirected: with the outcome, or else to where it is. */
export function back(app: ShownApp | null, returnUrl: string | null = null) {
  const url = returnUrl ?? app?.homeUrl ?? null
  return url && html`<a class="go" href="${url}">Back to <bdi>${app?.displayName ?? 'the application'}</bdi></a>`
}

/** Informs the user of what the application needs and stores, and links to the provider's consent page. */
export function beforeConsentPage(opening: Extract<OpenResult, { kind: 'open' }>, connector: Connector): Page {
  const service = connector.name
  const displayName = opening.app?.displayName ?? null
  return {
    status: 200,
    title: displayName ? `${displayName} wants to connect your ${service}` : `Connect your ${service}`,
    app: opening.app,
    content: html`
<p>${
      displayName ? html`<bdi>${displayName}</bdi>` : 'An application'
    } requests access to your ${service} through its connection “${opening.connectionName}”.</p>
${
  opening.expectedResources.length > 0
    ? html`<p>It needs:</p>
<ul>
${opening.expectedResources.map(
  ({ name, reason }) =>
    html`<li><strong>${name}</strong>${reason && html`<br><span class="quiet">${reason}</span>`}</li>`,
)}
</ul>
<h2>What happens next</h2>
<p>${connector.connectPage.consentStep}</p>`
    : null
}
${
  opening.contentSearch
    ? html`<p>To search what you share, the application stores an encrypted copy of its text and comments until you disconnect.</p>`
    : null
}
<a class="go" href="${opening.authorizationUrl}">Continue to ${service}</a>
<p class="quiet">If you did not start this connection, close this page. Nothing is shared until you agree at ${service}.</p>`,
  }
}

/** For a link that this server does not know. `app` is null where there is more than one. */
export const unknownLinkPage = (app: ShownApp | null): Page => ({
  status: 404,
  title: 'This link does not work',
  app,
  content: html`<p>The link is incomplete, or it was used, replaced or expired some time ago.</p>${lookAndStartAgain}${back(app)}`,
})

/** Explains why a link cannot be used. */
export function closedLinkPage(opening: Extract<OpenResult, { kind: 'expired' | 'used' }>): Page {
  switch (opening.kind) {
    case 'expired':
      return {
        status: 410,
        title: 'This link has expired',
        app: opening.app,
        content: html`<p>For your safety, the link works for a few minutes only. It connected nothing.</p>${startAgain}${back(opening.app, opening.returnUrl)}`,
      }
    case 'used':
      return {
        status: 410,
        title: 'This link has been used',
        app: opening.app,
        content: html`<p>A connection through this link was finished or is being finished. Each link connects once.</p>${lookAndStartAgain}${back(opening.app)}`,
      }
  }
}

/** Explains why a callback was not accepted. `app` is null where it is not known. */
export function refusedCallbackPage(refused: RefusedCallback, app: ShownApp | null): Page {
  return { ...explainRefusal(refused, app), app }
}

function explainRefusal(refused: RefusedCallback, app: ShownApp | null): Page {
  switch (refused.kind) {
    case 'malformed':
      return {
        status: 400,
        title: 'This page cannot be opened',
        content: html`<p>The address of this page is incomplete or was changed. This page connected nothing.</p>${lookAndStartAgain}${back(app)}`,
      }
    case 'unknown':
      return {
        status: 400,
        title: 'This connection has ended',
        content: html`<p>It was finished, declined or stopped before, perhaps in another tab or browser, or this page is old. This page changed nothing.</p>${lookAndStartAgain}${back(app)}`,
      }
    case 'other_browser':
      return {
        status: 403,
        title: 'This page belongs to another browser',
        content: html`<p>For your safety, you must finish a connection in the browser in which you opened its link. That browser must accept cookies. This page connected nothing.</p>
<p>Open the link again in this browser, or go back to the application that sent you here and start the connection again.</p>${back(app)}`,
      }
    case 'expired':
      return {
        status: 410,
        title: 'The time is over',
        content: html`<p>For your safety, you must finish a connection within a few minutes. This page connected nothing.</p>${startAgain}${back(app, refused.returnUrl)}`,
      }
    case 'in_progress':
      return {
        status: 400,
        title: 'This connection is being finished',
        content: html`<p>It is being finished in this or another tab, or an error interrupted it. This page changed nothing.</p>${lookAndStartAgain}${back(app)}`,
      }
    case 'finished':
      return { ...finishedPage(refused.ending, app), status: 400 }
  }
}

/** For the browser that ended a connection, when it comes back to the callback by reloading or from another tab. */
function finishedPage(ending: Ending, app: ShownApp | null): Omit<Page, 'status'> {
  switch (ending) {
    case 'consented':
    case 'connected':
      return {
        title: 'You have agreed already',
        content: html`<p>You agreed to this connection before, in this or another tab. This page changed nothing.</p>${lookAndStartAgain}${back(app)}`,
      }
    case 'denied':
      return {
        title: 'You have declined already',
        content: html`<p>You declined this connection before, in this or another tab. This page changed nothing.</p>
<p>If you changed your mind, go back to the application that sent you here. Start the connection again there.</p>${back(app)}`,
      }
    case 'user_changed':
    case 'withdrawn':
    case 'provider_error':
    case 'exchange_failed':
      return {
        title: 'This connection was not finished',
        content: html`<p>It failed before, in this or another tab. This page changed nothing.</p>${startAgain}${back(app)}`,
      }
  }
}

/** The result of an authorization, for applications without a return URL. */
export function endingPage(ending: CallbackResult, service: string, app: ShownApp | null = null): Page {
  const page = explainEnding(ending, service)
  return { ...page, app, content: html`${page.content}${back(app)}` }
}

function explainEnding(ending: CallbackResult, service: string): Page {
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
  content: html`<p>The error is on our side. Try again in a few minutes.</p>${lookAndStartAgain}<a class="go" href="">Try again</a>`,
}

/** For a method that the page does not accept. */
export const wrongMethodPage = (app: ShownApp | null): Page => ({
  status: 405,
  title: 'This page cannot be used in this way',
  app,
  content: html`<p>A program sent a request that this page does not accept. This page changed nothing.</p>${lookAndStartAgain}${back(app)}`,
})

/** For a form that was not sent by the page itself. */
export const foreignFormPage: Page = {
  status: 403,
  title: 'This form was sent by another site',
  content: html`<p>For your safety, this page accepts only its own form. This page changed nothing.</p><a class="go" href="">Open the page</a>`,
}

/**
 * Replaces the application's page in development: shows who consented, and the mutation of the application. `canConfirm`: one
 * click confirms too.
 */
export function confirmationPage(flowId: string, pending: PendingAuthorization, canConfirm: boolean): Page {
  const { owner, identifier } = pending
  const mutation = `mutation {
  confirmAuthorization(input: {
    flowId: ${JSON.stringify(flowId)}
    identifier: ${JSON.stringify(identifier)}
  }) {
    __typename
    ... on ConfirmAuthorizationPayload { connectedAccount { identifier status } returnUrl }
    ... on Error { message }
  }
}`
  return {
    status: 200,
    title: 'One step is left',
    app: pending.app,
    hasForm: canConfirm,
    content: html`
<p>The user has agreed. Now your application confirms that this user is signed in there. In production, the browser is at your application now. In development, this page replaces it.</p>
<dl>
<dt>Link made for</dt><dd>${identifier}</dd>
<dt>Agreed as</dt><dd>${owner.ownerName ?? owner.providerUserId}${owner.ownerEmail && html` <span class="quiet">${owner.ownerEmail}</span>`}</dd>
${
  owner.workspaceId &&
  html`<dt>Workspace</dt><dd>${owner.workspaceName ?? owner.workspaceId}</dd>
`
}<dt>Connection</dt><dd>${pending.connectionName}</dd>
</dl>
${canConfirm ? html`<form method="post"><button class="go">Confirm as <bdi>${identifier}</bdi></button></form>` : null}
<h2>What your application does</h2>
<p>It runs this mutation with its API key and the identifier of its signed-in user.</p>
<pre tabindex="0" aria-label="The mutation to run">${mutation}</pre>
<p><a href="/graphql?${new URLSearchParams({ flow_id: flowId, identifier }).toString()}">Run it in GraphiQL</a></p>
<div class="other">${back(pending.app)}</div>`,
  }
}

/** The development page after the confirmation. `returnUrl` is where the application would send the browser now. */
export function confirmedPage(
  { identifier, status }: Pick<ConnectedAccount, 'identifier' | 'status'>,
  service: string,
  app: ShownApp | null,
  returnUrl: string | null,
): Page {
  return {
    status: 200,
    title: `Your ${service} is connected`,
    app,
    content: html`<p>The account of <strong><bdi>${identifier}</bdi></strong> is ${status} and ready for tool calls.</p>${back(app, returnUrl)}`,
  }
}

/** The development page for a flow id that is unknown, used or expired. */
export const nothingToConfirmPage = (app: ShownApp | null): Page => ({
  status: 404,
  title: 'There is nothing to confirm',
  app,
  content: html`<p>The flow ID is unknown, already used or expired. If you confirmed it in another tab, the account is connected.</p>${lookAndStartAgain}${back(app)}`,
})
