import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { buildSchema, type GraphQLInterfaceType, isObjectType } from 'graphql'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  AccountNotFoundError,
  AuthorizationRequired,
  ConnectionError,
  errorTypes,
  InvalidInputError,
  InvalidToolInputError,
  RequestError,
  TimeoutError,
  ToolError,
  toolErrorParts,
} from '../../src/client/errors.ts'
import { Valetkey } from '../../src/client/valetkey.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'
import { newPostgresDatabase } from '../support/database.ts'

let app: TestApp
let valetkey: Valetkey
beforeAll(async () => {
  app = await startApp()
  valetkey = new Valetkey({ url: app.url, apiKey: app.apiKey })
})
afterAll(() => app.stop())

it('has a class for each error type of the schema, with its fields', () => {
  const schema = buildSchema(readFileSync(resolve(import.meta.dirname, '../../schema.graphql'), 'utf8'))
  const types = Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter((type) => type.getInterfaces().some(({ name }) => name === 'Error'))
  expect(types.map(({ name }) => name).sort()).toEqual(Object.keys(errorTypes).sort())
  const common = schema.getType('ToolError') as GraphQLInterfaceType
  const selected = new Map(
    [...toolErrorParts.matchAll(/\.\.\.on (\w+)\{([^{}]+(?:\{[^{}]*\})?)\}/g)].map(([, type = '', parts = '']) => [
      type,
      parts
        .replace(/\{.*\}/, '')
        .split(' ')
        .map((part) => part.replace(/^\w+:/, ''))
        .sort(),
    ]),
  )
  for (const type of types) {
    const isOfTool = type.getInterfaces().some(({ name }) => name === 'ToolError')
    const own = Object.keys(type.getFields()).filter(
      (name) => !(name in common.getFields()) && name !== 'authorizationLink',
    )
    if (isOfTool) expect(selected.get(type.name) ?? [], type.name).toEqual(own.sort())
    const error = new (errorTypes[type.name] as (typeof errorTypes)[string])({ __typename: type.name, message: 'm' })
    expect(error instanceof ToolError, type.name).toBe(isOfTool)
    expect(error.name).toBe(type.name)
  }
})

/** Consents at the provider and confirms, as the user and the application do. */
async function consent(link: string, identifier: string) {
  const browser = newBrowser()
  const page = browser.redirectOf(await browser.get(link))
  const callback = browser.redirectOf(await browser.post(page, { resources: 'all', decision: 'allow' }))
  const confirmation = browser.redirectOf(await browser.get(callback))
  return valetkey.confirm({ flowId: confirmation.searchParams.get('flow_id') ?? '', identifier })
}

it('takes the pages that an agent needs, by their IDs', async () => {
  await valetkey.accounts.getOrCreate('expected')
  const projects = { name: 'Projects', reason: 'To read it', resourceId: acme.projects }
  const { link } = await valetkey.authorize('expected', { expectedResources: [projects] })
  expect(await (await fetch(link)).text()).toContain('To read it')
})

describe('the journey', () => {
  it('goes from nothing to a tool call', async () => {
    expect(await valetkey.accounts.getOrCreate('ann')).toMatchObject({ identifier: 'ann', status: 'PENDING' })
    const { link, expiresAt } = await valetkey.authorize('ann')
    expect(expiresAt.getTime()).toBeGreaterThan(Date.now())
    const active = valetkey.waitUntilActive('ann')
    await consent(link, 'ann')
    expect(await active).toMatchObject({ status: 'ACTIVE', workspace: { name: expect.any(String) } })
    const { data, execution } = await valetkey.execute('notion_data_fetch', { query: '' }, { identifier: 'ann' })
    expect(data).toMatchObject({ object: 'list' })
    expect(execution.id).not.toBe('')
    expect((await valetkey.accounts.disconnect('ann')).status).toBe('DISCONNECTED')
    await valetkey.accounts.delete('ann')
    await valetkey.accounts.delete('ann')
    expect(await valetkey.accounts.get('ann')).toBeNull()
  })

  it('asks for an authorization with a link that works, where an account needs its user', async () => {
    const call = () => valetkey.execute('notion_data_fetch', { query: '' }, { identifier: 'bob' })
    const required = await call().catch((error: unknown) => error)
    expect(required).toBeInstanceOf(AuthorizationRequired)
    await consent((required as AuthorizationRequired).link, 'bob')
    expect((await call()).data).toBeDefined()
    const plain = { identifier: 'new_user', authorizationLinks: false }
    await expect(valetkey.execute('notion_data_fetch', {}, plain)).rejects.toBeInstanceOf(AccountNotFoundError)
  })

  it('stores metadata, finds accounts by it, and sets what users see', async () => {
    const created = await valetkey.accounts.getOrCreate('labelled', { metadata: { plan: 'pro' } })
    expect(created.metadata).toEqual({ plan: 'pro' })
    expect((await valetkey.accounts.update('labelled', { metadata: { plan: 'free', seats: [3] } })).metadata).toEqual({
      plan: 'free',
      seats: [3],
    })
    const found: string[] = []
    for await (const { identifier } of valetkey.accounts.list({ metadata: { seats: [3] }, identifierPrefix: 'lab' }))
      found.push(identifier)
    expect(found).toEqual(['labelled'])
    const issues = [{ path: 'metadata', message: expect.stringContaining('keys') }]
    await expect(valetkey.accounts.update('labelled', { metadata: { '': 1 } })).rejects.toMatchObject({ issues })
    expect(await valetkey.oauthApps.update({ displayName: 'Acme', accentColor: '#0B5FFF' })).toMatchObject({
      displayName: 'Acme',
      accentColor: '#0b5fff',
      logoUrl: null,
    })
    expect((await valetkey.oauthApps.update({ displayName: null, accentColor: null })).displayName).toBeNull()
  })

  it('lists accounts over pages, tools of an account, keys and OAuth apps', async () => {
    await Promise.all(Array.from({ length: 130 }, (_, at) => valetkey.accounts.getOrCreate(`listed-${at}`)))
    const found = new Set<string>()
    for await (const { identifier } of valetkey.accounts.list({ status: ['PENDING'] })) found.add(identifier)
    expect([...found].filter((identifier) => identifier.startsWith('listed-'))).toHaveLength(130)
    expect((await valetkey.tools({ set: 'ALL' })).length).toBeGreaterThan((await valetkey.tools()).length)
    expect((await valetkey.tools({ readOnly: true })).every(({ readOnly }) => readOnly)).toBe(true)
    expect(await valetkey.tools({ identifier: 'listed-1' })).toEqual([])
    const { apiKey, secret } = await valetkey.apiKeys.create({ name: 'reader', scopes: ['TOOLS_READ'] })
    const reader = new Valetkey({ url: `${app.url}/graphql`, apiKey: async () => secret })
    await expect(reader.apiKeys.list()).rejects.toMatchObject({ name: 'RequestError', code: 'FORBIDDEN' })
    await valetkey.apiKeys.revoke(apiKey.id)
    await expect(reader.tools()).rejects.toMatchObject({ code: 'UNAUTHENTICATED', status: 401 })
    expect((await valetkey.oauthApps.list()).map(({ connectionName }) => connectionName)).toEqual(['notion'])
    const { sessionId, token } = await valetkey.sessions.create('listed-1', { expiresInSeconds: 60 })
    const browser = new Valetkey({ url: app.url, apiKey: token })
    await expect(browser.accounts.get('listed-2')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(await browser.accounts.get('listed-1')).not.toBeNull()
    await valetkey.sessions.revoke(sessionId)
    await expect(browser.accounts.get('listed-1')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await valetkey.sessions.create('listed-1')
    expect(await valetkey.sessions.revokeAll('listed-1')).toBe(1)
  })
})

describe('an error', () => {
  it('of an input has its places', async () => {
    const failure = await valetkey.accounts.getOrCreate('').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(InvalidInputError)
    expect((failure as InvalidInputError).issues).toMatchObject([{ path: 'identifier' }])
    await app.connect('eve')
    const tool = await valetkey.execute('notion_page_fetch', {}, { identifier: 'eve' }).catch((error: unknown) => error)
    expect(tool).toBeInstanceOf(InvalidToolInputError)
    expect(tool).toMatchObject({ hint: expect.stringMatching(/./), retryable: false, issues: [expect.anything()] })
  })

  it('of a server that is down, and of an aborted call, is typed', async () => {
    const down = new Valetkey({ url: 'http://127.0.0.1:1', apiKey: 'x', maxRetries: 1 })
    await expect(down.tools()).rejects.toBeInstanceOf(ConnectionError)
    const controller = new AbortController()
    const reason = new Error('enough')
    const call = down.waitUntilActive('ann', { signal: controller.signal })
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    await expect(valetkey.tools({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('a server that fails', () => {
  let server: Server
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })
  const serve = async (answers: readonly ((body: string) => { status: number; body: string } | 'cut' | 'hang')[]) => {
    const bodies: string[] = []
    server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => (body += String(chunk)))
      request.on('end', () => {
        const answer = answers[Math.min(bodies.length, answers.length - 1)]?.(body) ?? 'cut'
        bodies.push(body)
        if (answer === 'cut') request.socket.destroy()
        else if (answer !== 'hang') response.writeHead(answer.status).end(answer.body)
      })
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return { bodies, client: new Valetkey({ url, apiKey: 'x', timeoutMs: 2_000 }) }
  }
  const done = () => ({
    status: 200,
    body: JSON.stringify({
      data: { executeTool: { __typename: 'ExecuteToolPayload', data: 1, execution: { id: 'e' } } },
    }),
  })
  const keyOf = (body: string) => (JSON.parse(body) as { variables: { input: { idempotencyKey: string } } }).variables

  it('gets a tool call again under the same idempotency key, and each call has another', async () => {
    const { bodies, client } = await serve([() => 'cut', () => ({ status: 503, body: '' }), done])
    expect((await client.execute('t', {}, { identifier: 'i' })).data).toBe(1)
    expect(bodies).toHaveLength(3)
    expect(new Set(bodies.map((body) => keyOf(body).input.idempotencyKey)).size).toBe(1)
    await client.execute('t', {}, { identifier: 'i' })
    expect(new Set(bodies.map((body) => keyOf(body).input.idempotencyKey)).size).toBe(2)
  })

  it('gets a confirmation once, because a flow ID works once', async () => {
    const { bodies, client } = await serve([() => 'cut'])
    await expect(client.confirm({ flowId: 'f', identifier: 'i' })).rejects.toBeInstanceOf(ConnectionError)
    expect(bodies).toHaveLength(1)
    await expect(client.graphql('mutation { x }')).rejects.toBeInstanceOf(ConnectionError)
    expect(bodies).toHaveLength(2)
  })

  it('is given up after the time limit, and with an answer that is not GraphQL', async () => {
    const hanging = await serve([() => 'hang'])
    await expect(hanging.client.tools()).rejects.toBeInstanceOf(TimeoutError)
    expect(hanging.bodies).toHaveLength(1)
    server.closeAllConnections()
    server.close()
    const { client } = await serve([() => ({ status: 502, body: '<html>Bad gateway</html>' })])
    const failure = await client.tools().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(RequestError)
    expect(failure).toMatchObject({ status: 502, code: null })
  })

  it('is reported to hooks, and an error in a hook is the error of the call', async () => {
    const { client: unhooked } = await serve([() => 'cut', done])
    expect(unhooked).toBeDefined()
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const seen: string[] = []
    const hooked = new Valetkey({
      url,
      apiKey: 'x',
      hooks: {
        before: ({ operation, attempt }) => void seen.push(`before ${operation} ${attempt}`),
        after: ({ status }) => void seen.push(`after ${status}`),
        onError: ({ willRetry }) => void seen.push(`error ${willRetry}`),
      },
    })
    await hooked.execute('t', {}, { identifier: 'i' })
    expect(seen).toEqual(['before ExecuteTool 0', 'error true', 'before ExecuteTool 1', 'after 200'])
    const wrong = new Error('in the hook')
    const broken = new Valetkey({
      url,
      apiKey: 'x',
      hooks: {
        before: () => {
          throw wrong
        },
      },
    })
    await expect(broken.tools()).rejects.toBe(wrong)
  })
})

describe('a watch', () => {
  it('continues after a restart of the server with the current state, and ends when the account is deleted', async () => {
    const database = await newPostgresDatabase()
    const env = {
      DATABASE_URL: (database.location as { url: string }).url,
      VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
    }
    const before = await startApp({ env })
    const client = new Valetkey({ url: before.url, apiKey: before.apiKey })
    await client.accounts.getOrCreate('w')
    const seen: string[] = []
    const watching = (async () => {
      for await (const { status } of client.watch('w')) seen.push(status)
    })()
    await expect.poll(() => seen).toEqual(['PENDING'])
    await before.stop()
    const after = await startApp({ env: { ...env, PORT: new URL(before.url).port } })
    await after.connect('w')
    await expect.poll(() => seen.at(-1)).toBe('ACTIVE')
    await client.accounts.delete('w')
    await watching
    await after.stop()
    await database.drop()
  })

  it('throws for a credential that is not accepted', async () => {
    const unknown = new Valetkey({ url: app.url, apiKey: 'vk_default_wrong' })
    await expect(unknown.watch('w').next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

it('returns the account that was confirmed, and where the browser goes', async () => {
  const registered = { clientId: 'returning', clientSecret: 'a-secret', returnUrls: ['https://app.example.com/'] }
  const confirmationUrl = 'https://app.example.com/confirm'
  await valetkey.oauthApps.register({
    connectionName: 'returning',
    connector: 'notion',
    confirmationUrl,
    ...registered,
  })
  const connection = { connectionName: 'returning' }
  await valetkey.accounts.getOrCreate('returning', connection)
  const returnUrl = 'https://app.example.com/connected'
  const { link } = await valetkey.authorize('returning', { ...connection, returnUrl, state: 's' })
  const confirmed = await consent(link, 'returning')
  expect(confirmed).toMatchObject({ ...connection, identifier: 'returning', status: 'ACTIVE' })
  expect(confirmed.returnUrl).toMatch(/^https:\/\/app\.example\.com\/connected\?.*state=s/)
  const again = await consent((await valetkey.authorize('returning', connection)).link, 'returning')
  expect(again.returnUrl).toBeNull()
})
