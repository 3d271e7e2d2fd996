import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'

const identifier = 'user_notion_456'
const databaseId = '2561ab6c-418b-8072-beec-c4779fa811cf'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres' })
  await app.sandbox('seed', { databases: 1, rows: 60 })
  await app.connect(identifier)
})
afterAll(() => app.stop())

async function ask(document: string, variables: Record<string, unknown> = {}) {
  const { data, errors } = await app.graphql(document, { identifier, ...variables })
  expect(errors).toBeUndefined()
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by the expectations
  return data as any
}

it('a search, a schema and a query run in one document and return typed objects', async () => {
  const { search, database, rows } = await ask(
    `query ($identifier: String!, $databaseId: String!) {
      search: notionDataFetch(identifier: $identifier, input: { pageSize: 5 }) {
        ... on NotionDataFetchPayload { results { objectId object title url } nextCursor execution { status } }
      }
      database: notionDatabaseFetch(identifier: $identifier, input: { databaseId: $databaseId }) {
        ... on NotionDatabaseFetchPayload { database { id title dataSources { id properties { name type options { name } } } } }
      }
      rows: notionDatabaseQuery(
        identifier: $identifier
        input: { databaseId: $databaseId, pageSize: 3, sorts: [{ property: "Due Date", direction: "ascending" }] }
      ) {
        ... on NotionDatabaseQueryPayload { rows { id url title properties { name type text value } } nextCursor }
        ... on Error { message }
      }
    }`,
    { databaseId },
  )
  expect(search.results.length).toBeGreaterThan(0)
  expect(search.execution.status).toBe('SUCCEEDED')
  expect(database.database.id).toBe(databaseId)
  const names = database.database.dataSources[0].properties.map(({ name }: { name: string }) => name)
  expect(names).toEqual(expect.arrayContaining(['Status', 'Due Date', 'Priority']))
  const [row] = rows.rows
  expect(row.title).not.toBe('')
  expect(row.properties).toEqual(
    expect.arrayContaining([expect.objectContaining({ name: 'Status', text: expect.any(String) })]),
  )
})

it('a row is written once per key, and a wrong option is reported with its path and the nearest name', async () => {
  const insert = `mutation ($identifier: String!, $key: String, $input: NotionDatabaseInsertRowInput!) {
    notionDatabaseInsertRow(identifier: $identifier, idempotencyKey: $key, input: $input) {
      __typename
      ... on NotionDatabaseInsertRowPayload { page { id title } execution { id } }
      ... on InvalidToolInputError { hint issues { path message } }
    }
  }`
  const input = {
    databaseId,
    properties: { title: { title: [{ text: { content: 'Once only' } }] }, Priority: { select: { name: 'High' } } },
  }
  const first = await ask(insert, { key: 'row-1', input })
  const second = await ask(insert, { key: 'row-1', input })
  expect(first.notionDatabaseInsertRow).toMatchObject({ page: { title: 'Once only' } })
  expect(second).toEqual(first)
  const { notionDatabaseQuery } = await ask(
    `query ($identifier: String!, $input: NotionDatabaseQueryInput!) {
      notionDatabaseQuery(identifier: $identifier, input: $input) { ... on NotionDatabaseQueryPayload { rows { id } } }
    }`,
    { input: { databaseId, filter: { property: 'title', title: { equals: 'Once only' } } } },
  )
  expect(notionDatabaseQuery.rows).toHaveLength(1)

  const wrong = await ask(insert, { input: { databaseId, properties: { Priorty: { select: { name: 'High' } } } } })
  expect(wrong.notionDatabaseInsertRow).toMatchObject({
    __typename: 'InvalidToolInputError',
    issues: [{ path: 'properties.Priorty', message: expect.stringContaining('Priority') }],
  })
})

it('fifty rows take a quarter of the size in COMPACT and in MARKDOWN', async () => {
  const { notionDataFetch } = await ask(
    `query ($identifier: String!) {
      notionDataFetch(identifier: $identifier, input: { query: "Bulk database", filter: { value: "database" } }) {
        ... on NotionDataFetchPayload { results { objectId } }
      }
    }`,
  )
  const toolInput = { database_id: notionDataFetch.results[0].objectId, page_size: 50 }
  const texts: Record<string, string> = {}
  for (const outputFormat of ['RAW', 'COMPACT', 'MARKDOWN']) {
    const { executeTool } = await ask(
      `mutation ($input: ExecuteToolInput!) { executeTool(input: $input) { ... on ExecuteToolPayload { data } } }`,
      { input: { identifier, toolName: 'notion_database_query', toolInput, outputFormat } },
    )
    texts[outputFormat] = typeof executeTool.data === 'string' ? executeTool.data : JSON.stringify(executeTool.data)
  }
  const bytes = (format: string) => Buffer.byteLength(texts[format] ?? '')
  for (const [format, text] of Object.entries(texts)) {
    console.log(`50 rows in ${format}: ${bytes(format)} bytes, ${countTokens(text)} tokens (o200k)`)
  }
  expect(JSON.parse(texts['RAW'] ?? '').results).toHaveLength(50)
  expect(bytes('COMPACT')).toBeLessThanOrEqual(bytes('RAW') / 4)
  expect(bytes('MARKDOWN')).toBeLessThanOrEqual(bytes('RAW') / 4)
})

describe('a relation', () => {
  const related = `query ($identifier: String!, $input: NotionDatabaseQueryInput!) {
    notionDatabaseQuery(identifier: $identifier, input: $input) {
      ... on NotionDatabaseQueryPayload {
        rows { title properties { name relatedPageIds relatedPages { id title } people { name email } } }
      }
      ... on Error { message }
    }
  }`
  const input = { databaseId: acme.tasks, pageSize: 5 }
  const rowsOf = (data: Record<string, unknown>) => (data['notionDatabaseQuery'] as { rows: Row[] }).rows
  const column = (row: Row | undefined, wanted: string) => row?.properties.find(({ name }) => name === wanted)
  const pagesRead = async () => {
    const { requests } = (await app.sandbox('log')) as { requests: { method: string; path: string }[] }
    return requests.flatMap(({ method, path }) => (method === 'GET' && /^\/v1\/pages\/[\w-]+$/.test(path) ? path : []))
  }

  it('leads to its pages, each of which is read once for the document', async () => {
    const before = (await pagesRead()).length
    const { data, errors } = await app.graphql(related, { identifier, input })
    expect(errors).toBeUndefined()
    const rows = rowsOf(data)
    const ids = rows.flatMap((row) => column(row, 'Project')?.relatedPageIds ?? [])
    expect(new Set(ids).size).toBeLessThan(ids.length)
    for (const row of rows) {
      const { relatedPageIds, relatedPages } = column(row, 'Project') ?? {}
      expect(relatedPages?.map((page) => page?.id)).toEqual(relatedPageIds)
      for (const page of relatedPages ?? []) expect(page?.title).not.toBe('')
      expect(column(row, 'Hours')).toMatchObject({ relatedPageIds: [], relatedPages: [], people: [] })
    }
    expect(column(rows[0], 'Assignee')?.people).toEqual([
      { name: expect.any(String), email: expect.stringMatching(/@acme\.test$/) },
    ])
    expect((await pagesRead()).slice(before).toSorted()).toEqual(
      [...new Set(ids)].map((id) => `/v1/pages/${id}`).toSorted(),
    )
  })

  it('is not followed when a document requests only the ids', async () => {
    const before = (await pagesRead()).length
    const { data, errors } = await app.graphql(related.replace('relatedPages { id title }', ''), { identifier, input })
    expect(errors).toBeUndefined()
    expect(rowsOf(data).some((row) => (column(row, 'Project')?.relatedPageIds.length ?? 0) > 0)).toBe(true)
    expect(await pagesRead()).toHaveLength(before)
  })

  it('with an unreadable page returns the others, and the error at its path', async () => {
    const first = await app.graphql(related, { identifier, input })
    const at = rowsOf(first.data).findIndex((row) => column(row, 'Project')?.relatedPageIds.length === 2)
    const [shared, lost] = column(rowsOf(first.data)[at], 'Project')?.relatedPageIds ?? []
    await app.sandbox('fault', { kind: 'status', status: 404, match: { path: `/v1/pages/${lost}` }, times: 0 })
    const { data, errors } = await app.graphql(related, { identifier, input })
    await app.sandbox('clear', {})
    expect(column(rowsOf(data)[at], 'Project')?.relatedPages).toEqual([expect.objectContaining({ id: shared }), null])
    const codes = errors?.map(({ extensions }) => extensions['code'])
    expect(new Set(codes).size).toBe(1)
    expect(codes?.[0]).toMatch(/^Resource\w+Error$/)
  })
})

interface Row {
  readonly title: string
  readonly properties: readonly {
    readonly name: string
    readonly relatedPageIds: readonly string[]
    readonly relatedPages: readonly ({ readonly id: string; readonly title: string } | null)[] | null
    readonly people: readonly { readonly name: string | null; readonly email: string | null }[]
  }[]
}

it('an account reports after its consent which capability Notion refuses, and which tools do not need it', async () => {
  const { oauthApp } = await ask(`query { oauthApp(connectionName: "notion") { clientId capabilities } }`)
  const { clientId, capabilities } = oauthApp
  await app.sandbox('capabilities', {
    clientId,
    capabilities: capabilities.filter((capability: string) => capability !== 'READ_COMMENTS'),
  })
  const silent = 'without-comments'
  await app.connect(silent)
  await app.sandbox('capabilities', { clientId, capabilities })
  const { connectedAccount } = await ask(
    `query ($identifier: String!) {
      connectedAccount(connectionName: "notion", identifier: $identifier) {
        needsReauthorization nextAction tools { tool { name requiredCapabilities } available unavailableReason }
      }
    }`,
    { identifier: silent },
  )
  expect(connectedAccount).toMatchObject({
    needsReauthorization: false,
    nextAction: expect.stringMatching(/READ_COMMENTS/),
  })
  for (const { tool, available, unavailableReason } of connectedAccount.tools) {
    // The app is not registered for raw requests.
    const refused = tool.name === 'notion_api_request'
    const needed = tool.requiredCapabilities.includes('READ_COMMENTS')
    expect([tool.name, available]).toEqual([tool.name, !needed && !refused])
    const reason = refused ? 'The OAuth app does not allow notion_api_request.' : 'READ_COMMENTS'
    expect(unavailableReason).toEqual(needed || refused ? expect.stringContaining(reason) : null)
  }
})

it('a document with two writes is refused before any of them runs', async () => {
  const { errors } = await app.graphql(
    `mutation ($identifier: String!) {
      a: executeTool(input: { identifier: $identifier, toolName: "notion_data_fetch", toolInput: {} }) { __typename }
      b: executeTool(input: { identifier: $identifier, toolName: "notion_data_fetch", toolInput: {} }) { __typename }
    }`,
    { identifier },
  )
  expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
})
