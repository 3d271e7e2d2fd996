import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres' })
  await app.graphql(`mutation { registerOAuthApp(input: {
    connectionName: "second", clientId: "c", clientSecret: "s", confirmationUrl: "http://localhost:9/confirm"
  }) { __typename } }`)
  await app.connect('team-a/ann', { user: 'owner@acme.test' })
  await app.connect('team-a/abe', { user: 'member@acme.test' })
  await app.connect('team-b/bob', { user: 'owner@globex.test' })
  await app.connect('team-a/ann', { user: 'owner@globex.test', connectionName: 'second' })
  await update('team-a/ann', { plan: 'pro', seats: 3, tags: ['new', 'eu'], team: { id: 7, name: 'A' } })
  await update('team-a/abe', { plan: 'free', seats: 3 })
})
afterAll(() => app.stop())

type Metadata = Record<string, unknown>
interface Result {
  readonly __typename: string
  readonly created?: boolean
  readonly connectedAccount?: { readonly metadata: Metadata }
  readonly issues?: readonly { readonly path: string; readonly message: string }[]
}

async function mutate(
  name: string,
  input: Metadata,
  credential: string = app.apiKey,
): Promise<{ result: Result | undefined; code: unknown }> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`
  const { data, errors } = await app.graphql(
    `mutation ($input: ${type}Input!) { ${name}(input: $input) {
      __typename
      ... on ${type}Payload { connectedAccount { metadata } ${name.startsWith('getOrCreate') ? 'created' : ''} }
      ... on InvalidInputError { issues { path message } }
    } }`,
    { input },
    credential,
  )
  return { result: data?.[name] as Result | undefined, code: errors?.[0]?.extensions['code'] ?? null }
}

const getOrCreate = async (identifier: string, metadata?: Metadata, credential?: string) =>
  mutate('getOrCreateConnectedAccount', { identifier, ...(metadata && { metadata }) }, credential)
const update = async (identifier: string, metadata: Metadata, credential?: string) =>
  mutate('updateConnectedAccount', { identifier, metadata }, credential)

async function list(filter: Metadata, credential: string = app.apiKey, first = 100, after: string | null = null) {
  const { data, errors } = await app.graphql(
    `query ($filter: ConnectedAccountFilter, $first: Int!, $after: String) {
      connectedAccounts(first: $first, after: $after, filter: $filter) {
        nodes { connectionName identifier } pageInfo { endCursor hasNextPage }
      }
    }`,
    { filter, first, after },
    credential,
  )
  expect(errors).toBeUndefined()
  return data['connectedAccounts'] as {
    nodes: { connectionName: string; identifier: string }[]
    pageInfo: { endCursor: string; hasNextPage: boolean }
  }
}
const names = async (filter: Metadata, credential?: string) =>
  (await list(filter, credential)).nodes.map((node) => `${node.connectionName} ${node.identifier}`).sort()

async function newSession(identifier: string): Promise<string> {
  const { data } = await app.graphql(
    'mutation ($i: String!) { createUserSession(input: { identifier: $i }) { ... on CreateUserSessionPayload { token } } }',
    { i: identifier },
  )
  return (data['createUserSession'] as { token: string }).token
}

async function newKey(input: Metadata): Promise<string> {
  const { data } = await app.graphql(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeyPayload { secret } } }',
    { input: { name: 'key', scopes: ['ACCOUNTS_READ', 'ACCOUNTS_WRITE'], ...input } },
  )
  return (data['createApiKey'] as { secret: string }).secret
}

describe('metadata of an account', () => {
  it('is empty, set when the account is created, and otherwise left as it is', async () => {
    expect((await getOrCreate('plain')).result).toMatchObject({ created: true, connectedAccount: { metadata: {} } })
    const metadata = { plan: 'pro', nested: { a: [1, null, true, 'ä'] } }
    const created = { __typename: 'GetOrCreateConnectedAccountPayload', created: true, connectedAccount: { metadata } }
    expect((await getOrCreate('created', metadata)).result).toEqual(created)
    expect((await getOrCreate('created', { plan: 'free' })).result).toEqual({ ...created, created: false })
    expect((await getOrCreate('created')).result).toEqual({ ...created, created: false })
  })

  it('is replaced as a whole, and unknown accounts are reported', async () => {
    await getOrCreate('replaced', { a: 1, b: 2 })
    expect((await update('replaced', { b: 3 })).result?.connectedAccount).toEqual({ metadata: { b: 3 } })
    expect((await update('replaced', {})).result?.connectedAccount).toEqual({ metadata: {} })
    expect((await update('missing', {})).result?.__typename).toBe('AccountNotFoundError')
  })

  it('may be written as a literal, with names that objects inherit', async () => {
    const { data, errors } = await app.graphql(`mutation {
      getOrCreateConnectedAccount(input: {
        identifier: "literal", metadata: { toString: "x", constructor: { __proto__: [{ hasOwnProperty: 1 }] } }
      }) { ... on GetOrCreateConnectedAccountPayload { connectedAccount { metadata } } ... on Error { message } }
    }`)
    expect(errors).toBeUndefined()
    expect(JSON.stringify(data['getOrCreateConnectedAccount'])).toBe(
      '{"connectedAccount":{"metadata":{"toString":"x","constructor":{"__proto__":[{"hasOwnProperty":1}]}}}}',
    )
  })

  it.each<[string, unknown, string]>([
    ['metadata.a.b.c.d', { a: { b: { c: { d: {} } } } }, 'must have at most 4 levels'],
    ['metadata.a.0.0.0', { a: [[[[]]]] }, 'must have at most 4 levels'],
    ['metadata.text', { text: 'a\0' }, 'must be well-formed Unicode without NUL'],
    ['metadata.half', { half: '\ud800' }, 'must be well-formed Unicode without NUL'],
    ['metadata', { 'a\0': 1 }, 'must have keys of well-formed Unicode without NUL'],
    ['metadata', { '': 1 }, 'must have keys of 1 to 100 characters'],
    ['metadata.a', { a: { ['k'.repeat(101)]: 1 } }, 'must have keys of 1 to 100 characters'],
    ['metadata', Object.fromEntries(Array.from({ length: 101 }, (_, at) => [at, at])), 'must have at most 100 keys'],
    ['metadata', { long: 'ä'.repeat(4_100) }, 'must have at most 8192 bytes as JSON'],
    ['metadata.big.1', { big: [1, 2 ** 53] }, 'must be from -9007199254740991 to 9007199254740991.'],
  ])('is refused with the place %s', async (path, metadata, message) => {
    for (const name of ['getOrCreateConnectedAccount', 'updateConnectedAccount']) {
      const { result } = await mutate(name, { identifier: 'refused', metadata })
      expect(result?.issues, name).toEqual([{ path, message: expect.stringContaining(message) }])
    }
    expect(await names({ identifier: 'refused' })).toEqual([])
  })

  it.each(['1e400', '[[[[[1]]]]]', '12345678901234567890'])(
    'refuses the literal %s with its place',
    async (literal) => {
      const { data } = await app.graphql(`mutation {
      updateConnectedAccount(input: { identifier: "plain", metadata: { at: ${literal} } }) {
        ... on InvalidInputError { issues { path } }
      }
    }`)
      expect(data['updateConnectedAccount']).toEqual({ issues: [{ path: expect.stringMatching(/^metadata\.at/) }] })
    },
  )

  it('that is not an object is refused', async () => {
    for (const metadata of [[], 'text', 1, [{}]])
      expect((await mutate('updateConnectedAccount', { identifier: 'plain', metadata })).code).not.toBeNull()
  })

  it('is in the audit log with its changes only', async () => {
    await getOrCreate('audited', { plan: 'pro' })
    await update('audited', { plan: 'pro' })
    await update('audited', { plan: 'free' })
    const { data } = await app.graphql(
      '{ auditEvents(filter: { action: ["account.updated"] }) { nodes { before after } } }',
    )
    const { nodes } = data['auditEvents'] as { nodes: { before: Metadata | null; after: Metadata }[] }
    const name = { connectionName: 'notion', identifier: 'audited' }
    expect(nodes.filter(({ after }) => after['identifier'] === 'audited')).toEqual([
      { before: { ...name, metadata: { plan: 'pro' } }, after: { ...name, metadata: { plan: 'free' } } },
      { before: null, after: { ...name, metadata: { plan: 'pro' } } },
    ])
  })

  it('reaches subscriptions when it changes', async () => {
    await getOrCreate('watched')
    const ending = new AbortController()
    const stream = app.subscribe(
      'subscription { connectedAccountStatus(identifier: "watched") { metadata } }',
      {},
      { signal: ending.signal },
    )
    const next = async () => (await stream.next()).value
    expect(await next()).toEqual({ connectedAccountStatus: { metadata: {} } })
    await update('watched', { plan: 'pro' })
    expect(await next()).toEqual({ connectedAccountStatus: { metadata: { plan: 'pro' } } })
    ending.abort()
  })

  it('cannot be set by a user session, which sees that of its own identifier', async () => {
    const session = await newSession('team-a/ann')
    expect((await update('team-a/ann', { plan: 'x' }, session)).code).toBe('FORBIDDEN')
    expect((await getOrCreate('team-a/ann', { plan: 'x' }, session)).result?.issues?.[0]?.path).toBe('metadata')
    expect((await getOrCreate('team-a/ann', undefined, session)).result?.connectedAccount?.metadata['plan']).toBe('pro')
  })
})

describe('lists of accounts', () => {
  const [ann, abe, bob, second] = [
    'notion team-a/ann',
    'notion team-a/abe',
    'notion team-b/bob',
    'second team-a/ann',
  ] as const

  it.each<[Metadata, readonly string[]]>([
    [{ identifier: 'team-a/ann' }, [ann, second]],
    [{ identifierPrefix: 'team-a/' }, [abe, ann, second]],
    [{ identifierPrefix: 'team_a' }, []],
    [{ identifierPrefix: '%' }, []],
    [{ metadata: { plan: 'pro' }, identifierPrefix: 'team' }, [ann]],
    [{ metadata: { seats: 3 } }, [abe, ann]],
    [{ metadata: { seats: 3, plan: 'free' } }, [abe]],
    [{ metadata: { seats: '3' } }, []],
    [{ metadata: { tags: ['eu'] } }, [ann]],
    [{ metadata: { tags: 'eu' } }, []],
    [{ metadata: { team: { id: 7 } } }, [ann]],
    [{ metadata: { team: 7 } }, []],
    [{ metadata: {}, identifierPrefix: 'team-b' }, [bob]],
    [{ workspaceName: 'ACME' }, [abe, ann]],
    [{ workspaceName: 'glob', connectionName: 'second' }, [second]],
    [{ workspaceName: '%' }, []],
    [{ ownerEmail: 'Owner@' }, [ann, bob, second]],
    [{ ownerEmail: 'owner@acme.test', status: ['ACTIVE'] }, [ann]],
    [{ ownerEmail: 'owner@acme.test', status: ['REVOKED'] }, []],
    [{ ownerEmail: 'owner@', metadata: { plan: 'pro' } }, [ann]],
  ])('are filtered by %j', async (filter, expected) => {
    expect(await names(filter)).toEqual(expected)
  })

  it('are filtered by the ID of the workspace', async () => {
    const { data } = await app.graphql(
      '{ connectedAccount(identifier: "team-b/bob") { workspace { id } } other: connectedAccount(identifier: "team-a/abe") { workspace { id } } }',
    )
    const { workspace } = data['connectedAccount'] as { workspace: { id: string } }
    expect(await names({ workspaceId: workspace.id })).toEqual([bob, second])
    expect(await names({ workspaceId: 'unknown' })).toEqual([])
  })

  it('are paged with their filter', async () => {
    const found: string[] = []
    let after: string | null = null
    do {
      const page = await list({ identifierPrefix: 'team-', workspaceName: 'g' }, app.apiKey, 1, after)
      found.push(...page.nodes.map((node) => `${node.connectionName} ${node.identifier}`))
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
    } while (after !== null)
    expect(found).toEqual([second, bob])
  })

  it('contain only what a narrowed key and a user session may see', async () => {
    const key = await newKey({ identifierPrefixes: ['team-b/'] })
    const exact = await newKey({ identifiers: ['team-a/abe'] })
    const session = await newSession('team-a/ann')
    for (const filter of [{ ownerEmail: 'o' }, { identifierPrefix: 'team' }, { workspaceName: 'g' }])
      expect(await names(filter, key)).toEqual([bob])
    expect(await names({ metadata: { seats: 3 } }, exact)).toEqual([abe])
    expect(await names({ metadata: { plan: 'pro' } }, exact)).toEqual([])
    expect(await names({ identifierPrefix: 'team' }, session)).toEqual([ann, second])
    expect(await names({ metadata: { seats: 3 } }, session)).toEqual([ann])
    expect((await update('team-a/ann', {}, exact)).code).toBe('FORBIDDEN')
  })

  it('and changes of status have the same filters', async () => {
    const ending = new AbortController()
    const stream = app.subscribe(
      `subscription { connectedAccountStatusChanges(filter: { metadata: { flag: [2] }, identifierPrefix: "changes/" }) {
        connectedAccount { identifier }
      } }`,
      {},
      { signal: ending.signal },
    )
    const first = stream.next()
    const seen: unknown[] = []
    const made = (async () => {
      for (let count = 0; seen.length === 0; count += 1) {
        await getOrCreate(`changes/other-${count}`, { flag: 2 })
        await getOrCreate(`other-${count}`, { flag: [2] })
        await getOrCreate(`changes/${count}`, { flag: [1, 2], more: true })
      }
    })()
    const { value } = await first
    seen.push(value)
    await made
    expect(JSON.stringify(value)).toMatch(/"identifier":"changes\/\d+"/)
    ending.abort()
  })
})
