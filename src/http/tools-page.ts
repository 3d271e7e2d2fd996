import type { Connector } from '../tools/connector.ts'
import { modelSchema } from '../tools/json-schema.ts'
import type { AnyTool, OutputFormat, ToolCatalogue } from '../tools/tool.ts'
import { exampleLimits, type ToolExample, type ToolExamples } from '../tools/tool-example.ts'
import { Html, html } from './html.ts'
import { type Page, pageResponse } from './page.ts'

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

/** Returns the page that documents the tools, made from their definitions at the first request: at /tools, in development. */
export function createToolsPage(
  catalogue: ToolCatalogue,
  connectors: readonly Pick<Connector, 'toolExamples'>[],
): () => Promise<Response> {
  let page: Promise<Page> | undefined
  const load = async () => {
    const examples = await Promise.all(connectors.map(async ({ toolExamples }) => toolExamples?.()))
    return toolsPage(catalogue, Object.assign({}, ...examples) as ToolExamples)
  }
  return async () => {
    page ??= load()
    return pageResponse(await page)
  }
}

function toolsPage(catalogue: ToolCatalogue, examples: ToolExamples): Page {
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
<h2>Inputs and results</h2>
<p>The examples are calls to the sandbox as it is at its start. Their results are cut to ${exampleLimits.lines} lines of ${exampleLimits.characters} characters.</p>
${catalogue.tools.map((tool) => entry(tool, examples[tool.name]))}
<script>${new Html(filter)}</script>`
  return { status: 200, title: 'Tools', wide: true, content, script: filter }
}

const textOf = ({ name, title, description }: AnyTool) => `${name} ${title} ${description}`.toLowerCase()

const effectOf = (tool: AnyTool) => (tool.readOnly ? 'reads' : tool.destructive ? 'writes and can delete' : 'writes')

const inIndex = (tool: AnyTool): Html =>
  html`<li data-text="${textOf(tool)}"><a href="#${tool.name}">${tool.name}</a> <span class="quiet">${effectOf(tool)}</span><br>${tool.title}</li>`

function entry(tool: AnyTool, example: ToolExample | undefined): Html {
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
  const call = new URLSearchParams({
    query: document,
    ...(example && { variables: `{\n  "input": ${example.input.replaceAll('\n', '\n  ')}\n}` }),
  })
  return html`<details id="${tool.name}" data-text="${textOf(tool)}"><summary><strong>${tool.name}</strong> <span class="quiet">${effectOf(tool)}</span></summary>
<p>${tool.description}</p>
<p class="quiet">Required capabilities: ${tool.requiredCapabilities.join(', ') || 'none'}.</p>
<details><summary>Input as JSON Schema</summary><pre>${JSON.stringify(modelSchema(tool, 'STANDARD').properties, null, 2)}</pre></details>
${example ? exampleOf(example) : null}
<p><a href="/graphql?${call.toString()}">Call it in GraphiQL</a>. The variable <code>input</code> is its input; <code>outputFormat</code> is RAW, COMPACT or MARKDOWN.</p></details>`
}

const formats: readonly OutputFormat[] = ['MARKDOWN', 'COMPACT', 'RAW']

const exampleOf = ({ input, results }: ToolExample): Html => html`<h3>Example</h3>
<pre>${input}</pre>
${formats.map((format) => html`<details><summary>Result as ${format}</summary><pre>${results[format]}</pre></details>`)}`
