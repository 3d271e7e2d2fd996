import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemActor } from '../../src/audit/audit-log.ts'
import { connectors as installed } from '../../src/connectors.ts'
import { openDatabase } from '../../src/db/database.ts'
import { createApiKey } from '../../src/environments/api-keys.ts'
import { ensureEnvironment } from '../../src/environments/environment-store.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecret } from '../../src/vault/server-secret.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'
import { acme } from './acme/connector.ts'
import { acmeClient, type FakeAcme, startFakeAcme } from './fake-acme.ts'

/** One line of registration. */
const connectors = [...installed, acme]

const masterKey = Buffer.alloc(32, 5).toString('base64')

let provider: FakeAcme
let app: TestApp
let identifier: string
let users = 0

beforeAll(async () => {
  provider = await startFakeAcme()
  app = await startApp({
    database: 'postgres',
    connectors,
    env: { ACME_API_URL: provider.url, VALETKEY_MASTER_KEY: masterKey },
  })
})
afterAll(async () => {
  await app.stop()
  await provider.close()
})
beforeEach(async () => {
  Object.assign(provider, { tokenSeconds: 60, rotating: true, declined: [], latencyMs: 0 })
  identifier = `user_${++users}`
  await register()
  provider.forget()
})

async function register(more: Record<string, unknown> = {}) {
  const { data, errors } = await app.graphql(
    `mutation ($input: RegisterOAuthAppInput!) {
      registerOAuthApp(input: $input) {
        ... on RegisterOAuthAppPayload { oauthApp { connector { slug name } scopes capabilities sandbox redirectUri } }
        ... on InvalidInputError { issues { path message } }
      }
    }`,
    {
      input: {
        connectionName: 'acme',
        connector: 'acme',
        ...acmeClient,
        confirmationUrl: `${app.url}/connect/confirm`,
        ...more,
      },
    },
  )
  expect(errors).toBeUndefined()
  return data['registerOAuthApp'] as {
    oauthApp: Record<string, unknown> | undefined
    issues: { path: string; message: string }[] | undefined
  }
}

const connect = (user = identifier) => app.connect(identifier, { connectionName: 'acme', user })

async function account() {
  const { data, errors } = await app.graphql(
    `query ($identifier: String!) {
      connectedAccount(connectionName: "acme", identifier: $identifier) {
        status statusReason needsReauthorization nextAction workspace { id } tokenExpiresAt
        tools { tool { name requiredScopes } available unavailableReason }
      }
    }`,
    { identifier },
  )
  expect(errors).toBeUndefined()
  return data['connectedAccount'] as Record<string, unknown> & {
    tools: { tool: { name: string }; available: boolean; unavailableReason: string | null }[]
  }
}

/** Runs a statement on the app's database, as time would. */
async function inDatabase(work: (db: Awaited<ReturnType<typeof openDatabase>>['db']) => Promise<unknown>) {
  const { databaseUrl } = app.config
  if (databaseUrl === null) throw new Error('The test needs a database server.')
  const database = await openDatabase({ kind: 'server', url: databaseUrl, maxConnections: 2 }, () => {})
  try {
    await work(database.db)
  } finally {
    await database.close()
  }
}

const find = () => app.executeTool(identifier, 'acme_issue_find', {})
const create = (title = 'Broken door') => app.executeTool(identifier, 'acme_issue_create', { title })

describe('registering an OAuth app of the connector', () => {
  it('requests the scopes that the tools need unless others are given', async () => {
    const { oauthApp } = await register()
    expect(oauthApp).toMatchObject({
      connector: { slug: 'acme', name: 'Acme' },
      scopes: ['issues:read', 'issues:write'],
      capabilities: [],
      sandbox: false,
    })
    expect((await register({ scopes: ['issues:read'] })).oauthApp).toMatchObject({ scopes: ['issues:read'] })
  })

  it('refuses a scope that RFC 6749 does not allow', async () => {
    const { issues } = await register({ scopes: ['issues:read', 'two words', 'quo"te', ''] })
    expect(issues?.map(({ path }) => path)).toEqual(['scopes.1', 'scopes.2', 'scopes.3'])
  })

  it('is listed with its tools', async () => {
    const { data } = await app.graphql('{ connectors { slug name tools { name requiredCapabilities } } }')
    expect(data['connectors']).toContainEqual({
      slug: 'acme',
      name: 'Acme',
      tools: ['acme_issue_find', 'acme_issue_create', 'acme_issue_close'].map((name) => ({
        name,
        requiredCapabilities: [],
      })),
    })
  })
})

describe('connecting', () => {
  it('sends PKCE, scopes and extra parameters, confirms, and calls tools with the announced expiry known', async () => {
    expect(await connect()).toBe('ACTIVE')
    const authorization = provider.received.find(({ path }) => path === '/oauth/authorize')
    expect(Object.fromEntries(authorization?.query ?? [])).toMatchObject({
      response_type: 'code',
      client_id: acmeClient.clientId,
      scope: 'issues:read issues:write',
      access_type: 'offline',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    })
    const { status, workspace, tokenExpiresAt, needsReauthorization } = await account()
    expect({ status, workspace, needsReauthorization }).toEqual({
      status: 'ACTIVE',
      workspace: null,
      needsReauthorization: false,
    })
    const remaining = new Date(String(tokenExpiresAt)).getTime() - Date.now()
    expect(remaining).toBeGreaterThan(30_000)
    expect(remaining).toBeLessThanOrEqual(61_000)

    expect(await create()).toMatchObject({ __typename: 'ExecuteToolPayload', data: { title: 'Broken door' } })
    expect(await find()).toMatchObject({ data: { issues: [{ title: 'Broken door', open: true }] } })
  })

  it('works through typed fields, each with the errors that can occur', async () => {
    await connect()
    const { data } = await app.graphql(
      `mutation ($identifier: String!) {
        acmeIssueCreate(identifier: $identifier, input: { title: "A typed one" }) {
          ... on AcmeIssueCreatePayload { issue { id title open } execution { status } }
        }
      }`,
      { identifier },
    )
    expect(data['acmeIssueCreate']).toMatchObject({
      issue: { title: 'A typed one', open: true },
      execution: { status: 'SUCCEEDED' },
    })
    const missing = await app.graphql(
      `mutation ($identifier: String!) {
        acmeIssueClose(identifier: $identifier, input: { issueId: "no-such" }) {
          __typename
          ... on ResourceNotFoundError { resourceId evidence hint }
        }
      }`,
      { identifier },
    )
    expect(missing.data['acmeIssueClose']).toMatchObject({
      __typename: 'ResourceNotFoundError',
      resourceId: 'no-such',
      hint: 'Call acme_issue_find to list issues with their ids.',
    })
    const { data: union } = await app.graphql(
      `{ find: __type(name: "AcmeIssueFindResult") { possibleTypes { name } }
         close: __type(name: "AcmeIssueCloseResult") { possibleTypes { name } } }`,
    )
    const names = (value: unknown) =>
      (value as { possibleTypes: { name: string }[] }).possibleTypes.map(({ name }) => name).toSorted()
    expect(names(union['find'])).toEqual([
      'AccountNotActiveError',
      'AccountNotFoundError',
      'AcmeIssueFindPayload',
      'ApprovalRequiredError',
      'InvalidToolInputError',
      'MissingScopeError',
      'ProviderError',
      'RateLimitedError',
      'ToolNotAllowedError',
      'WrongConnectionError',
    ])
    expect(names(union['close'])).toEqual([
      'AccountNotActiveError',
      'AccountNotFoundError',
      'AcmeIssueClosePayload',
      'ApprovalRequiredError',
      'IdempotencyConflictError',
      'InvalidToolInputError',
      'MissingScopeError',
      'OutcomeUnknownError',
      'ProviderError',
      'RateLimitedError',
      'ResourceNotFoundError',
      'ToolNotAllowedError',
      'WrongConnectionError',
    ])
  })

  it('shows the provider on the connect page, and no words of another one', async () => {
    const { data } = await app.graphql(
      `mutation ($identifier: String!) {
        authorize(input: {
          connectionName: "acme", identifier: $identifier, expectedResources: [{ name: "Board" }]
        }) { ... on AuthorizePayload { link } }
      }`,
      { identifier },
    )
    const page = await newBrowser().get((data['authorize'] as { link: string }).link)
    const text = await page.text()
    expect(text).toContain('Acme asks you to allow access to your issues.')
    expect(text).not.toMatch(/notion|pages to share/i)
  })

  it('leaves the account as it was when the user declines', async () => {
    const { data } = await app.graphql(
      `mutation ($identifier: String!) {
        authorize(input: { connectionName: "acme", identifier: $identifier }) { ... on AuthorizePayload { link } }
      }`,
      { identifier },
    )
    const browser = newBrowser()
    const consent = browser.redirectOf(await browser.get((data['authorize'] as { link: string }).link))
    await browser.get(browser.redirectOf(await browser.post(consent, { decision: 'deny' })))
    expect(await account()).toMatchObject({ status: 'PENDING', statusReason: 'AUTHORIZATION_DENIED' })
  })
})

describe('scopes', () => {
  it('that the user declined make the tools that need them unavailable', async () => {
    provider.declined = ['issues:write']
    await connect()
    const { tools } = await account()
    expect(tools.map(({ tool, available }) => [tool.name, available])).toEqual([
      ['acme_issue_find', true],
      ['acme_issue_create', false],
      ['acme_issue_close', false],
    ])
    provider.forget()
    expect(await create()).toMatchObject({
      __typename: 'MissingScopeError',
      message: "The user's consent does not cover the OAuth scope issues:write.",
      userAction: 'REAUTHORIZE',
    })
    expect(provider.received).toEqual([])
  })

  it('that the app requests later need a new consent, which brings them', async () => {
    await register({ scopes: ['issues:read'] })
    await connect()
    expect(await create()).toMatchObject({ __typename: 'MissingScopeError', userAction: 'ENABLE_CAPABILITY' })
    await register()
    const grown = await account()
    expect(grown).toMatchObject({ status: 'ACTIVE', needsReauthorization: true })
    expect(grown['nextAction']).toContain('issues:write')
    expect(await create()).toMatchObject({ __typename: 'MissingScopeError', userAction: 'REAUTHORIZE' })
    expect(await find()).toMatchObject({ __typename: 'ExecuteToolPayload' })
    await connect()
    expect(await account()).toMatchObject({ status: 'ACTIVE', needsReauthorization: false, nextAction: null })
    expect(await create()).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })
})

describe('renewal', () => {
  it('happens before the announced expiry, without a call', async () => {
    await connect()
    await inDatabase((db) =>
      db
        .updateTable('grants')
        .set({ next_refresh_at: new Date() })
        .where('provider_user_id', '=', `user-${identifier}`)
        .execute(),
    )
    await expect.poll(() => provider.tokenRequests('refresh_token').length).toBeGreaterThan(0)
    provider.forget()
    expect(await find()).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(provider.received.map(({ path }) => path)).toEqual(['/issues'])
  })

  it('happens once for many callers whose token is refused', async () => {
    await connect()
    provider.expireAccessTokens()
    provider.latencyMs = 100
    provider.forget()
    const answers = await Promise.all(Array.from({ length: 20 }, find))
    expect(new Set(answers.map(({ __typename }) => __typename))).toEqual(new Set(['ExecuteToolPayload']))
    expect(provider.tokenRequests('refresh_token')).toHaveLength(1)
  })

  it('happens once for callers on several nodes', async () => {
    await connect()
    const second = await startApp({
      connectors,
      env: {
        ACME_API_URL: provider.url,
        DATABASE_URL: app.config.databaseUrl ?? '',
        DATABASE_DIRECT_URL: app.config.databaseDirectUrl ?? '',
        VALETKEY_MASTER_KEY: masterKey,
        VALETKEY_SANDBOX: 'off',
      },
    })
    try {
      provider.expireAccessTokens()
      provider.latencyMs = 200
      provider.forget()
      const answers = await Promise.all(
        [app, second].flatMap((node) =>
          Array.from({ length: 5 }, () => node.executeTool(identifier, 'acme_issue_find', {})),
        ),
      )
      expect(new Set(answers.map(({ __typename }) => __typename))).toEqual(new Set(['ExecuteToolPayload']))
      expect(provider.tokenRequests('refresh_token')).toHaveLength(1)
    } finally {
      await second.stop()
    }
  })

  it('keeps a refresh token that the provider does not rotate, and uses it again', async () => {
    provider.rotating = false
    await connect()
    for (let round = 0; round < 3; round++) {
      provider.expireAccessTokens()
      expect(await find()).toMatchObject({ __typename: 'ExecuteToolPayload' })
    }
    const presented = provider.tokenRequests('refresh_token').map(({ form }) => form.get('refresh_token'))
    expect(presented).toHaveLength(3)
    expect(new Set(presented).size).toBe(1)
  })

  it('never presents a rotated refresh token twice', async () => {
    await connect()
    for (let round = 0; round < 3; round++) {
      provider.expireAccessTokens()
      expect(await find()).toMatchObject({ __typename: 'ExecuteToolPayload' })
    }
    const presented = provider.tokenRequests('refresh_token').map(({ form }) => form.get('refresh_token'))
    expect(new Set(presented).size).toBe(3)
  })
})

describe('the end of an access', () => {
  it('that the user revoked at the provider is found out by the next call', async () => {
    await connect()
    provider.revoke(identifier)
    expect(await find()).toMatchObject({ __typename: 'AccountNotActiveError', userAction: 'REAUTHORIZE' })
    expect(await account()).toMatchObject({ status: 'REVOKED', statusReason: 'REVOKED_AT_PROVIDER' })
    await connect()
    expect(await find()).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })

  it('that the user revoked is found out by refreshConnectedAccount', async () => {
    await connect()
    const refresh = async () => {
      const { data } = await app.graphql(
        `mutation ($identifier: String!) {
          refreshConnectedAccount(input: { connectionName: "acme", identifier: $identifier }) {
            __typename
            ... on RefreshConnectedAccountPayload { connectedAccount { status } }
          }
        }`,
        { identifier },
      )
      return data['refreshConnectedAccount']
    }
    expect(await refresh()).toMatchObject({ connectedAccount: { status: 'ACTIVE' } })
    provider.revoke(identifier)
    expect(await refresh()).toMatchObject({ connectedAccount: { status: 'REVOKED' } })
  })

  it('by the application revokes the tokens at the provider', async () => {
    await connect()
    await app.graphql(
      `mutation ($identifier: String!) {
        disconnectConnectedAccount(input: { connectionName: "acme", identifier: $identifier }) { __typename }
      }`,
      { identifier },
    )
    expect(await account()).toMatchObject({ status: 'DISCONNECTED' })
    await expect.poll(() => provider.received.filter(({ path }) => path === '/oauth/revoke').length).toBeGreaterThan(0)
    expect(await find()).toMatchObject({ __typename: 'AccountNotActiveError' })
  })
})

describe('the walls', () => {
  /** The ADMIN key of another environment. */
  async function keyOfAnotherEnvironment(): Promise<string> {
    let key = ''
    await inDatabase(async (db) => {
      const keyEncryption = masterKeys({ primary: new Secret(masterKey), older: [] })
      const vault = await openVault({ db, keyEncryption })
      const apiKeyPepper = await serverSecret(db, vault, 'api-key-pepper')
      const bindingKey = await serverSecret(db, vault, 'row-bindings')
      const { id } = await ensureEnvironment(db, `other-${identifier}`)
      const made = await createApiKey({ db, apiKeyPepper, bindingKey, actor: systemActor }, id, {
        name: 'other',
        scopes: ['ADMIN'],
        expiresAt: null,
      })
      key = made.secret.reveal()
      vault.close()
    })
    return key
  }

  const run = (credential: string, input: Record<string, unknown>) =>
    app
      .graphql(
        'mutation ($input: ExecuteToolInput!) { executeTool(input: $input) { __typename } }',
        { input: { identifier, toolInput: {}, ...input } },
        credential,
      )
      .then(({ data, errors }) => errors?.[0]?.extensions['code'] ?? (data['executeTool'] as object))

  it('keep another environment out', async () => {
    await connect()
    const other = await keyOfAnotherEnvironment()
    provider.forget()
    expect(await run(other, { toolName: 'acme_issue_find' })).toEqual({ __typename: 'AccountNotFoundError' })
    const { data } = await app.graphql(
      `query ($identifier: String!) {
        connectedAccount(connectionName: "acme", identifier: $identifier) { id }
        oauthApp(connectionName: "acme") { id }
      }`,
      { identifier },
      other,
    )
    expect(data).toEqual({ connectedAccount: null, oauthApp: null })
    expect(provider.received).toEqual([])
  })

  it('keep the users of one environment apart', async () => {
    await connect()
    await create('Mine')
    const first = identifier
    identifier = `user_${++users}`
    await connect()
    expect(await find()).toMatchObject({ data: { issues: [] } })
    identifier = first
    expect(await find()).toMatchObject({ data: { issues: [{ title: 'Mine' }] } })
  })

  it('keep the tools of another connector out, both ways, before anything is sent', async () => {
    await connect()
    provider.forget()
    const { apiKey } = app
    expect(await run(apiKey, { connectionName: 'acme', toolName: 'notion_user_self' })).toEqual({
      __typename: 'WrongConnectionError',
    })
    expect(await run(apiKey, { connectionName: 'notion', toolName: 'acme_issue_find' })).toEqual({
      __typename: 'WrongConnectionError',
    })
    expect(provider.received).toEqual([])
  })

  it('let one grant serve two accounts of the same provider user, and revoke it with the last', async () => {
    await connect()
    const first = identifier
    identifier = `user_${++users}`
    await connect(first)
    provider.forget()
    const disconnect = async () => {
      await app.graphql(
        `mutation ($identifier: String!) {
          disconnectConnectedAccount(input: { connectionName: "acme", identifier: $identifier }) { __typename }
        }`,
        { identifier },
      )
    }
    await disconnect()
    identifier = first
    expect(await find()).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(provider.received.some(({ path }) => path === '/oauth/revoke')).toBe(false)
    await disconnect()
    await expect.poll(() => provider.received.some(({ path }) => path === '/oauth/revoke')).toBe(true)
  })

  it('refuse another user of the provider for a connected account', async () => {
    await connect()
    await expect(connect('someone-else')).rejects.toThrow(/another user or workspace/)
    expect(await find()).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })

  it('write no token into the log', async () => {
    await connect()
    provider.expireAccessTokens()
    await find()
    expect(app.log()).not.toMatch(/acme_(?:at|rt)_|acme-secret/)
  })
})
