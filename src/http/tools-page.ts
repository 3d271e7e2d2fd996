import { modelSchema } from '../tools/json-schema.ts'
import type { AnyTool, ToolCatalogue } from '../tools/tool.ts'
import { Html, html } from './html.ts'
import { pageResponse } from './page.ts'

/** Hides the entries that do not contain what is typed. Without it, the index is a list of links. */
const filter = `
const field = document.querySelector('input')
field.closest('p').hidden = false
field.addEventListener('input', () => {
  const words = field.value.toLowerCase().split(/\\s+/)
  for (const entry of document.querySelectorAll('[data-text]'))
    entry.hidden = !words.every((word) => entry.dataset.text.includes(word))
})
const open = () => { const target = document.getElementById(location.hash.slice(1)); if (target) target.open = true }
addEventListener('hashchange', open)
open()
`

/** Returns the page that documents the tools, generated from their definitions: at /tools, in development. */
export function createToolsPage(catalogue: ToolCatalogue): () => Response {
  const section = (title: string, tools: readonly AnyTool[]) => html`<h2>${title}</h2><ul>${tools.map(inIndex)}</ul>`
  const content = html`
<p>The tools for agents. Call one by its name with <code>executeTool</code>, or with the typed field of the same name.
The input is shown as JSON Schema; query <code>Tool.inputSchema</code> for the forms of OpenAI and Gemini.
A credential lists only what the tool policies allow: query <code>tools</code>. <a href="/">Open GraphiQL</a></p>
<p hidden><label>Search <input type="search"></label></p>
${section(
  'Listed by default',
  catalogue.tools.filter((tool) => tool.inDefaultSet),
)}
${section(
  'Listed with set: ALL',
  catalogue.tools.filter((tool) => !tool.inDefaultSet),
)}
<h2>Inputs</h2>
${catalogue.tools.map(entry)}
<script>${new Html(filter)}</script>`
  return () => pageResponse({ status: 200, title: 'Tools', content, script: filter })
}

const textOf = ({ name, title, description }: AnyTool) => `${name} ${title} ${description}`.toLowerCase()

const effectOf = (tool: AnyTool) => (tool.readOnly ? 'reads' : tool.destructive ? 'writes and can delete' : 'writes')

const inIndex = (tool: AnyTool): Html =>
  html`<li data-text="${textOf(tool)}"><a href="#${tool.name}">${tool.name}</a> <span class="quiet">${effectOf(tool)}</span><br>${tool.title}</li>`

function entry(tool: AnyTool): Html {
  const document = `mutation CallTool($input: JSONObject) {
  executeTool(
    input: {
      identifier: "user_1"
      toolName: "${tool.name}"
      toolInput: $input
      outputFormat: COMPACT
    }
  ) {
    ... on ExecuteToolPayload { data }
    ... on ToolError { message hint }
  }
}
`
  return html`<details id="${tool.name}" data-text="${textOf(tool)}"><summary><strong>${tool.name}</strong> <span class="quiet">${effectOf(tool)}</span></summary>
<p>${tool.description}</p>
<p class="quiet">Required capabilities: ${tool.requiredCapabilities.join(', ') || 'none'}.</p>
<pre tabindex="0">${JSON.stringify(modelSchema(tool, 'STANDARD').properties, null, 2)}</pre>
<p><a href="/graphql?${new URLSearchParams({ query: document }).toString()}">Call it in GraphiQL</a>, with its input in the variable <code>input</code> and <code>outputFormat</code> RAW, COMPACT or MARKDOWN.</p></details>`
}
