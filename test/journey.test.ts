import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from './support/app.ts'
import { newBrowser } from './support/browser.ts'

const identifier = 'user_notion_456'
const database = '2561ab6c-418b-8072-beec-c4779fa811cf'
const page = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

const executeTool = /* GraphQL */ `
  mutation ($input: ExecuteToolInput!) {
    executeTool(input: $input) {
      __typename
      ... on ExecuteToolPayload { data execution { id status tool { name } connectedAccount { identifier } } }
      ... on ToolError { message hint retryable userAction }
      ... on AccountNotActiveError { status statusReason authorizationLink }
    }
  }
`

/**
 * The journey of one user with the public operations only, over a real socket. The tests run in order; each continues from
 * the one before.
 */
describe.each(['embedded', 'postgres'] as const)('the journey of one user on the %s database', (kind) => {
  let app: TestApp
  const watched: string[] = []
  const watching = new AbortController()
  let watch: Promise<void>

  beforeAll(async () => {
    app = await startApp({ database: kind })
  })
  afterAll(async () => {
    await app.stop()
  })

  const run = async (toolName: string, toolInput: Record<string, unknown>, more: Record<string, unknown> = {}) => {
    const answer = await app.graphql(executeTool, { input: { identifier, toolName, toolInput, ...more } })
    expect(answer.errors).toBeUndefined()
    return answer.data['executeTool'] as {
      __typename: string
      data: Record<string, unknown> & { id: string; results: Record<string, unknown>[] }
      status: string
      [field: string]: unknown
    }
  }
  const call = async (toolName: string, toolInput: Record<string, unknown>) => {
    const result = await run(toolName, toolInput)
    expect(result, JSON.stringify(result)).toMatchObject({
      __typename: 'ExecuteToolPayload',
      execution: { status: 'SUCCEEDED', tool: { name: toolName }, connectedAccount: { identifier } },
    })
    return result.data
  }

  it('the application creates a connected account, which is PENDING', async () => {
    const create = /* GraphQL */ `
      mutation ($input: GetOrCreateConnectedAccountInput!) {
        getOrCreateConnectedAccount(input: $input) {
          ... on GetOrCreateConnectedAccountPayload {
            created
            connectedAccount { id status statusReason nextAction workspace { id } }
          }
        }
      }
    `
    const first = await app.graphql(create, { input: { identifier } })
    expect(first.data['getOrCreateConnectedAccount']).toMatchObject({
      created: true,
      connectedAccount: { status: 'PENDING', statusReason: 'CREATED', workspace: null },
    })
    const again = await app.graphql(create, { input: { identifier } })
    expect(again.data['getOrCreateConnectedAccount']).toMatchObject({ created: false })
  })

  it('a subscription receives the current status first', async () => {
    let seen: () => void = () => {}
    const first = new Promise<void>((resolve) => {
      seen = resolve
    })
    watch = (async () => {
      const statuses = app.subscribe(
        `subscription ($identifier: String!) { connectedAccountStatus(identifier: $identifier) { status } }`,
        { identifier },
        { signal: watching.signal },
      )
      for await (const { connectedAccountStatus } of statuses) {
        watched.push((connectedAccountStatus as { status: string }).status)
        seen()
      }
    })().catch((error: unknown) => {
      if (!watching.signal.aborted) throw error
    })
    await first
    expect(watched).toEqual(['PENDING'])
  })

  it('a tool call before the authorization returns the next action', async () => {
    const result = await run('notion_data_fetch', { query: 'Q3 roadmap' })
    expect(result).toMatchObject({ __typename: 'AccountNotActiveError', status: 'PENDING', userAction: 'REAUTHORIZE' })
  })

  it('the user opens the link and selects pages at Notion, and the application confirms the user', async () => {
    const authorized = await app.graphql(
      /* GraphQL */ `
        mutation ($input: AuthorizeInput!) {
          authorize(input: $input) {
            ... on AuthorizePayload { link expiresAt connectedAccount { status } }
            ... on Error { message }
          }
        }
      `,
      {
        input: {
          identifier,
          state: 'of the application',
          expectedResources: [{ name: 'Projects', reason: 'to list your tasks', resourceId: database }],
        },
      },
    )
    const { link } = authorized.data['authorize'] as { link: string }
    expect(link).toMatch(`${app.url}/connect/`)

    const browser = newBrowser()
    const welcome = await browser.get(link)
    const text = await welcome.text()
    expect(text).toContain('Projects')
    expect(text).toContain('to list your tasks')
    const onward = /href="([^"]*\/v1\/oauth\/authorize[^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''

    const picker = await (await browser.get(onward)).text()
    expect(picker).toContain('owner@acme.test')
    expect(picker).toContain('Projects')
    const consented = await browser.post(onward, { user: 'owner@acme.test', resources: 'all', decision: 'allow' })
    const confirmation = browser.redirectOf(await browser.get(browser.redirectOf(consented)))
    expect(confirmation.searchParams.get('state')).toBe('of the application')
    const flowId = confirmation.searchParams.get('flow_id')

    const waiting = await run('notion_data_fetch', { query: 'Q3 roadmap' })
    expect(waiting).toMatchObject({ __typename: 'AccountNotActiveError', status: 'PENDING_CONFIRMATION' })

    const confirmed = await app.graphql(
      /* GraphQL */ `
        mutation ($input: ConfirmAuthorizationInput!) {
          confirmAuthorization(input: $input) {
            ... on ConfirmAuthorizationPayload {
              connectedAccount { status needsReauthorization nextAction workspace { name } owner { email } }
            }
            ... on Error { message }
          }
        }
      `,
      { input: { flowId, identifier } },
    )
    expect(confirmed.data['confirmAuthorization']).toMatchObject({
      connectedAccount: {
        status: 'ACTIVE',
        needsReauthorization: false,
        nextAction: null,
        owner: { email: 'owner@acme.test' },
      },
    })
  })

  it('the agent searches the workspace', async () => {
    const found = await call('notion_data_fetch', { query: 'Q3 roadmap', page_size: 10 })
    expect(found.results.length).toBeGreaterThan(0)
  })

  it('the agent queries a database sorted by a date', async () => {
    const rows = await call('notion_database_query', {
      database_id: database,
      page_size: 50,
      sorts: [{ property: 'Due Date', direction: 'ascending' }],
    })
    const dates = rows.results.flatMap((row) => {
      const properties = row['properties'] as { 'Due Date': { date: { start: string } | null } }
      return properties['Due Date'].date?.start ?? []
    })
    expect(dates.length).toBeGreaterThan(2)
    expect(dates).toEqual([...dates].sort())
  })

  it('the agent inserts a row and finds it again', async () => {
    const row = await call('notion_database_insert_row', {
      database_id: database,
      properties: {
        title: { title: [{ text: { content: 'Q3 Roadmap Review' } }] },
        Status: { select: { name: 'Not Started' } },
        'Due Date': { date: { start: '2026-07-15' } },
        Priority: { select: { name: 'High' } },
      },
    })
    const rows = await call('notion_database_query', { database_id: database, page_size: 100 })
    expect(rows.results.map(({ id }) => id)).toContain(row.id)
    const narrow = await call('notion_database_property_retrieve', { database_id: database, property_id: 'Status' })
    expect(Object.keys(narrow.results[0]?.['properties'] as object)).toEqual(['Status'])
  })

  it('the agent creates a page, comments on it and reads the comment back', async () => {
    const created = await call('notion_page_create', {
      parent_page_id: page,
      properties: { title: { title: [{ text: { content: 'Meeting Notes — 2026-07-01' } }] } },
      child_blocks: [
        {
          object: 'block',
          type: 'paragraph',
          paragraph: { rich_text: [{ type: 'text', text: { content: "Action items from today's sync." } }] },
        },
      ],
    })
    const comment = await call('notion_comment_create', {
      comment: { rich_text: [{ text: { content: 'Looks right to me.' } }] },
      parent: { page_id: created.id },
    })
    expect(await call('notion_comment_retrieve', { comment_id: comment.id })).toMatchObject({ id: comment.id })
    const comments = await call('notion_comments_fetch', { block_id: created.id })
    expect(comments.results.map(({ id }) => id)).toEqual([comment.id])
    const content = await run('notion_page_fetch', { page_id: created.id }, { outputFormat: 'MARKDOWN' })
    expect(JSON.stringify(content.data)).toContain("Action items from today's sync.")
  })

  it('the agent creates a database and reads its schema', async () => {
    const created = await call('notion_database_create', {
      parent: { page_id: page },
      title: [{ text: { content: 'Risks' } }],
      properties: { Name: { title: {} }, Likelihood: { select: { options: [{ name: 'high' }] } } },
    })
    const fetched = await call('notion_database_fetch', { database_id: created.id })
    expect(JSON.stringify(fetched)).toContain('Likelihood')
  })

  it('the journal lists every call', async () => {
    const answer = await app.graphql(/* GraphQL */ `
      { toolExecutions(first: 3) { nodes { tool { name } status durationMs providerRequestIds } } }
    `)
    const { nodes } = answer.data['toolExecutions'] as { nodes: { status: string; providerRequestIds: string[] }[] }
    expect(nodes).toHaveLength(3)
    for (const node of nodes) {
      expect(node.status).toBe('SUCCEEDED')
      expect(node.providerRequestIds.length).toBeGreaterThan(0)
    }
  })

  it('after the user disconnects at Notion, the next call fails and the account is REVOKED', async () => {
    await app.sandbox('revoke', { user: 'owner@acme.test' })
    const result = await run('notion_data_fetch', { query: 'Q3 roadmap' })
    expect(result).toMatchObject({
      __typename: 'AccountNotActiveError',
      status: 'REVOKED',
      statusReason: 'REVOKED_AT_PROVIDER',
      userAction: 'REAUTHORIZE',
    })
    expect(result['authorizationLink']).toMatch(`${app.url}/connect/`)
    const account = await app.graphql(
      /* GraphQL */ `
        query ($identifier: String!) {
          connectedAccount(identifier: $identifier) {
            status
            nextAction
            transitions { nodes { from to reason } }
          }
        }
      `,
      { identifier },
    )
    const { nextAction, transitions } = account.data['connectedAccount'] as {
      nextAction: string
      transitions: { nodes: { to: string }[] }
    }
    expect(nextAction).toBeTruthy()
    expect(transitions.nodes.map(({ to }) => to)).toEqual(['REVOKED', 'ACTIVE', 'PENDING_CONFIRMATION', 'PENDING'])
  })

  it('the subscription received each status in order', async () => {
    await expect.poll(() => watched).toEqual(['PENDING', 'PENDING_CONFIRMATION', 'ACTIVE', 'REVOKED'])
    watching.abort()
    await watch
  })

  it('no token is printed', () => {
    expect(app.log()).not.toMatch(/ntn_|nrt_/)
  })
})
