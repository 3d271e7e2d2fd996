import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.stop())

const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      authorization: `Bearer ${app.apiKey}`,
      ...headers,
    },
    body,
  })

describe('GraphQL over HTTP', () => {
  it('passes the audits of the specification', async () => {
    const audits = serverAudits({
      url: () => `${app.url}/graphql`,
      fetchFn: (url: string, init: RequestInit = {}) =>
        fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${app.apiKey}` } }),
    })
    const failed: string[] = []
    for (const audit of audits) {
      const result = await audit.fn()
      if (result.status === 'error') failed.push(`${audit.id} ${audit.name}: ${result.reason}`)
    }
    expect(failed).toEqual([])
  })

  it('a request without a credential is asked to send one', async () => {
    const answer = await app.graphql('{ viewer { environment { name } } }', {}, null)
    expect(answer.status).toBe(401)
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(answer.errors?.[0]?.message).toContain('Authorization: Bearer')
  })

  it.each([
    ['an unknown key', 'vk_default_unknown'],
    ['a session that was not issued here', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln'],
  ])('%s is refused with 401 and does not appear in the response', async (_what, credential) => {
    const answer = await app.graphql('{ __typename }', {}, credential)
    expect(answer.status).toBe(401)
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(JSON.stringify(answer.errors)).not.toContain(credential)
  })

  it.each([
    ['malformed JSON', '{"query": ', 400],
    ['no query', '{}', 400],
    ['a batch', '[{"query":"{ __typename }"},{"query":"{ __typename }"}]', 400],
    ['an unknown field', '{"query":"{ nonsense }"}', 400],
    ['a syntax error', '{"query":"{"}', 400],
    ['a missing variable', '{"query":"query ($x: String!) { tool(name: $x) { name } }"}', 400],
  ])('%s is answered with status %3$s and an error that names the problem', async (_what, body, status) => {
    const response = await post(body)
    expect(response.status).toBe(status)
    const { errors } = (await response.json()) as { errors: { message: string }[] }
    expect(errors[0]?.message).toBeTruthy()
  })

  it('a body over the limit is refused with 413', async () => {
    const response = await post(JSON.stringify({ query: `{ __typename } # ${'x'.repeat(1_100_000)}` }))
    expect(response.status).toBe(413)
  })

  it('a mutation over GET is refused', async () => {
    const query = new URLSearchParams({ query: 'mutation { revokeApiKey(input: { id: "x" }) { __typename } }' })
    const response = await fetch(`${app.url}/graphql?${query}`, {
      headers: { authorization: `Bearer ${app.apiKey}`, accept: 'application/json' },
    })
    expect(response.status).toBe(405)
  })

  it('every answer has a request id', async () => {
    const response = await post('{"query":"{ __typename }"}')
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('origins that are not configured get no CORS headers', async () => {
    const response = await post('{"query":"{ __typename }"}', { origin: 'https://evil.example' })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('hostile documents', () => {
  const repeat = (count: number, part: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => part(i)).join(' ')
  const nested = (depth: number) =>
    `{ connectedAccounts { nodes { ${'transitions { nodes { connectedAccount { '.repeat(depth)} id ${'} } }'.repeat(depth)} } } }`

  it.each([
    ['a hundred aliases', 'COMPLEXITY_LIMIT', `{ ${repeat(100, (i) => `a${i}: viewer { scopes }`)} }`],
    ['a hundred aliased nodes', 'COMPLEXITY_LIMIT', `{ ${repeat(100, (i) => `n${i}: node(id: "x") { id }`)} }`],
    ['a depth of twenty lists', 'COMPLEXITY_LIMIT', nested(7)],
    [
      'lists within lists of a hundred',
      'COMPLEXITY_LIMIT',
      '{ connectedAccounts(first: 100) { nodes { transitions(first: 100) { nodes { connectedAccount { transitions(first: 100) { nodes { at } } } } } } } }',
    ],
    ['ten thousand tokens', 'COMPLEXITY_LIMIT', `{ ${repeat(10_000, () => '__typename')} }`],
    ['a hundred directives', 'COMPLEXITY_LIMIT', `{ __typename ${repeat(100, () => '@include(if: true)')} }`],
    [
      'fragments in a circle',
      'GRAPHQL_VALIDATION_FAILED',
      '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
    ],
    [
      'two mutations that run tools',
      'BAD_USER_INPUT',
      `mutation { ${repeat(2, (i) => `t${i}: executeTool(input: { identifier: "x", toolName: "y", toolInput: {} }) { __typename }`)} }`,
    ],
    [
      'a list of fifty thousand names',
      'COMPLEXITY_LIMIT',
      `{ tools(filter: { names: [${repeat(50_000, () => '"a"')}] }) { name } }`,
    ],
    [
      'deep JSON',
      'COMPLEXITY_LIMIT',
      `mutation { executeTool(input: { identifier: "x", toolName: "notion_data_fetch", toolInput: ${'{ a: '.repeat(3_000)}1${' }'.repeat(3_000)} }) { __typename } }`,
    ],
    [
      'introspection thirty levels deep',
      'GRAPHQL_VALIDATION_FAILED',
      `{ __schema { types { ${'fields { type { '.repeat(15)} name ${'} }'.repeat(15)} } } }`,
    ],
  ] as [string, string, string][])('%s is met with %s', async (_what, code, query) => {
    const response = await post(JSON.stringify({ query }))
    expect(response.status).toBe(400)
    const text = await response.text()
    expect(text.length).toBeLessThan(200_000)
    expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code } }] })
  })

  it('a tool name of a megabyte is refused by its rule and not repeated', async () => {
    const response = await post(JSON.stringify({ query: `{ tool(name: "${'x'.repeat(900_000)}") { name } }` }))
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({ errors: [{ path: ['tool'], extensions: { code: 'BAD_USER_INPUT' } }] })
    expect(text.length).toBeLessThan(2_000)
  })

  it('two mutations that run tools are refused together, before either runs', async () => {
    const one = 'executeTool(input: { identifier: "x", toolName: "notion_data_fetch", toolInput: {} }) { __typename }'
    const answer = await app.graphql(`mutation { a: ${one} b: ${one} }`)
    expect(answer.status).toBe(400)
    expect(answer.errors?.[0]?.message).toMatch(/one/i)
  })
})
