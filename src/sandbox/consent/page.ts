import { createHash } from 'node:crypto'
import type { Answer } from '../exchange.ts'
import type { Person } from '../model.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'
import type { PickerNode, PickerTree } from './picker.ts'

const style = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2420; --quiet: #56625c; --line: #b9c3bd; --edge: #7d8a83; --accent: #14532d; --on-accent: #fff; --note: #fff4d6; --on-note: #3d2e00 }
@media (prefers-color-scheme: dark) { :root { --paper: #131815; --ink: #e8eeea; --quiet: #a7b3ac; --line: #4a5750; --edge: #6f7e76; --accent: #86efac; --on-accent: #052e16 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 42rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
a { color: var(--accent) }
.note { background: var(--note); color: var(--on-note); padding: .75rem 1rem; border-radius: .5rem }
.error { border: 2px solid #b91c1c; padding: .75rem 1rem; border-radius: .5rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
h2, legend { font-size: 1.125rem; font-weight: 600; padding: 0 }
legend { margin-left: -.4rem; padding: 0 .4rem }
fieldset { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 0 0 1rem; min-width: 0 }
ul { list-style: none; margin: 0; padding: 0 }
ul ul { margin-left: .6rem; padding-left: .9rem; border-left: 1px solid var(--line) }
label { display: flex; gap: .6rem; align-items: center; min-height: 2.75rem; cursor: pointer }
input[type=checkbox] { width: 1.25rem; height: 1.25rem; flex: none; accent-color: var(--accent) }
.people { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .5rem; margin: 0 0 1rem }
.people a { display: block; padding: .6rem .9rem; border: 1px solid var(--edge); border-radius: .5rem; color: inherit }
.people a[aria-current] { border-color: var(--accent); outline: 1px solid var(--accent); font-weight: 600; text-decoration: none }
.kind { color: var(--quiet); font-size: .875rem }
.actions { display: flex; flex-wrap: wrap; gap: .75rem }
button { font: inherit; min-height: 2.75rem; padding: .5rem 1.25rem; border-radius: .5rem; border: 1px solid var(--accent); background: none; color: inherit; cursor: pointer }
button[value=allow] { background: var(--accent); color: var(--on-accent); font-weight: 600 }
pre { padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem; font-size: .875rem; white-space: pre-wrap }
summary { padding: .5rem 0; cursor: pointer }
code { font-size: .875rem }
:focus-visible { outline: 3px solid #2563eb; outline-offset: 2px }
`

/**
 * Forbids loading, scripts and framing. There is no `form-action`: browsers apply it to redirects after the form too,
 * and the redirect URIs of applications are not known in advance.
 */
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; frame-ancestors 'none'`

/** Returns a page of the sandbox, which states on top that it is not Notion. */
export function pageAnswer(status: number, title: string, content: Html): Answer {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<main>
<p class="note"><strong>Sandbox.</strong> This is a local copy for development. It is not Notion. All accounts and pages are examples.</p>
${content}
</main>
</body>
</html>
`
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
    body: page.markup,
  }
}

/** Returns an error page for an authorization request without a valid redirect URI or decision. */
export function errorPage(problem: string): Answer {
  return pageAnswer(
    400,
    'Invalid authorization request (sandbox)',
    html`<h1>The authorization request is invalid</h1>
<p class="error">${problem}</p>
<p>Return to the application and connect again.</p>`,
  )
}

/** Content of the consent page. */
export interface ConsentView {
  readonly clientName: string
  readonly clientId: string
  readonly redirectUri: string
  readonly people: readonly { readonly person: Person; readonly workspaceName: string; readonly href: string }[]
  readonly chosen: Person
  readonly workspaceName: string
  readonly tree: PickerTree
  /** Target of the form: the same address with the same query. */
  readonly action: string
  /** Error message above the form after an invalid selection. */
  readonly problem?: string
}

const branch = (nodes: readonly PickerNode[]): Html =>
  nodes.length === 0 ? html`` : html`<ul>${nodes.map((node) => entry(node))}</ul>`

const entry = (node: PickerNode): Html =>
  html`<li><label><input type="checkbox" name="resources" value="${node.id}"><span>${node.title} <span class="kind">${node.kind}</span></span></label>${branch(node.children)}</li>`

/** Returns the consent page with the page picker. It works without scripts: links select another user. */
export function consentPage(view: ConsentView, status = 200): Answer {
  const { chosen, tree } = view
  return pageAnswer(
    status,
    `Connect ${view.clientName} (sandbox)`,
    html`<h1>${view.clientName} asks for access to a Notion workspace</h1>
<p>Client ID: <code>${view.clientId}</code>. After you allow or cancel, you return to <code>${new URL(view.redirectUri).origin}</code>.</p>
${view.problem === undefined ? undefined : html`<p class="error" role="alert">${view.problem}</p>`}
<h2 id="people">Select your account</h2>
<nav class="people" aria-labelledby="people">${view.people.map(
      ({ person, workspaceName, href }) =>
        html`<a href="${href}"${person.id === chosen.id ? html` aria-current="true"` : undefined}>${person.name}<br><span class="kind">${person.email} · ${workspaceName}</span></a>`,
    )}</nav>
<form method="post" action="${view.action}">
<input type="hidden" name="user" value="${chosen.email}">
<input type="hidden" name="picker" value="true">
<fieldset>
<legend>Select the pages to share from ${view.workspaceName}</legend>
<p>Everything below a page and in a database is shared too. The list contains only pages and databases to which ${chosen.name} has full access.</p>
<label><input type="checkbox" name="resources" value="all"><span><strong>Everything</strong> I can share</span></label>
${branch(tree.nodes)}
${tree.omitted > 0 ? html`<p>At least ${tree.omitted} more are not listed. Select “Everything” to share them.</p>` : undefined}
</fieldset>
<div class="actions">
<button type="submit" name="decision" value="allow">Allow access</button>
<button type="submit" name="decision" value="deny">Cancel</button>
</div>
</form>`,
  )
}
