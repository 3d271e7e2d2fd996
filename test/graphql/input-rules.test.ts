import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres' })
  await app.graphql('mutation { getOrCreateConnectedAccount(input: { identifier: "ann" }) { __typename } }')
})
afterAll(() => app.stop())

type Input = Record<string, unknown>
interface Issue {
  readonly path: string
  readonly message: string
}

const letters = (length: number) => 'x'.repeat(length)
const lengthOf = (min: number, max: number) =>
  `must have ${min === 0 ? `at most ${max}` : `${min} to ${max}`} characters`
const wellFormed = 'must be well-formed Unicode without NUL'
const connectionNameRule = 'must have 1 to 63 letters, digits, "-" or "_", the first a letter or digit'
const tokenRule = 'must have 1 to 4096 printable ASCII characters, no blanks'
const secretRule = 'must have at most 500 printable ASCII characters, no blanks'
const emptySecretRule = 'must have 1 to 500 printable ASCII characters, no blanks'
const urlRule = 'must be an absolute https URL (http on localhost), without user name and password'
const urls = (length: number) => Array.from({ length }, () => 'https://ok.example')
const resource = (more: Input) => [{ name: 'Tasks', ...more }]

/** The inputs of mutations whose result has a typed error for them. */
const typed: Record<string, { readonly type: string; readonly valid: Input; readonly error?: string }> = {
  registerOAuthApp: {
    type: 'RegisterOAuthAppInput',
    valid: { connectionName: 'rules', clientId: 'client', clientSecret: 'secret' },
  },
  getOrCreateConnectedAccount: { type: 'GetOrCreateConnectedAccountInput', valid: { identifier: 'ann' } },
  authorize: { type: 'AuthorizeInput', valid: { identifier: 'ann' } },
  importConnectedAccount: {
    type: 'ImportConnectedAccountInput',
    valid: { connectionName: 'missing', identifier: 'ann', accessToken: 'token' },
  },
  createApiKey: { type: 'CreateApiKeyInput', valid: { name: 'key', scopes: ['TOOLS_READ'] } },
  createUserSession: { type: 'CreateUserSessionInput', valid: { identifier: 'ann' } },
  executeTool: {
    type: 'ExecuteToolInput',
    valid: { identifier: 'ann', toolName: 'notion_page_create', toolInput: {} },
    error: 'InvalidToolInputError',
  },
}

async function issuesOf(mutation: string, input: Input): Promise<readonly Issue[]> {
  const { type = '', valid = {}, error = 'InvalidInputError' } = typed[mutation] ?? {}
  const answer = await app.graphql(
    `mutation ($input: ${type}!) {
      ${mutation}(input: $input) { __typename ... on ${error} { message issues { path message } } }
    }`,
    { input: { ...valid, ...input } },
  )
  expect(answer.errors).toBeUndefined()
  const result = answer.data[mutation] as { __typename: string; issues?: Issue[] }
  return result.__typename === error ? (result.issues ?? []) : []
}

const withConnectionName = ['registerOAuthApp', 'getOrCreateConnectedAccount', 'authorize', 'importConnectedAccount']
const withIdentifier = [
  'getOrCreateConnectedAccount',
  'authorize',
  'importConnectedAccount',
  'createUserSession',
  'executeTool',
]

/** Mutation, the last value that is accepted, the first that is refused, the place and the rule. */
const boundaries: readonly (readonly [string, Input, Input, string, string])[] = [
  ...[...withConnectionName, 'executeTool'].flatMap((mutation) =>
    [
      [letters(63), letters(64)],
      ['a', ''],
      ['0_-', '_0'],
      ['a-b', 'a b'],
    ].map(
      ([accepted, refused]) =>
        [
          mutation,
          { connectionName: accepted },
          { connectionName: refused },
          'connectionName',
          connectionNameRule,
        ] as const,
    ),
  ),
  ...withIdentifier.flatMap((mutation) => [
    [mutation, { identifier: letters(512) }, { identifier: letters(513) }, 'identifier', lengthOf(1, 512)] as const,
    [mutation, { identifier: 'x' }, { identifier: '' }, 'identifier', lengthOf(1, 512)] as const,
    [mutation, { identifier: 'a\n"b"\t😀' }, { identifier: 'a\0b' }, 'identifier', wellFormed] as const,
  ]),
  [
    'registerOAuthApp',
    { clientId: letters(500) },
    { clientId: letters(501) },
    'clientId',
    'must have 1 to 500 printable ASCII characters, no blanks and no colon',
  ],
  [
    'registerOAuthApp',
    { clientId: 'a.b' },
    { clientId: 'a:b' },
    'clientId',
    'must have 1 to 500 printable ASCII characters, no blanks and no colon',
  ],
  ['registerOAuthApp', { clientSecret: letters(500) }, { clientSecret: letters(501) }, 'clientSecret', secretRule],
  ['registerOAuthApp', { clientSecret: letters(1) }, { clientSecret: '' }, 'clientSecret', emptySecretRule],
  ['registerOAuthApp', { clientSecret: 'a:b' }, { clientSecret: 'two\nlines' }, 'clientSecret', secretRule],
  [
    'registerOAuthApp',
    { scopes: Array.from({ length: 100 }, () => letters(255)) },
    { scopes: Array.from({ length: 101 }, () => 'a') },
    'scopes',
    'must have at most 100 items',
  ],
  [
    'registerOAuthApp',
    { scopes: ['read'] },
    { scopes: ['read', 'a b'] },
    'scopes.1',
    'must have 1 to 255 printable ASCII characters, no blanks, quotes and backslashes',
  ],
  ['registerOAuthApp', { returnUrls: urls(50) }, { returnUrls: urls(51) }, 'returnUrls', 'must have at most 50 items'],
  [
    'registerOAuthApp',
    { returnUrls: ['http://localhost:3000'] },
    { returnUrls: ['https://ok.example', 'http://ok.example'] },
    'returnUrls.1',
    urlRule,
  ],
  [
    'registerOAuthApp',
    { returnUrls: ['https://ok.example/app'] },
    { returnUrls: ['https://ok.example/app?q'] },
    'returnUrls.0',
    'must not have a query or fragment, because it is a prefix',
  ],
  [
    'registerOAuthApp',
    { confirmationUrl: `https://ok.example/${letters(2048 - 19)}` },
    { confirmationUrl: `https://ok.example/${letters(2049 - 19)}` },
    'confirmationUrl',
    'must have at most 2048 characters',
  ],
  [
    'registerOAuthApp',
    { confirmationUrl: 'https://ok.example/?q' },
    { confirmationUrl: 'https://ok.example/#f' },
    'confirmationUrl',
    'must not have a fragment',
  ],
  ['registerOAuthApp', { connector: 'notion' }, { connector: 'acme' }, 'connector', 'must be one of: notion'],
  ['authorize', { state: letters(2000) }, { state: letters(2001) }, 'state', lengthOf(0, 2000)],
  ['authorize', { state: '' }, { state: '\0' }, 'state', wellFormed],
  [
    'authorize',
    { expectedResources: Array.from({ length: 20 }, () => ({ name: 'x' })) },
    { expectedResources: Array.from({ length: 21 }, () => ({ name: '' })) },
    'expectedResources',
    'must have at most 20 items',
  ],
  [
    'authorize',
    { expectedResources: resource({ name: letters(200) }) },
    { expectedResources: resource({ name: letters(201) }) },
    'expectedResources.0.name',
    lengthOf(1, 200),
  ],
  [
    'authorize',
    { expectedResources: resource({ reason: letters(500) }) },
    { expectedResources: resource({ reason: letters(501) }) },
    'expectedResources.0.reason',
    lengthOf(0, 500),
  ],
  [
    'authorize',
    { expectedResources: resource({ resourceId: letters(100) }) },
    { expectedResources: resource({ resourceId: letters(101) }) },
    'expectedResources.0.resourceId',
    lengthOf(1, 100),
  ],
  ...['accessToken', 'refreshToken'].flatMap((token) => [
    ['importConnectedAccount', { [token]: letters(4096) }, { [token]: letters(4097) }, token, tokenRule] as const,
    ['importConnectedAccount', { [token]: 'x' }, { [token]: 'a b' }, token, tokenRule] as const,
  ]),
  ['createApiKey', { name: letters(100) }, { name: letters(101) }, 'name', lengthOf(1, 100)],
  ['createApiKey', { name: ` ${letters(100)} ` }, { name: ' ' }, 'name', lengthOf(1, 100)],
  ['createApiKey', { name: 'ä b' }, { name: 'a\nb' }, 'name', 'must not contain control characters'],
  ['createApiKey', { scopes: ['TOOLS_READ'] }, { scopes: [] }, 'scopes', 'must name at least one scope'],
  [
    'createUserSession',
    { expiresInSeconds: 86_400 },
    { expiresInSeconds: 86_401 },
    'expiresInSeconds',
    'must be a whole number from 1 to 86400',
  ],
  [
    'createUserSession',
    { expiresInSeconds: 1 },
    { expiresInSeconds: 0 },
    'expiresInSeconds',
    'must be a whole number from 1 to 86400',
  ],
  ['executeTool', { toolName: letters(128) }, { toolName: letters(129) }, 'toolName', lengthOf(0, 128)],
  [
    'executeTool',
    { idempotencyKey: letters(255) },
    { idempotencyKey: letters(256) },
    'idempotencyKey',
    lengthOf(1, 255),
  ],
  ['executeTool', { idempotencyKey: 'x' }, { idempotencyKey: '' }, 'idempotencyKey', lengthOf(1, 255)],
]

const shortened = (input: Input) => JSON.stringify(input).slice(0, 60)

describe('an input with a typed error', () => {
  it.each(boundaries.map((row) => [row[0], row[3], shortened(row[2]), row] as const))(
    '%s reports %s for %s',
    async (_mutation, _path, _text, [mutation, accepted, refused, path, message]) => {
      const ofAccepted = await issuesOf(mutation, accepted)
      expect(ofAccepted.filter((issue) => issue.path === path)).toEqual([])
      expect(await issuesOf(mutation, refused)).toEqual([{ path, message }])
    },
  )

  it('reports every invalid place at once', async () => {
    expect(await issuesOf('authorize', { identifier: '', state: letters(2001) })).toEqual([
      { path: 'identifier', message: lengthOf(1, 512) },
      { path: 'state', message: lengthOf(0, 2000) },
    ])
  })

  it.each([
    ['registerOAuthApp', { clientSecret: 's3cret s3cret' }],
    ['importConnectedAccount', { accessToken: 's3cret s3cret' }],
    ['importConnectedAccount', { refreshToken: 's3cret s3cret' }],
  ])('%s does not repeat a secret value', async (mutation, input) => {
    const issues = await issuesOf(mutation, input)
    expect(issues).toHaveLength(1)
    expect(JSON.stringify(issues)).not.toContain('s3cret')
    expect(app.log()).not.toContain('s3cret')
  })
})

const accountName = '($connectionName: String! = "notion", $identifier: String! = "ann")'
const names = 'connectionName: $connectionName, identifier: $identifier'
const page = '($first: Int, $after: String)'

/** Documents whose fields have no typed error, the last accepted and the first refused variables, the place and the rule. */
const untyped: readonly (readonly [string, Input, Input, string, string])[] = [
  ...[
    `query ${accountName} { connectedAccount(${names}) { id } }`,
    `query ($connectionName: String, $identifier: String) { connectedAccounts(filter: { ${names} }) { nodes { id } } }`,
    `query ($connectionName: String, $identifier: String) { toolExecutions(filter: { ${names} }) { nodes { id } } }`,
    `mutation ${accountName} { refreshConnectedAccount(input: { ${names} }) { __typename } }`,
    `mutation ${accountName} { disconnectConnectedAccount(input: { ${names} }) { __typename } }`,
    `mutation ${accountName} { deleteConnectedAccount(input: { ${names} }) { __typename } }`,
  ].flatMap((document) => {
    const prefix = document.includes('filter') ? 'filter.' : ''
    const missing = { identifier: 'missing' }
    return [
      [
        document,
        { ...missing, connectionName: letters(63) },
        { connectionName: letters(64) },
        `${prefix}connectionName`,
        connectionNameRule,
      ] as const,
      [document, { identifier: letters(512) }, { identifier: '' }, `${prefix}identifier`, lengthOf(1, 512)] as const,
      [document, missing, { identifier: 'a\0b' }, `${prefix}identifier`, wellFormed] as const,
    ]
  }),
  [
    'query ($name: String!) { oauthApp(connectionName: $name) { id } }',
    { name: letters(63) },
    { name: 'a b' },
    'connectionName',
    connectionNameRule,
  ],
  [
    'query ($name: String) { tools(filter: { connectionName: $name }) { name } }',
    { name: letters(63) },
    { name: 'a b' },
    'filter.connectionName',
    connectionNameRule,
  ],
  [
    'query ($names: [String!]) { tools(filter: { names: $names }) { name } }',
    { names: Array.from({ length: 100 }, () => 'x') },
    { names: Array.from({ length: 101 }, () => 'x') },
    'filter.names',
    'must have at most 100 items',
  ],
  [
    'query ($name: String!) { tool(name: $name) { name } }',
    { name: letters(128) },
    { name: letters(129) },
    'name',
    lengthOf(0, 128),
  ],
  [
    'query ($name: String) { toolExecutions(filter: { toolName: $name }) { nodes { id } } }',
    { name: letters(128) },
    { name: 'a\0b' },
    'filter.toolName',
    wellFormed,
  ],
  [
    'query ($name: String) { toolExecutions(filter: { errorType: $name }) { nodes { id } } }',
    { name: letters(128) },
    { name: letters(129) },
    'filter.errorType',
    lengthOf(1, 128),
  ],
  [
    'mutation ($identifier: String!) { confirmAuthorization(input: { flowId: "x", identifier: $identifier }) { __typename } }',
    { identifier: letters(512) },
    { identifier: letters(513) },
    'identifier',
    lengthOf(1, 512),
  ],
  ...[
    `query ${page} { connectedAccounts(first: $first, after: $after) { nodes { id } } }`,
    `query ${page} { toolExecutions(first: $first, after: $after) { nodes { id } } }`,
    `query ${page} { connectedAccount(identifier: "ann") { transitions(first: $first, after: $after) { nodes { at } } } }`,
  ].flatMap((document) => {
    const range = 'must be a whole number from 1 to 100'
    const cursor = 'must be a cursor of this list. Pass the endCursor of a page'
    return [
      [document, { first: 100 }, { first: 101 }, 'first', range] as const,
      [document, { first: 1 }, { first: 0 }, 'first', range] as const,
      [document, { first: null }, { first: -1 }, 'first', range] as const,
      [document, { after: null }, { after: 'W10' }, 'after', cursor] as const,
    ]
  }),
]

describe('an argument without a typed error', () => {
  it.each(untyped.map((row) => [row[0], row[3], shortened(row[2]), row] as const))(
    '%s reports %s for %s',
    async (_document, _path, _text, [document, accepted, refused, path, message]) => {
      expect((await app.graphql(document, accepted)).errors).toBeUndefined()
      const { errors } = await app.graphql(document, refused)
      expect(errors).toHaveLength(1)
      expect(errors?.[0]).toMatchObject({
        message: `${path}: ${message}`,
        extensions: { code: 'BAD_USER_INPUT', issues: [{ path, message }] },
      })
    },
  )

  it.each([
    ['connectedAccountStatus(identifier: "")', 'identifier'],
    ['connectedAccountStatusChanges(filter: { identifier: "" })', 'filter.identifier'],
  ])('the subscription %s reports %s', async (field, path) => {
    const stream = app.subscribe(`subscription { ${field} { __typename } }`)
    await expect(stream.next()).rejects.toThrow(`${path}: ${lengthOf(1, 512)}`)
  })

  it('a tool field reports the identifier and the idempotency key in its typed error', async () => {
    const { data } = await app.graphql(`mutation {
      notionPageTrash(identifier: "", idempotencyKey: "", input: { pageId: "x" }) {
        ... on InvalidToolInputError { issues { path } }
      }
    }`)
    expect(data['notionPageTrash']).toEqual({ issues: [{ path: 'identifier' }, { path: 'idempotencyKey' }] })
  })
})

it('a negative page size does not pay for another field of the document', async () => {
  const heavy = 'nodes { transitions(first: 100) { nodes { connectedAccount { id identifier status statusReason } } } }'
  const { errors } = await app.graphql(`{
    a: connectedAccounts(first: -1000000) { nodes { id } }
    b: connectedAccounts(first: 100) { ${heavy} }
  }`)
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'COMPLEXITY_LIMIT' })
})

it('the schema documents the limits of the rules', async () => {
  const { data } = await app.graphql(`{
    authorize: __type(name: "AuthorizeInput") { inputFields { name description } }
    session: __type(name: "CreateUserSessionInput") { inputFields { name description } }
  }`)
  const described = (type: string, field: string) =>
    (data[type] as { inputFields: { name: string; description: string }[] }).inputFields.find(
      ({ name }) => name === field,
    )?.description
  expect(described('authorize', 'identifier')).toContain('1 to 512 characters.')
  expect(described('authorize', 'state')).toContain('At most 2000 characters.')
  expect(described('authorize', 'expectedResources')).toContain('At most 20 items.')
  expect(described('session', 'expiresInSeconds')).toContain('1 to 86400.')
})
