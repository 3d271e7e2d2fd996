import { modelSchema } from '../tools/json-schema.ts'
import type { AnyTool, ToolCatalogue } from '../tools/tool.ts'
import { type Html, html } from './html.ts'
import { pageResponse } from './page.ts'

/** Returns the page that documents the tools, generated from their definitions: at /tools, in development. */
export function createToolsPage(catalogue: ToolCatalogue): () => Response {
  const section = (title: string, tools: readonly AnyTool[]) => html`<h2>${title}</h2><ul>${tools.map(entry)}</ul>`
  const content = html`
<p>The tools for agents. Call one by its name with <code>executeTool</code>, or with the typed field of the same name.
The input is shown as models get it: where a string contains JSON, you can pass the object itself.</p>
${section(
  'Listed by default',
  catalogue.tools.filter((tool) => tool.inDefaultSet),
)}
${section(
  'Listed with set: ALL',
  catalogue.tools.filter((tool) => !tool.inDefaultSet),
)}`
  return () => pageResponse({ status: 200, title: 'Tools', content })
}

function entry(tool: AnyTool): Html {
  const writes = tool.destructive ? 'writes and can delete' : 'writes'
  const effect = tool.readOnly ? 'reads' : writes
  return html`<li id="${tool.name}"><strong>${tool.name}</strong> <span class="quiet">${effect}</span>
<p>${tool.description}</p>
<p class="quiet">Required capabilities: ${tool.requiredCapabilities.join(', ') || 'none'}.</p>
<pre>${JSON.stringify(modelSchema(tool).properties, null, 2)}</pre></li>`
}
