import { html } from './consent/html.ts'
import { pageAnswer } from './consent/page.ts'
import { type PickerNode, pickerTree } from './consent/picker.ts'
import { controlPath } from './control/endpoint.ts'
import type { ControlTargets } from './control/operation.ts'
import { controlOperations } from './control/operations.ts'
import type { Answer, SandboxRequest } from './exchange.ts'
import { isFormType } from './exchange.ts'

/** What the buttons of the page do: a control operation each, with fixed parameters. */
const buttons: Readonly<
  Record<string, { readonly label: string; readonly operation: string; readonly parameters: object }>
> = {
  revoke: { label: 'Revoke all access', operation: 'revoke', parameters: {} },
  expire: { label: 'Expire all access tokens', operation: 'expire', parameters: { access: true } },
  outage: {
    label: 'Begin an outage (503)',
    operation: 'fault',
    parameters: { kind: 'status', status: 503, times: 0 },
  },
  limit: { label: 'Refuse the next request (429)', operation: 'fault', parameters: { kind: 'rate_limit' } },
  clear: { label: 'End outages and other faults', operation: 'clear', parameters: {} },
}

const isHome = (path: string) => path === '' || path === '/'

/** Whether a request is for the page of the sandbox itself, and not for an operation. */
export const asksForHome = ({ method, path }: Pick<SandboxRequest, 'method' | 'path'>): boolean =>
  isHome(path) && (method === 'GET' || method === 'POST')

/** Handles the page that explains the sandbox: GET shows it, POST carries out one of its buttons. */
export async function answerHome(targets: ControlTargets, request: SandboxRequest, publicUrl: string): Promise<Answer> {
  if (request.method === 'GET') return homePage(targets, publicUrl)
  const isOwnForm = request.headers['sec-fetch-site'] === 'same-origin' && isFormType(request.headers['content-type'])
  const name = isOwnForm ? new URLSearchParams(request.body.toString('utf8')).get('control') : null
  const button = name !== null && Object.hasOwn(buttons, name) ? buttons[name] : undefined
  if (!button)
    return homePage(targets, publicUrl, 'Only the buttons of this page are accepted. Nothing was changed.', 403)
  await controlOperations[button.operation]?.run(targets, button.parameters)
  return homePage(targets, publicUrl, `Done: ${button.label}.`)
}

function homePage(targets: ControlTargets, publicUrl: string, notice?: string, status = 200): Answer {
  const { store } = targets.state
  const people = [...store.users.values()].flatMap((user) => (user.type === 'person' && user.canConsent ? [user] : []))
  const consent = `${publicUrl}/v1/oauth/authorize?${new URLSearchParams({
    client_id: 'example',
    response_type: 'code',
    redirect_uri: `${publicUrl}/`,
  }).toString()}`
  return pageAnswer(
    status,
    'Notion sandbox',
    html`<h1>Notion sandbox</h1>
<p>It replaces Notion while you develop: its API, consent with a page picker, tokens that are rotated and revoked, limits and errors. Use <code>${publicUrl}</code> as the base URL of a Notion client.</p>
${notice === undefined ? undefined : html`<p class="note" role="status">${notice}</p>`}
<h2>Consent</h2>
<p><a href="${consent}">Open the consent page of an example connection</a>. It leads back here, with a code in the address.</p>
<h2>Controls</h2>
<form method="post" class="actions">${Object.entries(buttons).map(
      ([name, { label }]) => html`<button name="control" value="${name}">${label}</button>`,
    )}</form>
<p><a href="${publicUrl}${controlPath}/log">Requests that it received and webhooks that it sent</a> · <a href="${publicUrl}${controlPath}">All operations as JSON</a></p>
<details><summary>All operations as commands</summary>
${Object.entries(controlOperations).map(
  ([name, { description }]) =>
    html`<p>${description}</p><pre>curl -X POST ${publicUrl}${controlPath}/${name} -d '{}'</pre>`,
)}</details>
<h2>Webhooks</h2>
${webhookList(targets)}
<h2>Content</h2>
<p>Each user sees other pages. The IDs work in tool calls.</p>
${people.map(
  (person) =>
    html`<details><summary>${person.name} <span class="kind">${person.email}</span></summary>${tree(pickerTree(store, person.id).nodes)}</details>`,
)}`,
  )
}

/** Shows the webhook subscriptions and their counts, or how to create one. */
function webhookList(targets: ControlTargets): ReturnType<typeof html> {
  const subscriptions = [...targets.state.store.webhooks.values()]
  if (subscriptions.length === 0) {
    return html`<p>No subscriptions. The operation <code>webhook</code> creates one: the sandbox then sends an event for each change, as Notion does.</p>`
  }
  return html`<ul>${subscriptions.map(({ id, clientId, url, status }) => {
    const { delivered, failed, waiting } = targets.webhooks.counts(id)
    return html`<li>${clientId} <span class="kind">${status}</span> ${withoutQuery(url)} <span class="kind">${String(delivered)} delivered, ${String(failed)} failed, ${String(waiting)} waiting</span> <code>${id}</code></li>`
  })}</ul>`
}

function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

const tree = (nodes: readonly PickerNode[]): ReturnType<typeof html> =>
  html`<ul>${nodes.map(
    ({ title, kind, id, children }) =>
      html`<li>${title} <span class="kind">${kind}</span> <code>${id}</code>${children.length > 0 ? tree(children) : undefined}</li>`,
  )}</ul>`
