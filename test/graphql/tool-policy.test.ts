import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
let other: TestApp
let database: Database
beforeAll(async () => {
  app = await startApp({ database: 'postgres' })
  const url = app.config.databaseUrl ?? ''
  // The second node reads the master key of the first one.
  other = await startApp({ directory: app.config.dataDirectory, env: { DATABASE_URL: url, VALETKEY_SANDBOX: 'off' } })
  database = await openDatabase({ kind: 'server', url, maxConnections: 1 }, () => {})
  await app.connect('ann')
})
afterAll(async () => {
  await database.close()
  await other.stop()
  await app.stop()
})
beforeEach(async () => {
  await set({})
  await set({ connectionName: 'notion' })
})

const ask = async (document: string, variables: Record<string, unknown> = {}, credential = app.apiKey, at = app) => {
  const { data, errors } = await at.graphql(document, variables, credential)
  return errors?.[0]?.extensions['code'] ?? (Object.values(data)[0] as unknown)
}

const set = (input: Record<string, unknown>, credential = app.apiKey) =>
  ask(
    `mutation ($input: SetToolPolicyInput!) { setToolPolicy(input: $input) { __typename
      ... on SetToolPolicyPayload { toolPolicy { toolNames readOnly denyDestructive requireApprovalFor requireApprovalToolNames } }
      ... on InvalidInputError { issues { path } } } }`,
    { input },
    credential,
  )

const keyWith = async (input: Record<string, unknown>) => {
  const created = await ask(
    `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeyPayload { secret apiKey { id } }
      ... on InvalidInputError { issues { path } } } }`,
    { input: { name: 'key', scopes: ['ADMIN'], ...input } },
  )
  return created as { readonly secret: string; readonly apiKey: { readonly id: string } }
}

const call = (toolName: string, credential = app.apiKey, at = app) =>
  ask(
    `mutation ($t: String!) { executeTool(input: { identifier: "ann", toolName: $t, toolInput: { page_id: "x" } }) {
      __typename ... on ToolNotAllowedError { policy } } }`,
    { t: toolName },
    credential,
    at,
  )

const listed = async (credential = app.apiKey, filter = 'set: ALL', at = app) => {
  const found = await ask(`{ tools(filter: { ${filter} }) { name requiresApproval } }`, {}, credential, at)
  return found as readonly { readonly name: string; readonly requiresApproval: boolean }[]
}
const names = async (...args: Parameters<typeof listed>) => (await listed(...args)).map(({ name }) => name)

/** Registers the OAuth app again as the same client, so that its accounts remain connected. */
async function registerAgain(): Promise<void> {
  const { clientId } = (await ask('{ oauthApp { clientId } }')) as { clientId: string }
  const registered = await ask(
    `mutation ($c: String!) { registerOAuthApp(input: {
      clientId: $c, clientSecret: "s", confirmationUrl: "http://localhost:9/confirm"
    }) { __typename } }`,
    { c: clientId },
  )
  expect(registered).toEqual({ __typename: 'RegisterOAuthAppPayload' })
}

const refused = (policy: string) => ({ __typename: 'ToolNotAllowedError', policy })
const invalidInput = { __typename: 'InvalidToolInputError' }

describe.each([
  ['the environment', 'environment', (policy: object) => set({ ...policy }).then(() => app.apiKey)],
  ['an OAuth app', 'oauthApp', (policy: object) => set({ connectionName: 'notion', ...policy }).then(() => app.apiKey)],
  ['an API key', 'apiKey', (policy: object) => keyWith({ ...policy }).then(({ secret }) => secret)],
] as const)('the policy of %s', (_name, owner, apply) => {
  it('refuses tools that write, and those that remove content, and hides them from lists', async () => {
    const readOnly = await apply({ readOnly: true })
    expect(await names(readOnly)).not.toContain('notion_page_create')
    expect(await names(readOnly)).toContain('notion_data_fetch')
    await set({})
    await set({ connectionName: 'notion' })
    const gentle = await apply({ denyDestructive: true })
    expect(await names(gentle)).toContain('notion_page_create')
    expect(await names(gentle)).not.toContain('notion_page_trash')
    // An OAuth app's policy is known with the account: after the check of the input.
    if (owner === 'oauthApp') return
    expect(await call('notion_page_trash', gentle)).toEqual(refused(`${owner}.denyDestructive`))
  })

  it('allows only the listed tools', async () => {
    const credential = await apply({ toolNames: ['notion_page_trash'] })
    expect(await names(credential)).toEqual(['notion_page_trash'])
    expect(await call('notion_page_create', credential)).toEqual(
      owner === 'apiKey' ? 'FORBIDDEN' : owner === 'oauthApp' ? invalidInput : refused(`${owner}.toolNames`),
    )
  })

  it('marks tools whose calls need an approval', async () => {
    const credential = await apply({
      requireApprovalFor: 'DESTRUCTIVE',
      requireApprovalToolNames: ['notion_user_self'],
    })
    const marked = (await listed(credential)).filter(({ requiresApproval }) => requiresApproval)
    const tools = marked.map(({ name }) => name)
    expect(tools).toEqual(expect.arrayContaining(['notion_page_trash', 'notion_user_self']))
    expect(tools).not.toContain('notion_page_create')
  })
})

it('reaches other nodes within a second', async () => {
  expect(await call('notion_page_trash', app.apiKey, other)).toEqual(invalidInput)
  await set({ readOnly: true })
  await expect.poll(() => call('notion_page_trash', app.apiKey, other)).toEqual(refused('environment.readOnly'))
  await set({})
  await expect.poll(() => call('notion_page_trash', app.apiKey, other)).toEqual(invalidInput)
})

it('is replaced as a whole, unchanged when its OAuth app is registered again, and in the audit log', async () => {
  await set({ connectionName: 'notion', readOnly: true, requireApprovalFor: 'WRITES' })
  const { toolPolicy } = (await set({ connectionName: 'notion', denyDestructive: true })) as { toolPolicy: object }
  const policy = {
    ...{ toolNames: null, readOnly: false, denyDestructive: true },
    ...{ requireApprovalFor: null, requireApprovalToolNames: null },
  }
  expect(toolPolicy).toEqual(policy)
  await registerAgain()
  expect(await ask('{ toolPolicy(connectionName: "notion") { denyDestructive } }')).toEqual({ denyDestructive: true })
  const events = await ask(
    '{ auditEvents(first: 5, filter: { action: "tool_policy.changed" }) { nodes { before after } } }',
  )
  expect(events).toMatchObject({
    nodes: [{ before: { readOnly: true }, after: { denyDestructive: true } }, {}, {}, {}, {}],
  })
})

it('cannot be set by narrowed keys, nor name tools that do not exist', async () => {
  const { secret } = await keyWith({ readOnly: true })
  expect(await set({}, secret)).toBe('FORBIDDEN')
  expect(await set({ requireApprovalToolNames: ['notion_page_create', 'notion_page_crate'] })).toMatchObject({
    issues: [{ path: 'requireApprovalToolNames.1' }],
  })
  expect(await set({ toolNames: ['notion_user_self', 'notion_data_fetchh'] })).toMatchObject({
    issues: [{ path: 'toolNames.1' }],
  })
  expect(await keyWith({ toolNames: ['notion_data_fetchh'] })).toMatchObject({
    issues: [{ path: 'toolNames.0' }],
  })
  expect(await set({ toolNames: [] })).toMatchObject({ __typename: 'InvalidInputError' })
})

it('of an API key can only become stricter', async () => {
  const { apiKey } = await keyWith({ requireApprovalFor: 'WRITES', requireApprovalToolNames: ['notion_user_self'] })
  const narrow = (input: object) =>
    ask(
      `mutation ($input: NarrowApiKeyInput!) { narrowApiKey(input: $input) { ... on InvalidInputError { issues { path } }
        ... on NarrowApiKeyPayload { apiKey { toolPolicy { readOnly requireApprovalFor } } } } }`,
      { input: { id: apiKey.id, ...input } },
    )
  expect(await narrow({ requireApprovalFor: 'DESTRUCTIVE' })).toEqual({ issues: [{ path: 'requireApprovalFor' }] })
  expect(await narrow({ requireApprovalToolNames: ['notion_page_trash'] })).toEqual({
    issues: [{ path: 'requireApprovalToolNames' }],
  })
  expect(await narrow({ readOnly: true })).toEqual({
    apiKey: { toolPolicy: { readOnly: true, requireApprovalFor: 'WRITES' } },
  })
})

it('that another program wrote permits nothing, and cannot be deleted', async () => {
  await set({ readOnly: true })
  await sql`update environment_policies set policy = '{}'`.execute(database.db)
  await expect.poll(() => call('notion_page_trash')).toEqual(refused('environment.toolNames'))
  await expect(sql`delete from environment_policies`.execute(database.db)).rejects.toThrow('must not be deleted')
  await set({})
  expect(await call('notion_page_trash')).toEqual(invalidInput)
  await set({ connectionName: 'notion', readOnly: true })
  await sql`update oauth_apps set tool_policy = null`.execute(database.db)
  const read =
    'mutation { executeTool(input: { identifier: "ann", toolName: "notion_user_self", toolInput: {} }) { __typename } }'
  await expect.poll(() => ask(read)).toBe('INTERNAL_SERVER_ERROR')
  await registerAgain()
  await expect.poll(() => ask(read)).toMatchObject({ __typename: 'ToolNotAllowedError' })
})
