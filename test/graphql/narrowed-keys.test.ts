import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { isNetworkWithin } from '../../src/networks.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'

let app: TestApp
let other: TestApp
const accountIds = new Map<string, string>()
beforeAll(async () => {
  const env = { VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'), TRUSTED_PROXIES: '127.0.0.1,::1' }
  app = await startApp({ database: 'postgres', env })
  other = await startApp({ env: { ...env, DATABASE_URL: app.config.databaseUrl ?? '' } })
  await app.graphql(`mutation { registerOAuthApp(input: {
    connectionName: "second", clientId: "c", clientSecret: "s", confirmationUrl: "http://localhost:9/confirm"
  }) { __typename } }`)
  for (const connectionName of ['notion', 'second'])
    for (const identifier of ['team-a/ann', 'team-a/abe', 'team-b/bob'])
      accountIds.set(`${connectionName} ${identifier}`, await newAccount(connectionName, identifier))
})
afterAll(async () => {
  await other.stop()
  await app.stop()
})

async function newAccount(connectionName: string, identifier: string): Promise<string> {
  await app.connect(identifier, { connectionName })
  const { data } = await app.graphql(
    'query ($c: String!, $i: String!) { connectedAccount(connectionName: $c, identifier: $i) { id } }',
    { c: connectionName, i: identifier },
  )
  await app.executeTool(identifier, 'notion_user_self', {}, { connectionName })
  return (data['connectedAccount'] as { id: string }).id
}

async function createKey(input: Record<string, unknown>, credential?: string) {
  const answer = await app.graphql(
    `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) {
      ... on CreateApiKeyPayload { secret apiKey { id connectionNames identifiers identifierPrefixes toolNames networks scopes } }
      ... on InvalidInputError { issues { path message } }
    } }`,
    { input: { name: 'narrow', scopes: ['ADMIN'], ...input } },
    credential,
  )
  expect(answer.errors).toBeUndefined()
  return answer.data['createApiKey'] as {
    readonly secret: string
    readonly apiKey: { readonly id: string; readonly [field: string]: unknown }
    readonly issues?: readonly { readonly path: string }[]
  }
}

const keyWith = async (input: Record<string, unknown>) => (await createKey(input)).secret

/** The value of the only field of a document; the code of its error where there is one. */
async function ask(document: string, credential: string, variables: Record<string, unknown> = {}): Promise<unknown> {
  const { data, errors } = await app.graphql(document, variables, credential)
  return errors?.[0]?.extensions['code'] ?? Object.values(data)[0]
}

const accountsOf = async (credential: string, filter = {}) => {
  const found = (await ask(
    'query ($f: ConnectedAccountFilter) { connectedAccounts(first: 100, filter: $f) { nodes { connectionName identifier } } }',
    credential,
    { f: filter },
  )) as { nodes: { connectionName: string; identifier: string }[] }
  return found.nodes.map((node) => `${node.connectionName} ${node.identifier}`).sort()
}

const callsOf = async (credential: string) => {
  const found = (await ask(
    '{ toolExecutions(first: 100) { nodes { connectedAccount { connectionName identifier } } } }',
    credential,
  )) as { nodes: { connectedAccount: { connectionName: string; identifier: string } }[] }
  return [...new Set(found.nodes.map(({ connectedAccount: of }) => `${of.connectionName} ${of.identifier}`))].sort()
}

const fetched = async (credential: string) => {
  const visible: string[] = []
  for (const [name, id] of accountIds) {
    const node = await ask('query ($id: ID!) { node(id: $id) { id } }', credential, { id })
    if (node !== null) visible.push(name)
  }
  return visible.sort()
}

/** Each operation that names an account, with what it returns to a key that may not act on it. */
const operations = {
  connectedAccount: 'query ($c: String!, $i: String!) { connectedAccount(connectionName: $c, identifier: $i) { id } }',
  typedRead: 'query ($c: String!, $i: String!) { notionUserSelf(connectionName: $c, identifier: $i) { __typename } }',
  typedWrite:
    'mutation ($c: String!, $i: String!) { notionPageTrash(connectionName: $c, identifier: $i, input: { pageId: "x" }) { __typename } }',
  executeTool:
    'mutation ($c: String!, $i: String!) { executeTool(input: { connectionName: $c, identifier: $i, toolName: "notion_user_self", toolInput: {} }) { __typename } }',
  getOrCreate:
    'mutation ($c: String!, $i: String!) { getOrCreateConnectedAccount(input: { connectionName: $c, identifier: $i }) { __typename } }',
  authorize:
    'mutation ($c: String!, $i: String!) { authorize(input: { connectionName: $c, identifier: $i }) { __typename } }',
  refresh:
    'mutation ($c: String!, $i: String!) { refreshConnectedAccount(input: { connectionName: $c, identifier: $i }) { __typename } }',
  import:
    'mutation ($c: String!, $i: String!) { importConnectedAccount(input: { connectionName: $c, identifier: $i, accessToken: "x" }) { __typename } }',
  disconnect:
    'mutation ($c: String!, $i: String!) { disconnectConnectedAccount(input: { connectionName: $c, identifier: $i }) { __typename } }',
  delete:
    'mutation ($c: String!, $i: String!) { deleteConnectedAccount(input: { connectionName: $c, identifier: $i }) { __typename } }',
} as const

const all = () => [...accountIds.keys()].sort()

describe.each([
  ['a connection', { connectionNames: ['second'] }, (name: string) => name.startsWith('second')],
  ['an identifier', { identifiers: ['team-a/ann'] }, (name: string) => name.endsWith('team-a/ann')],
  ['a prefix', { identifierPrefixes: ['team-a/'] }, (name: string) => name.includes('team-a/')],
  [
    'a connection, an identifier and a prefix',
    { connectionNames: ['second'], identifiers: ['team-b/bob'], identifierPrefixes: ['team-a/an'] },
    (name: string) => ['second team-b/bob', 'second team-a/ann'].includes(name),
  ],
])('an API key narrowed to %s', (_what, narrowing, permitted) => {
  it('lists, fetches and finds only what it permits', async () => {
    const key = await keyWith(narrowing)
    expect(await accountsOf(key)).toEqual(all().filter(permitted))
    expect(await callsOf(key)).toEqual(all().filter(permitted))
    expect(await fetched(key)).toEqual(all().filter(permitted))
    expect(await accountsOf(key, { connectionName: 'notion' })).toEqual(
      all().filter((name) => permitted(name) && name.startsWith('notion')),
    )
    expect(await accountsOf(key, { identifier: 'team-b/bob' })).toEqual(
      all().filter((name) => permitted(name) && name.endsWith('team-b/bob')),
    )
  })

  it('is refused by every operation that names another account', async () => {
    const key = await keyWith(narrowing)
    const refused = all().filter((name) => !permitted(name))
    for (const [operation, document] of Object.entries(operations)) {
      for (const name of refused) {
        const [c = '', i = ''] = name.split(' ')
        expect([operation, name, await ask(document, key, { c, i })]).toEqual([operation, name, 'FORBIDDEN'])
      }
    }
    const [c = '', i = ''] = (all().find(permitted) ?? '').split(' ')
    for (const [operation, document] of Object.entries(operations).slice(0, 7))
      expect([operation, await ask(document, key, { c, i })]).not.toEqual([operation, 'FORBIDDEN'])
    expect((await accountsOf(app.apiKey)).length).toBe(6)
  })

  it('receives only what it permits from subscriptions', async () => {
    const key = await keyWith(narrowing)
    const done = new AbortController()
    const stream = app.subscribe(
      'subscription { connectedAccountStatusChanges { connectedAccount { connectionName identifier } } }',
      {},
      { credential: key, signal: done.signal },
    )
    let received = false
    const next = stream.next().finally(() => {
      received = true
    })
    const names = [...all().filter((name) => !permitted(name)), ...all().filter(permitted).slice(0, 1)]
    // Again when the subscription was not open yet.
    while (!received) {
      for (const name of names) {
        const [c = '', i = ''] = name.split(' ')
        await ask(operations.disconnect, app.apiKey, { c, i })
        await app.connect(i, { connectionName: c })
      }
    }
    const { value } = await next
    const { connectedAccount: seen } = (value as Record<string, { connectedAccount: Record<string, string> }>)[
      'connectedAccountStatusChanges'
    ] as { connectedAccount: { connectionName: string; identifier: string } }
    expect(permitted(`${seen.connectionName} ${seen.identifier}`)).toBe(true)
    done.abort()
    await stream.next().catch(() => {})
  })

  it('cannot read or change what concerns the whole environment', async () => {
    const key = await keyWith(narrowing)
    expect(await ask('{ auditEvents { nodes { id } } }', key)).toBe('FORBIDDEN')
    const replace =
      'mutation { registerOAuthApp(input: { clientId: "evil", clientSecret: "s", confirmationUrl: "https://evil.example" }) { __typename } }'
    expect(await ask(replace, key)).toBe('FORBIDDEN')
    const response = await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
    expect(response.status).toBe(403)
    expect(await ask('{ apiKeys { name } }', key)).not.toContainEqual({ name: 'bootstrap' })
  })
})

describe('an API key narrowed to tools', () => {
  const tools = async (document: string, key: string) => JSON.stringify(await ask(document, key))

  it('lists and calls only them', async () => {
    const key = await keyWith({
      scopes: ['TOOLS_READ', 'TOOLS_WRITE', 'ACCOUNTS_READ'],
      toolNames: ['notion_user_self'],
    })
    expect(await ask('{ tools(filter: { set: ALL }) { name } }', key)).toEqual([{ name: 'notion_user_self' }])
    expect(await ask('{ tool(name: "notion_page_create") { name } }', key)).toBeNull()
    expect(await ask('{ connectors { tools { name } } }', key)).toEqual([{ tools: [{ name: 'notion_user_self' }] }])
    expect(await ask('{ connectedAccount(identifier: "team-a/ann") { tools { tool { name } } } }', key)).toEqual({
      tools: [{ tool: { name: 'notion_user_self' } }],
    })
    const call = (tool: string) =>
      ask(
        `mutation { executeTool(input: { identifier: "team-a/ann", toolName: "${tool}", toolInput: {} }) { __typename } }`,
        key,
      )
    expect(await call('notion_user_self')).toEqual({ __typename: 'ExecuteToolPayload' })
    expect(await call('notion_data_fetch')).toBe('FORBIDDEN')
    expect(await call('notion_page_create')).toBe('FORBIDDEN')
    expect(await ask('{ notionDataFetch(identifier: "team-a/ann", input: {}) { __typename } }', key)).toBe('FORBIDDEN')
    const suggested = await tools(
      'mutation { executeTool(input: { identifier: "team-a/ann", toolName: "notion_page_creat", toolInput: {} }) { ... on UnknownToolError { suggestions } } }',
      key,
    )
    expect(suggested).toBe('{"suggestions":[]}')
  })

  it('does not see the calls of others', async () => {
    await app.executeTool('team-a/ann', 'notion_data_fetch', {})
    const key = await keyWith({ toolNames: ['notion_data_fetch'] })
    const listed = (await ask('{ toolExecutions(first: 100) { nodes { tool { name } } } }', key)) as {
      nodes: unknown[]
    }
    expect(listed.nodes.length).toBeGreaterThan(0)
    expect(new Set(listed.nodes.map((node) => JSON.stringify(node)))).toEqual(
      new Set(['{"tool":{"name":"notion_data_fetch"}}']),
    )
    const ids = (await ask('{ toolExecutions(first: 100) { nodes { id tool { name } } } }', app.apiKey)) as {
      nodes: { id: string; tool: { name: string } }[]
    }
    const hidden = ids.nodes.find(({ tool }) => tool.name === 'notion_user_self')
    expect(await ask('query ($id: ID!) { node(id: $id) { id } }', key, { id: hidden?.id })).toBeNull()
  })

  it('sees only tools that read when it may only read', async () => {
    const key = await keyWith({ scopes: ['TOOLS_READ'] })
    const listed = (await ask('{ tools(filter: { set: ALL }) { readOnly } }', key)) as { readOnly: boolean }[]
    expect(listed.length).toBeGreaterThan(3)
    expect(listed.every(({ readOnly }) => readOnly)).toBe(true)
  })
})

describe('an API key narrowed to networks', () => {
  const from = async (address: string, key: string) => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'x-forwarded-for': address },
      body: JSON.stringify({ query: '{ viewer { scopes } }' }),
    })
    return response.status
  }

  it('is refused from other addresses, also a moment after it was accepted', async () => {
    const key = await keyWith({ networks: ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7'] })
    for (const address of ['192.0.2.1', '2001:db8:1::9', '198.51.100.7', '::ffff:192.0.2.200'])
      expect([address, await from(address, key)]).toEqual([address, 200])
    for (const address of ['192.0.3.1', '2001:db9::1', '198.51.100.8', '127.0.0.1'])
      expect([address, await from(address, key)]).toEqual([address, 403])
  })

  it('creates user sessions that browsers use from anywhere', async () => {
    const narrow = { networks: ['127.0.0.0/8', '::1'], identifierPrefixes: ['team-a/'], connectionNames: ['second'] }
    const key = await keyWith(narrow)
    const create =
      'mutation ($i: String!) { createUserSession(input: { identifier: $i }) { ... on CreateUserSessionPayload { token } } }'
    const session = ((await ask(create, key, { i: 'team-a/ann' })) as { token: string }).token
    expect(await from('203.0.113.1', session)).toBe(200)
    expect(await ask(create, key, { i: 'team-b/bob' })).toBe('FORBIDDEN')
    // The session is narrowed as its key is.
    expect(await accountsOf(session)).toEqual(['second team-a/ann'])
    expect(await ask('{ connectedAccount(identifier: "team-a/ann") { id } }', session)).toBe('FORBIDDEN')
  })

  it.each([
    ['10.0.0.0/8', ['10.0.0.0/8'], true],
    ['10.1.2.3', ['10.0.0.0/8'], true],
    ['10.0.0.0/7', ['10.0.0.0/8'], false],
    ['11.0.0.0/8', ['10.0.0.0/8', '12.0.0.0/8'], false],
    ['2001:db8:1::/48', ['2001:db8::/32'], true],
    ['0.0.0.0/0', ['10.0.0.0/8'], false],
    ['10.0.0.0/8', ['::/0'], false],
  ])('%s is within %j: %s', (network, others, within) => {
    expect(isNetworkWithin(network, others)).toBe(within)
  })
})

describe('a narrowed API key', () => {
  const full = {
    connectionNames: ['second'],
    identifiers: ['team-b/bob'],
    identifierPrefixes: ['team-a/'],
    toolNames: ['notion_user_self', 'notion_data_fetch'],
    networks: ['127.0.0.0/8', '::1/128'],
  }

  it('shows what it is narrowed to', async () => {
    expect((await createKey({ ...full, scopes: ['TOOLS_READ'] })).apiKey).toMatchObject({
      ...full,
      scopes: ['TOOLS_READ'],
    })
  })

  it.each([
    ['connectionNames', { connectionNames: ['second', 'notion'] }],
    ['connectionNames', { connectionNames: null }],
    ['identifiers', { identifiers: ['team-c/cid'] }],
    ['identifiers', { identifiers: null, identifierPrefixes: null }],
    ['identifierPrefixes', { identifierPrefixes: ['team-'] }],
    ['toolNames', { toolNames: ['notion_page_create'] }],
    ['toolNames', { toolNames: null }],
    ['networks', { networks: ['0.0.0.0/0'] }],
    ['networks', { networks: null }],
  ])('cannot create a key with wider %s: %j', async (path, change) => {
    const creator = await keyWith(full)
    expect((await createKey({ ...full, ...change }, creator)).issues?.map((issue) => issue.path)).toEqual([path])
    const narrower = await createKey({ ...full, identifierPrefixes: ['team-a/an'], networks: ['127.0.0.1'] }, creator)
    expect(narrower.issues).toBeUndefined()
  })

  it('sees and revokes only keys that permit no more than it does', async () => {
    const creator = await keyWith({ connectionNames: ['second'] })
    const wider = (await createKey({ connectionNames: ['notion'] })).apiKey.id
    const own = (await createKey({ connectionNames: ['second'], identifiers: ['x'] }, creator)).apiKey.id
    const listed = JSON.stringify(await ask('{ apiKeys { id } }', creator))
    expect([listed.includes(own), listed.includes(wider)]).toEqual([true, false])
    expect(await ask('query ($id: ID!) { node(id: $id) { id } }', creator, { id: wider })).toBeNull()
    for (const [id, typename] of [
      [wider, 'ApiKeyNotFoundError'],
      [own, 'RevokeApiKeyPayload'],
    ])
      expect(
        await ask('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }', creator, { id }),
      ).toEqual({ __typename: typename })
    const narrow = 'mutation ($id: ID!) { narrowApiKey(input: { id: $id, identifiers: ["y"] }) { __typename } }'
    expect(await ask(narrow, creator, { id: wider })).toEqual({ __typename: 'ApiKeyNotFoundError' })
  })

  it('confirms no authorization of another connection, and uses none up', async () => {
    const key = await keyWith({ scopes: ['ACCOUNTS_CONFIRM'], connectionNames: ['notion'] })
    const confirm =
      'mutation ($f: String!) { confirmAuthorization(input: { flowId: $f, identifier: "flow" }) { __typename } }'
    const begun = (await ask(
      'mutation { authorize(input: { connectionName: "second", identifier: "flow" }) { ... on AuthorizePayload { link } } }',
      app.apiKey,
    )) as { link: string }
    const visitor = newBrowser()
    const consent = visitor.redirectOf(await visitor.get(begun.link))
    const callback = visitor.redirectOf(await visitor.post(consent, { resources: 'all', decision: 'allow' }))
    const flowId = visitor.redirectOf(await visitor.get(callback)).searchParams.get('flow_id') ?? ''
    expect(await ask(confirm, key, { f: flowId })).toEqual({ __typename: 'AuthorizationFlowNotFoundError' })
    const right = await keyWith({ scopes: ['ACCOUNTS_CONFIRM'], connectionNames: ['second'] })
    expect(await ask(confirm, right, { f: flowId })).toEqual({ __typename: 'ConfirmAuthorizationPayload' })
  })

  it('is narrowed further on every node, and its streams end', async () => {
    const { secret, apiKey } = await createKey({ scopes: ['ACCOUNTS_READ'], connectionNames: ['second', 'notion'] })
    expect((await other.graphql('{ viewer { scopes } }', {}, secret)).errors).toBeUndefined()
    const stream = other.subscribe(
      'subscription { connectedAccountStatus(identifier: "team-a/ann") { identifier } }',
      {},
      { credential: secret },
    )
    expect((await stream.next()).done).toBe(false)
    const ended = stream.next().catch((error: unknown) => error)
    const narrowed = await ask(
      'mutation ($id: ID!) { narrowApiKey(input: { id: $id, connectionNames: ["second"] }) { ... on NarrowApiKeyPayload { apiKey { connectionNames } } ... on Error { message } } }',
      app.apiKey,
      { id: apiKey.id },
    )
    expect(narrowed).toEqual({ apiKey: { connectionNames: ['second'] } })
    expect(String(await ended)).toContain('The API key was narrowed.')
    await expect
      .poll(async () => {
        const { errors } = await other.graphql('{ connectedAccount(identifier: "team-a/ann") { id } }', {}, secret)
        return errors?.[0]?.extensions['code']
      })
      .toBe('FORBIDDEN')
    const wider = await ask(
      'mutation ($id: ID!) { narrowApiKey(input: { id: $id, connectionNames: ["notion"] }) { ... on InvalidInputError { issues { path } } } }',
      app.apiKey,
      { id: apiKey.id },
    )
    expect(wider).toEqual({ issues: [{ path: 'connectionNames' }] })
  })

  it('is stored so that nodes of release 0.1.0 permit it nothing, and refused with fields that this release does not know', async () => {
    const { secret, apiKey } = await createKey({ scopes: ['TOOLS_READ'], connectionNames: ['second'] })
    const id = Buffer.from(apiKey.id, 'base64').toString().replace('ApiKey:', '')
    const database = await openDatabase(
      { kind: 'server', url: app.config.databaseUrl ?? '', maxConnections: 1 },
      () => {},
    )
    const { scopes } = await database.db
      .selectFrom('api_keys')
      .select('scopes')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    expect(scopes).toEqual(['narrowed:TOOLS_READ'])
    await sql`update api_keys set narrowing = narrowing || '{"weekdays": [1]}' where id = ${id}`.execute(database.db)
    await database.close()
    await expect.poll(() => ask('{ viewer { scopes } }', secret)).toBe('UNAUTHENTICATED')
    const narrow = 'mutation ($id: ID!) { narrowApiKey(input: { id: $id, identifiers: ["y"] }) { __typename } }'
    expect(await ask(narrow, app.apiKey, { id: apiKey.id })).toEqual({ __typename: 'InvalidInputError' })
    const revoke = 'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }'
    expect(await ask(revoke, app.apiKey, { id: apiKey.id })).toEqual({ __typename: 'RevokeApiKeyPayload' })
  })
})

describe('the scopes ACCOUNTS_AUTHORIZE and ACCOUNTS_CONFIRM', () => {
  it('separate the backend that creates links from the one that knows who is signed in', async () => {
    const begins = await keyWith({ scopes: ['ACCOUNTS_AUTHORIZE'] })
    const confirms = await keyWith({ scopes: ['ACCOUNTS_CONFIRM'] })
    const authorize = 'mutation { authorize(input: { identifier: "scoped" }) { __typename } }'
    const confirm = 'mutation { confirmAuthorization(input: { flowId: "x", identifier: "scoped" }) { __typename } }'
    expect(await ask(authorize, begins)).toEqual({ __typename: 'AuthorizePayload' })
    expect(await ask(confirm, begins)).toBe('FORBIDDEN')
    expect(await ask(authorize, confirms)).toBe('FORBIDDEN')
    expect(await ask(confirm, confirms)).toEqual({ __typename: 'AuthorizationFlowNotFoundError' })
    expect(
      await ask('mutation { disconnectConnectedAccount(input: { identifier: "scoped" }) { __typename } }', begins),
    ).toBe('FORBIDDEN')
  })
})
