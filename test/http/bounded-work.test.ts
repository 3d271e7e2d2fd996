import {
  type GraphQLArgument,
  type GraphQLInputType,
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { connectors } from '../../src/connectors.ts'
import { notNarrowed } from '../../src/environments/narrowing.ts'
import { noToolPolicy } from '../../src/environments/tool-policy.ts'
import type { Viewer } from '../../src/environments/viewer.ts'
import { allScopes } from '../../src/environments/viewer.ts'
import { InvalidToolInputError } from '../../src/errors.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { oneToolPerMutation } from '../../src/graphql/tools/one-tool-per-mutation.ts'
import { createGraphQLHandler } from '../../src/http/graphql.ts'
import { createLog } from '../../src/log.ts'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import { checkInput } from '../../src/tools/input.ts'
import { executedBlocks } from '../support/executed-blocks.ts'

const unsent = () => Promise.reject(new Error('nothing is sent here'))
const catalogue = createToolCatalogue(connectors.flatMap((each) => each.createTools({ fetch: unsent, now: Date.now })))
const schema = buildSchema(connectors, catalogue)

const viewer: Viewer = {
  environmentId: 'e',
  environmentName: 'default',
  scopes: allScopes,
  identifier: null,
  narrowing: notNarrowed,
  toolPolicy: noToolPolicy,
  credential: { kind: 'api_key', id: 'k', apiKeyId: 'k', expiresAt: null },
}

/** The GraphQL of a server whose tools only check their input. */
function handlerFor(development: boolean, caller: Viewer | null = viewer) {
  const handler = createGraphQLHandler({
    schema,
    development,
    graphiql: null,
    log: createLog('silent'),
    rules: [oneToolPerMutation(catalogue)],
    context: () =>
      ({
        viewer: caller,
        tools: {
          executeTool: async (_viewer: Viewer, request: { toolName: string; toolInput: unknown }) => {
            const tool = catalogue.find(request.toolName)
            if (tool) checkInput(tool, request.toolInput)
            throw new InvalidToolInputError([])
          },
        },
      }) as never,
  })
  return async (body: string) => {
    const response = await handler(
      new Request('http://localhost/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
        body,
      }),
      { viewer: caller, requestId: 'r', address: null },
    )
    return { status: response.status, text: await response.text() }
  }
}

const send = handlerFor(false)

/** Expects that twice the input takes about twice the work, and that there is a bound for each byte of it. */
async function expectLinear(work: (n: number) => unknown, json: (n: number) => string): Promise<void> {
  const n = 3_000
  await work(n)
  const once = await executedBlocks(() => work(n))
  const twice = await executedBlocks(() => work(2 * n))
  expect(twice).toBeLessThan(2.5 * once + 10_000)
  expect(twice).toBeLessThan(50 * json(2 * n).length + 10_000)
}

const many = (n: number, value: unknown = 1) =>
  Object.fromEntries(Array.from({ length: n }, (_, index) => [`key${index}`, value]))
const times = (n: number, value: unknown) => Array.from({ length: n }, () => value)
const nested = (n: number) => `${'{"a":'.repeat(n)}1${'}'.repeat(n)}`

const page = { parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' }
const database = { database_id: '2561ab6c-418b-8072-beec-c4779fa811cf' }

/** Inputs of tools of up to 1 MB that are wrong, or right and large, in one place. */
const toolInputs: Record<string, readonly [string, (n: number) => unknown]> = {
  'unknown keys': ['notion_data_fetch', many],
  'unknown keys that resemble known ones': [
    'notion_data_fetch',
    (n) => Object.fromEntries(Array.from({ length: n }, (_, index) => [`page_siz${index}`, 1])),
  ],
  'unknown keys in a filter': ['notion_data_fetch', (n) => ({ filter: many(n) })],
  'wrong sorts': ['notion_database_query', (n) => ({ ...database, sorts: times(n * 4, 1) })],
  'sorts with unknown keys': ['notion_database_query', (n) => ({ ...database, sorts: times(n / 4, { nope: 1 }) })],
  'wrong blocks': ['notion_page_create', (n) => ({ ...page, child_blocks: times(n, 1) })],
  properties: ['notion_page_create', (n) => ({ ...page, properties: many(n) })],
  'a string of JSON': ['notion_page_create', (n) => ({ ...page, properties: nested(n) })],
}

describe('the work for a refused request', () => {
  it.each(Object.entries(toolInputs))('grows with its size and has few issues: %s', async (_what, [name, input]) => {
    const tool = catalogue.find(name)
    if (!tool) throw new Error(`no tool ${name}`)
    let issues: readonly unknown[] = []
    const check = (n: number) => {
      try {
        checkInput(tool, input(n))
      } catch (error) {
        if (!(error instanceof InvalidToolInputError)) throw error
        issues = error.issues
      }
    }
    await expectLinear(check, (n) => JSON.stringify(input(n)))
    expect(issues.length).toBeLessThanOrEqual(20)
  })

  const execute = 'mutation ($input: ExecuteToolInput!) { executeTool(input: $input) { __typename } }'
  const register = 'mutation ($input: RegisterOAuthAppInput!) { registerOAuthApp(input: $input) { __typename } }'
  const tool = { identifier: 'u', toolName: 'notion_data_fetch' }
  const app = { connectionName: 'n', clientId: 'c', clientSecret: 's' }

  /** Documents with variables as JSON. */
  const requests: Record<string, (n: number) => readonly [string, string]> = {
    'unknown keys of an input': (n) => [register, JSON.stringify({ input: many(n) })],
    'unknown keys next to required ones': (n) => [register, JSON.stringify({ input: { ...app, ...many(n) } })],
    'wrong items of a list': (n) => [register, JSON.stringify({ input: { ...app, capabilities: times(n, 'X') } })],
    'unknown keys of items': (n) => [
      'mutation ($input: AuthorizeInput!) { authorize(input: $input) { __typename } }',
      JSON.stringify({ input: { identifier: 'u', expectedResources: times(100, many(n / 100)) } }),
    ],
    'unknown keys of a tool': (n) => [execute, JSON.stringify({ input: { ...tool, toolInput: many(n) } })],
    'unknown variables': (n) => [execute, JSON.stringify({ ...many(n), input: { ...tool, toolInput: {} } })],
    'a nested tool input': (n) => [
      execute,
      `{"input":{"identifier":"u","toolName":"notion_data_fetch","toolInput":${nested(n)}}}`,
    ],
    'a nested key that is a string': (n) => [register, `{"input":{"connectionName":${nested(n)}}}`],
    'a long string in the wrong place': (n) => [
      register,
      JSON.stringify({ input: { ...app, capabilities: 'x'.repeat(n * 10) } }),
    ],
  }

  it.each(Object.entries(requests))('of GraphQL grows with its size and has few errors: %s', async (_what, request) => {
    let answer = { status: 0, text: '' }
    const bodyOf = (n: number) => {
      const [query, variables] = request(n)
      return `{"query":${JSON.stringify(query)},"variables":${variables}}`
    }
    const work = async (n: number) => {
      answer = await send(bodyOf(n))
    }
    await expectLinear(work, bodyOf)
    expect(answer.text.length).toBeLessThan(20_000)
    expect(answer.status).toBeLessThan(500)
  })
})

/** A value for a type in which every string is a canary. */
function canaries(type: GraphQLInputType, depth = 0): unknown {
  if (isNonNullType(type)) return canaries(type.ofType, depth)
  if (isListType(type)) return [canaries(type.ofType, depth)]
  if (!isInputObjectType(type) || depth > 3) return 'canary_5e1f'
  return Object.fromEntries(
    Object.entries(type.getFields()).map(([name, field]) => [name, canaries(field.type, depth + 1)]),
  )
}

/** A valid or invalid value, with one part replaced by each of the wrong values. */
function* damaged(value: unknown): Generator<unknown> {
  yield* [{ canary: 'canary_5e1f' }, ['canary_5e1f', { a: 'canary_5e1f' }], 'canary_5e1f" at "input.x"; "canary_5e1f']
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    const { [key]: _, ...others } = value as Record<string, unknown>
    if (!Array.isArray(value)) yield others
    if (!Array.isArray(value)) yield { ...value, [`${key}s`]: inner }
    for (const wrong of damaged(inner)) {
      yield Array.isArray(value) ? [wrong] : { ...value, [key]: wrong }
    }
  }
}

const literal = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${key}: ${literal(each)}`)
    .join(', ')} }`
}

describe('an error about an invalid input', () => {
  const anonymous = handlerFor(false, null)
  const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.values(type?.getFields() ?? {}).flatMap((field) =>
      field.args.map((argument) => ({
        operation:
          type === schema.getQueryType() ? 'query' : type === schema.getMutationType() ? 'mutation' : 'subscription',
        field: field.name,
        argument,
        hasSelection: 'getFields' in getNamedType(field.type) || 'getTypes' in getNamedType(field.type),
        others: field.args.filter((other) => other !== argument && isNonNullType(other.type)),
      })),
    ),
  )

  it('contains no value and no suggestion, for every argument of the schema', async () => {
    expect(fields.length).toBeGreaterThan(30)
    const ask = async (query: string, variables: unknown) => {
      const { text } = await anonymous(JSON.stringify({ query, variables }))
      expect(text, query).not.toMatch(/canary_5e1f|did you mean/i)
      return text
    }
    let refused = 0
    // The fields of tools share arguments: each type under each name is tried once.
    const different = new Map(fields.map((each) => [`${each.argument.name}: ${each.argument.type}`, each]))
    for (const { operation, field, argument, hasSelection, others } of different.values()) {
      const rest = (others as GraphQLArgument[])
        .map((other) => `, ${other.name}: ${literal(canaries(other.type))}`)
        .join('')
      const selection = hasSelection ? '{ __typename }' : ''
      for (const value of damaged(canaries(argument.type))) {
        const text = await ask(
          `${operation} ($value: ${argument.type}) { ${field}(${argument.name}: $value${rest}) ${selection} }`,
          { value },
        )
        if (text.includes('has an invalid value at')) refused++
        await ask(`${operation} { ${field}(${argument.name}: ${literal(value)}${rest}) ${selection} }`, {})
      }
    }
    expect(refused).toBeGreaterThan(100)
  })

  it.each([
    ['{ viewr { scopes } }', {}],
    ['mutation { registerOAuthApp(input: { connectionNam: "n" }) { __typename } }', {}],
    ['mutation { registerOAuthApp(inputs: 1) { __typename } }', {}],
    ['mutation { createApiKey(input: { name: "n", scopes: [TOOLS_REED] }) { __typename } }', {}],
    [
      'mutation ($s: [Scop!]!) { createApiKey(input: { name: "n", scopes: $s }) { __typename } }',
      { s: ['TOOLS_REED'] },
    ],
    [
      'mutation ($i: CreateApiKeyInput!) { createApiKey(input: $i) { __typename } }',
      { i: { nam: 'n', scopes: ['ADMI'] } },
    ],
    ['query ($x: Strin) { tool(name: $x) { name } }', {}],
    ['{ tools { nam } }', {}],
    ['{ tools { ... on Tol { name } } }', {}],
  ])('suggests names in development only: %s', async (query, variables) => {
    const body = JSON.stringify({ query, variables })
    const hidden = await send(body)
    expect(hidden.status).toBe(400)
    expect(hidden.text).not.toMatch(/did you mean/i)
    const shown = await handlerFor(true)(body)
    expect(shown.text).toContain('Did you mean')
  })
})
