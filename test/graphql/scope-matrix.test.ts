import { readFileSync } from 'node:fs'
import {
  buildASTSchema,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  parse,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

const schema = buildASTSchema(parse(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')))

const scopes = [
  'ADMIN',
  'ACCOUNTS_READ',
  'ACCOUNTS_WRITE',
  'ACCOUNTS_AUTHORIZE',
  'ACCOUNTS_CONFIRM',
  'TOOLS_READ',
  'TOOLS_WRITE',
  'TOOLS_APPROVE',
  'USER_SESSIONS_CREATE',
] as const
type Scope = (typeof scopes)[number]

/** The scopes that others include, written down a second time. */
const includes: { readonly [scope in Scope]?: readonly Scope[] } = {
  ADMIN: scopes,
  ACCOUNTS_WRITE: ['ACCOUNTS_AUTHORIZE', 'ACCOUNTS_CONFIRM'],
}

/** What each root field asks for, written down a second time; tools by whether they read. `session`: their own identifier; `key`: API keys. */
const expected: Record<string, { scope: Scope | null; session: boolean; key?: false }> = {
  'Query.node': { scope: null, session: true },
  'Query.viewer': { scope: null, session: true },
  'Query.connectors': { scope: null, session: true },
  'Query.tools': { scope: null, session: true },
  'Query.tool': { scope: null, session: true },
  'Query.oauthApp': { scope: 'ACCOUNTS_READ', session: false },
  'Query.oauthApps': { scope: 'ACCOUNTS_READ', session: false },
  'Query.apiKeys': { scope: 'ADMIN', session: false },
  'Query.toolPolicy': { scope: 'ADMIN', session: false },
  'Query.pendingApprovals': { scope: 'TOOLS_APPROVE', session: true },
  'Query.auditEvents': { scope: 'ADMIN', session: false },
  'Query.connectedAccount': { scope: 'ACCOUNTS_READ', session: true },
  'Query.connectedAccounts': { scope: 'ACCOUNTS_READ', session: true },
  'Query.toolExecutions': { scope: 'ACCOUNTS_READ', session: false },
  'Query.toolExecutionStatistics': { scope: 'ACCOUNTS_READ', session: false },
  'Mutation.registerOAuthApp': { scope: 'ADMIN', session: false },
  'Mutation.updateOAuthApp': { scope: 'ADMIN', session: false },
  'Mutation.updateConnectedAccount': { scope: 'ACCOUNTS_WRITE', session: false },
  'Mutation.verifyOAuthApp': { scope: 'ADMIN', session: false },
  'Mutation.resetOAuthAppWebhook': { scope: 'ADMIN', session: false },
  'Mutation.getOrCreateConnectedAccount': { scope: 'ACCOUNTS_AUTHORIZE', session: true },
  'Mutation.authorize': { scope: 'ACCOUNTS_AUTHORIZE', session: true },
  'Mutation.confirmAuthorization': { scope: 'ACCOUNTS_CONFIRM', session: false },
  'Mutation.refreshConnectedAccount': { scope: 'ACCOUNTS_WRITE', session: false },
  'Mutation.disconnectConnectedAccount': { scope: 'ACCOUNTS_WRITE', session: true },
  'Mutation.deleteConnectedAccount': { scope: 'ACCOUNTS_WRITE', session: false },
  'Mutation.importConnectedAccount': { scope: 'ADMIN', session: false },
  // The scope is that of the tool which is named.
  'Mutation.executeTool': { scope: 'TOOLS_WRITE', session: false },
  'Mutation.setToolPolicy': { scope: 'ADMIN', session: false },
  'Mutation.approveToolExecution': { scope: 'TOOLS_APPROVE', session: true },
  'Mutation.confirmApprover': { scope: 'TOOLS_APPROVE', session: true },
  'Mutation.rejectToolExecution': { scope: 'TOOLS_APPROVE', session: true },
  'Mutation.createApiKey': { scope: 'ADMIN', session: false },
  'Mutation.narrowApiKey': { scope: 'ADMIN', session: false },
  'Mutation.revokeApiKey': { scope: 'ADMIN', session: false },
  'Mutation.createUserSession': { scope: 'USER_SESSIONS_CREATE', session: false },
  'Mutation.revokeUserSession': { scope: 'USER_SESSIONS_CREATE', session: false },
  'Mutation.revokeUserSessions': { scope: 'USER_SESSIONS_CREATE', session: false },
  'Mutation.createStreamTicket': { scope: 'ACCOUNTS_READ', session: true, key: false },
  'Query.webhookEventTypes': { scope: null, session: true },
  'Query.webhookEndpoints': { scope: 'ADMIN', session: false },
  'Query.webhookDeliveries': { scope: 'ADMIN', session: false },
  'Mutation.createWebhookEndpoint': { scope: 'ADMIN', session: false },
  'Mutation.updateWebhookEndpoint': { scope: 'ADMIN', session: false },
  'Mutation.deleteWebhookEndpoint': { scope: 'ADMIN', session: false },
  'Mutation.rotateWebhookSecret': { scope: 'ADMIN', session: false },
  'Mutation.replayWebhookDelivery': { scope: 'ADMIN', session: false },
  'Mutation.replayWebhookDeliveries': { scope: 'ADMIN', session: false },
  'Subscription.pendingApprovals': { scope: 'TOOLS_APPROVE', session: true },
  'Subscription.notionEvents': { scope: 'ACCOUNTS_READ', session: true },
  'Subscription.connectedAccountStatus': { scope: 'ACCOUNTS_READ', session: true },
  'Subscription.connectedAccountStatusChanges': { scope: 'ACCOUNTS_READ', session: false },
}

const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
  Object.values(type?.getFields() ?? {}).map((field) => ({ parent: type?.name ?? '', field })),
)

function ruleOf(parent: string, name: string): { scope: Scope | null; session: boolean; key?: false } {
  const rule = expected[`${parent}.${name}`]
  if (rule) return rule
  expect(name, 'neither a tool nor in the table').toMatch(/^notion[A-Z]/)
  return { scope: parent === 'Query' ? 'TOOLS_READ' : 'TOOLS_WRITE', session: false }
}

/** A value that fits a type; `identifier` wherever one is asked for. */
function literal(name: string, type: GraphQLInputType, identifier: string): string {
  if (isNonNullType(type)) return literal(name, type.ofType, identifier)
  if (isListType(type)) return `[${literal(name, type.ofType, identifier)}]`
  if (isInputObjectType(type)) return `{ ${values(Object.values(type.getFields()), identifier)} }`
  if (isEnumType(type)) return type.getValues()[0]?.name ?? ''
  if (name === 'identifier') return JSON.stringify(identifier)
  if (name === 'toolName') return '"notion_page_trash"'
  if (name === 'connectionName') return '"matrix"'
  if (type.name === 'URL') return '"https://app.example"'
  switch (type.name) {
    case 'Int':
    case 'Float':
      return '1'
    case 'Boolean':
      return 'true'
    case 'JSON':
    case 'JSONObject':
      return '{}'
    case 'ID':
      return JSON.stringify(Buffer.from('ApiKey:2561ab6c-418b-4072-beec-c4779fa811cf').toString('base64'))
    default:
      return '"x"'
  }
}

const values = (all: readonly (GraphQLArgument | GraphQLInputField)[], identifier: string): string =>
  all
    .filter(({ name, type }) => isNonNullType(type) || name === 'connectionName')
    .map(({ name, type }) => `${name}: ${literal(name, type, identifier)}`)
    .join(', ')

function document(parent: string, field: GraphQLField<unknown, unknown>, identifier: string): string {
  const args = values(field.args, identifier)
  return `${parent.toLowerCase()} { ${field.name}${args === '' ? '' : `(${args})`} { __typename } }`
}

let app: TestApp
const keys = new Map<Scope, string>()
let session: string
beforeAll(async () => {
  // One session makes more requests here than a browser may.
  app = await startApp({ throttle: { take: () => null, giveBack: () => {} } })
  for (const scope of scopes) {
    const answer = await app.graphql(
      'mutation ($s: [Scope!]!) { createApiKey(input: { name: "matrix", scopes: $s }) { ... on CreateApiKeyPayload { secret } } }',
      { s: [scope] },
    )
    keys.set(scope, (answer.data['createApiKey'] as { secret: string }).secret)
  }
  session = await sessionOf('me')
})
afterAll(() => app.stop())

async function sessionOf(identifier: string): Promise<string> {
  const answer = await app.graphql(
    'mutation ($i: String!) { createUserSession(input: { identifier: $i }) { ... on CreateUserSessionPayload { token } } }',
    { i: identifier },
  )
  return (answer.data['createUserSession'] as { token: string }).token
}

/** The code of the first error of a document, or null. A subscription that was let in is left after its first answer. */
async function codeOf(text: string, credential: string | null): Promise<string | null> {
  const leaving = new AbortController()
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    signal: leaving.signal,
    headers: {
      'content-type': 'application/json',
      accept: text.startsWith('subscription') ? 'text/event-stream' : 'application/graphql-response+json',
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
    },
    body: JSON.stringify({ query: text }),
  })
  const wait = setTimeout(() => leaving.abort(), 300)
  let heard = ''
  try {
    if (text.startsWith('subscription')) {
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        heard += chunk
        if (heard.includes('"code"')) break
      }
    } else heard = await response.text()
  } catch (error) {
    if (!leaving.signal.aborted) throw error
  } finally {
    clearTimeout(wait)
    leaving.abort()
  }
  return /"code":"([A-Z_]+)"/.exec(heard)?.[1] ?? null
}

describe.each(fields.map(({ parent, field }) => [`${parent}.${field.name}`, parent, field] as const))(
  '%s',
  (_name, parent, field) => {
    const rule = ruleOf(parent, field.name)

    it(rule.key === false ? 'refuses API keys' : 'accepts API keys with its scope', async () => {
      for (const [scope, key] of keys) {
        const included = rule.scope === null || scope === rule.scope || (includes[scope]?.includes(rule.scope) ?? false)
        const may = rule.key !== false && included
        expect([scope, (await codeOf(document(parent, field, 'x'), key)) === 'FORBIDDEN']).toEqual([scope, !may])
      }
    })

    it(`${rule.session ? 'accepts user sessions of its identifier' : 'refuses user sessions'}`, async () => {
      expect((await codeOf(document(parent, field, 'me'), session)) === 'FORBIDDEN').toBe(!rule.session)
      const foreign = document(parent, field, 'another user')
      if (!foreign.includes('another user')) return
      expect(await codeOf(foreign, session)).toBe('FORBIDDEN')
    })

    it('refuses requests without a credential', async () => {
      expect(await codeOf(document(parent, field, 'x'), null)).toBe('UNAUTHENTICATED')
    })
  },
)

describe('executeTool', () => {
  it.each([
    ['notion_data_fetch', 'TOOLS_READ', 'TOOLS_WRITE'],
    ['notion_page_create', 'TOOLS_WRITE', 'TOOLS_READ'],
  ] as const)('of %s takes %s', async (tool, scope, other) => {
    const call = `mutation { executeTool(input: { identifier: "x", toolName: "${tool}", toolInput: {} }) { __typename } }`
    expect(await codeOf(call, keys.get(scope) ?? '')).toBeNull()
    const refused = await app.graphql(call, {}, keys.get(other))
    expect(refused.errors?.[0]).toMatchObject({
      message: expect.stringContaining(`requires the scope ${scope}`),
      extensions: { code: 'FORBIDDEN' },
    })
  })
})

describe('node', () => {
  /** For each type: who may fetch it by its id. */
  const readers = {
    Environment: [...scopes, 'session'],
    ConnectedAccount: ['ADMIN', 'ACCOUNTS_READ', 'session'],
    OAuthApp: ['ADMIN', 'ACCOUNTS_READ'],
    ToolExecution: ['ADMIN', 'ACCOUNTS_READ'],
    ApiKey: ['ADMIN'],
    AuditEvent: ['ADMIN'],
    WebhookEndpoint: ['ADMIN'],
    WebhookDelivery: ['ADMIN'],
    ToolApproval: ['ADMIN', 'TOOLS_APPROVE', 'session'],
  }

  it('returns each type to credentials that may read it, and null to all others', async () => {
    const possible = schema.getPossibleTypes(schema.getType('Node') as never).map(({ name }) => name)
    expect(Object.keys(readers).sort()).toEqual(possible.sort())
    await app.graphql('mutation { createWebhookEndpoint(input: { url: "http://127.0.0.1:9" }) { __typename } }')
    expect(await app.connect('me')).toBe('ACTIVE')
    await app.executeTool('me', 'notion_data_fetch', {})
    const policy = (more: string) => app.graphql(`mutation { setToolPolicy(input: { ${more} }) { __typename } }`)
    await policy('requireApprovalFor: WRITES')
    await app.executeTool('me', 'notion_page_trash', { page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
    await policy('')
    const { data } = await app.graphql(`{
      viewer { environment { id } } connectedAccount(identifier: "me") { id } oauthApp { id }
      toolExecutions { nodes { id } } apiKeys { id } auditEvents { nodes { id } }
      webhookEndpoints { id } webhookDeliveries { nodes { id } } pendingApprovals { id }
    }`)
    const ids = new Map(
      [...JSON.stringify(data).matchAll(/"id":"([^"]+)"/g)].map(([, id = '']) => [
        Buffer.from(id, 'base64').toString().split(':')[0],
        id,
      ]),
    )
    const fetched = async (id: string, credential: string) => {
      const answer = await app.graphql('query ($id: ID!) { node(id: $id) { __typename } }', { id }, credential)
      expect(answer.errors).toBeUndefined()
      return (answer.data['node'] as { __typename: string } | null)?.__typename ?? null
    }
    const other = await sessionOf('another user')
    for (const [type, allowed] of Object.entries(readers)) {
      const id = ids.get(type) ?? ''
      for (const [who, credential] of [...keys, ['session', session] as const]) {
        expect([type, who, await fetched(id, credential)]).toEqual([type, who, allowed.includes(who) ? type : null])
      }
      if (type !== 'Environment') expect([type, await fetched(id, other)]).toEqual([type, null])
    }
  })
})
