import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { afterAll, beforeAll, expect, it } from 'vitest'
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

it('a search, a schema and a query run side by side in one document and give typed objects', async () => {
  const { search, database, rows } = await ask(
    `query ($identifier: String!, $databaseId: String!) {
      search: notionDataFetch(identifier: $identifier, input: { pageSize: 5 }) {
        ... on NotionDataFetchPayload { results { id object title url } nextCursor execution { status } }
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

it('a row is written once under a key, and a wrong option comes back with the place and the nearest name', async () => {
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

it('fifty rows take a quarter of the room in COMPACT and in MARKDOWN', async () => {
  const { notionDataFetch } = await ask(
    `query ($identifier: String!) {
      notionDataFetch(identifier: $identifier, input: { query: "Bulk database", filter: { value: "database" } }) {
        ... on NotionDataFetchPayload { results { id } }
      }
    }`,
  )
  const toolInput = { database_id: notionDataFetch.results[0].id, page_size: 50 }
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
