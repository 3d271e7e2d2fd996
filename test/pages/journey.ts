import type { Browser, Page } from 'playwright-core'
import type { TestApp } from '../support/app.ts'

/** Called for each page of the journey, with a name for it, when the page is complete. */
export type See = (page: Page, name: string) => Promise<void>

const user = 'user_1'
const meetingNotes = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

/** Walks through all pages in the order in which developers, users and operators meet them. The app must be a new one. */
export async function walk(app: TestApp, browser: Browser, see: See): Promise<void> {
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', reducedMotion: 'reduce' })
  const page = await context.newPage()
  try {
    await seeDeveloperPages(app, page, see)
    await seeConnecting(app, page, see)
    await seeApproving(app, page, see)
    await seeConsole(app, page, see)
  } finally {
    await context.close()
  }
}

async function seeDeveloperPages(app: TestApp, page: Page, see: See): Promise<void> {
  await page.goto(`${app.url}/graphql`)
  await page.locator('.graphiql-tab', { hasText: 'RegisterApp' }).waitFor()
  await page.getByRole('button', { name: /execute query/i }).click()
  await page.locator('.graphiql-response', { hasText: 'Acme Tasks' }).waitFor()
  await see(page, 'graphiql')
  await page.goto(`${app.url}/tools`)
  await see(page, 'tools')
  await page.getByRole('link', { name: 'notion_database_query' }).click()
  await page.locator('#notion_database_query summary', { hasText: 'Result as MARKDOWN' }).click()
  await page.locator('#notion_database_query summary', { hasText: 'Result as COMPACT' }).click()
  await see(page, 'tool')
  await page.goto(`${app.url}/sandbox`)
  await see(page, 'sandbox')
  await page.getByText('Milo Member').click()
  await page.getByRole('button', { name: 'End outages' }).click()
  await see(page, 'sandbox-control')
  await page.goto(`${app.url}/unknown`)
  await see(page, 'not-found')
}

async function seeConnecting(app: TestApp, page: Page, see: See): Promise<void> {
  const link = await newLink(app)
  await page.goto(link)
  await see(page, 'connect')
  await page.getByRole('link', { name: 'Continue to Notion' }).click()
  await see(page, 'consent')
  await page.getByRole('button', { name: 'Allow access' }).click()
  await see(page, 'consent-error')
  await page.getByRole('checkbox', { name: /everything/i }).check()
  await page.getByRole('button', { name: 'Allow access' }).click()
  await page.getByRole('heading', { name: 'One step is left' }).waitFor()
  await see(page, 'confirm')
  await page.getByRole('button', { name: 'Confirm as' }).click()
  await page.getByRole('heading', { name: 'is connected' }).waitFor()
  await see(page, 'connected')
  await page.goto(link)
  await see(page, 'link-used')
  await page.goto(`${app.url}/connect/unknown`)
  await see(page, 'link-unknown')
  await page.goto(`${app.url}/sandbox/v1/oauth/authorize`)
  await see(page, 'consent-invalid')
}

async function newLink(app: TestApp): Promise<string> {
  await app.graphql(`mutation { getOrCreateConnectedAccount(input: { identifier: "${user}" }) { __typename } }`)
  const { data } = await app.graphql(
    `mutation { authorize(input: { identifier: "${user}", expectedResources: [
      { name: "Projects", reason: "to list your tasks" }, { name: "Meeting Notes", reason: "to add summaries" }] }) {
      ... on AuthorizePayload { link } } }`,
  )
  return (data['authorize'] as { link: string }).link
}

async function seeApproving(app: TestApp, page: Page, see: See): Promise<void> {
  await app.graphql('mutation { setToolPolicy(input: { requireApprovalFor: WRITES }) { __typename } }')
  const { data } = await app.graphql(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeyPayload { secret } } }',
    { input: { name: 'agent', scopes: ['TOOLS_READ', 'TOOLS_WRITE', 'ACCOUNTS_READ'] } },
  )
  const { secret } = data['createApiKey'] as { secret: string }
  const request = async (comment: string) => {
    const answer = await app.graphql(
      'mutation ($input: ExecuteToolInput!) { executeTool(input: $input) { ... on ApprovalRequiredError { approvalUrl } } }',
      {
        input: {
          identifier: user,
          toolName: 'notion_comment_create',
          toolInput: { parent: meetingNotes, comment },
          idempotencyKey: comment,
        },
      },
      secret,
    )
    return (answer.data['executeTool'] as { approvalUrl: string }).approvalUrl
  }
  const decide = async (url: string, decision: RegExp) => {
    await page.getByRole('button', { name: decision }).click()
    await page.waitForLoadState()
    await see(page, url)
  }
  await page.goto(await request('The roadmap review moves to Thursday, 10:00.'))
  await see(page, 'approve')
  await page.getByRole('link', { name: 'Continue' }).click()
  await see(page, 'approve-as')
  await page.getByRole('button', { name: 'Continue as' }).click()
  await page.getByRole('heading', { name: 'Do you approve this?' }).waitFor()
  await see(page, 'decide')
  await decide('approved', /approve and run once/i)
  await page.goto(`${app.url}/approve/unknown`)
  await see(page, 'approval-ended')
  await request('Billing is finished.')
}

async function seeConsole(app: TestApp, page: Page, see: See): Promise<void> {
  // Content: accounts in other states, calls that succeed and fail, a webhook endpoint.
  for (const [identifier, email] of [
    ['ann', 'member@acme.test'],
    ['bob', 'owner@globex.test'],
    ['eve', 'member@globex.test'],
  ] as const)
    await app.connect(identifier, { user: email })
  await app.graphql(`mutation { getOrCreateConnectedAccount(input: { identifier: "new_user" }) { __typename } }`)
  for (const identifier of ['ann', 'ann', 'bob', user]) {
    await app.executeTool(identifier, 'notion_data_fetch', { query: 'roadmap' })
    await app.executeTool(identifier, 'notion_page_fetch', { page_id: '00000000-0000-4000-8000-000000000000' })
  }
  await app.sandbox('revoke', { user: 'member@globex.test' })
  await app.executeTool('eve', 'notion_user_self', {})
  await app.graphql(`mutation { createWebhookEndpoint(input: { url: "http://localhost:9/webhooks" }) { __typename } }`)

  await page.goto(`${app.url}/console`)
  await page.getByLabel('API key').waitFor()
  await see(page, 'console-sign-in')
  await page.getByLabel('API key').fill(app.apiKey)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation').waitFor()
  const open = async (place: string) => {
    await page.goto(`${app.url}/console#/${place}`)
    await page.locator('h1').waitFor()
    await page.locator('[aria-busy=true], .loading').first().waitFor({ state: 'detached' })
  }
  for (const [name, place] of [
    ['accounts', 'accounts'],
    ['account', `accounts/notion/${user}`],
    ['revoked', 'accounts/notion/eve'],
    ['unknown', 'accounts/notion/unknown'],
    ['approvals', 'approvals'],
    ['tool-calls', 'tool-calls'],
    ['empty', 'tool-calls?error=RateLimitedError'],
    ['oauth-apps', 'oauth-apps'],
    ['register', 'oauth-apps/new'],
    ['api-keys', 'api-keys'],
    ['webhooks', 'webhooks'],
    ['audit-log', 'audit-log'],
    ['not-found', 'nowhere'],
  ] as const) {
    await open(place)
    await see(page, `console-${name}`)
  }
  await open(`accounts/notion/${user}`)
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').waitFor()
  await see(page, 'console-delete')
  await page.keyboard.press('Escape')
  await open('api-keys')
  await page.getByRole('button', { name: 'Create an API key' }).click()
  await page.getByRole('dialog').waitFor()
  await see(page, 'console-new-key')
}
