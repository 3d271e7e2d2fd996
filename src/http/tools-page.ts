import { modelSchema } from '../tools/json-schema.ts'
import type { AnyTool, ToolCatalogue } from '../tools/tool.ts'
import { type Html, html } from './html.ts'
import { pageResponse } from './page.ts'

/** The documentation of the tools, made from their definitions: at /tools, in development. */
export function createToolsPage(catalogue: ToolCatalogue): () => Response {
  const section = (title: string, tools: readonly AnyTool[]) => html`<h2>${title}</h2><ul>${tools.map(entry)}</ul>`
  const content = html`
<p>What an agent can be handed: <code>executeTool</code> takes each by its name, and each has a typed field of the same name.
The input is shown as models get it: a text that says JSON may be the object itself.</p>
${section(
  'Handed out by default',
  catalogue.tools.filter((tool) => tool.inDefaultSet),
)}
${section(
  'Handed out with set: ALL',
  catalogue.tools.filter((tool) => !tool.inDefaultSet),
)}`
  return () => pageResponse({ status: 200, title: 'Tools', content })
}

function entry(tool: AnyTool): Html {
  const effect = tool.readOnly ? 'reads' : tool.destructive ? 'writes and can take away' : 'writes'
  return html`<li id="${tool.name}"><strong>${tool.name}</strong> <span class="quiet">${effect}</span>
<p>${tool.description}</p>
<p class="quiet">Needs ${tool.requiredCapabilities.join(', ') || 'no capability'}.</p>
<pre>${JSON.stringify(modelSchema(tool).properties, null, 2)}</pre></li>`
}
