import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { createVisitor } from '../testing/visitor.ts'
import { createTerminal } from './terminal.ts'

/**
 * `npm run demo`: the journey of one user on a temporary server with the Notion sandbox and a database that is removed
 * afterwards. Uses only the public operations, over HTTP. Exit code 0 if every step succeeds.
 */
const identifier = 'user_notion_456'
const projects = '2561ab6c-418b-8072-beec-c4779fa811cf'
const meetingNotes = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

const terminal = createTerminal(process.stdout, process.stdout.isTTY && process.env['NO_COLOR'] === undefined)

async function main(): Promise<void> {
  const startedAt = performance.now()
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-demo-'))
  const config = readConfig({ PORT: '0', VALETKEY_DATA_DIR: directory })
  const app = await createApp(config, { log: createLog('silent') })
  try {
    const { publicUrl, generatedApiKey } = await app.listen()
    terminal.title('Valetkey: an agent works in the Notion of one user')
    terminal.note(`Server: ${publicUrl}, with an embedded database and the Notion sandbox`)
    await journey(publicUrl, generatedApiKey?.reveal() ?? '')
    terminal.summary(`All steps succeeded in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`)
  } finally {
    await app.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function journey(url: string, apiKey: string): Promise<void> {
  const graphql = async <T>(document: string, variables: Record<string, unknown>): Promise<T> => {
    terminal.request(document, variables)
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ query: document, variables }),
    })
    const { data, errors } = (await response.json()) as { data: T; errors?: unknown }
    terminal.response(errors ?? data)
    if (errors) throw new Error('the request was rejected')
    return data
  }
  const executeTool = async (toolName: string, toolInput: unknown, outputFormat = 'COMPACT') => {
    const { executeTool: result } = await graphql<{ executeTool: { __typename: string; data?: unknown } }>(
      `mutation ($input: ExecuteToolInput!) {
  executeTool(input: $input) {
    __typename
    ... on ExecuteToolPayload { data }
    ... on ToolError { message hint userAction }
  }
}`,
      { input: { identifier, toolName, toolInput, outputFormat } },
    )
    return result
  }
  const expectTool = async (...args: Parameters<typeof executeTool>) => {
    const result = await executeTool(...args)
    expect(result.__typename === 'ExecuteToolPayload', `${args[0]} failed`)
  }

  terminal.step('Create a connected account for one of your users')
  await graphql(
    `mutation ($input: GetOrCreateConnectedAccountInput!) {
  getOrCreateConnectedAccount(input: $input) {
    ... on GetOrCreateConnectedAccountPayload { created connectedAccount { status nextAction } }
    ... on Error { message }
  }
}`,
    { input: { identifier } },
  )

  terminal.step('Get a link for the user')
  const { authorize } = await graphql<{ authorize: { link: string } }>(
    `mutation ($input: AuthorizeInput!) {
  authorize(input: $input) {
    ... on AuthorizePayload { link expiresAt }
    ... on Error { message }
  }
}`,
    {
      input: {
        identifier,
        expectedResources: [{ name: 'Projects', reason: 'to list and add tasks', resourceId: projects }],
      },
    },
  )

  terminal.step('The user opens the link and selects pages on the consent page of the sandbox')
  const visitor = createVisitor()
  const welcome = await visitor.read(authorize.link)
  terminal.page(authorize.link, welcome)
  const consentUrl = visitor.linkIn(welcome, '/v1/oauth/authorize')
  const callback = await visitor.submit(consentUrl, { user: 'owner@acme.test', resources: 'all', decision: 'allow' })
  const confirmation = new URL(await visitor.follow(callback))
  terminal.note(`Returned to the application: ${confirmation.origin}${confirmation.pathname}?flow_id=…`)

  terminal.step('The application confirms the user; the tokens work from now on')
  const { confirmAuthorization } = await graphql<{
    confirmAuthorization: { connectedAccount?: { status: string } }
  }>(
    `mutation ($input: ConfirmAuthorizationInput!) {
  confirmAuthorization(input: $input) {
    ... on ConfirmAuthorizationPayload {
      connectedAccount { status workspace { name } owner { email } }
    }
    ... on Error { message }
  }
}`,
    { input: { flowId: confirmation.searchParams.get('flow_id'), identifier } },
  )
  expect(confirmAuthorization.connectedAccount?.status === 'ACTIVE', 'the account did not become ACTIVE')

  terminal.step('The agent searches')
  await expectTool('notion_data_fetch', { query: 'Q3 roadmap', page_size: 3 })

  terminal.step('The agent reads a database as a Markdown table')
  await expectTool(
    'notion_database_query',
    { database_id: projects, page_size: 5, sorts: [{ property: 'Due Date', direction: 'ascending' }] },
    'MARKDOWN',
  )

  terminal.step('The agent adds a row')
  await expectTool('notion_database_insert_row', {
    database_id: projects,
    properties: {
      title: { title: [{ text: { content: 'Q3 Roadmap Review' } }] },
      Status: { select: { name: 'Not Started' } },
      'Due Date': { date: { start: '2026-07-15' } },
      Priority: { select: { name: 'High' } },
    },
  })

  terminal.step('An unknown property is refused before a request is sent, with the valid names')
  const refused = await executeTool('notion_database_insert_row', {
    database_id: projects,
    properties: { title: 'No due date', 'Due date': '2026-07-15' },
  })
  expect(refused.__typename === 'InvalidToolInputError', 'the unknown property was not refused')

  terminal.step('The agent writes a page')
  await expectTool('notion_page_create', {
    parent_page_id: meetingNotes,
    properties: { title: { title: [{ text: { content: 'Meeting Notes — 2026-07-01' } }] } },
    child_blocks: [
      {
        object: 'block',
        type: 'paragraph',
        paragraph: { rich_text: [{ type: 'text', text: { content: "Action items from today's sync." } }] },
      },
    ],
  })

  terminal.step('The user disconnects in Notion; the next call and the account report it')
  await fetch(`${url}/sandbox/_control/revoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'owner@acme.test' }),
  })
  const rejected = await executeTool('notion_data_fetch', { query: 'Q3 roadmap' })
  expect(rejected.__typename === 'AccountNotActiveError', 'the revocation was not detected')
  const { connectedAccount } = await graphql<{ connectedAccount: { status: string } }>(
    `query ($identifier: String!) {
  connectedAccount(identifier: $identifier) {
    status
    statusReason
    nextAction
    transitions { nodes { from to reason } }
  }
}`,
    { identifier },
  )
  expect(connectedAccount.status === 'REVOKED', 'the account is not REVOKED')
}

function expect(condition: boolean, failure: string): void {
  if (!condition) throw new Error(failure)
}

// A reader such as `head` may close the output. The demo continues, so that it removes its files at the end.
process.stdout.on('error', () => {})

main().catch((error: unknown) => {
  terminal.failure(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
