import { type ExecutionResult, graphql, lexicographicSortSchema, parse, printType, validate } from 'graphql'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Narrowing, notNarrowed } from '../../src/environments/narrowing.ts'
import type { Viewer } from '../../src/environments/viewer.ts'
import type { GraphQLContext } from '../../src/graphql/context.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { oneToolPerMutation } from '../../src/graphql/tools/one-tool-per-mutation.ts'
import { createLog } from '../../src/log.ts'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import type { ToolEngine } from '../../src/tools/engine.ts'
import { Secret } from '../../src/vault/secret.ts'
import { accountsContext } from '../support/accounts-context.ts'
import { testConnector } from '../support/connector.ts'
import { type Bench, identifier, openBench, viewerWith } from './bench.ts'
import { notesTools } from './notes-tools.ts'
import { gate } from './provider.ts'

const catalogue = createToolCatalogue(notesTools)
const connectors = [testConnector(notesTools)]
const schema = buildSchema(connectors, catalogue)

let bench: Bench
let engine: ToolEngine
beforeAll(async () => {
  bench = await openBench()
  engine = bench.engine()
})
afterAll(() => bench.close())
beforeEach(() => {
  bench.provider.received.length = 0
  bench.provider.behave(() => ({}))
})

function ask(source: string, variables: Record<string, unknown> = {}, viewer: Viewer = bench.viewer) {
  const { db } = bench.database
  const accounts = accountsContext({
    db,
    vault: bench.vault,
    events: { publish: () => {}, subscribe: () => {}, close: async () => {} },
    publicUrl: 'http://valetkey.test',
    log: createLog('silent'),
  })
  const context: Partial<GraphQLContext> = {
    loaders: new Map(),
    cursorKey: new Secret('cursors'),
    viewer,
    accounts,
    tools: engine,
    connectors,
    signal: new AbortController().signal,
  }
  return graphql({ schema, source, variableValues: { identifier, ...variables }, contextValue: context })
}

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by the expectations
const data = (result: ExecutionResult): any => {
  expect(result.errors).toBeUndefined()
  return result.data
}

const execute = `mutation ($input: ExecuteToolInput!) {
  executeTool(input: $input) {
    __typename
    ... on ExecuteToolPayload { data execution { id status tool { name } connectedAccount { identifier } durationMs } }
    ... on Error { message }
    ... on ToolError { hint retryable retryAfterMs userAction execution { status errorType } }
    ... on UnknownToolError { suggestions }
    ... on InvalidToolInputError { issues { path message } }
    ... on AccountNotActiveError { status statusReason authorizationLink }
    ... on MissingCapabilityError { capability }
    ... on ResourceUnavailableError { resourceId }
    ... on OutcomeUnknownError { committedIds }
  }
}`

describe('executeTool', () => {
  it('returns the data and the journal entry', async () => {
    const { executeTool } = data(
      await ask(execute, { input: { identifier, toolName: 'notes_write', toolInput: { text: 'x' } } }),
    )
    expect(executeTool).toMatchObject({
      __typename: 'ExecuteToolPayload',
      data: { id: 'note-0' },
      execution: { status: 'SUCCEEDED', tool: { name: 'notes_write' }, connectedAccount: { identifier } },
    })
    const again = data(
      await ask('query ($id: ID!) { node(id: $id) { ... on ToolExecution { status } } }', executeTool.execution),
    )
    expect(again.node).toEqual({ status: 'SUCCEEDED' })
  })

  it('returns every failure as a type of its own with a hint', async () => {
    const unknown = data(await ask(execute, { input: { identifier, toolName: 'notes_wrte', toolInput: {} } }))
    expect(unknown.executeTool).toMatchObject({
      __typename: 'UnknownToolError',
      suggestions: expect.arrayContaining(['notes_write']),
      hint: expect.stringContaining('notes_write'),
      execution: null,
    })
    const wrong = data(await ask(execute, { input: { identifier, toolName: 'notes_write', toolInput: { a: 1 } } }))
    expect(wrong.executeTool).toMatchObject({
      __typename: 'InvalidToolInputError',
      issues: [{ path: 'text' }, { path: 'a' }],
    })
    bench.provider.behave(() => ({ status: 404 }))
    const missing = data(await ask(execute, { input: { identifier, toolName: 'notes_find', toolInput: {} } }))
    expect(missing.executeTool).toMatchObject({
      __typename: 'ResourceUnavailableError',
      resourceId: 'note-404',
      userAction: 'SHARE_RESOURCE',
      execution: { status: 'FAILED', errorType: 'ResourceUnavailableError' },
    })
    bench.provider.behave(() => ({ status: 500 }))
    const doubtful = data(
      await ask(execute, { input: { identifier, toolName: 'notes_write', toolInput: { text: 'x' } } }),
    )
    expect(doubtful.executeTool).toMatchObject({
      __typename: 'OutcomeUnknownError',
      committedIds: [],
      retryable: false,
      execution: { status: 'OUTCOME_UNKNOWN' },
    })
  })

  it('returns a link for the user, only to callers that may authorize', async () => {
    const { accountId } = await bench.account('gone')
    await bench.database.db
      .updateTable('connected_accounts')
      .set({ status: 'REVOKED', status_reason: 'REVOKED_AT_PROVIDER' })
      .where('id', '=', accountId)
      .execute()
    const input = { identifier: 'gone', toolName: 'notes_find', toolInput: {} }
    const { executeTool } = data(await ask(execute, { input }))
    expect(executeTool).toMatchObject({
      __typename: 'AccountNotActiveError',
      status: 'REVOKED',
      statusReason: 'REVOKED_AT_PROVIDER',
      userAction: 'REAUTHORIZE',
    })
    expect(String(executeTool.authorizationLink)).toContain('http://valetkey.test/connect/')
    const reader = viewerWith(bench.environmentId, ['TOOLS_READ'])
    expect(data(await ask(execute, { input }, reader)).executeTool.authorizationLink).toBeNull()
  })

  it('is FORBIDDEN for a tool that the credential may not run', async () => {
    const reader = viewerWith(bench.environmentId, ['TOOLS_READ'])
    const input = { identifier, toolName: 'notes_write', toolInput: { text: 'x' } }
    const { errors } = await ask(execute, { input }, reader)
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
    expect(bench.provider.received).toHaveLength(0)
  })
})

describe('the field of a tool', () => {
  it('returns what was written when the account was deleted in the meantime', async () => {
    const { accountId } = await bench.account('deleted')
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened, body: { id: 'written' } }))
    const input = { identifier: 'deleted', toolName: 'notes_write', toolInput: { text: 'x' } }
    const answer = ask(execute, { input })
    await bench.provider.hasReceived(1)
    await bench.database.db.deleteFrom('connected_accounts').where('id', '=', accountId).execute()
    open()
    expect(data(await answer).executeTool).toMatchObject({
      data: { id: 'written' },
      execution: { connectedAccount: { identifier: 'deleted' } },
    })
  })

  it('accepts and returns GraphQL names and types, and runs the same tool', async () => {
    bench.provider.behave(() => ({ body: { results: [{ id: 'a', text: 't' }], next_cursor: 'c' } }))
    const { notesFind } = data(
      await ask(`query ($identifier: String!) {
        notesFind(identifier: $identifier, input: { pageSize: 3, order: OLDEST, where: { a: null } }) {
          ... on NotesFindPayload { notes { id text } nextCursor execution { status } }
        }
      }`),
    )
    expect(notesFind).toEqual({ notes: [{ id: 'a', text: 't' }], nextCursor: 'c', execution: { status: 'SUCCEEDED' } })
    expect(bench.provider.received[0]?.body).toEqual({ page_size: 3, order: 'oldest', where: { a: null } })
  })

  it('runs next to others in one document when it reads', async () => {
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened, body: { results: [] } }))
    const document = ask(`query ($identifier: String!) {
      ${[1, 2, 3, 4].map((at) => `f${at}: notesFind(identifier: $identifier, input: {}) { __typename }`).join('\n')}
    }`)
    // All four are under way although none of them has been answered.
    await bench.provider.hasReceived(4)
    open()
    data(await document)
  })

  it('leads to other objects within the same account, and reads each of them once', async () => {
    await bench.account('second')
    bench.provider.behave(({ body, token }) => {
      const { query } = body as { query?: string }
      if (query === 'bad') return { status: 404 }
      const found = query === undefined ? ['a', 'a', 'b'] : [`${query} of ${token.slice(-6)}`]
      return { body: { results: found.map((text, at) => ({ id: `n${at}`, text })) } }
    })
    const result = await ask(`query ($identifier: String!) {
      first: notesFind(identifier: $identifier, input: {}) { ... on NotesFindPayload { notes { alike { text } } } }
      second: notesFind(identifier: "second", input: {}) { ... on NotesFindPayload { notes { alike { text } } } }
    }`)
    const texts = (field: { notes: { alike: { text: string }[] }[] }) =>
      field.notes.map(({ alike }) => alike.map(({ text }) => text))
    const { first, second } = data(result)
    expect(texts(first)).toEqual([['a of user_1'], ['a of user_1'], ['b of user_1']])
    expect(texts(second)).toEqual([['a of second'], ['a of second'], ['b of second']])
    expect(bench.provider.received).toHaveLength(6)

    bench.provider.behave(({ body }) =>
      (body as { query?: string }).query === undefined
        ? { body: { results: [{ id: 'x', text: 'bad' }, { id: 'y' }] } }
        : { status: 404 },
    )
    const partly = await ask(
      'query ($identifier: String!) { notesFind(identifier: $identifier, input: {}) { ... on NotesFindPayload { notes { id alike { id } } } } }',
    )
    expect(partly.data).toMatchObject({
      notesFind: {
        notes: [
          { id: 'x', alike: null },
          { id: 'y', alike: null },
        ],
      },
    })
    expect(partly.errors).toMatchObject([
      { path: ['notesFind', 'notes', 0, 'alike'], extensions: { code: 'ResourceUnavailableError' } },
    ])
  })

  it('leads to one object for each item of a list', async () => {
    bench.provider.behave(({ body }) => {
      const { query } = body as { query?: string }
      return query === undefined
        ? { body: { results: [{ id: 'x', words: ['one', 'two'] }, { id: 'y' }] } }
        : { body: { results: [], next_cursor: `after ${query}` } }
    })
    const { notesFind } = data(
      await ask(
        'query ($identifier: String!) { notesFind(identifier: $identifier, input: {}) { ... on NotesFindPayload { notes { nextCursors } } } }',
      ),
    )
    expect(notesFind.notes).toEqual([{ nextCursors: ['after one', 'after two'] }, { nextCursors: null }])
  })

  it('writes once per key, and reports paths as the caller wrote them', async () => {
    const write = `mutation ($identifier: String!, $key: String, $input: NotesWriteInput!) {
      notesWrite(identifier: $identifier, idempotencyKey: $key, input: $input) {
        ... on NotesWritePayload { note { id } }
        ... on InvalidToolInputError { issues { path } }
      }
    }`
    const variables = { key: 'k', input: { text: 'x', place: { folder: 'f', line: null } } }
    const first = data(await ask(write, variables))
    const second = data(await ask(write, variables))
    expect(second).toEqual(first)
    expect(bench.provider.received).toHaveLength(1)
    const wrong = data(await ask(write, { input: { text: '', place: { folder: 'f', line: 5_000 } } }))
    expect(wrong.notesWrite).toEqual({ issues: [{ path: 'text' }, { path: 'place.line' }] })
  })

  it('has a type for its input with descriptions, defaults and enums', () => {
    const input = lexicographicSortSchema(schema).getType('NotesFindInput')
    expect(input && printType(input)).toBe(`"""Input of notes_find."""
input NotesFindInput {
  """\`order\` of the input of the tool."""
  order: NotesFindOrder = NEWEST

  """\`page_size\` of the input of the tool."""
  pageSize: Int

  """words"""
  query: String

  """\`start_cursor\` of the input of the tool."""
  startCursor: String

  """conditions"""
  where: JSONObject
}`)
  })
})

describe('the lists', () => {
  it('name a tool that is no longer installed', async () => {
    const { accountId } = await bench.account('renamed')
    await bench.database.db
      .insertInto('tool_executions')
      .values({
        environment_id: bench.viewer.environmentId,
        account_id: accountId,
        tool_name: 'notes_of_old',
        status: 'SUCCEEDED',
        writes: false,
        input_hash: '',
        deadline_at: new Date(),
      })
      .execute()
    const { toolExecutions } = data(
      await ask(`{
        toolExecutions(filter: { identifier: "renamed" }) {
          nodes { tool { name title readOnly requiredCapabilities inputSchema outputSchema } }
        }
      }`),
    )
    expect(toolExecutions.nodes).toMatchObject([{ tool: { name: 'notes_of_old', requiredCapabilities: [] } }])
  })

  it('of tools contain the default set unless names or ALL are requested', async () => {
    const { tools, tool, connectors } = data(
      await ask(`{
        tools(filter: { readOnly: true }) { name inputSchema requiredCapabilities }
        tool(name: "notes_write") { title destructive readOnly outputSchema }
        connectors { slug tools { name } }
      }`),
    )
    expect(tools).toMatchObject([
      { name: 'notes_find', inputSchema: { type: 'object', additionalProperties: false } },
      { name: 'notes_break' },
    ])
    expect(tool).toMatchObject({ title: 'Write a note', readOnly: false, destructive: false })
    expect(connectors[0].tools).toHaveLength(4)
  })

  it('of an account report which tools are unavailable and why', async () => {
    const { accountId } = await bench.account('limited')
    await bench.database.db
      .updateTable('grants')
      .set({ denied_capabilities: ['INSERT_CONTENT'] })
      .where('id', 'in', (select) =>
        select.selectFrom('connected_accounts').select('grant_id').where('id', '=', accountId),
      )
      .execute()
    const { connectedAccount } = data(
      await ask('{ connectedAccount(identifier: "limited") { tools { tool { name } available unavailableReason } } }'),
    )
    expect(connectedAccount.tools).toMatchObject([
      { tool: { name: 'notes_find' }, available: true, unavailableReason: null },
      { tool: { name: 'notes_write' }, available: false, unavailableReason: expect.stringContaining('INSERT_CONTENT') },
      { tool: { name: 'notes_break' }, available: true },
      { tool: { name: 'notes_write_break' }, available: false },
    ])
  })

  it('of executions have pages without gaps and can be filtered', async () => {
    await bench.account('paged')
    for (let call = 0; call < 5; call++) {
      await ask('{ notesFind(identifier: "paged", input: {}) { __typename } }')
    }
    const page = `query ($after: String) {
      toolExecutions(first: 2, after: $after, filter: { identifier: "paged", status: [SUCCEEDED] }) {
        nodes { id connectedAccount { identifier } } pageInfo { hasNextPage endCursor }
      }
    }`
    const ids: string[] = []
    let after: string | null = null
    do {
      const { toolExecutions } = data(await ask(page, { after }))
      ids.push(...toolExecutions.nodes.map(({ id }: { id: string }) => id))
      after = toolExecutions.pageInfo.hasNextPage ? toolExecutions.pageInfo.endCursor : null
    } while (after !== null)
    expect(new Set(ids).size).toBe(5)
  })

  it('of executions can be restricted to one type of error', async () => {
    await bench.account('failing')
    const find = (status: number) => {
      bench.provider.behave(() => ({ status }))
      return ask('{ notesFind(identifier: "failing", input: {}) { __typename } }')
    }
    for (const status of [404, 400, 404, 200]) await find(status)
    const list = async (errorType: string | null) => {
      const document = `query ($errorType: String) {
        toolExecutions(filter: { identifier: "failing", errorType: $errorType }) { nodes { errorType } }
      }`
      return data(await ask(document, { errorType })).toolExecutions.nodes
    }
    const missing = { errorType: 'ResourceUnavailableError' }
    expect(await list('ResourceUnavailableError')).toEqual([missing, missing])
    expect(await list('RateLimitedError')).toEqual([])
    expect(await list(null)).toHaveLength(4)
  })

  it('of executions are counted by outcome and over time, within what the credential may see', async () => {
    const { accountId } = await bench.account('counted')
    const insert = (toolName: string, status: 'SUCCEEDED' | 'FAILED', errorType: string | null, hoursAgo: number) =>
      bench.database.db
        .insertInto('tool_executions')
        .values({
          environment_id: bench.viewer.environmentId,
          account_id: accountId,
          tool_name: toolName,
          status,
          error_type: errorType,
          writes: false,
          input_hash: '',
          started_at: new Date(Date.now() - hoursAgo * 3_600_000),
          deadline_at: new Date(),
        })
        .execute()
    await insert('notes_find', 'SUCCEEDED', null, 0.25)
    await insert('notes_find', 'SUCCEEDED', null, 3.5)
    await insert('notes_find', 'FAILED', 'RateLimitedError', 3.6)
    await insert('notes_write', 'FAILED', 'ProviderError', 0.5)
    await insert('notes_write', 'FAILED', 'ProviderError', 100)
    const document = `query ($hours: Int!, $filter: ToolExecutionFilter) {
      toolExecutionStatistics(hours: $hours, intervals: 4, filter: $filter) {
        since until complete
        counts { toolName status errorType count }
        intervals { startsAt running succeeded failed outcomeUnknown }
      }
    }`
    const count = async (hours: number, filter: object, viewer?: Viewer) =>
      data(await ask(document, { hours, filter: { identifier: 'counted', ...filter } }, viewer)).toolExecutionStatistics
    const ofDay = await count(4, {})
    expect(ofDay.complete).toBe(true)
    expect(new Date(ofDay.until).getTime() - new Date(ofDay.since).getTime()).toBe(4 * 3_600_000)
    expect(ofDay.counts).toEqual([
      { toolName: 'notes_find', status: 'SUCCEEDED', errorType: null, count: 2 },
      { toolName: 'notes_find', status: 'FAILED', errorType: 'RateLimitedError', count: 1 },
      { toolName: 'notes_write', status: 'FAILED', errorType: 'ProviderError', count: 1 },
    ])
    expect(ofDay.intervals).toMatchObject([
      { startsAt: ofDay.since, running: 0, succeeded: 1, failed: 1, outcomeUnknown: 0 },
      { succeeded: 0, failed: 0 },
      { succeeded: 0, failed: 0 },
      { succeeded: 1, failed: 1 },
    ])
    expect((await count(744, { status: ['FAILED'] })).counts).toMatchObject([
      { toolName: 'notes_write', count: 2 },
      { toolName: 'notes_find', count: 1 },
    ])
    expect((await count(4, { toolName: 'notes_write' })).counts).toMatchObject([{ count: 1 }])
    expect((await count(744, { errorType: 'ProviderError' })).counts).toMatchObject([{ count: 2 }])
    expect((await count(4, { connectionName: 'another' })).counts).toEqual([])
    const elsewhere = viewerWith('00000000-0000-4000-8000-000000000000', ['ACCOUNTS_READ'])
    expect((await count(4, {}, elsewhere)).counts).toEqual([])
    const narrowed = (narrowing: Partial<Narrowing>): Viewer => ({
      ...bench.viewer,
      narrowing: { ...notNarrowed, ...narrowing },
    })
    expect((await count(4, {}, narrowed({ identifiers: ['other'] }))).counts).toEqual([])
    expect((await count(4, {}, narrowed({ toolNames: ['notes_write'] }))).counts).toMatchObject([{ count: 1 }])
  })

  it('of executions, and the nodes, show nothing of another environment or user', async () => {
    const { notesFind } = data(
      await ask(
        'query ($identifier: String!) { notesFind(identifier: $identifier, input: {}) { ... on NotesFindPayload { execution { id } } } }',
      ),
    )
    const node = 'query ($id: ID!) { node(id: $id) { id } }'
    const elsewhere = viewerWith('00000000-0000-4000-8000-000000000000', ['ACCOUNTS_READ'])
    expect(data(await ask(node, notesFind.execution, elsewhere)).node).toBeNull()
    const session = viewerWith(bench.environmentId, ['ACCOUNTS_READ'], 'other_user')
    expect(data(await ask(node, notesFind.execution, session)).node).toBeNull()
    // A user's browser sees accounts and no journal, not even that of its own.
    const own = viewerWith(bench.environmentId, ['ACCOUNTS_READ'], identifier)
    expect(data(await ask(node, notesFind.execution, own)).node).toBeNull()
    const key = viewerWith(bench.environmentId, ['ACCOUNTS_READ'])
    expect(data(await ask(node, notesFind.execution, key)).node).not.toBeNull()
    const blind = viewerWith(bench.environmentId, ['TOOLS_READ'])
    expect(data(await ask(node, notesFind.execution, blind)).node).toBeNull()
  })
})

describe('a mutation', () => {
  const complaints = (source: string) => validate(schema, parse(source), [oneToolPerMutation(catalogue)])
  const write = 'notesWrite(identifier: "a", input: { text: "x" }) { __typename }'

  it('may run one tool with other mutations', () => {
    expect(
      complaints(`mutation { ${write} ${write} createUserSession(input: { identifier: "a" }) { __typename } }`),
    ).toEqual([])
    expect(complaints(`query { a: notesFind(identifier: "a", input: {}) { __typename } }`)).toEqual([])
    expect(complaints(`mutation A { ${write} } mutation B { ${write} }`)).toEqual([])
  })

  it('may not run several, however they are hidden', () => {
    const several = [
      `mutation { a: ${write} b: ${write} }`,
      `mutation { a: ${write} ...F } fragment F on Mutation { b: ${write} }`,
      `mutation { a: ${write} ... on Mutation { ... { b: ${write} } } }`,
      `mutation { ${write} executeTool(input: { identifier: "a", toolName: "t", toolInput: {} }) { __typename } }`,
    ]
    for (const source of several) {
      expect(complaints(source)).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    }
  })
})
