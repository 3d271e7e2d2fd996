import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'
import { type Canary, leaksOf, type Place } from './leaks.ts'
import { type RecordingProxy, startRecordingProxy } from './recording-proxy.ts'

/** A client whose secret matches no pattern of the redaction. */
const client = { id: 'canary-client', secret: randomBytes(24).toString('hex') }
const faults = [
  'status',
  'rate_limit',
  'reset',
  'html',
  'redirect',
  'huge',
  'truncate',
  'invalid_json',
  'commit_then_503',
  'commit_then_reset',
]
const accountFields = 'connectedAccount { status statusReason nextAction workspace { name } owner { name email } }'
const onError = '... on Error { __typename message }'

describe('during the whole life of connected accounts, with every fault,', () => {
  let sandbox: RunningSandbox
  let provider: RecordingProxy
  let app: TestApp
  const answers: Place[] = []
  const dumps: Place[] = []
  const printed: string[] = []
  const canaries: Canary[] = []
  /** Parts of links and cookies: browsers receive them; neither the log nor the database contains them. */
  const browserSecrets: Canary[] = []

  /** Records every response of the server as a client receives it. */
  function recordAnswers(): void {
    const send = globalThis.fetch
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const response = await send(input, init)
      const url = input instanceof Request ? input.url : String(input)
      if (!url.startsWith(app.url)) return response
      const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n')
      const { pathname } = new URL(url)
      const answer = { name: `the answer ${answers.length} of ${pathname.split('/')[1] ?? ''}`, text: `${headers}\n` }
      answers.push(answer)
      void keep(response.clone(), answer)
      return response
    })
  }
  async function keep(response: Response, answer: { text: string }): Promise<void> {
    try {
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) answer.text += chunk
    } catch {
      // A subscription that its client closed.
    }
  }

  async function dump(stage: string): Promise<void> {
    const database = new pg.Client({ connectionString: app.config.databaseUrl ?? '' })
    await database.connect()
    const { rows } = await database.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    )
    for (const { name } of rows) {
      const content = await database.query<{ row: string }>(`select t::text as row from ${name} t`)
      dumps.push({ name: `${name} ${stage}`, text: content.rows.map(({ row }) => row).join('\n') })
    }
    await database.end()
  }

  /** Runs a valid document and ignores its result. */
  const ask = async (document: string, variables: Record<string, unknown> = {}, credential?: string) => {
    const { data, errors } = await app.graphql(document, variables, credential)
    if (errors) throw new Error(errors.map(({ message }) => message).join('; '))
    return data
  }
  const mutate = async (name: string, type: string, input: Record<string, unknown>, fields: string) => {
    const data = await ask(
      `mutation ($input: ${type}Input!) { ${name}(input: $input) { ... on ${type}Payload { ${fields} } ${onError} } }`,
      { input },
    )
    return data[name] as Record<string, unknown>
  }
  const refresh = (identifier: string) =>
    mutate('refreshConnectedAccount', 'RefreshConnectedAccount', { identifier }, accountFields)
  const disconnect = (identifier: string) =>
    mutate('disconnectConnectedAccount', 'DisconnectConnectedAccount', { identifier }, accountFields)
  const register = () =>
    mutate(
      'registerOAuthApp',
      'RegisterOAuthApp',
      { clientId: client.id, clientSecret: client.secret, confirmationUrl: 'http://localhost:9/confirm' },
      'oauthApp { id clientId redirectUri }',
    )
  const useTool = (identifier: string, toolName: string, toolInput: object, more: object = {}) =>
    ask(
      `mutation ($input: ExecuteToolInput!) {
        executeTool(input: $input) {
          __typename
          ... on ExecuteToolPayload { data execution { id providerRequestIds } }
          ... on ToolError { message hint failed: execution { id providerRequestIds errorType } }
          ... on ProviderError { code requestId }
        }
      }`,
      { input: { identifier, toolName, toolInput, ...more } },
    )

  beforeAll(async () => {
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, method).mockImplementation((...texts) => void printed.push(texts.map(String).join(' ')))
    }
    sandbox = await startSandbox()
    provider = await startRecordingProxy(new URL(sandbox.url).origin)
    app = await startApp({
      database: 'postgres',
      env: { VALETKEY_SANDBOX: 'off', NOTION_API_URL: `${provider.url}/sandbox`, LOG_LEVEL: 'debug' },
    })
    recordAnswers()
    canaries.push({ kind: 'the client secret', text: client.secret }, { kind: 'the ADMIN key', text: app.apiKey })
    await live()
    await app.stop()
    collectFromProvider()
  })
  afterAll(async () => {
    vi.restoreAllMocks()
    provider.close()
    await sandbox.close()
  })

  /** The life of the accounts; the names of the steps describe it. */
  async function live(): Promise<void> {
    await register()
    await createKeys()
    await app.connect('one', { user: 'owner@acme.test' })
    await authorizeStepByStep('two', 'member@acme.test')
    const watching = new AbortController()
    const watched = watch('one', watching.signal)
    await useTools()
    await failAtTools()
    await failAtRefreshing()
    await bringAlong('three')
    await failAtConnecting()
    await failAtDisconnecting()
    await revokeAndReturn()
    await ask(`{
      connectedAccounts(first: 20) { nodes { status statusReason transitions { nodes { reason } } } }
      toolExecutions(first: 50) { nodes { status errorType providerRequestIds } }
      oauthApps { clientId redirectUri }
      apiKeys { name prefix }
      webhookEndpoints { url }
      webhookDeliveries(first: 100) { nodes { payload lastError } }
    }`)
    for (const path of ['metrics', 'health', 'ready', 'tools', '', 'nowhere']) {
      await fetch(`${app.url}/${path}`, { headers: { authorization: `Bearer ${app.apiKey}` } })
    }
    watching.abort()
    await watched
    await dump('at the end')
  }

  async function createKeys(): Promise<void> {
    const key = await mutate('createApiKey', 'CreateApiKey', { name: 'agent', scopes: ['TOOLS_READ'] }, 'secret')
    const session = await mutate('createUserSession', 'CreateUserSession', { identifier: 'one' }, 'token')
    canaries.push(
      { kind: 'an API key', text: String(key['secret']), shownOnce: true },
      { kind: 'a user session', text: String(session['token']), shownOnce: true },
    )
    const url = 'http://127.0.0.1:9/nowhere'
    const created = await mutate(
      'createWebhookEndpoint',
      'CreateWebhookEndpoint',
      { url },
      'webhookEndpoint { id } secret',
    )
    const { id } = created['webhookEndpoint'] as { id: string }
    const rotated = await mutate('rotateWebhookSecret', 'RotateWebhookSecret', { id }, 'secret')
    for (const { secret } of [created, rotated])
      canaries.push({ kind: 'a webhook secret', text: String(secret), shownOnce: true })
    await ask('{ viewer { __typename } }', {}, String(key['secret']))
    await ask('{ connectedAccounts(first: 1) { nodes { id } } }', {}, String(session['token']))
    for (const damaged of [`${String(key['secret'])}x`, `${String(session['token']).slice(0, -2)}`]) {
      await app.graphql('{ __typename }', {}, damaged)
    }
  }

  /** An authorization that reads the database after each step. */
  async function authorizeStepByStep(identifier: string, user: string): Promise<void> {
    const { link } = await mutate('authorize', 'Authorize', { identifier, state: 'of the application' }, 'link')
    await dump('after authorize')
    const browser = newBrowser()
    const opened = await browser.get(String(link))
    const consent = browser.redirectOf(opened)
    await dump('after the link was opened')
    const callback = browser.redirectOf(await browser.post(consent, { user, resources: 'all', decision: 'allow' }))
    const confirmation = browser.redirectOf(await browser.get(callback))
    await dump('while it waits for its confirmation')
    const flowId = confirmation.searchParams.get('flow_id') ?? ''
    browserSecrets.push(
      { kind: 'the token of a link', text: new URL(String(link)).pathname.split('/').at(-1) ?? '' },
      { kind: 'a state', text: consent.searchParams.get('state') ?? '' },
      { kind: 'the cookie of a browser', text: /=([^;]+)/.exec(opened.headers.getSetCookie()[0] ?? '')?.[1] ?? '' },
      { kind: 'a flow_id', text: flowId },
    )
    await browser.get(callback)
    await mutate('confirmAuthorization', 'ConfirmAuthorization', { flowId, identifier }, accountFields)
    await browser.get(callback)
    await browser.get(String(link))
    await newBrowser().get(callback)
  }

  async function watch(identifier: string, signal: AbortSignal): Promise<void> {
    const document =
      'subscription ($identifier: String!) { connectedAccountStatus(identifier: $identifier) { status statusReason } }'
    try {
      for await (const status of app.subscribe(document, { identifier }, { signal })) expect(status).toBeTruthy()
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  const database = '2561ab6c-418b-8072-beec-c4779fa811cf'
  const page = {
    parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
    properties: { title: { title: [{ text: { content: 'A page' } }] } },
  }

  async function useTools(): Promise<void> {
    await useTool('one', 'notion_data_fetch', { query: 'Q3 roadmap' })
    await useTool('one', 'notion_page_create', page, { idempotencyKey: 'once' })
    await useTool('one', 'notion_page_create', page, { idempotencyKey: 'once' })
    await useTool('two', 'notion_database_query', { database_id: database })
    await useTool('one', 'notion_frobnicate', {})
    await useTool('one', 'notion_data_fetch', { query: 5, colour: 'red' })
    await useTool('one', 'notion_page_fetch', { page_id: randomUUID() })
    await useTool('unknown-user', 'notion_data_fetch', { query: 'x' })
  }

  async function failAtTools(): Promise<void> {
    for (const kind of faults) {
      await sandbox.control('fault', { match: { path: '/v1/pages' }, kind, status: 500, times: 1 })
      await useTool('one', 'notion_page_create', page, { idempotencyKey: `with ${kind}` })
      await sandbox.control('clear')
    }
    for (const status of [400, 401, 403, 404, 500, 503]) {
      for (const code of ['validation_error', undefined]) {
        provider.echoNext('/sandbox/v1/pages', status, code)
        await useTool('one', 'notion_page_create', page, { idempotencyKey: `echoed ${status} ${code}` })
      }
    }
    await dump('after faults of tools')
  }

  /** A new account: earlier faults ended some accounts, and others wait before they retry. */
  async function startAgain(): Promise<void> {
    await register()
    await app.connect('one', { user: 'owner@acme.test' })
  }

  async function failAtRefreshing(): Promise<void> {
    for (const kind of faults) {
      await startAgain()
      await sandbox.control('expire', { user: 'owner@acme.test', access: true })
      await sandbox.control('fault', { match: { path: '/v1/oauth/token' }, kind, status: 500, times: 1 })
      await useTool('one', 'notion_data_fetch', { query: 'x' })
      await sandbox.control('clear')
      await refresh('one')
    }
    await startAgain()
    for (const kind of faults) {
      await sandbox.control('fault', { match: { path: '/v1/oauth/introspect' }, kind, status: 500, times: 1 })
      await refresh('one')
      await sandbox.control('clear')
    }
    for (const path of ['/v1/oauth/token', '/v1/oauth/introspect']) {
      for (const status of [400, 401, 500]) {
        for (const code of ['invalid_request', 'invalid_grant', undefined]) {
          await startAgain()
          if (path === '/v1/oauth/token') await sandbox.control('expire', { user: 'owner@acme.test', access: true })
          provider.echoNext(`/sandbox${path}`, status, code)
          await refresh('one')
        }
      }
    }
    await startAgain()
    await dump('after faults of refreshing')
  }

  async function bringAlong(identifier: string): Promise<void> {
    const pair = await sandbox.connect({ clientId: client.id, user: 'owner@globex.test' }, client)
    canaries.push(
      { kind: 'an imported access token', text: pair.access_token },
      { kind: 'an imported refresh token', text: pair.refresh_token },
    )
    const tokens = { accessToken: pair.access_token, refreshToken: pair.refresh_token }
    const bring = (more: object) =>
      mutate('importConnectedAccount', 'ImportConnectedAccount', { identifier, ...tokens, ...more }, accountFields)
    await bring({ connectionName: 'unknown' })
    provider.echoNext('/sandbox/v1/oauth/introspect', 400)
    await bring({})
    await bring({})
    await useTool(identifier, 'notion_data_fetch', { query: 'x' })
    await dump('after an import')
  }

  async function failAtConnecting(): Promise<void> {
    for (const kind of faults) {
      await sandbox.control('fault', { match: { path: '/v1/oauth/token' }, kind, status: 500, times: 1 })
      await app.connect(`unlucky ${kind}`, { user: 'member@globex.test' }).catch(() => {})
      await sandbox.control('clear')
    }
    provider.echoNext('/sandbox/v1/oauth/token', 400)
    await app.connect('echoed', { user: 'member@globex.test' }).catch(() => {})
    await dump('after faults of connecting')
  }

  async function failAtDisconnecting(): Promise<void> {
    await sandbox.control('fault', { match: { path: '/v1/oauth/revoke' }, kind: 'status', status: 500, times: 1 })
    await disconnect('two')
    await dump('while a revocation waits')
    provider.echoNext('/sandbox/v1/oauth/revoke', 400)
    await disconnect('three')
    await mutate('deleteConnectedAccount', 'DeleteConnectedAccount', { identifier: 'three' }, '__typename')
    await dump('after disconnecting')
  }

  async function revokeAndReturn(): Promise<void> {
    await sandbox.control('revoke', {})
    await useTool('one', 'notion_data_fetch', { query: 'x' })
    await refresh('one')
    await dump('after a revocation')
    await app.connect('one', { user: 'owner@acme.test' })
    await refresh('one')
  }

  /** Returns every secret that was sent between the server and the provider, also in responses that were cut off. */
  function collectFromProvider(): void {
    const found = new Map<string, string>()
    for (const { authorization, sent, answered, path } of provider.exchanges) {
      for (const [, kind = '', text = ''] of answered.matchAll(/"(access_token|refresh_token)":"(\w{12,})/g))
        found.set(text, `an issued ${kind}`)
      for (const [, kind = '', text = ''] of sent.matchAll(
        /"(code|refresh_token|token|code_verifier)":"([^"]{12,})"/g,
      )) {
        found.set(text, `a sent ${kind}`)
      }
      const [, scheme = '', credential = ''] = /^(Bearer|Basic) (.+)$/.exec(authorization) ?? []
      if (credential !== '') found.set(credential, `${scheme} of ${path.split('?')[0] ?? ''}`)
    }
    for (const [text, kind] of found) canaries.push({ kind, text })
  }

  it('there were secrets: tokens of both kinds, codes, clients, keys and sessions', () => {
    const kinds = canaries.map(({ kind }) => kind)
    for (const kind of [
      'an issued access_token',
      'a sent refresh_token',
      'a sent code',
      'a sent token',
      'an imported access token',
      'an API key',
      'a user session',
      'a webhook secret',
    ]) {
      expect(kinds).toContain(kind)
    }
    expect(kinds.filter((kind) => kind.includes('_token')).length).toBeGreaterThan(20)
    for (const { kind, text } of [...canaries, ...browserSecrets]) expect(text.length, kind).toBeGreaterThan(11)
  })

  it('the search finds a known string', () => {
    const everywhere = [
      { name: 'answers', text: answers.map(({ text }) => text).join('\n') },
      { name: 'dumps', text: dumps.map(({ text }) => text).join('\n') },
    ]
    expect(leaksOf([{ kind: 'a client id', text: client.id }], everywhere)).toHaveLength(2)
    expect(app.log().split('\n').length).toBeGreaterThan(10)
    expect(answers.some(({ text }) => text.includes('# HELP'))).toBe(true)
    expect(answers.some(({ text }) => text.includes('connectedAccountStatus'))).toBe(true)
    const tables = dumps.filter(({ text }) => text !== '').map(({ name }) => name)
    for (const expected of [
      'public.grants after faults of refreshing',
      'public.authorization_flows while it waits for its confirmation',
      'public.revocation_outbox while a revocation waits',
      'public.idempotency_keys after faults of tools',
      'public.oauth_apps at the end',
      'public.webhook_deliveries at the end',
    ]) {
      expect(tables).toContain(expected)
    }
  })

  it('no log line contains a secret', () => {
    const log = [
      { name: 'the log', text: app.log() },
      { name: 'the console', text: printed.join('\n') },
    ]
    expect(leaksOf([...canaries, ...browserSecrets], log)).toEqual([])
  })

  it('no response contains a secret, except the one that creates a key or a session', () => {
    const leaks = leaksOf(
      canaries.filter(({ shownOnce }) => !shownOnce),
      answers,
    )
    expect(leaks).toEqual([])
    for (const canary of canaries.filter(({ shownOnce }) => shownOnce)) {
      expect(leaksOf([canary], answers), canary.kind).toHaveLength(1)
    }
  })

  it('no table ever contains a secret in clear', () => {
    expect(leaksOf([...canaries, ...browserSecrets], dumps)).toEqual([])
    const sealed = (table: string, stage: string) =>
      dumps.find(({ name }) => name === `public.${table} ${stage}`)?.text ?? ''
    for (const [table, stage] of [
      ['grants', 'after faults of refreshing'],
      ['grants', 'while it waits for its confirmation'],
      ['revocation_outbox', 'while a revocation waits'],
      ['oauth_apps', 'at the end'],
      ['webhook_endpoints', 'at the end'],
    ] as const) {
      expect(sealed(table, stage), `${table} ${stage}`).toMatch(/eyJ[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+/)
    }
  })
})
