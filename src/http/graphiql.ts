import type { GraphiQLOptions } from 'graphql-yoga'
import type { Secret } from '../vault/secret.ts'
import { isFromThisMachine } from './this-machine.ts'

/** What GraphiQL is served with. */
export interface GraphiqlSettings {
  /** The base of all links, without a final slash. */
  readonly publicUrl: () => string
  /** Returns the API key that GraphiQL sends by itself; null: people enter theirs. Called for each page. */
  readonly key: () => Promise<Secret | null>
}

/** The identifier in all tabs, so that they can be run in order. */
const identifier = 'user_1'

/** One tab for each step. Its name is that of its operation. */
const steps = (publicUrl: string): readonly { readonly query: string; readonly variables?: object }[] => [
  {
    query: `# 1 of 6. Run the tabs in their order.
# The sandbox replaces Notion and accepts any
# client. Users see this name and color.
mutation RegisterApp {
  registerOAuthApp(
    input: {
      clientId: "valetkey-development"
      clientSecret: "sandbox"
      displayName: "Acme Tasks"
      accentColor: "#0b5fff"
      returnUrls: ["${publicUrl}/"]
      confirmationUrl:
        "${publicUrl}/connect/confirm"
    }
  ) {
    ... on RegisterOAuthAppPayload {
      oauthApp { connectionName displayName }
    }
    ... on Error { message }
  }
}
`,
  },
  {
    query: `# 2 of 6. The identifier is your own ID of the user.
mutation CreateAccount {
  getOrCreateConnectedAccount(
    input: { identifier: "${identifier}" }
  ) {
    ... on GetOrCreateConnectedAccountPayload {
      created
      connectedAccount { status }
    }
    ... on Error { message }
  }
}
`,
  },
  {
    query: `# 3 of 6. Open the link in the result with Ctrl+click
# and allow everything. The last page leads back to
# the tab Confirm, with the flow ID filled in.
mutation Authorize {
  authorize(
    input: {
      identifier: "${identifier}"
      expectedResources: [
        { name: "Projects", reason: "to list your tasks" }
      ]
    }
  ) {
    ... on AuthorizePayload { link expiresAt }
    ... on Error { message }
  }
}
`,
  },
  {
    query: `# 4 of 6. Your application runs this, with the flow_id
# that the browser brought and its signed-in user.
mutation Confirm(
  $flowId: String!
  $identifier: String!
) {
  confirmAuthorization(
    input: { flowId: $flowId, identifier: $identifier }
  ) {
    ... on ConfirmAuthorizationPayload {
      connectedAccount { status workspace { name } }
    }
    ... on Error { message }
  }
}
`,
    variables: { flowId: '', identifier },
  },
  {
    query: `# 5 of 6. All tools: ${publicUrl}/tools
# Other formats: MARKDOWN and RAW.
mutation CallTool {
  executeTool(
    input: {
      identifier: "${identifier}"
      toolName: "notion_data_fetch"
      toolInput: { query: "roadmap", page_size: 3 }
      outputFormat: COMPACT
    }
  ) {
    ... on ExecuteToolPayload {
      data
      execution { status durationMs }
    }
    ... on ToolError { message hint userAction }
  }
}
`,
  },
  {
    query: `# 6 of 6. While this runs, revoke the access at
# ${publicUrl}/sandbox
# and run CallTool again: the status changes here.
subscription Watch {
  connectedAccountStatus(identifier: "${identifier}") {
    status
    statusReason
    nextAction
  }
}
`,
  },
]

/** Whether a browser of this machine opens the page, and no script of another origin. */
const isOpenedHere = (request: Request, address: string | null) =>
  isFromThisMachine(request, address) && request.headers.get('sec-fetch-dest') === 'document'

/** Returns GraphiQL's options for a request. Its own key is only for browsers of this machine. */
export async function graphiqlOptions(
  settings: GraphiqlSettings,
  request: Request,
  address: string | null,
): Promise<GraphiQLOptions> {
  const key = isOpenedHere(request, address) ? await settings.key() : null
  return {
    title: 'Valetkey',
    logo,
    favicon: '/favicon.ico',
    defaultQuery: steps(settings.publicUrl())[0]?.query ?? '',
    shouldPersistHeaders: true,
    ...(key && { additionalHeaders: { Authorization: `Bearer ${key.reveal()}` } }),
    ...(!key && { headers: JSON.stringify({ Authorization: 'Bearer ' }, null, 2) }),
  }
}

/**
 * Returns GraphiQL's page with a tab for each step. They are written into its storage before it starts, because it opens
 * another tab at each reload otherwise. `?flow_id=…&identifier=…` fills in the variables of Confirm; `?query=…&variables=…`
 * opens a tab with them.
 */
export async function renderGraphiql(settings: GraphiqlSettings, options: GraphiQLOptions): Promise<string> {
  // Loaded on demand: nine megabytes that only development needs.
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const tabs = steps(settings.publicUrl()).map(({ query, variables }) => {
    const name = /(?:mutation|subscription) (\w+)/.exec(query)?.[1]
    return {
      ...{ id: name, hash: null, title: name, operationName: name, query, headers: options.headers ?? null },
      ...{ variables: variables ? JSON.stringify(variables, null, 2) : null, response: null },
    }
  })
  const head = `<meta name="viewport" content="width=device-width, initial-scale=1">
<style>${style}</style>
<script>(${prepareTabs})(${JSON.stringify(tabs).replaceAll('<', '\\u003c')})</script>
</head>`
  // A function, because the script contains characters that have a meaning in a replacement string.
  return renderGraphiQL(options).replace('</head>', () => head)
}

/**
 * On narrow screens the result is below the query. GraphiQL animates tabs that exist at its start, and takes the first click
 * on each for the end of the animation: without a transformation it selects the tab.
 */
const style = `
.graphiql-container .graphiql-tab { transform: none !important }
.graphiql-container .graphiql-logo { color: hsl(var(--color-neutral)) }
@media (max-width: 760px) {
  .graphiql-container .graphiql-container { flex-direction: column-reverse }
  .graphiql-container .graphiql-sidebar { flex-direction: row; width: auto; padding: 0 8px 8px }
  .graphiql-container .graphiql-sidebar button[style] { margin: 0 0 0 auto !important }
  .graphiql-container .graphiql-main { min-height: 0 }
  .graphiql-container .graphiql-sessions { margin: 8px }
  .graphiql-container .graphiql-logo { display: none }
  .graphiql-container #graphiql-session { flex-direction: column; min-height: 0 }
  .graphiql-container #graphiql-session > .graphiql-editors { flex: 3 1 0% !important; min-height: 0 }
  .graphiql-container #graphiql-session > .graphiql-response { flex: 2 1 0% !important; min-height: 0 }
  .graphiql-container #graphiql-session > .graphiql-horizontal-drag-bar { display: none }
  .graphiql-container .graphiql-query-editor { padding: 8px }
}
`

/** A key, in the color of the text, which depends on the theme. */
const logo =
  '<svg viewBox="0 0 16 16" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true"><circle cx="5" cy="8" r="3"/><path d="M8 8h7M12 8v3"/></svg>'

/** Runs in the browser, before GraphiQL. Its editor does not wrap lines by itself, and cuts them off. */
const prepareTabs = `function (defaults) {
  let environment
  Object.defineProperty(self, 'MonacoEnvironment', {
    get: () => environment,
    set: (value) => { environment = { ...value, globalAPI: true } },
  })
  let monaco
  Object.defineProperty(self, 'monaco', {
    get: () => monaco,
    set: (value) => {
      monaco = value
      // After the script of which this is the first part, and before there is an editor.
      queueMicrotask(() => value.editor.onDidCreateEditor((editor) => editor.updateOptions({ wordWrap: 'on' })))
    },
  })
  const names = { tabs: 'graphiql:tabState', query: 'graphiql:query', variables: 'graphiql:variables', headers: 'graphiql:headers' }
  const url = new URL(location.href)
  let state = null
  try { state = JSON.parse(localStorage.getItem(names.tabs)) } catch {}
  if (!state || !Array.isArray(state.tabs) || state.tabs.length === 0) state = { activeTabIndex: 0, tabs: defaults }
  const flowId = url.searchParams.get('flow_id')
  if (flowId !== null) {
    const confirm = defaults.find((tab) => tab.title === 'Confirm')
    let index = state.tabs.findIndex((tab) => tab.operationName === 'Confirm')
    if (index < 0) index = state.tabs.push(confirm) - 1
    const variables = JSON.stringify({ flowId, identifier: url.searchParams.get('identifier') }, null, 2)
    state.tabs[index] = { ...state.tabs[index], query: confirm.query, variables, response: null }
    state.activeTabIndex = index
  }
  const linked = url.searchParams.get('query')
  if (flowId === null && linked !== null) {
    const variables = url.searchParams.get('variables')
    const operation = (linked.match(/(?:query|mutation|subscription) (\\w+)/) || [])[1] || null
    const title = operation || '<untitled>'
    const isLinked = (tab) => tab.query === linked && (variables === null || tab.variables === variables)
    let index = state.tabs.findIndex(isLinked)
    if (index < 0) {
      const tab = { ...defaults[0], id: title + Math.random(), title, operationName: operation, query: linked, variables }
      index = state.tabs.push(tab) - 1
    }
    state.activeTabIndex = index
  }
  for (const name of ['flow_id', 'identifier', 'query', 'variables']) url.searchParams.delete(name)
  const active = state.tabs[state.activeTabIndex] || state.tabs[0]
  for (const name of ['query', 'variables', 'headers']) {
    if (active[name]) localStorage.setItem(names[name], active[name])
    else localStorage.removeItem(names[name])
  }
  localStorage.setItem(names.tabs, JSON.stringify(state))
  history.replaceState({}, '', url)
}`
